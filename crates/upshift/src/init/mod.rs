//! `upshift init`: writes a first policy file, from flags or from answers.

mod answers;
mod ask;
mod draft;
mod listeners;
mod writing;

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use upshift_config::{Severity, load};
use upshift_gateway::{Gateway, Settings};
use upshift_record::Exit;

use crate::policy_file;
use crate::terminal::{print_stderr, print_stdout};
use crate::verb_error::{VerbError, VerbResult};

use answers::{ApiAnswer, ClientAnswer, FirstPhase};

/// Write a first policy file, by asking or by flags
///
/// On a terminal and without flags it asks a few questions. Every rule that it writes begins by
/// observing: it counts what it would refuse, and refuses nothing. The file is checked before it is
/// written, and no file is written over without --force.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift init                                                  asks
  upshift init --upstream http://127.0.0.1:3000 --tls           accounts for who is still on cleartext
  upshift init --upstream http://127.0.0.1:3000 --api header:X-Api-Version=2.0 --client AcmeApp=5.1
  upshift init staging.toml --upstream http://10.0.0.7 --http 0.0.0.0:8080 --client Chrome=109 --phase warn
  upshift init - --upstream http://127.0.0.1:3000 --tls=1.3     prints it

Exit codes: 0 it was written, 2 wrong usage, or the file is there already, 3 it cannot be written.")]
pub(crate) struct InitArgs {
    /// The file to write; - is stdout [default: that of UPSHIFT_CONFIG, or upshift.toml]
    file: Option<PathBuf>,
    /// The same as FILE, for those who look for a flag
    #[arg(long, short, value_name = "FILE", conflicts_with = "file")]
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
    #[arg(long, value_name = "URL", value_parser = answers::parse_upstream)]
    upstream: Option<String>,
    /// Where it listens in cleartext [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
    /// Where it listens with TLS [default with --tls: port 8443, with a certificate at the address
    /// of --http]
    #[arg(long, value_name = "ADDRESS")]
    https: Option<SocketAddr>,
    /// Where /metrics, /healthz and the admin API are; others than this machine need UPSHIFT_TOKEN
    /// [default: 127.0.0.1:9426]
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<SocketAddr>,
    /// The certificate to serve, a PEM file; without one, a self-signed certificate is made
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<String>,
    /// The key of the certificate, a PEM file
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<String>,
    /// The address that the world knows, for the links in answers: https://api.example.com
    #[arg(long, value_name = "URL", value_parser = answers::parse_public)]
    public: Option<String>,
    /// Require TLS, of version 1.2 unless another is named
    #[arg(long, value_name = "VERSION", num_args = 0..=1, require_equals = true, default_missing_value = "1.2",
          value_parser = ["1.0", "1.1", "1.2", "1.3"])]
    tls: Option<String>,
    /// Require an API version, and where to read it: header:X-Api-Version=2.0, query:v=2,
    /// path:/api/v{version}/**=2
    #[arg(long, value_name = "READER=MINIMUM", value_parser = answers::parse_api)]
    api: Vec<ApiAnswer>,
    /// Require a build of a client, from its User-Agent: AcmeApp=5.1, Chrome=109
    #[arg(long, value_name = "NAME=MINIMUM", value_parser = answers::parse_client)]
    client: Vec<ClientAnswer>,
    /// What the rules do at first [default: observe]
    #[arg(long, value_name = "PHASE", value_enum)]
    phase: Option<FirstPhase>,
}

impl InitArgs {
    pub(crate) fn run(self) -> VerbResult {
        let file = self.output.or(self.file).unwrap_or_else(usual_file);
        let to_stdout = file == Path::new("-");
        // Before any question: answers are not taken for nothing.
        if !to_stdout && !self.force && file.symlink_metadata().is_ok() {
            return Err(writing::already_exists(&file));
        }
        let answers = complete_answers(self.answers)?;
        let text = draft::draft_file(&answers, &file);
        let notes = check_draft(&text, &file)?;
        if to_stdout {
            print_stdout(&text)?;
        } else {
            writing::write_new(&file, &text, self.force)?;
            print_stderr(format!(
                "wrote {}: {}",
                file.display(),
                draft::describe_contents(&answers)
            ));
        }
        for note in notes {
            print_stderr(format!("note: {note}"));
        }
        if draft::needs_token(&answers) {
            print_stderr(format!(
                "note: others can reach the admin listener: set {TOKEN} to a secret before `upshift serve`"
            ));
        }
        if !to_stdout {
            let (check, serve) = (shell_argument(&file, " "), shell_argument(&file, " --config "));
            print_stderr(format!("  next: upshift check{check}, then upshift serve{serve}"));
        }
        Ok(Exit::Fine)
    }
}

/// The variable with the admin token.
const TOKEN: &str = "UPSHIFT_TOKEN";

fn usual_file() -> PathBuf {
    let named = std::env::var_os("UPSHIFT_CONFIG").filter(|name| !name.is_empty());
    named.unwrap_or_else(|| OsString::from("upshift.toml")).into()
}

/// The name of a file as an argument of a shell; empty for the usual one, and for stdout.
fn shell_argument(file: &Path, before: &str) -> String {
    let name = file.to_string_lossy();
    if name == "upshift.toml" || name == "-" {
        return String::new();
    }
    let name = if name.starts_with('-') { format!("./{name}") } else { name.into_owned() };
    if name.chars().all(|character| character.is_alphanumeric() || "_./-+,:@%=".contains(character))
    {
        return format!("{before}{name}");
    }
    format!("{before}'{}'", name.replace('\'', r"'\''"))
}

/// Asks where nothing is said and there is a terminal; otherwise the upstream has to be named.
fn complete_answers(answers: Answers) -> Result<Answers, VerbError> {
    let terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
    if answers == Answers::default() && terminal {
        return ask::ask_all(&mut io::stdin().lock(), &mut io::stderr().lock()).map_err(|error| {
            match error.kind() {
                io::ErrorKind::UnexpectedEof => {
                    VerbError::usage("no file was written: not every question was answered")
                }
                _ => VerbError::from(error),
            }
        });
    }
    if answers.upstream.is_none() {
        return Err(VerbError::usage(
            "where should requests go?\n  help: add --upstream http://127.0.0.1:3000, or run `upshift init` on a terminal, \
             without other flags, and it asks",
        ));
    }
    answers::check_distinct(&answers.client).map_err(VerbError::usage)?;
    Ok(answers)
}

/// Holds the new file to the checks of `upshift check`, and returns notes on what is not there yet:
/// a certificate may come after the file that names it.
///
/// # Errors
/// If it would be refused or warned about.
fn check_draft(text: &str, file: &Path) -> Result<Vec<String>, VerbError> {
    // Beside the file, for what it names is looked for there.
    let name = file.with_file_name("the new file").to_string_lossy().into_owned();
    let loaded = match load(text, &name) {
        Ok(loaded) => loaded,
        Err(errors) => {
            policy_file::print_diagnostics(&errors);
            return Err(not_written("would not be valid"));
        }
    };
    let (mut notes, mut wrong) = (Vec::new(), Vec::new());
    let settings = Settings { file: loaded.file, ..Settings::default() };
    for finding in Gateway::examine(&settings) {
        if finding.key.starts_with("gateway.tls") {
            notes.push(format!("{}: `upshift serve` needs it", finding.message));
        } else if finding.severity == Severity::Error {
            wrong.push(finding.place(text, &name));
        }
    }
    wrong.extend(loaded.warnings);
    if wrong.is_empty() {
        return Ok(notes);
    }
    policy_file::print_diagnostics(&wrong);
    Err(not_written("would be refused or warned about"))
}

fn not_written(what: &str) -> VerbError {
    VerbError::usage(format!(
        "no file was written, because it {what}\n  help: --public, --certificate with --key, --http and --https say how it \
         is reached"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kind of fault: a command that is shown and cannot be typed.
    #[test]
    fn a_file_is_named_as_a_shell_reads_it() {
        let shown = [
            ("upshift.toml", ""),
            ("-", ""),
            ("a.toml", " a.toml"),
            ("my file.toml", " 'my file.toml'"),
            ("it's.toml", r" 'it'\''s.toml'"),
            ("-x.toml", " ./-x.toml"),
            ("$HOME", " '$HOME'"),
        ];
        for (name, expected) in shown {
            assert_eq!(shell_argument(Path::new(name), " "), expected, "{name}");
        }
    }
}
