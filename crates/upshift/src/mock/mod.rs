//! `upshift mock`: a server that plays scenarios, correct and broken.

mod output;
mod scenario_argument;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use upshift_lab::mock::{MockError, MockOptions, catalogue};
use upshift_record::Exit;

use crate::runtime::build_runtime;
use crate::signals::StopSignals;
use crate::terminal::{print_json, print_stdout};
use crate::verb_error::{VerbError, VerbResult};

use output::{EventPrinter, PrintEnd};

/// Play a server that answers 426 by lane, correctly or with a fault
///
/// A scenario is the name of a peer of the catalogue (--list) or a TOML file. Several can be served
/// at once, each for a path and all below it (/old=bare-426) or for a host (old.example=bare-426).
///
/// Listens for cleartext (HTTP/1.x, HTTP/2 by prior knowledge and by Upgrade, TLS in band), for
/// TLS, and for HTTP/3 on the UDP port of TLS if a scenario answers there. Prints one line for each
/// answer, and all requests, answers and octets with --json. docs/mock.md describes both formats.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift mock bare-426
  upshift mock --listen 127.0.0.1:8080 --tls-listen 127.0.0.1:8443 right-426-tls
  upshift mock /old=bare-426 /new=right-426-h2c
  upshift mock --json --requests 1 my-scenario.toml
  upshift mock --show right-426-tls > my-scenario.toml

Exit codes: 0 it was stopped, 2 wrong usage, an unknown peer or an invalid scenario, 3 an address
cannot be bound.")]
pub(crate) struct MockArgs {
    /// A peer of the catalogue or a file; /PATH=SCENARIO or HOST=SCENARIO for several at once
    #[arg(value_name = "SCENARIO", required_unless_present_any = ["list", "show"])]
    scenarios: Vec<String>,
    /// Print the names of the catalogue, one a line (with --json what each peer does)
    #[arg(long, conflicts_with_all = ["scenarios", "show"])]
    list: bool,
    /// Print the file of a peer of the catalogue
    #[arg(long, value_name = "NAME", conflicts_with = "scenarios")]
    show: Option<String>,
    /// The address for cleartext; port 0 is a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The address for TLS and HTTP/3; port 0 is a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    tls_listen: SocketAddr,
    /// The certificate chain in PEM; a self-signed one for localhost, if left out
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    /// The key of the certificate in PEM
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
    /// Print events, one JSON object a line
    #[arg(long)]
    json: bool,
    /// Add the events to this file, too, one JSON object a line
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// End after this time
    #[arg(long = "for", value_name = "DURATION", value_parser = upshift_config::parse_duration)]
    length: Option<Duration>,
    /// End after this number of requests was answered
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    requests: Option<u64>,
}

impl MockArgs {
    pub(crate) fn run(self) -> VerbResult {
        if self.list {
            return print_list(self.json);
        }
        if let Some(name) = &self.show {
            let Some(text) = catalogue::find_text(name) else {
                // For the error, which names the nearest peer.
                let known = catalogue::find_scenario(name).map(drop);
                return known.map(|()| Exit::Fine).map_err(VerbError::from);
            };
            print_stdout(text)?;
            return Ok(Exit::Fine);
        }
        build_runtime()?.block_on(self.serve())
    }

    async fn serve(self) -> VerbResult {
        let stop = StopSignals::new()?;
        let (printer, mut ends) =
            EventPrinter::new(self.json, self.record.as_deref(), self.requests)?;
        let printer = Arc::new(printer);
        let mut options = self.options()?.on_event({
            let printer = Arc::clone(&printer);
            move |event| printer.print(event)
        });
        for argument in &self.scenarios {
            let (key, scenario) = scenario_argument::read(argument)?;
            options = options.route(key, scenario);
        }
        let peer = options.start().await?;
        let end = tokio::select! {
            () = stop.first_signal_quietly() => PrintEnd::Enough,
            () = wait_for(self.length) => PrintEnd::Enough,
            Some(end) = ends.recv() => end,
        };
        peer.stop().await;
        match end {
            PrintEnd::Enough => Ok(Exit::Fine),
            PrintEnd::Failed(error) => Err(error),
        }
    }

    fn options(&self) -> Result<MockOptions, VerbError> {
        let options = MockOptions::new()
            .listen(self.listen)
            .tls_listen(self.tls_listen)
            .forget_ended_connections();
        match (&self.certificate, &self.key) {
            (Some(chain), Some(key)) => Ok(options.certificate(read_file(chain)?, read_file(key)?)),
            _ => Ok(options),
        }
    }
}

fn print_list(as_json: bool) -> VerbResult {
    if as_json {
        let mut peers = Vec::new();
        for name in catalogue::names() {
            peers.push(output::PeerSummary::of(&catalogue::find_scenario(name)?));
        }
        print_json(&peers)?;
        return Ok(Exit::Fine);
    }
    let mut lines = String::new();
    for name in catalogue::names() {
        lines.push_str(name);
        lines.push('\n');
    }
    print_stdout(&lines)?;
    Ok(Exit::Fine)
}

fn read_file(file: &std::path::Path) -> Result<String, VerbError> {
    std::fs::read_to_string(file).map_err(|error| {
        VerbError::environment(format_args!("cannot read {}: {error}", file.display()))
    })
}

/// Waits as long as this, or for ever.
async fn wait_for(length: Option<Duration>) {
    match length {
        Some(length) => tokio::time::sleep(length).await,
        None => std::future::pending().await,
    }
}

impl From<MockError> for VerbError {
    fn from(error: MockError) -> Self {
        match error {
            MockError::Bind { .. } | MockError::Thread(_) => Self::environment(error),
            _ => Self::usage(error),
        }
    }
}
