//! `upshift init`: writes a first policy file, from flags or from answers, or a first suite.

mod answers;
mod ask;
mod draft;
mod listeners;
mod suite;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use clap::Args;
use upshift_config::{Severity, load};
use upshift_gateway::{Gateway, Settings};
use upshift_record::Exit;

use crate::file_writing::{already_exists, write_file};
use crate::policy_file;
use crate::terminal::{print_stderr, print_stdout};
use crate::verb_error::{VerbError, VerbResult};

use answers::Answers;
use draft::{TOKEN, shell_argument};
use suite::{SuiteFlags, write_suite};

/// Write a first policy file, by asking or by flags; or a first suite, from what exists
///
/// On a terminal and without flags it asks a few questions. Every rule that it writes starts in
/// phase observe: it counts what it would refuse, but refuses nothing. The file is checked before
/// it is written, and no file is overwritten without --force.
///
/// With --suite it writes a suite for `upshift test`, to stdout unless a file is named. Secrets of a
/// source, such as Authorization, become variables.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift init                                                  ask questions
  upshift init --upstream http://127.0.0.1:3000 --tls           count who still uses cleartext
  upshift init --upstream http://127.0.0.1:3000 --api header:X-Api-Version=2.0 --client AcmeApp=5.1
  upshift init staging.toml --upstream http://10.0.0.7 --http 0.0.0.0:8080 --client Chrome=109 --phase warn
  upshift init - --upstream http://127.0.0.1:3000 --tls=1.3     print the file
  upshift init --suite --from-policy upshift.toml -o gateway.upshift.toml
  upshift init --suite --from-har session.har --target https://staging.example.com

Exit codes: 0 it was written, 2 wrong usage or the file exists, 3 it cannot be written.")]
pub(crate) struct InitArgs {
    /// The file to write; - is stdout [default: that of UPSHIFT_CONFIG, or upshift.toml]
    file: Option<PathBuf>,
    /// The same as FILE, as a flag
    #[arg(long, short, value_name = "FILE", conflicts_with = "file")]
    output: Option<PathBuf>,
    /// Overwrite a file that exists
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    answers: Answers,
    #[command(flatten)]
    suite: SuiteFlags,
}

impl InitArgs {
    pub(crate) fn run(self) -> VerbResult {
        if self.suite.suite {
            let file = self.output.or(self.file);
            return write_suite(&self.suite, file.as_deref(), self.force);
        }
        let file = self.output.or(self.file).unwrap_or_else(usual_file);
        let to_stdout = file == Path::new("-");
        // Before any question, so that no one answers them in vain.
        // A link that leads nowhere counts, too: `create_new` would not follow it.
        if !to_stdout && !self.force && file.symlink_metadata().is_ok() {
            return Err(already_exists(&file));
        }
        let answers = complete_answers(self.answers)?;
        let text = draft::draft_file(&answers, &file);
        let notes = check_draft(&text, &file)?;
        if to_stdout {
            print_stdout(&text)?;
        } else {
            write_file(&file, &text, self.force)?;
            print_stderr(format!(
                "wrote {}: {}",
                file.display(),
                draft::describe_contents(&answers)
            ));
        }
        print_notes(&notes, &answers);
        if !to_stdout {
            let (check, serve) = (shell_argument(&file, " "), shell_argument(&file, " --config "));
            print_stderr(format!("  next: upshift check{check}, then upshift serve{serve}"));
        }
        Ok(Exit::Fine)
    }
}

fn print_notes(notes: &[String], answers: &Answers) {
    for note in notes {
        print_stderr(format!("note: {note}"));
    }
    if draft::needs_token(answers) {
        print_stderr(format!(
            "note: other machines can reach the admin listener: set {TOKEN} to a secret before \
             `upshift serve`"
        ));
    }
}

fn usual_file() -> PathBuf {
    match std::env::var_os("UPSHIFT_CONFIG") {
        Some(name) if !name.is_empty() => name.into(),
        _ => "upshift.toml".into(),
    }
}

/// Asks questions if there are no flags and there is a terminal; otherwise a flag has to name the
/// upstream.
fn complete_answers(answers: Answers) -> Result<Answers, VerbError> {
    // Questions go to stderr, so that `upshift init - > FILE` can ask as well.
    let terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
    if answers == Answers::default() && terminal {
        return match ask::ask_all(&mut io::stdin().lock(), &mut io::stderr().lock()) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(VerbError::usage("no file was written: not every question was answered"))
            }
            asked => Ok(asked?),
        };
    }
    if answers.upstream.is_none() {
        return Err(VerbError::usage(
            "the upstream is missing\n  help: add --upstream http://127.0.0.1:3000, or run `upshift \
             init` on a terminal without flags, and it asks",
        ));
    }
    // Each flag was parsed alone, but two of them can name one client.
    answers::check_distinct(&answers.client).map_err(VerbError::usage)?;
    Ok(answers)
}

/// Checks the new file as `upshift check` does. Returns notes on missing certificates, which may be
/// made after the file that names them.
///
/// # Errors
/// If the check has errors or warnings.
fn check_draft(text: &str, file: &Path) -> Result<Vec<String>, VerbError> {
    // In the folder of the file: paths in it are relative to that.
    let name = file.with_file_name("the new file").to_string_lossy().into_owned();
    let loaded = match load(text, &name) {
        Ok(loaded) => loaded,
        Err(errors) => {
            policy_file::print_diagnostics(&errors);
            return Err(not_written("would not be valid"));
        }
    };
    let (mut notes, mut findings) = (Vec::new(), Vec::new());
    let settings = Settings { file: loaded.file, ..Settings::default() };
    for finding in Gateway::examine(&settings) {
        if finding.key.starts_with("gateway.tls") {
            notes.push(format!("{}: `upshift serve` needs it", finding.message));
        } else if finding.severity == Severity::Error {
            findings.push(finding.locate(text, &name));
        }
    }
    findings.extend(loaded.warnings);
    if findings.is_empty() {
        return Ok(notes);
    }
    policy_file::print_diagnostics(&findings);
    Err(not_written("would be refused or warned about"))
}

fn not_written(what: &str) -> VerbError {
    VerbError::usage(format!(
        "no file was written, because it {what}\n  help: --public, --certificate with --key, --http \
         and --https say how the gateway is reached"
    ))
}
