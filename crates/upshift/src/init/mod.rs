//! `upshift init`: writes a first policy file, from flags or from answers.

mod answers;
mod ask;
mod draft;

use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use upshift_config::load;
use upshift_record::Exit;

use crate::failure::{Failure, Outcome};
use crate::policy_file;
use crate::terminal::{print, say};

use answers::{ApiAnswer, ClientAnswer, FirstPhase};

/// Write a first policy file, by asking or by flags
///
/// On a terminal and without flags it asks a few questions. Every rule that it writes begins by observing: it counts what
/// it would refuse, and refuses nothing. The file is checked before it is written, and no file is written over without
/// --force.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift init                                                  asks
  upshift init --upstream http://127.0.0.1:3000 --tls           accounts for who is still on cleartext
  upshift init --upstream http://127.0.0.1:3000 --api header:X-Api-Version=2.0 --client AcmeApp=5.1
  upshift init staging.toml --upstream http://10.0.0.7 --http 0.0.0.0:8080 --client Chrome=109 --phase warn
  upshift init - --upstream http://127.0.0.1:3000 --tls=1.3     prints it

Exit codes: 0 it was written, 2 wrong usage, or the file is there already, 3 it cannot be written.")]
pub(crate) struct Init {
    /// The file to write; - is stdout
    #[arg(default_value = "upshift.toml", env = "UPSHIFT_CONFIG")]
    file: PathBuf,
    /// The same as FILE, for those who look for a flag
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write over a file that is there already
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    answers: Answers,
}

/// What the file is to say.
#[derive(Clone, Debug, Default, PartialEq, Args)]
struct Answers {
    /// Where requests go: http://127.0.0.1:3000
    #[arg(long, value_name = "URL", value_parser = answers::upstream)]
    upstream: Option<String>,
    /// Where it listens in cleartext [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
    /// Where it listens with TLS [default with --tls: 127.0.0.1:8443]
    #[arg(long, value_name = "ADDRESS")]
    https: Option<SocketAddr>,
    /// Where /metrics, /healthz and the admin API are [default: 127.0.0.1:9426]
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<SocketAddr>,
    /// The certificate to serve, a PEM file; without one, a self-signed certificate is made
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<String>,
    /// The key of the certificate, a PEM file
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<String>,
    /// The address that the world knows, for the links in answers: https://api.example.com
    #[arg(long, value_name = "URL", value_parser = answers::public)]
    public: Option<String>,
    /// Require TLS, of version 1.2 unless another is named
    #[arg(long, value_name = "VERSION", num_args = 0..=1, require_equals = true, default_missing_value = "1.2",
          value_parser = ["1.0", "1.1", "1.2", "1.3"])]
    tls: Option<String>,
    /// Require an API version, and where to read it: header:X-Api-Version=2.0, query:v=2, path:/api/v{version}/**=2
    #[arg(long, value_name = "READER=MINIMUM", value_parser = answers::api)]
    api: Vec<ApiAnswer>,
    /// Require a build of a client, from its User-Agent: AcmeApp=5.1, Chrome=109
    #[arg(long, value_name = "NAME=MINIMUM", value_parser = answers::client)]
    client: Vec<ClientAnswer>,
    /// What the rules do at first [default: observe]
    #[arg(long, value_name = "PHASE", value_enum)]
    phase: Option<FirstPhase>,
}

impl Init {
    pub(crate) fn run(self) -> Outcome {
        let file = self.output.unwrap_or(self.file);
        let to_stdout = file == Path::new("-");
        // Before any question: answers are not taken for nothing.
        if !to_stdout && !self.force && file.symlink_metadata().is_ok() {
            return Err(is_there(&file));
        }
        let answers = complete(self.answers)?;
        let text = draft::draft(&answers, &file);
        check(&text)?;
        if to_stdout {
            print(&text)?;
            return Ok(Exit::Fine);
        }
        write(&file, &text, self.force)?;
        say(format!("wrote {}: {}", file.display(), draft::contents(&answers)));
        say(format!("  next: upshift check{}, then upshift serve{}", named(&file, " "), named(&file, " --config ")));
        Ok(Exit::Fine)
    }
}

/// The name of a file as an argument; empty for the usual one.
fn named(file: &Path, before: &str) -> String {
    match file.to_string_lossy() {
        usual if usual == "upshift.toml" => String::new(),
        name => format!("{before}{name}"),
    }
}

/// Asks where nothing is said and there is a terminal; otherwise the upstream has to be named.
fn complete(answers: Answers) -> Result<Answers, Failure> {
    let terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
    if answers == Answers::default() && terminal {
        return ask::ask(&mut io::stdin().lock(), &mut io::stderr().lock()).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Failure::usage("no file was written: not every question was answered"),
            _ => Failure::from(error),
        });
    }
    if answers.upstream.is_none() {
        return Err(Failure::usage(
            "where should requests go?\n  help: add --upstream http://127.0.0.1:3000, or run `upshift init` on a terminal, \
             without other flags, and it asks",
        ));
    }
    Ok(answers)
}

/// A file that `upshift check` would complain about is not written.
fn check(text: &str) -> Result<(), Failure> {
    let (diagnostics, what) = match load(text, "the new file") {
        Ok(loaded) if loaded.warnings.is_empty() => return Ok(()),
        Ok(loaded) => (loaded.warnings, "would be warned about"),
        Err(errors) => (errors, "would not be valid"),
    };
    policy_file::tell(&diagnostics);
    Err(Failure::usage(format!(
        "no file was written, because it {what}\n  help: --public, --certificate with --key, --http and --https say how it \
         is reached"
    )))
}

fn write(file: &Path, text: &str, force: bool) -> Result<(), Failure> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true);
    } else {
        // Another may have made it since it was looked for.
        options.create_new(true);
    }
    let written = options.open(file).and_then(|mut open| open.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => is_there(file),
        _ => Failure::environment(format!("cannot write {}: {error}", file.display())),
    })
}

fn is_there(file: &Path) -> Failure {
    Failure::usage(format!(
        "{} is there already, and was left as it is\n  help: name another file, or add --force to write over it",
        file.display()
    ))
}
