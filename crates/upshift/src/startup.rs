//! From a valid policy file to settings that a gateway can start with. `serve`, its reloads and
//! `check` share it.

use upshift_config::{AdminToken, Diagnostic, FileSettings, KeyFinding, Severity};
use upshift_gateway::{Gateway, Settings};
use upshift_record::Exit;

/// The settings of a file, and what was found by loading all that it names.
pub(crate) struct ExaminedFile {
    /// What the gateway is told.
    pub(crate) settings: Settings,
    /// What keeps it from starting.
    pub(crate) errors: Vec<Diagnostic>,
    /// How `serve` ends with these errors: a store that cannot be used is no fault of the file.
    pub(crate) exit: Exit,
    /// What will surprise.
    pub(crate) warnings: Vec<Diagnostic>,
}

/// Loads everything that `file` names: certificates, keys, authorities, the admin token. `text` is
/// the file's text.
pub(crate) fn examine_file(file: FileSettings, text: &str, name: &str) -> ExaminedFile {
    let (admin_token, finding) =
        match file.gateway.admin_token.as_ref().map(AdminToken::read).transpose() {
            Ok(token) => (token, None),
            Err(error) => (None, Some(unreadable_token(&error))),
        };
    let settings = Settings { file, admin_token, ..Settings::default() };
    let mut findings = Gateway::examine(&settings);
    findings.extend(finding);
    let mut wrong = findings.iter().filter(|finding| finding.severity == Severity::Error);
    let exit = match wrong.all(|finding| finding.key == "gateway.store") {
        true => Exit::Environment,
        false => Exit::Usage,
    };
    let placed = findings.iter().map(|finding| finding.place(text, name));
    let (errors, warnings) = placed.partition(|finding| finding.severity == Severity::Error);
    ExaminedFile { settings, errors, exit, warnings }
}

fn unreadable_token(error: &std::io::Error) -> KeyFinding {
    KeyFinding {
        key: "gateway.admin-token".to_owned(),
        severity: Severity::Error,
        message: error.to_string(),
        help: "the token is the first line of the variable or the file: openssl rand -hex 16 makes one".to_owned(),
    }
}
