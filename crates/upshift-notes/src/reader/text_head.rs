//! Start lines and field lines of messages that are written as text.

use upshift_core::field::is_token;
use upshift_record::{MessagePlace, RecordedField, RecordedRequest, RecordedResponse, WireText};

use super::read_error::ReadError;
use super::recording::FieldLine;

/// A start line.
pub(super) enum StartLine {
    Request(RecordedRequest),
    Response(RecordedResponse),
}

/// Returns true if the line is a request line or a status line.
pub(super) fn is_start_line(line: &[u8]) -> bool {
    parse_start_line(line).is_some()
}

/// Reads a request line or a status line; `None` if it is neither.
pub(super) fn parse_start_line(line: &[u8]) -> Option<StartLine> {
    let text = std::str::from_utf8(line).ok()?.trim_end();
    if let Some(rest) = text.strip_prefix("HTTP/") {
        return parse_status_line(rest).map(StartLine::Response);
    }
    let (before, version) = text.rsplit_once(" HTTP/")?;
    let (method, target) = before.split_once(' ')?;
    // A sentence such as "This needs HTTP/2" is not one.
    let is_target = !target.is_empty() && !target.contains(' ');
    if !is_token(method) || !is_target || !is_version(version) {
        return None;
    }
    Some(StartLine::Request(RecordedRequest {
        method: method.into(),
        target: target.into(),
        version: version.to_owned(),
        fields: Vec::new(),
        body: None,
        trailers: Vec::new(),
    }))
}

fn parse_status_line(rest: &str) -> Option<RecordedResponse> {
    let (version, rest) = rest.split_once(' ')?;
    let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    if !is_version(version) || status.len() != 3 {
        return None;
    }
    Some(RecordedResponse {
        status: status.parse().ok()?,
        version: version.to_owned(),
        reason: if reason.is_empty() { None } else { Some(reason.into()) },
        fields: Vec::new(),
        body: None,
        trailers: Vec::new(),
    })
}

/// `1.1`, `2`.
fn is_version(text: &str) -> bool {
    match text.as_bytes() {
        [major] => major.is_ascii_digit(),
        [major, b'.', minor] => major.is_ascii_digit() && minor.is_ascii_digit(),
        _ => false,
    }
}

/// The fields of a message while they are read.
pub(super) struct FieldReader {
    place: MessagePlace,
    pub(super) fields: Vec<RecordedField>,
    pub(super) lines: Vec<FieldLine>,
}

impl FieldReader {
    /// A reader for the message whose start line is on `line`.
    pub(super) fn new(place: MessagePlace, line: usize) -> Self {
        let start = FieldLine { place, name: None, line };
        Self { place, fields: Vec::new(), lines: vec![start] }
    }

    /// Reads one line that is not empty.
    pub(super) fn add_line(&mut self, text: &[u8], line: usize) -> Result<(), ReadError> {
        // RFC 9112 §5.2: a folded line is replaced with a space by its recipient.
        if text.starts_with(b" ") || text.starts_with(b"\t") {
            let Some(RecordedField(_, value)) = self.fields.last_mut() else {
                return Err(not_a_field(text, line));
            };
            let joined = [value.as_bytes(), b" ", text.trim_ascii()].concat();
            *value = WireText::from(joined);
            return Ok(());
        }
        // A pseudo-header field of HTTP/2 begins with a colon.
        let Some(colon) = text.iter().skip(1).position(|byte| *byte == b':') else {
            return Err(not_a_field(text, line));
        };
        let (name, value) = text.split_at(colon + 1);
        if name.starts_with(b":") {
            return Ok(());
        }
        let field = RecordedField(name.into(), value[1..].trim_ascii().into());
        self.lines.push(FieldLine { place: self.place, name: Some(field.0.to_text()), line });
        self.fields.push(field);
        Ok(())
    }
}

fn not_a_field(text: &[u8], line: usize) -> ReadError {
    let shown = String::from_utf8_lossy(text);
    let message = format!("`{}` is not a field: a field is `Name: value`", shown.trim());
    ReadError::at(line, message, "an empty line ends the fields of a message")
}
