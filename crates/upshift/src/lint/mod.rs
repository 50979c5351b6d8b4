//! `upshift lint`: notes on recorded exchanges.

mod github;
mod input;
mod report;
mod sarif;

use std::path::PathBuf;

use clap::Args;
use jiff::civil::Date;
use upshift_notes::ignore::{Ignore, Ignores};
use upshift_notes::reader::{Format, Recording};
use upshift_notes::{Note, examine, find_note};
use upshift_record::{
    Exit, IgnoredFinding, LINT_SCHEMA, LevelCounts, LintFinding, LintReport, LintedExchange,
    NoteLevel,
};

use self::input::Input;
use crate::terminal::{Hue, Palette, print_json, print_stderr, print_stderr_in, print_stdout};
use crate::verb_error::{VerbError, VerbResult};

/// Say what is right and what is wrong in recorded exchanges
///
/// Reads raw HTTP messages, the output of `curl -v`, HAR, or the JSON of Upshift's own tools. The
/// format is guessed and said on stderr. `upshift note ID` explains a finding.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  curl -sv http://localhost:8080/chat 2>&1 | upshift lint
  upshift lint captures/*.har
  upshift lint --fail-on warn response.http
  upshift lint --json session.har | jq '.counts'
  upshift lint --sarif session.har > lint.sarif
  upshift lint --ignore U021 --reason 'libgit2 is fixed in March' --until 2027-03-31 a.http

Exit codes: 0 no finding is as severe as --fail-on, 1 one is, 2 wrong usage or an invalid file,
4 there was no exchange.")]
pub(crate) struct LintArgs {
    /// The files with the exchanges; - is stdin, as is no file at all
    files: Vec<PathBuf>,
    /// The format, instead of guessing it: text, curl, har or json
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Exit with 1 if there is a finding of this level or above: info, warn or error
    #[arg(long, value_name = "LEVEL", default_value = "error")]
    fail_on: NoteLevel,
    /// Print the findings as JSON
    #[arg(long, conflicts_with_all = ["sarif", "github"])]
    json: bool,
    /// Print the findings as SARIF 2.1.0
    #[arg(long, conflicts_with = "github")]
    sarif: bool,
    /// Print the findings as annotations of GitHub Actions
    #[arg(long)]
    github: bool,
    /// A TOML file of findings to ignore: [[ignore]] with note, reason, until, and path or url
    #[arg(long, value_name = "FILE")]
    ignore_file: Option<PathBuf>,
    /// Ignore this note; repeat it for more
    #[arg(
        long = "ignore",
        value_name = "NOTE",
        value_parser = find_note,
        requires_all = ["reason", "until"]
    )]
    ignored: Vec<&'static Note>,
    /// The reason for --ignore
    #[arg(long, value_name = "TEXT", requires = "ignored")]
    reason: Option<String>,
    /// The last day on which --ignore holds
    #[arg(long, value_name = "DATE", requires = "ignored")]
    until: Option<Date>,
}

impl LintArgs {
    pub(crate) fn run(self) -> VerbResult {
        let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        let ignores = self.read_ignores()?;
        report_expired(&ignores, today);
        let mut report = empty_report();
        for input in input::read_all(&self.files, self.format)? {
            add_input(&mut report, &input, &ignores, today);
        }
        if report.exchanges.is_empty() {
            print_stderr("there was no exchange to look at");
            return Ok(Exit::NothingRun);
        }
        self.print(&report)?;
        let fails = report.counts.at_least(self.fail_on) > 0;
        Ok(if fails { Exit::FellShort } else { Exit::Fine })
    }

    fn read_ignores(&self) -> Result<Ignores, VerbError> {
        let mut ignores = match &self.ignore_file {
            Some(path) => input::read_ignore_file(path)?,
            None => Ignores::default(),
        };
        // clap has seen to it that all three are given, or none.
        if let (Some(reason), Some(until)) = (&self.reason, self.until) {
            for note in &self.ignored {
                let reason = reason.clone();
                ignores.add(Ignore { note, path: None, url: None, reason, until });
            }
        }
        Ok(ignores)
    }

    fn print(&self, report: &LintReport) -> Result<(), VerbError> {
        if self.json {
            print_json(report)?;
        } else if self.sarif {
            print_json(&sarif::sarif_log(report))?;
        } else if self.github {
            print_stdout(&github::annotations(report))?;
        } else {
            print_stdout(&report::render(report, Palette::of_stdout()))?;
        }
        Ok(())
    }
}

fn empty_report() -> LintReport {
    LintReport {
        schema: LINT_SCHEMA.to_owned(),
        exchanges: Vec::new(),
        counts: LevelCounts::default(),
    }
}

/// Says which ignores hold no longer.
fn report_expired(ignores: &Ignores, today: Date) {
    for Ignore { note, reason, until, .. } in ignores.expired(today) {
        let id = note.id();
        let line = format!("warning: {id} is ignored no longer: that ended on {until} ({reason})");
        print_stderr_in(Palette::of_stderr(), Hue::Warning, line);
    }
}

fn add_input(report: &mut LintReport, input: &Input, ignores: &Ignores, today: Date) {
    for recording in &input.recordings {
        let exchange = linted(recording, &input.name, ignores, today);
        for found in &exchange.findings {
            report.counts.add(found.finding.level);
        }
        report.exchanges.push(exchange);
    }
}

fn linted(recording: &Recording, file: &str, ignores: &Ignores, today: Date) -> LintedExchange {
    let exchange = &recording.exchange;
    let (mut findings, mut ignored) = (Vec::new(), Vec::new());
    for finding in examine(exchange) {
        let line = recording.line_of(finding.place, finding.field.as_deref());
        match ignores.find(&finding, exchange, today) {
            None => findings.push(LintFinding { finding, line }),
            Some(Ignore { reason, until, .. }) => ignored.push(IgnoredFinding {
                finding: LintFinding { finding, line },
                reason: reason.clone(),
                until: until.to_string(),
            }),
        }
    }
    // A stable sort: within a level, the notes keep their order.
    findings.sort_by_key(|found| std::cmp::Reverse(found.finding.level));
    let mut statuses: Vec<u16> = exchange.interim.iter().map(|interim| interim.status).collect();
    statuses.extend(exchange.response.as_ref().map(|response| response.status));
    let request = exchange.request.as_ref();
    LintedExchange {
        file: file.to_owned(),
        number: recording.number,
        line: recording.line,
        lane: exchange.lane,
        method: request.map(|request| request.method.to_text()),
        url: exchange.url.clone().or_else(|| request.map(|request| request.target.to_text())),
        statuses,
        findings,
        ignored,
    }
}
