//! Turns a valid policy file into the settings of a gateway: for `serve`, its reloads and `check`.

use upshift_config::{AdminToken, Diagnostic, FileSettings, KeyDiagnostic, Severity};
use upshift_gateway::{Gateway, Settings};
use upshift_record::Exit;

/// The settings of a policy file, and the problems with the files that it names.
pub(crate) struct ExaminedFile {
    /// The settings of the gateway.
    pub(crate) settings: Settings,
    /// The problems that keep a gateway from starting.
    pub(crate) errors: Vec<Diagnostic>,
    /// The exit code of `serve` for these errors. A store that cannot be used is the environment's
    /// fault, not that of the file.
    pub(crate) exit: Exit,
    /// The problems that do not keep it from starting.
    pub(crate) warnings: Vec<Diagnostic>,
}

/// Loads every file that `file` names: certificates, keys, authorities, the admin token. `text` is
/// the text of the policy file, for the lines in the errors.
pub(crate) fn examine_file(file: FileSettings, text: &str, name: &str) -> ExaminedFile {
    let mut admin_token = None;
    let mut token_finding = None;
    // The token is read here and not by `examine`: a gateway gets it in its settings, so that an
    // embedding program can pass one that is in no file.
    match file.gateway.admin_token.as_ref().map(AdminToken::read_token) {
        Some(Ok(token)) => admin_token = Some(token),
        Some(Err(error)) => token_finding = Some(unreadable_token(&error)),
        None => {}
    }
    let settings = Settings { file, admin_token, ..Settings::default() };
    let mut findings = Gateway::examine(&settings);
    findings.extend(token_finding);
    let mut exit = Exit::Environment;
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    for finding in &findings {
        let diagnostic = finding.locate(text, name);
        if finding.severity == Severity::Error {
            errors.push(diagnostic);
            // One error that is the file's own decides: a restart would not help.
            if finding.key != "gateway.store" {
                exit = Exit::Usage;
            }
        } else {
            warnings.push(diagnostic);
        }
    }
    ExaminedFile { settings, errors, exit, warnings }
}

fn unreadable_token(error: &std::io::Error) -> KeyDiagnostic {
    KeyDiagnostic {
        key: "gateway.admin-token".to_owned(),
        severity: Severity::Error,
        message: error.to_string(),
        help: "the token is the first line of the variable or the file; `openssl rand -hex 16` \
               generates one"
            .to_owned(),
    }
}
