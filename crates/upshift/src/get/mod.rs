//! `upshift get`: fetches as curl would, and follows a 426.

mod content_range;
mod copying;
mod destination;
mod download;
mod file_action;
mod output;
mod report;
mod request;

mod visible_body;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use http::header::RANGE;
use upshift_client::rules::{FollowPolicy, StepKind, StepKinds};
use upshift_client::{Builder, Client, Error, Memory, Refused, Trace};
use upshift_config::make_visible;
use upshift_record::Exit;

use self::destination::Destination;
use self::file_action::RequestedRange;
use crate::terminal::{Palette, print_json, print_stderr_lines};
use crate::verb_error::{VerbError, VerbResult};

/// Fetch a URL as curl would, and follow a 426
///
/// A 426 is followed where that is safe: to the same host only, never to anything weaker, without
/// sending credentials again in cleartext or to another port. Where it is not followed, the
/// server's wish is explained in plain words.
///
/// On a terminal, control characters of the answer are shown as escapes. Anywhere else the body is
/// written byte for byte.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift get http://localhost:8080/account -v
  upshift get -X POST -H 'X-Api-Key: k' -d @order.json https://api.example.com/orders
  upshift get -o big.iso -C - https://downloads.example.com/big.iso
  upshift get --json http://localhost:8080/feeds/a | jq '.requests[].rule'

With --output, only a successful answer touches the file, and a file that has content is replaced only when the answer
has come whole. After any other answer the file is as it was, and the exit code is 1. A download into a new file that
breaks off stays there for --continue-at. A pipe or a device gets every answer, as stdout does.

--continue-at cannot see whether the server's file has changed. Where that matters, name the ETag
that came with the first part, and a server whose file has changed sends the whole:
  upshift get -o big.iso -C - -H 'If-Range: \"v1\"' https://downloads.example.com/big.iso

Exit codes: 0 an answer other than 426, 1 a final 426, a switch that is not to be believed, or an
answer that the --output file is not to hold, 2 wrong usage, 3 the server cannot be reached, its
answer does not end well, or it cannot be written.")]
pub(crate) struct GetArgs {
    /// Where: http:// or https://; http:// if neither is written
    url: String,
    #[command(flatten)]
    request: request::RequestArgs,
    /// Write the body to this file; `-` is stdout, and a terminal then gets every byte as it is
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Go on where an earlier download into the --output file broke off; `-` takes its length
    #[arg(short = 'C', long = "continue-at", value_name = "-|BYTES", requires = "output", value_parser = request::parse_offset)]
    continue_at: Option<request::ResumeOffset>,
    /// Print the status line and the fields before the body
    #[arg(short, long)]
    include: bool,
    /// Say every step, and the paragraph of the rule it rests on
    #[arg(short, long)]
    verbose: bool,
    /// Print the whole trace as JSON in place of the body
    #[arg(long)]
    json: bool,
    /// Take at most so many steps
    #[arg(long, value_name = "N", default_value_t = FollowPolicy::default().max_steps)]
    max_steps: u8,
    /// Take no step: show the 426
    #[arg(long)]
    no_follow: bool,
    /// Allow what is off because it is dangerous or obsolete
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    allow: Vec<Allowance>,
    /// Send credentials also to another port of the host, where a 426 leads there
    ///
    /// Credentials are Authorization, Proxy-Authorization, Cookie and X-Api-Key; a key in another
    /// field goes along always.
    #[arg(long)]
    location_trusted: bool,
    /// Remember in this file what servers required, and read it first
    #[arg(long, value_name = "FILE")]
    memory: Option<PathBuf>,
    /// Trust the certificates in this PEM file, in place of the system's
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// Believe any certificate, so that anybody on the way can read and change what is sent
    #[arg(short = 'k', long)]
    insecure: bool,
}

/// What has to be allowed by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Allowance {
    /// The obsolete switch to HTTP/2 by Upgrade (RFC 7540 §3.2)
    H2c,
    /// TLS inside the connection (RFC 2817), which can be spliced
    TlsInBand,
    /// Sending credentials again in clear
    CredentialsInClear,
}

impl GetArgs {
    pub(crate) fn run(self) -> VerbResult {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(VerbError::environment)?.block_on(self.fetch_url())
    }

    async fn fetch_url(self) -> VerbResult {
        let client = self.build_client()?;
        let destination = Destination::from_flag(self.output.as_deref())?;
        let resume = destination.resume_from(self.continue_at)?;
        let request = self.request.build_request(&self.url, self.continue_at.is_some(), resume)?;
        let (method, ranged) = (request.method().clone(), request.headers().contains_key(RANGE));
        let asked = match resume {
            Some(byte) => RequestedRange::From { byte, length: destination.file_length() },
            None if ranged => RequestedRange::OwnRange,
            None => RequestedRange::Whole,
        };
        let outcome = client.send(request).await;
        let trace = match &outcome {
            Ok(response) => response.extensions().get::<Trace>().cloned().unwrap_or_default(),
            Err(error) => error.trace(),
        };
        if self.verbose {
            report::print_steps(&trace, Palette::of_stderr());
        }
        if self.json {
            print_json(&report::trace_record(&trace, outcome.as_ref().err()))?;
        }
        match outcome {
            Ok(response) => {
                let (destination, method) = (&destination, &method);
                let writer = output::AnswerWriter {
                    destination,
                    method,
                    asked,
                    include: self.include,
                    quiet: self.json,
                };
                writer.write_answer(response).await?;
                Ok(Exit::Fine)
            }
            Err(Error::Refused(refused)) => {
                self.show_refused(&refused, &destination)?;
                Ok(Exit::FellShort)
            }
            Err(error @ Error::Step { .. }) => {
                if let Error::Step { refused, .. } = &error {
                    report::describe_wish(refused).into_iter().for_each(print_stderr_lines);
                }
                Err(self.transport_failure(&error))
            }
            Err(error @ Error::PeerSwitched { .. }) => Err(VerbError::Message(
                Exit::FellShort,
                make_visible(&error.to_string()).into_owned(),
            )),
            Err(error @ Error::Usage(_)) => Err(VerbError::usage(error)),
            Err(error) => Err(self.transport_failure(&error)),
        }
    }

    /// What failed, and the way out where it is a flag.
    fn transport_failure(&self, error: &Error) -> VerbError {
        let text = error.to_string();
        let help = if text.contains("invalid peer certificate") && !self.insecure {
            "\n  help: --cacert FILE trusts the authorities in a PEM file; -k takes any certificate, for a test"
        } else {
            ""
        };
        VerbError::environment(format_args!("{}{help}", make_visible(&text)))
    }

    fn build_client(&self) -> Result<Client, VerbError> {
        let mut steps = if self.no_follow { StepKinds::NONE } else { StepKinds::SAFE };
        for allowance in &self.allow {
            steps = match allowance {
                Allowance::H2c => steps.with(StepKind::H2c),
                Allowance::TlsInBand => steps.with(StepKind::TlsInBand),
                Allowance::CredentialsInClear => steps,
            };
        }
        let policy = FollowPolicy {
            steps,
            max_steps: self.max_steps,
            dangerous_cleartext_credentials: self.allow.contains(&Allowance::CredentialsInClear),
            ..FollowPolicy::default()
        };
        let mut builder: Builder =
            Client::builder().policy(policy).on_deprecation(report::print_deprecation);
        if let Some(path) = &self.memory {
            builder = builder
                .memory(Memory::file(path).map_err(|error| request::unusable_file(path, &error))?);
        }
        if let Some(path) = &self.cacert {
            let pem = std::fs::read(path).map_err(|error| request::unusable_file(path, &error))?;
            builder = builder
                .roots(&pem)
                .map_err(|error| VerbError::usage(format_args!("{}: {error}", path.display())))?;
        }
        if self.location_trusted {
            builder = builder.location_trusted();
        }
        if self.insecure {
            builder = builder.dangerous_any_certificate();
        }
        builder.build().map_err(VerbError::environment)
    }

    /// The answer as curl would show it, and then what it means.
    fn show_refused(&self, refused: &Refused, destination: &Destination) -> Result<(), VerbError> {
        let mut shown = Vec::new();
        if self.include {
            shown = output::head_bytes(&refused.response);
        }
        shown.extend_from_slice(refused.response.body());
        match destination {
            Destination::File(target) => {
                print_stderr_lines(format_args!(
                    "upshift: 426: {} is left as it is",
                    target.named.display()
                ));
            }
            Destination::Stream(path) => output::open_stream(path)?.write_all(&shown)?,
            Destination::Stderr => std::io::stderr().write_all(&shown)?,
            Destination::Stdout { .. } if self.json => {}
            Destination::Stdout { raw } => {
                let mut stdout = output::open_stdout(*raw);
                stdout.write_all(&shown)?;
                if std::io::stdout().is_terminal()
                    && shown.last().is_some_and(|last| *last != b'\n')
                {
                    stdout.write_all(b"\n")?;
                }
                stdout.flush()?;
            }
        }
        if self.json {
            return Ok(());
        }
        for line in report::explain_refusal(refused, self.no_follow) {
            print_stderr_lines(line);
        }
        Ok(())
    }
}
