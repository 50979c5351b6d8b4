//! The formats of recorded exchanges.

use std::fmt;
use std::str::FromStr;

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
    /// Upshift's own JSON (`upshift.exchange/1`): one exchange, a list, or one per line; or a report
    /// of `upshift probe`, or the events of `upshift mock`.
    Json,
}

/// A name that no format has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFormat(String);

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
