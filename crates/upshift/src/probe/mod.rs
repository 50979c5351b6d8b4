//! `upshift probe`: asks a server over every lane, and dials what it promises.

mod flags;
mod matrix;
mod paragraphs;
mod report;

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use clap::Args;
use upshift_lab::probe::probe;
use upshift_pages::probe::render_probe;
use upshift_record::Exit;
use upshift_record::probe::ProbeReport;

use self::flags::QuestionFlags;
use crate::file_writing::write_file;
use crate::runtime::build_runtime;
use crate::terminal::{Palette, json_text, print_stderr, print_stdout, visible_record};
use crate::verb_error::{VerbError, VerbResult};

/// Ask a server over every lane, and dial what it promises
///
/// A lane is one way to ask: HTTP/1.0, HTTP/1.1, HTTP/2 in three ways, HTTP/3, a WebSocket handshake,
/// TLS 1.2 and 1.3, and TLS inside of a cleartext connection. Further questions try old versions and
/// unknown protocols. What `Upgrade`, `Alt-Svc`, the body, `Location` and `Link` promise is checked:
/// by the lanes, or by one more request each. At most 26 requests are sent, and none has content.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift probe https://api.example.com/orders
  upshift probe http://localhost:8080/account --tls-port 8443
  upshift probe --lanes h1.1,h2,h3 -H 'X-Api-Version: 1' https://api.example.com/orders
  upshift probe --json http://localhost:8080/ | jq '.lanes[] | {question, status, upgrade}'
  upshift probe --html --output probe.html http://localhost:8080/

For an http URL, the TLS lanes are asked at --tls-port, or at 443 if the URL has port 80, or else at
the port that the server names in a URL or in Alt-Svc. For an https URL, the cleartext lanes are asked
at --cleartext-port, or at 80 if the URL has port 443.

Certificates are not required to be valid: the report says whether the server's is trusted.

Exit codes: 0 success, 1 a promise is not delivered or a finding is an error, 2 wrong usage, 3 nothing
answered, 4 nothing was asked.")]
pub(crate) struct ProbeArgs {
    /// The URL: http, https, ws or wss; without a scheme, http://
    url: String,
    #[command(flatten)]
    questions: QuestionFlags,
    /// Print the whole report as JSON, with every exchange
    #[arg(long)]
    json: bool,
    /// Include the octets of every connection in the JSON, with their times
    #[arg(long, requires = "json")]
    wire: bool,
    /// Print one HTML file, which a browser shows without a network
    #[arg(long, conflicts_with = "json")]
    html: bool,
    /// Write the report to this file, and replace it if it exists
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl ProbeArgs {
    pub(crate) fn run(self) -> VerbResult {
        let settings = self.questions.to_settings(&self.url)?;
        if self.html && self.output.is_none() && io::stdout().is_terminal() {
            let message = "the page is for a browser: write it to a file with --output probe.html";
            return Err(VerbError::usage(message));
        }
        let mut report = build_runtime()?.block_on(probe(settings));
        if !self.wire {
            report.drop_wire();
        }
        self.write_report(&report)?;
        Ok(judge(&report))
    }

    fn write_report(&self, report: &ProbeReport) -> Result<(), VerbError> {
        let text = if self.json {
            json_text(report)?
        } else {
            // Servers choose the texts.
            let mut visible = visible_record(report)?;
            if self.html {
                restore_bodies(&mut visible, report);
                render_probe(&visible)
            } else {
                report::render(&visible, self.palette())
            }
        };
        match &self.output {
            Some(file) => write_file(file, &text, true),
            None => Ok(print_stdout(&text)?),
        }
    }

    fn palette(&self) -> Palette {
        match self.output {
            Some(_) => Palette::colourless(),
            None => Palette::of_stdout(),
        }
    }
}

/// Puts back the bodies, which have lines. The page shows them safely itself.
fn restore_bodies(visible: &mut ProbeReport, report: &ProbeReport) {
    let shown = visible.lanes.iter_mut().chain(&mut visible.extras);
    for (row, original) in shown.zip(report.rows()) {
        if let Some(exchange) = &mut row.exchange
            && let Some(response) = &mut exchange.response
            && let Some(received) = &original.exchange
            && let Some(received) = &received.response
        {
            response.body.clone_from(&received.body);
        }
    }
}

fn judge(report: &ProbeReport) -> Exit {
    if !report.asked_something() {
        print_stderr("nothing was asked: no lane has an address to ask");
        return Exit::NothingRun;
    }
    if !report.reached_something() {
        print_stderr(format_args!("error: nothing answered at {}", report.url));
        return Exit::Environment;
    }
    if report.falls_short() { Exit::FellShort } else { Exit::Fine }
}
