//! `upshift grade`: runs a client against the mock peers, and grades what it does.

mod flags;
mod report;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use upshift_lab::grade::{
    ClientTemplate, GradeError, GradeLimits, Letter, badge_svg, grade_client,
};
use upshift_lab::mock::{MockError, Scenario, catalogue};
use upshift_record::Exit;
use upshift_record::grade::GradeReport;

use self::flags::{find_program, parse_letter, parse_seconds};
use self::report::{print_progress, render_report};
use crate::file_writing::write_file;
use crate::runtime::build_runtime;
use crate::terminal::{Palette, print_json, print_stdout};
use crate::verb_error::{VerbError, VerbResult};

/// Grade a client: run it against mock peers, and judge what it does with a 426
///
/// The client runs once for each peer of the catalogue (`upshift mock --list`), without a shell.
/// Both sides are judged: the octets that the peer received, and what the client tells its user by
/// its exit code and output. A client that cannot play a case ends with exit code 127.
///
/// Placeholders in its arguments: {url}; {ws-url} for a WebSocket client; {host} and {port}; {ca},
/// a file with the peer's certificate, which is also in SSL_CERT_FILE, CURL_CA_BUNDLE,
/// REQUESTS_CA_BUNDLE, NODE_EXTRA_CA_CERTS and GIT_SSL_CAINFO; {secret}, a random text to send as a
/// credential; {body}, a random text to send as content.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift grade -- curl -sS {url}
  upshift grade -- curl -sS -H 'Authorization: Bearer {secret}' -d {body} {url}
  upshift grade --peer bare-426 --peer 426-loop -- python3 client.py {url}
  upshift grade --badge docs/426.svg --at-least B -- ./client {url}
  upshift grade --json -- curl -sS {url} | jq -r '.peers[] | select(.verdict == \"wrong\") | .peer'

Exit codes: 0 the grade is good enough, 1 it is below --at-least, 2 wrong usage, 3 the client or a
peer cannot be started, 4 the client supports no case.")]
pub(crate) struct GradeArgs {
    /// The client and its arguments, after --
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
    /// Only this peer of the catalogue, or a scenario file; can be repeated
    #[arg(long = "peer", value_name = "NAME")]
    peers: Vec<String>,
    /// The time after which a client hung, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = parse_seconds)]
    timeout: Duration,
    /// The number of clients to run at a time
    #[arg(
        long, short, value_name = "N", default_value_t = 2,
        value_parser = clap::value_parser!(u8).range(1..=64)
    )]
    jobs: u8,
    /// The lowest letter for exit code 0: A, B, C, D or F
    #[arg(long, value_name = "LETTER", default_value = "C", value_parser = parse_letter)]
    at_least: Letter,
    /// Write a badge with the letter, as SVG; an older one is replaced
    #[arg(long, value_name = "FILE")]
    badge: Option<PathBuf>,
    /// Print the grade as JSON
    #[arg(long)]
    json: bool,
    /// Show the evidence for every peer, and not only where the client fell short
    #[arg(long, short)]
    verbose: bool,
}

impl GradeArgs {
    pub(crate) fn run(self) -> VerbResult {
        let template = ClientTemplate::parse(&self.command).map_err(VerbError::usage)?;
        find_program(template.program())?;
        let peers = self.choose_peers()?;
        let limits = GradeLimits {
            time: self.timeout,
            at_a_time: usize::from(self.jobs),
            ..GradeLimits::default()
        };
        let count = peers.len();
        let mut done = 0;
        let grading = grade_client(&template, peers, limits, |peer| {
            done += 1;
            print_progress(peer, done, count);
        });
        let report = build_runtime()?.block_on(grading).map_err(|error| grade_error(&error))?;
        self.print_report(&report)?;
        self.exit_for(&report)
    }

    fn choose_peers(&self) -> Result<Vec<Scenario>, VerbError> {
        let mut peers = Vec::new();
        if self.peers.is_empty() {
            for name in catalogue::names() {
                peers.push(catalogue::find_scenario(name).map_err(VerbError::usage)?);
            }
            return Ok(peers);
        }
        for name in &self.peers {
            peers.push(find_peer(name)?);
        }
        Ok(peers)
    }

    fn print_report(&self, report: &GradeReport) -> Result<(), VerbError> {
        if self.json {
            print_json(report)?;
        } else {
            print_stdout(&render_report(report, self.verbose, Palette::of_stdout()))?;
        }
        let letter = report.letter.and_then(|letter| Letter::parse(&letter.to_string()));
        match (&self.badge, letter) {
            (Some(file), Some(letter)) => write_file(file, &badge_svg(letter), true),
            _ => Ok(()),
        }
    }

    fn exit_for(&self, report: &GradeReport) -> VerbResult {
        let Some(letter) = report.letter.and_then(|letter| Letter::parse(&letter.to_string()))
        else {
            let message = "the client supports none of the cases, so it has no grade".to_owned();
            return Err(VerbError::Message(Exit::NothingRun, message));
        };
        // The best letter is the least.
        Ok(if letter <= self.at_least { Exit::Fine } else { Exit::FellShort })
    }
}

/// A peer by its name, or by the path of a scenario file.
fn find_peer(name: &str) -> Result<Scenario, VerbError> {
    let is_path = name.ends_with(".toml") || name.contains('/');
    if !is_path {
        return catalogue::find_scenario(name).map_err(VerbError::usage);
    }
    let text = std::fs::read_to_string(name)
        .map_err(|error| VerbError::usage(format_args!("cannot read {name}: {error}")))?;
    Scenario::parse(&text, name).map_err(VerbError::usage)
}

fn grade_error(error: &GradeError) -> VerbError {
    match error {
        GradeError::Mock(MockError::Scenario(_) | MockError::UnknownPeer { .. }) => {
            VerbError::usage(error)
        }
        _ => VerbError::environment(error),
    }
}
