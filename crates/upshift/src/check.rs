//! `upshift check`: is the policy file right, and what in it will surprise?

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use upshift_config::{Diagnostic, Severity, load};
use upshift_record::Exit;

use crate::policy_file;
use crate::startup::examine_file;
use crate::terminal::{print_json, print_stderr};
use crate::verb_error::{VerbError, VerbResult};

/// Validate a policy file, and warn of what will surprise
///
/// All errors are reported at once, each with its line, what was expected and the nearest valid
/// spelling. Then everything that `serve` loads is loaded: certificates, keys, the admin token.
/// Notes say what the defaults mean for this file.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift check
  upshift check staging.toml
  upshift check --json --deny-warnings | jq '.warnings[].message'
  upshift check --offline shared-rules.toml   only the file itself: it names files of another machine
  cat upshift.toml | upshift check -

Exit codes: 0 it is valid, 1 it has warnings and --deny-warnings was given, 2 it has errors.")]
pub(crate) struct CheckArgs {
    /// The policy file; - is stdin
    #[arg(default_value = "upshift.toml", env = "UPSHIFT_CONFIG")]
    file: PathBuf,
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
    /// Load nothing that the file names, and accept a file without an upstream
    #[arg(long)]
    offline: bool,
    /// End with 1 if there is a warning
    #[arg(long)]
    deny_warnings: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct CheckReport<'r> {
    file: &'r Path,
    valid: bool,
    errors: &'r [Diagnostic],
    warnings: &'r [Diagnostic],
    notes: &'r [String],
    rules: Vec<&'r str>,
    revision: Option<&'r str>,
}

impl CheckArgs {
    pub(crate) fn run(self) -> VerbResult {
        let text = match policy_file::read_policy(&self.file) {
            Err(VerbError::Message(exit, message)) if self.json => {
                return report_unreadable(&self.file, exit, message);
            }
            text => text?,
        };
        let name =
            if self.file == Path::new("-") { "stdin".into() } else { self.file.to_string_lossy() };
        let (mut loaded, mut errors) = match load(&text, &name) {
            Ok(loaded) => (Some(loaded), Vec::new()),
            Err(errors) => (None, errors),
        };
        if let Some(loaded) = loaded.as_mut().filter(|_| !self.offline) {
            let examined = examine_file(loaded.file.clone(), &text, &name);
            errors = examined.errors;
            loaded.warnings.extend(examined.warnings);
        }
        let warnings = loaded.as_ref().map(|loaded| loaded.warnings.as_slice()).unwrap_or_default();
        let notes = loaded.as_ref().map(|loaded| loaded.notes.as_slice()).unwrap_or_default();
        let policy = loaded.as_ref().map(|loaded| &loaded.file.policy);
        if self.json {
            print_json(&CheckReport {
                file: Path::new(name.as_ref()),
                valid: errors.is_empty(),
                errors: &errors,
                warnings,
                notes,
                rules: policy
                    .iter()
                    .flat_map(|policy| policy.rules())
                    .map(|rule| rule.id.as_ref())
                    .collect(),
                revision: policy.map(|policy| policy.revision()),
            })?;
        } else {
            policy_file::print_diagnostics(&errors);
            policy_file::print_diagnostics(warnings);
            for note in notes {
                print_stderr(format!("note: {note}"));
            }
            print_stderr(match policy {
                _ if !errors.is_empty() => {
                    policy_file::count_findings(errors.len(), 0, Path::new(name.as_ref()))
                }
                Some(_) if !warnings.is_empty() => {
                    format!(
                        "{} (valid)",
                        policy_file::count_findings(0, warnings.len(), Path::new(name.as_ref()))
                    )
                }
                Some(policy) => format!("{name}: valid, {}", count_contents(policy)),
                None => String::new(),
            });
        }
        Ok(match (errors.is_empty(), warnings.is_empty()) {
            (false, _) => Exit::Usage,
            (true, false) if self.deny_warnings => Exit::FellShort,
            (true, _) => Exit::Fine,
        })
    }
}

/// A file that cannot be read, as a report.
fn report_unreadable(file: &Path, exit: Exit, message: String) -> VerbResult {
    let mut lines = message.lines();
    let error = Diagnostic {
        severity: Severity::Error,
        file: file.to_string_lossy().into_owned(),
        line: 1,
        column: 1,
        width: 0,
        message: lines.next().unwrap_or_default().to_owned(),
        label: String::new(),
        help: lines.map(|line| line.trim_start().trim_start_matches("help: ").to_owned()).collect(),
        excerpt: String::new(),
    };
    print_json(&CheckReport {
        file,
        valid: false,
        errors: &[error],
        warnings: &[],
        notes: &[],
        rules: Vec::new(),
        revision: None,
    })?;
    Ok(exit)
}

fn count_contents(policy: &upshift_core::Policy) -> String {
    let count = |number: usize, word: &str| {
        format!("{number} {word}{}", if number == 1 { "" } else { "s" })
    };
    format!(
        "{}, {}",
        count(policy.rules().len(), "rule"),
        count(policy.exemptions().len(), "exemption")
    )
}
