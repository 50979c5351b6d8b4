//! Readers of recorded exchanges: raw messages, `curl -v`, HAR and Upshift's JSON.

mod curl;
mod har;
mod json;
mod text;
mod text_body;
mod text_head;

use std::fmt;
use std::str::FromStr;

use upshift_record::{MessagePlace, RecordedExchange};

/// A format of recorded exchanges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Raw HTTP/1 messages: responses only, or requests with their responses. `HTTP/2 200` is
    /// understood as a status line, as curl writes it.
    ///
    /// Lines may end with LF alone. Lines that begin with `#` before a message are comments, of
    /// which `# url:`, `# tls:` and `# lane:` describe the connection. A line `###` separates
    /// exchanges.
    Text,
    /// The output of `curl -v`, both streams together.
    Curl,
    /// HAR 1.2, with `_interim` and `_lane` as extensions.
    Har,
    /// Upshift's own JSON (`upshift.exchange/1`): one exchange, a list, or one per line.
    Json,
}

/// An exchange and where it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// The exchange.
    pub exchange: RecordedExchange,
    /// Its place among those of its input, from 1.
    pub number: usize,
    /// The line on which it begins, from 1; `None` in formats of one line.
    pub line: Option<usize>,
    /// The lines of its start lines and fields.
    field_lines: Vec<FieldLine>,
}

/// The line of a start line (without a name) or of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FieldLine {
    place: MessagePlace,
    name: Option<String>,
    line: usize,
}

/// An error in an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// The line, from 1, if the error has one.
    pub line: Option<usize>,
    /// The error, with what was found.
    pub message: String,
    /// The way out.
    pub help: &'static str,
}

/// A name that no format has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFormat(String);

/// Reads all exchanges of an input.
///
/// # Errors
/// If the input does not have this format. The error names the line.
pub fn read(input: &[u8], format: Format) -> Result<Vec<Recording>, ReadError> {
    match format {
        Format::Text => text::read_text(input),
        Format::Curl => curl::read_curl(input),
        Format::Har => har::read_har(input),
        Format::Json => json::read_json(input),
    }
}

/// Guesses the format of an input; `None` if it looks like none.
pub fn guess_format(input: &[u8]) -> Option<Format> {
    let start = without_bom(input).trim_ascii_start();
    if start.starts_with(b"{") || start.starts_with(b"[") {
        let is_har = json::first_key(start).is_some_and(|key| key == "log");
        return Some(if is_har { Format::Har } else { Format::Json });
    }
    let mut has_message = false;
    for line in input.split(|byte| *byte == b'\n').take(200) {
        let line = line.trim_ascii_end();
        let is_of_curl = line.starts_with(b"< HTTP/") || line.starts_with(b"* ");
        if is_of_curl || (line.starts_with(b"> ") && text_head::is_start_line(&line[2..])) {
            return Some(Format::Curl);
        }
        if text_head::is_start_line(line) {
            has_message = true;
            break;
        }
    }
    if has_message { Some(Format::Text) } else { None }
}

/// Some exporters write a byte order mark.
fn without_bom(input: &[u8]) -> &[u8] {
    input.strip_prefix(b"\xef\xbb\xbf").unwrap_or(input)
}

impl Recording {
    /// The line of a field of a message, or of the message's start line; `None` where lines are not
    /// known.
    pub fn line_of(&self, place: MessagePlace, field: Option<&str>) -> Option<usize> {
        let mut of_message = None;
        for known in self.field_lines.iter().filter(|known| known.place == place) {
            match (&known.name, field) {
                (None, _) => of_message = Some(known.line),
                (Some(name), Some(field)) if name.eq_ignore_ascii_case(field) => {
                    return Some(known.line);
                }
                _ => {}
            }
        }
        of_message.or(self.line)
    }
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 4] = [Self::Text, Self::Curl, Self::Har, Self::Json];

    /// The name in flags.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Curl => "curl",
            Self::Har => "har",
            Self::Json => "json",
        }
    }

    /// The format in words.
    pub fn description(self) -> &'static str {
        match self {
            Self::Text => "HTTP messages as text",
            Self::Curl => "the output of curl -v",
            Self::Har => "HAR",
            Self::Json => "Upshift's JSON",
        }
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        let format = Self::ALL.into_iter().find(|format| format.as_str() == name);
        format.ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

impl fmt::Display for UnknownFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a format; the formats are text, curl, har, json", self.0)
    }
}

impl std::error::Error for UnknownFormat {}

impl ReadError {
    fn at(line: usize, message: impl Into<String>, help: &'static str) -> Self {
        Self { line: Some(line), message: message.into(), help }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        f.write_str(&self.message)?;
        if self.help.is_empty() { Ok(()) } else { write!(f, "\n  help: {}", self.help) }
    }
}

impl std::error::Error for ReadError {}
