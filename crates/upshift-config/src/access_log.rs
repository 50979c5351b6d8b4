//! `access-log`: the exchanges that are recorded, the form of their lines, and their destination.

use std::path::{Path, PathBuf};

use crate::line_format::{LineFormat, LineFormatError};
use crate::span_diagnostic::SpanDiagnostic;
use crate::spelling::nearest_name;
use crate::toml_value::TomlValue;

/// `access-log`: the record of exchanges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessLog {
    /// The exchanges that are recorded.
    pub requests: RecordedRequests,
    /// The form of a line.
    pub format: RecordFormat,
    /// The destination of the lines.
    pub to: RecordDestination,
}

/// The exchanges that are recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecordedRequests {
    /// None. Requests are still counted.
    #[default]
    Off,
    /// Requests that the policy refused.
    Refused,
    /// All, malformed ones included.
    All,
}

/// The form of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RecordFormat {
    /// A JSON object.
    #[default]
    Json,
    /// Text: the Combined format of nginx and Apache, or another one.
    Line(LineFormat),
}

/// The destination of the lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RecordDestination {
    /// Standard output.
    #[default]
    Stdout,
    /// A file, which is appended to.
    File(PathBuf),
    /// The datagram socket of a syslog daemon.
    Syslog(PathBuf),
}

const REQUESTS: [(&str, RecordedRequests); 3] = [
    ("off", RecordedRequests::Off),
    ("refused", RecordedRequests::Refused),
    ("all", RecordedRequests::All),
];

impl AccessLog {
    /// The record of these requests as JSON on standard output.
    pub fn of_requests(requests: RecordedRequests) -> Self {
        Self { requests, ..Self::default() }
    }

    /// The destination that is to be opened: a file is not made if nothing is recorded.
    pub fn destination(&self) -> &RecordDestination {
        match self.requests {
            RecordedRequests::Off => &RecordDestination::Stdout,
            RecordedRequests::Refused | RecordedRequests::All => &self.to,
        }
    }

    /// Reads a word or a table; a relative path starts at `folder`.
    pub(crate) fn from_toml(value: &TomlValue<'_>, folder: &Path) -> Option<Self> {
        if !value.is_table() {
            return value.read_word("kind of access log", &REQUESTS).map(Self::of_requests);
        }
        let mut table = value.read_table("AccessLog")?;
        let requests = table.word_at("requests", "kind of access log", &REQUESTS);
        let mut log = Self::of_requests(requests.unwrap_or(RecordedRequests::All));
        if let Some(format) = table.get("format") {
            log.format = RecordFormat::from_toml(&format).unwrap_or_default();
        }
        if let Some(destination) = table.get("to") {
            log.to = RecordDestination::from_toml(&destination, folder).unwrap_or_default();
        }
        table.report_unknown_keys();
        Some(log)
    }
}

impl RecordFormat {
    fn from_toml(value: &TomlValue<'_>) -> Option<Self> {
        const EXPECTED: &str = "a string: `json`, `combined` or a format with $names";
        let text = value.read_string(EXPECTED)?;
        match text {
            "json" => return Some(Self::Json),
            "combined" => return Some(Self::Line(LineFormat::combined())),
            _ => {}
        }
        if text.contains(char::is_control) {
            value.report_error("a line has no control characters", "expected one line");
            return None;
        }
        if !text.contains('$') {
            report_unknown_format(value, text);
            return None;
        }
        match LineFormat::parse(text) {
            Ok(format) => Some(Self::Line(format)),
            Err(error) => {
                report_format_error(value, text, error);
                None
            }
        }
    }
}

fn report_unknown_format(value: &TomlValue<'_>, text: &str) {
    let error = value
        .error_here(format!("unknown format `{text}`"))
        .with_label("expected `json`, `combined` or a format with $names");
    value.report(match nearest_name(text, ["json", "combined"]) {
        Some(near) => error.with_help(format!("did you mean `{near}`?")),
        None => error,
    });
}

/// Reports an error at its place in the text, if the file has the text as it is.
fn report_format_error(value: &TomlValue<'_>, text: &str, error: LineFormatError) {
    let LineFormatError { start, length, message, help } = error;
    let span = value.span();
    // Two quotes more than the text: nothing in it is an escape.
    let span = if span.len() == text.len() + 2 {
        span.start + 1 + start..span.start + 1 + start + length
    } else {
        span
    };
    value.report(SpanDiagnostic::error(span, message).with_help(help));
}

impl RecordDestination {
    /// The socket of the local syslog daemon.
    const SYSLOG: &str = "/dev/log";

    fn from_toml(value: &TomlValue<'_>, folder: &Path) -> Option<Self> {
        let text = value.read_text()?;
        match (text, text.strip_prefix("syslog:")) {
            ("stdout", _) => Some(Self::Stdout),
            ("syslog", _) => Some(Self::Syslog(Self::SYSLOG.into())),
            ("stderr", _) => {
                value.report_error("stderr has the log of the gateway", "expected `stdout`");
                None
            }
            (_, Some("")) => {
                value.report_error("`to` names no socket", "expected syslog or syslog:PATH");
                None
            }
            (_, Some(socket)) => Some(Self::Syslog(folder.join(socket))),
            (file, None) => Some(Self::File(folder.join(file))),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use crate::file::load;
    use crate::line_format::LineFormat;

    use super::*;

    fn read(text: &str) -> Result<AccessLog, Vec<String>> {
        let text = format!("[gateway]\nupstream = 'http://127.0.0.1:1'\naccess-log = {text}\n");
        match load(&text, "/etc/upshift.toml") {
            Ok(loaded) => Ok(loaded.file.gateway.access_log),
            Err(errors) => Err(errors.iter().map(ToString::to_string).collect()),
        }
    }

    #[test]
    fn a_word_is_the_requests_and_a_table_the_rest_as_well() {
        let all = AccessLog::of_requests(RecordedRequests::All);
        assert_eq!(read("'all'").unwrap(), all);
        assert_eq!(read("{}").unwrap(), all);
        let full = "{ requests = 'refused', format = 'combined', to = 'log/access' }";
        assert_eq!(
            read(full).unwrap(),
            AccessLog {
                requests: RecordedRequests::Refused,
                format: RecordFormat::Line(LineFormat::combined()),
                to: RecordDestination::File("/etc/log/access".into()),
            }
        );
        for (text, destination) in [
            ("stdout", RecordDestination::Stdout),
            ("syslog", RecordDestination::Syslog("/dev/log".into())),
            ("syslog:/run/log", RecordDestination::Syslog("/run/log".into())),
        ] {
            assert_eq!(read(&format!("{{ to = '{text}' }}")).unwrap().to, destination);
        }
    }

    #[test]
    fn what_is_wrong_is_marked() {
        let errors = read(r#"{ format = '$peer "$stauts"' }"#).unwrap_err();
        let text = &errors[0];
        assert!(text.contains("unknown name `$stauts`"), "{text}");
        assert!(text.contains("/etc/upshift.toml:3:33\n"), "{text}");
        assert!(text.contains("  ^^^^^^^\n"), "{text}");
        for (wrong, message) in [
            ("{ format = 'jsno' }", "did you mean `json`?"),
            ("{ format = \"$peer\\n$path\" }", "no control characters"),
            ("{ to = 'stderr' }", "expected `stdout`"),
            ("{ to = 'syslog:' }", "names no socket"),
            ("{ form = 'json' }", "did you mean `format`?"),
            ("'al'", "did you mean `all`?"),
        ] {
            let errors = read(wrong).unwrap_err();
            assert!(errors.iter().any(|error| error.contains(message)), "{wrong}: {errors:?}");
        }
    }
}
