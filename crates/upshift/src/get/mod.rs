//! `upshift get`: fetches a URL as curl would, and follows a 426.

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
use http::Response;
use http::header::RANGE;
use http_body::Body as _;
use upshift_client::rules::{FollowPolicy, StepKind, StepKinds};
use upshift_client::{Builder, Client, Error, Memory, Refused, Trace};
use upshift_config::make_visible;
use upshift_record::Exit;

use self::destination::Destination;
use self::file_action::RequestedRange;
use self::request::unusable_file;
use crate::runtime::build_runtime;
use crate::terminal::{Palette, print_json, print_stderr, print_stderr_lines};
use crate::verb_error::{VerbError, VerbResult};

/// Fetch a URL as curl would, and follow a 426
///
/// A 426 is followed if that is safe: to the same host only, never to anything weaker, without
/// sending credentials again in cleartext or to another port. If it is not followed, what the
/// server wants is explained in plain words.
///
/// On a terminal, control characters in the answer are shown as escapes. Everywhere else the body
/// is written byte for byte.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift get http://localhost:8080/account -v
  upshift get -X POST -H 'X-Api-Key: k' -d @order.json https://api.example.com/orders
  upshift get -o big.iso -C - https://downloads.example.com/big.iso
  upshift get --json http://localhost:8080/feeds/a | jq '.requests[].rule'

With --output, only a successful answer changes the file, and a file with content is replaced only
after the whole answer has arrived. After any other answer the file is unchanged, and the exit code
is 1. If a download into a new file breaks off, its part stays there for --continue-at. A pipe or a
device gets every answer, as stdout does.

--continue-at cannot tell whether the server's file has changed. If that matters, give the ETag that
came with the first part, and a server whose file has changed sends the whole file:
  upshift get -o big.iso -C - -H 'If-Range: \"v1\"' https://downloads.example.com/big.iso

Exit codes: 0 an answer other than 426, 1 a final 426, an invalid switch of protocols, or an answer
that was not written to the --output file, 2 wrong usage, 3 the server cannot be reached, its answer
is cut off, or the output cannot be written.")]
pub(crate) struct GetArgs {
    /// The URL: http:// or https://; without a scheme, http://
    url: String,
    #[command(flatten)]
    request: request::RequestArgs,
    /// Write the body to this file; `-` is stdout, and then even a terminal gets the bytes
    /// unchanged
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Resume a download into the --output file at this byte; `-` takes the length of the file
    #[arg(
        short = 'C',
        long = "continue-at",
        value_name = "-|BYTES",
        requires = "output",
        value_parser = request::parse_offset
    )]
    continue_at: Option<request::ResumeOffset>,
    /// Print the status line and the header fields before the body
    #[arg(short, long)]
    include: bool,
    /// Print every step, with the rule behind it and its paragraph
    #[arg(short, long)]
    verbose: bool,
    /// Print the whole trace as JSON instead of the body
    #[arg(long)]
    json: bool,
    /// Take at most this many steps
    #[arg(long, value_name = "N", default_value_t = FollowPolicy::default().max_steps)]
    max_steps: u8,
    /// Take no step; show the 426
    #[arg(long)]
    no_follow: bool,
    /// Allow a step that is off by default because it is dangerous or obsolete
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    allow: Vec<Allowance>,
    /// Send credentials also to another port of the host, if a 426 leads there
    ///
    /// Credentials are Authorization, Proxy-Authorization, Cookie and X-Api-Key. A key in any other
    /// field is always sent.
    #[arg(long)]
    location_trusted: bool,
    /// Read this file first, and remember in it what servers required
    #[arg(long, value_name = "FILE")]
    memory: Option<PathBuf>,
    /// Trust the certificates in this PEM file instead of the system's
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// Accept any certificate; anyone on the way can then read and change what is sent
    #[arg(short = 'k', long)]
    insecure: bool,
}

/// A step that has to be allowed by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Allowance {
    /// The obsolete switch to HTTP/2 by Upgrade (RFC 7540 §3.2)
    H2c,
    /// TLS inside the connection (RFC 2817), which an attacker can splice
    TlsInBand,
    /// Sending credentials again in cleartext
    CredentialsInClear,
}

impl GetArgs {
    pub(crate) fn run(self) -> VerbResult {
        build_runtime()?.block_on(self.fetch_url())
    }

    async fn fetch_url(self) -> VerbResult {
        let client = self.build_client()?;
        // Before anything is sent: a POST has its effect even if its answer cannot be written.
        let destination = Destination::from_flag(self.output.as_deref())?;
        let resume = destination.resume_from(self.continue_at)?;
        let request = self.request.build_request(&self.url, self.continue_at.is_some(), resume)?;
        let method = request.method().clone();
        let has_range = request.headers().contains_key(RANGE);
        let result = client.send(request).await;
        // Before the body, so that the steps are not held back by a long download.
        self.print_trace(&result)?;
        let response = match result {
            Ok(response) => response,
            Err(error) => return self.end_with_error(error, &destination),
        };
        let range = match resume {
            Some(byte) => RequestedRange::From { byte, length: destination.file_length() },
            None if has_range => RequestedRange::OwnRange,
            None => RequestedRange::Whole,
        };
        let writer = output::AnswerWriter {
            destination: &destination,
            method: &method,
            range,
            include: self.include,
            quiet: self.json,
        };
        let status = response.status();
        let shows_nothing = response.body().is_end_stream() && !self.include && !self.verbose;
        writer.write_answer(response).await?;
        // Without a word, it would look like success.
        if shows_nothing && (status.is_client_error() || status.is_server_error()) {
            print_stderr(format_args!("the server answered {status}, without content"));
        }
        Ok(Exit::Fine)
    }

    /// Prints the steps, for `--verbose` and `--json`.
    fn print_trace<B>(&self, result: &Result<Response<B>, Error>) -> Result<(), VerbError> {
        let trace = match result {
            Ok(response) => response.extensions().get::<Trace>().cloned().unwrap_or_default(),
            Err(error) => error.trace(),
        };
        if self.verbose {
            report::print_steps(&trace, Palette::of_stderr());
        }
        if self.json {
            print_json(&report::trace_record(&trace, result.as_ref().err()))?;
        }
        Ok(())
    }

    fn end_with_error(&self, error: Error, destination: &Destination) -> VerbResult {
        match error {
            Error::Refused(refused) => {
                self.show_refused(&refused, destination)?;
                Ok(Exit::FellShort)
            }
            Error::Usage(_) => Err(VerbError::usage(error)),
            Error::PeerSwitched { .. } => {
                // The peer chose the protocol that the error quotes.
                let message = error.to_string();
                Err(VerbError::Message(Exit::FellShort, make_visible(&message).into_owned()))
            }
            error => {
                if let Error::Step { refused, .. } = &error {
                    for line in report::describe_wish(refused) {
                        print_stderr_lines(line);
                    }
                }
                Err(self.transport_failure(&error))
            }
        }
    }

    /// The error for an exchange that failed, with the flag that helps, if there is one.
    fn transport_failure(&self, error: &Error) -> VerbError {
        let text = error.to_string();
        // The words are those of rustls.
        let help = if text.contains("invalid peer certificate") && !self.insecure {
            "\n  help: --cacert FILE trusts the authorities in a PEM file; -k accepts any certificate, \
             for a test"
        } else {
            ""
        };
        VerbError::environment(format_args!("{}{help}", make_visible(&text)))
    }

    fn build_client(&self) -> Result<Client, VerbError> {
        let policy = self.follow_policy();
        let mut builder: Builder =
            Client::builder().policy(policy).on_deprecation(report::print_deprecation);
        if let Some(path) = &self.memory {
            let memory = Memory::file(path);
            builder = builder.memory(memory.map_err(|error| unusable_file(path, &error))?);
        }
        if let Some(path) = &self.cacert {
            let pem = std::fs::read(path).map_err(|error| unusable_file(path, &error))?;
            builder = builder.roots(&pem).map_err(|error| unusable_file(path, &error))?;
        }
        if self.location_trusted {
            builder = builder.location_trusted();
        }
        if self.insecure {
            builder = builder.dangerous_any_certificate();
        }
        builder.build().map_err(VerbError::environment)
    }

    fn follow_policy(&self) -> FollowPolicy {
        let mut steps = StepKinds::SAFE;
        for allowance in &self.allow {
            steps = match allowance {
                Allowance::H2c => steps.with(StepKind::H2c),
                Allowance::TlsInBand => steps.with(StepKind::TlsInBand),
                // Not a kind of step: it lets any step take credentials along in cleartext.
                Allowance::CredentialsInClear => steps,
            };
        }
        if self.no_follow {
            // After `--allow`, which would add its step again.
            steps = StepKinds::NONE;
        }
        FollowPolicy {
            steps,
            max_steps: self.max_steps,
            dangerous_cleartext_credentials: self.allow.contains(&Allowance::CredentialsInClear),
            ..FollowPolicy::default()
        }
    }

    /// Shows a 426 as curl would, and then explains it.
    fn show_refused(&self, refused: &Refused, destination: &Destination) -> Result<(), VerbError> {
        let mut shown = Vec::new();
        if self.include {
            shown = output::head_bytes(&refused.response);
        }
        shown.extend_from_slice(refused.response.body());
        match destination {
            Destination::File(target) => {
                let named = target.named.display();
                print_stderr_lines(format_args!("upshift: 426: {named} is unchanged"));
            }
            Destination::Stream(path) => output::open_stream(path)?.write_all(&shown)?,
            Destination::Stderr => std::io::stderr().write_all(&shown)?,
            Destination::Stdout { .. } if self.json => {}
            Destination::Stdout { raw } => {
                let mut stdout = output::open_stdout(*raw);
                stdout.write_all(&shown)?;
                // The explanation below starts on a line of its own.
                let is_terminal = std::io::stdout().is_terminal();
                if is_terminal && !shown.is_empty() && !shown.ends_with(b"\n") {
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
