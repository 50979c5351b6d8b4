//! `upshift check`: validates a policy file and warns about surprises.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use upshift_config::{Diagnostic, Loaded, Severity, load};
use upshift_core::Policy;
use upshift_record::Exit;
use upshift_record::canary::{CanaryReport, CanaryRequest, CanaryRule};

use crate::control::{self, RemoteGateway};
use crate::policy_file;
use crate::startup::examine_file;
use crate::terminal::{counted, print_json, print_stderr};
use crate::verb_error::{VerbError, VerbResult};

/// Validate a policy file and warn about surprises
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
  upshift check --against http://127.0.0.1:9426 next.toml
  upshift check --offline shared-rules.toml   only the file itself, not the files that it names
  cat upshift.toml | upshift check -

Exit codes: 0 it is valid, 1 it has warnings and --deny-warnings was given, 2 it has errors.")]
pub(crate) struct CheckArgs {
    /// The policy file; - is stdin
    #[arg(default_value = "upshift.toml", env = "UPSHIFT_CONFIG")]
    file: PathBuf,
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
    /// Load no file that the policy file names, and accept a file without an upstream
    #[arg(long)]
    offline: bool,
    /// Exit with 1 if there is a warning
    #[arg(long)]
    deny_warnings: bool,
    /// Ask the gateway at this admin address how many recent callers the file would newly refuse; any
    /// at all is a warning
    #[arg(long, value_name = "URL", value_parser = control::parse_admin_url)]
    against: Option<http::Uri>,
    /// The admin token, if the gateway asks for one
    #[arg(long, value_name = "TOKEN", env = "UPSHIFT_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

/// The output of `--json`.
#[derive(Serialize)]
struct CheckReport<'r> {
    file: &'r Path,
    valid: bool,
    errors: &'r [Diagnostic],
    warnings: &'r [Diagnostic],
    notes: &'r [String],
    rules: Vec<&'r str>,
    revision: Option<&'r str>,
    /// The effect on a gateway's callers, with `--against`.
    #[serde(skip_serializing_if = "Option::is_none")]
    canary: Option<&'r CanaryReport>,
}

/// The findings of a check.
#[derive(Default)]
struct Findings {
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    notes: Vec<String>,
    /// Kept also if a file that it names cannot be loaded.
    policy: Option<Policy>,
    canary: Option<CanaryReport>,
}

impl CheckArgs {
    pub(crate) fn run(self) -> VerbResult {
        let text = match policy_file::read_policy(&self.file) {
            Ok(text) => text,
            // A program that reads the JSON gets it for a missing file, too.
            Err(VerbError::Message(exit, message)) if self.json => {
                return report_unreadable(&self.file, exit, &message);
            }
            Err(error) => return Err(error),
        };
        // The name is a path as well: relative paths in the file start at its folder, and `stdin`
        // is in the current one.
        let is_stdin = self.file == Path::new("-");
        let name = if is_stdin { "stdin".into() } else { self.file.to_string_lossy() };
        let mut findings = self.examine_text(&text, &name);
        if let Some(url) = self.against
            && findings.errors.is_empty()
        {
            let gateway = RemoteGateway::at_first_address(url, self.token);
            findings.canary = Some(control::block_on_gateways(try_policy(gateway, text))?);
        }
        if self.json {
            print_json(&findings.to_report(Path::new(name.as_ref())))?;
        } else {
            findings.print(&name);
        }
        Ok(match (findings.errors.is_empty(), !findings.has_warnings()) {
            (false, _) => Exit::Usage,
            (true, false) if self.deny_warnings => Exit::FellShort,
            (true, _) => Exit::Fine,
        })
    }

    fn examine_text(&self, text: &str, name: &str) -> Findings {
        match load(text, name) {
            Err(errors) => Findings { errors, ..Findings::default() },
            Ok(Loaded { file, mut warnings, notes, .. }) => {
                let policy = Some(file.policy.clone());
                let mut errors = Vec::new();
                if !self.offline {
                    let examined = examine_file(file, text, name);
                    errors = examined.errors;
                    warnings.extend(examined.warnings);
                }
                Findings { errors, warnings, notes, policy, canary: None }
            }
        }
    }
}

/// Asks a gateway what the policy would do to its callers of the last minutes.
async fn try_policy(
    lookup: impl Future<Output = Result<RemoteGateway, VerbError>>,
    policy: String,
) -> Result<CanaryReport, VerbError> {
    let gateway = lookup.await?;
    match gateway.post_api("canary", &CanaryRequest { policy }).await {
        Ok(report) => Ok(report),
        Err(error) => Err(gateway.verb_error(&error)),
    }
}

impl Findings {
    fn has_warnings(&self) -> bool {
        let refuses = self.canary.as_ref().is_some_and(|canary| canary.newly_refused > 0);
        refuses || !self.warnings.is_empty()
    }

    fn to_report<'r>(&'r self, file: &'r Path) -> CheckReport<'r> {
        let mut rules = Vec::new();
        for rule in self.policy.iter().flat_map(Policy::rules) {
            rules.push(rule.id.as_ref());
        }
        CheckReport {
            file,
            valid: self.errors.is_empty(),
            errors: &self.errors,
            warnings: &self.warnings,
            notes: &self.notes,
            rules,
            revision: self.policy.as_ref().map(Policy::revision),
            canary: self.canary.as_ref(),
        }
    }

    /// Prints everything to stderr, the verdict last.
    fn print(&self, name: &str) {
        policy_file::print_diagnostics(&self.errors);
        policy_file::print_diagnostics(&self.warnings);
        for note in &self.notes {
            print_stderr(format!("note: {note}"));
        }
        if let Some(canary) = &self.canary {
            print_canary(canary);
        }
        let file = Path::new(name);
        // There is no policy only if the text has errors, and `load` then gives no warnings.
        let Some(policy) = &self.policy else {
            return print_stderr(policy_file::count_findings(self.errors.len(), 0, file));
        };
        print_stderr(if !self.errors.is_empty() {
            policy_file::count_findings(self.errors.len(), 0, file)
        } else if !self.warnings.is_empty() {
            format!("{} (valid)", policy_file::count_findings(0, self.warnings.len(), file))
        } else {
            format!("{name}: valid, {}", count_contents(policy))
        });
    }
}

fn print_canary(canary: &CanaryReport) {
    let word = if canary.newly_refused > 0 { "warning" } else { "note" };
    print_stderr(format!("{word}: {canary}"));
    for CanaryRule { rule, newly_refused } in &canary.rules {
        print_stderr(format!("  {rule}: {newly_refused}"));
    }
}

/// Reports a file that cannot be read as a file with one error.
fn report_unreadable(file: &Path, exit: Exit, message: &str) -> VerbResult {
    // The message is built by `unreadable_file`: one line, then lines that begin with `help: `.
    let mut lines = message.lines();
    let first_line = lines.next().unwrap_or_default().to_owned();
    let mut help = Vec::new();
    for line in lines {
        help.push(line.trim_start().trim_start_matches("help: ").to_owned());
    }
    let error = Diagnostic {
        severity: Severity::Error,
        file: file.to_string_lossy().into_owned(),
        line: 1,
        column: 1,
        width: 0,
        message: first_line,
        label: String::new(),
        help,
        excerpt: String::new(),
    };
    let findings = Findings { errors: vec![error], ..Findings::default() };
    print_json(&findings.to_report(file))?;
    Ok(exit)
}

/// `5 rules, 1 exemption`.
fn count_contents(policy: &Policy) -> String {
    let rules = counted(policy.rules().len() as u64, "rule");
    format!("{rules}, {}", counted(policy.exemptions().len() as u64, "exemption"))
}
