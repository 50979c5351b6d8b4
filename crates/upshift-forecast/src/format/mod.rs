//! The formats of access logs.

mod apache;
pub(crate) mod clock;
mod combined;
pub(crate) mod cut;
mod envoy;
pub(crate) mod escape;
mod format_error;
mod haproxy;
pub(crate) mod json;
mod json_presets;
mod json_scan;
pub(crate) mod lines;
mod nginx;
mod pattern;
mod records;
pub(crate) mod slot;
mod syslog;
mod w3c;
mod words;

use jiff::tz::TimeZone;

use crate::line::{LineKind, LogLine, Malformed, WantedFields};
use clock::Clock;
use combined::Combined;
use cut::LineCut;
pub use format_error::FormatError;
use haproxy::Haproxy;
use json::JsonFormat;
use pattern::Pattern;
use records::Records;
use w3c::Columns;
use words::Words;

/// A format of log lines, ready to read them.
#[derive(Clone, Debug)]
pub struct LogFormat {
    name: String,
    reader: Reader,
    wanted: WantedFields,
    zone: TimeZone,
}

#[derive(Clone, Debug)]
enum Reader {
    Combined(Combined),
    Pattern(Pattern),
    Json(JsonFormat),
    Haproxy(Haproxy),
    Words(Words),
    W3c,
}

/// State that a reader carries from line to line.
#[derive(Clone, Debug)]
pub struct ReadState {
    clock: Clock,
    columns: Columns,
}

/// The names of the formats that need no description, and what they are.
pub const FORMAT_NAMES: &[(&str, &str)] = &[
    ("common", "Common Log Format"),
    ("combined", "Combined Log Format of nginx and Apache"),
    ("combined-forwarded", "Combined with X-Forwarded-For, as nginx is packaged"),
    ("vhost", "Combined after the virtual host, as Debian's Apache writes it"),
    ("traefik", "Traefik's Common Log Format"),
    ("envoy", "Envoy's default format"),
    ("haproxy", "HAProxy's httplog, httplog clf and httpslog"),
    ("alb", "AWS Application Load Balancer"),
    ("w3c", "W3C Extended: CloudFront, IIS"),
    ("json", "JSON with the usual names, such as nginx's variables"),
    ("traefik-json", "Traefik's JSON"),
    ("caddy", "Caddy's JSON"),
    ("cloudflare", "Cloudflare's HTTP requests in JSON"),
    ("google-cloud", "Google Cloud's log entries in JSON"),
    ("azure", "Azure Front Door's and Application Gateway's access logs in JSON"),
    ("kong", "Kong's JSON"),
    ("upshift", "the access record of upshift serve"),
];

impl LogFormat {
    /// The format that `text` names or describes: a name of [`FORMAT_NAMES`], `nginx=…` with the
    /// text of a `log_format`, `apache=…` with that of a `LogFormat`, `json=…` with the key of each
    /// fact, or `haproxy=…` with the names of the captured fields. Times without an offset are in
    /// `zone`.
    ///
    /// # Errors
    /// If it is none of these.
    pub fn parse(text: &str, wanted: &WantedFields, zone: TimeZone) -> Result<Self, FormatError> {
        let (kind, description) = text.split_once('=').unwrap_or((text, ""));
        let offset = kind.len() + 1;
        let reader = match kind {
            "nginx" => Reader::Pattern(nginx::compile(description, wanted).map_err(at(offset))?),
            "apache" => Reader::Pattern(apache::compile(description, wanted).map_err(at(offset))?),
            "json" if !description.is_empty() => {
                Reader::Json(JsonFormat::compile(description, wanted).map_err(at(offset))?)
            }
            "haproxy" => Reader::Haproxy(Haproxy::new(description, wanted)),
            _ => named_reader(text, wanted).ok_or_else(unknown_format)?,
        };
        let name = if description.is_empty() { text } else { kind };
        Ok(Self { name: name.to_owned(), reader, wanted: wanted.clone(), zone })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The state before the first line.
    pub(crate) fn start(&self) -> ReadState {
        ReadState { clock: Clock::new(self.zone.clone()), columns: Columns::default() }
    }

    /// Returns true if a line can be read without those before it.
    pub(crate) fn has_independent_lines(&self) -> bool {
        !matches!(self.reader, Reader::W3c)
    }

    /// Cuts the first line of a text into parts without reading it; `None` if it is not in the usual
    /// form, or the format has none.
    pub(crate) fn cut_line<'l>(
        &self,
        text: &'l [u8],
        cut: &mut LineCut<'l>,
        state: &mut ReadState,
    ) -> Option<()> {
        cut.clear();
        match &self.reader {
            Reader::Combined(format) => format.cut(text, cut, &mut state.clock),
            Reader::Pattern(format) => format.cut(text, cut, &mut state.clock),
            Reader::Json(format) => format.cut(text, &self.wanted, cut, &mut state.clock),
            Reader::Haproxy(_) | Reader::Words(_) | Reader::W3c => None,
        }
    }

    /// The records of a line: the objects of an array of JSON, as Kong sends batches, or else the
    /// line itself.
    pub(crate) fn records<'l>(&self, text: &'l [u8]) -> Records<'l> {
        match (&self.reader, text.first()) {
            (Reader::Json(_), Some(b'[')) => Records::of_batch(text),
            _ => Records::of_line(text),
        }
    }

    /// Reads one line into `line`, which is cleared before.
    ///
    /// # Errors
    /// If the line does not have this format.
    pub(crate) fn parse_line<'l>(
        &'l self,
        text: &'l [u8],
        line: &mut LogLine<'l>,
        state: &mut ReadState,
    ) -> Result<LineKind, Malformed> {
        line.clear();
        if text.is_empty() {
            return Ok(LineKind::Directive);
        }
        let clock = &mut state.clock;
        let text = &text[self.prefix_length(text)..];
        match &self.reader {
            Reader::Combined(format) => format.parse(text, line, clock),
            Reader::Pattern(format) => format.parse(text, line, clock),
            Reader::Json(format) => format.parse(text, &self.wanted, line, clock),
            Reader::Haproxy(format) => format.parse(text, line, clock),
            Reader::Words(format) => format.parse(text, line, clock),
            Reader::W3c => w3c::parse(text, &self.wanted, &mut state.columns, line, clock),
        }
    }
}

impl LogFormat {
    /// The length of a prefix of syslog. A format that could itself begin like one has none.
    fn prefix_length(&self, text: &[u8]) -> usize {
        match (&self.reader, text.first()) {
            // Nearly all lines of these formats begin with a digit or a brace.
            (Reader::Json(_), Some(b'{')) => 0,
            (Reader::Json(_) | Reader::Combined(_), Some(b'<' | b'A'..=b'Z' | b'0'..=b'9')) => {
                syslog::prefix_length(text)
            }
            _ => 0,
        }
    }
}

fn named_reader(name: &str, wanted: &WantedFields) -> Option<Reader> {
    let combined = ["referer", "user-agent"];
    let reader = match name {
        "common" => Reader::Combined(Combined::common()),
        "combined" => Reader::Combined(Combined::with_fields(&combined, wanted)),
        "combined-forwarded" => {
            let fields = ["referer", "user-agent", "x-forwarded-for"];
            Reader::Combined(Combined::with_fields(&fields, wanted))
        }
        "traefik" => {
            Reader::Combined(Combined::with_fields(&combined, wanted).with_other_quotes(4))
        }
        "envoy" => Reader::Pattern(envoy::default_format(wanted)),
        "alb" => Reader::Words(Words::alb(wanted)),
        "w3c" => Reader::W3c,
        "json" => Reader::Json(json_presets::usual(wanted)),
        "traefik-json" => Reader::Json(json_presets::traefik(wanted)),
        "caddy" => Reader::Json(json_presets::caddy()),
        "cloudflare" => Reader::Json(json_presets::cloudflare(wanted)),
        "google-cloud" => Reader::Json(json_presets::google_cloud(wanted)),
        "azure" => Reader::Json(json_presets::azure(wanted)),
        "kong" => Reader::Json(json_presets::kong()),
        "upshift" => Reader::Json(json_presets::upshift(wanted)),
        "vhost" => Reader::Combined(Combined::with_fields(&combined, wanted).after_host()),
        _ => return None,
    };
    Some(reader)
}

fn at(offset: usize) -> impl Fn(FormatError) -> FormatError {
    move |error| FormatError { position: offset + error.position, ..error }
}

fn unknown_format() -> FormatError {
    let mut names = Vec::new();
    for (name, _) in FORMAT_NAMES {
        names.push(*name);
    }
    let message = format!(
        "expected {}, nginx=LOG_FORMAT, apache=LOGFORMAT, json=FACT=KEY,… or haproxy=NAME|…",
        names.join(", ")
    );
    FormatError { position: 0, message }
}

#[cfg(test)]
mod tests;
