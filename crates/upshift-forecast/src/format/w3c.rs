//! The W3C Extended Log Format, in which a line names the fields of those that follow: CloudFront,
//! IIS.

use super::clock::Clock;
use super::escape::Escaping;
use super::nginx::field_slot;
use super::slot::{LineParts, Slot};
use super::words::unescape_plus;
use crate::line::{LineKind, LogLine, Malformed, Text, WantedFields};

/// The columns of the lines after a `#Fields:` line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Columns(Vec<Slot>);

/// Reads a line. A `#Fields:` line changes `columns`.
///
/// # Errors
/// If the line does not have the columns, or comes before they are named.
pub(crate) fn parse<'l>(
    text: &'l [u8],
    wanted: &WantedFields,
    columns: &mut Columns,
    line: &mut LogLine<'l>,
    clock: &mut Clock,
) -> Result<LineKind, Malformed> {
    if let Some(names) = text.strip_prefix(b"#Fields:") {
        *columns = Columns::read(names, wanted);
        return Ok(LineKind::Directive);
    }
    if text.starts_with(b"#") {
        return Ok(LineKind::Directive);
    }
    if columns.0.is_empty() {
        return Err(Malformed::NoFields);
    }
    // CloudFront separates values by tabs and escapes them. IIS separates them by spaces.
    let has_tabs = memchr::memchr(b'\t', text).is_some();
    let separator = if has_tabs { b'\t' } else { b' ' };
    let mut values = text.split(|byte| *byte == separator);
    let mut parts = LineParts::default();
    for slot in &columns.0 {
        let value = values.next().ok_or(Malformed::Shape)?;
        parts.fill(*slot, read_value(value, has_tabs), line, clock)?;
    }
    parts.finish(line, clock)
}

fn read_value(text: &[u8], has_tabs: bool) -> Option<Text<'_>> {
    match text {
        b"-" => None,
        _ if has_tabs => Some(Escaping::Percent.unescape(text)),
        _ => Some(unescape_plus(text)),
    }
}

impl Columns {
    fn read(names: &[u8], wanted: &WantedFields) -> Self {
        let names = String::from_utf8_lossy(names).into_owned();
        let names: Vec<&str> = names.split_ascii_whitespace().collect();
        let has_viewer_host = names.contains(&"x-host-header");
        let mut slots = Vec::new();
        for name in names {
            slots.push(match name {
                // In CloudFront's, this is the name of the distribution.
                "cs(Host)" if has_viewer_host => Slot::Ignored,
                _ => slot_of(name, wanted),
            });
        }
        Self(slots)
    }
}

fn slot_of(name: &str, wanted: &WantedFields) -> Slot {
    match name {
        "date" => Slot::Date,
        "time" => Slot::TimeOfDay,
        "c-ip" => Slot::Peer,
        "cs-method" => Slot::Method,
        "cs-uri-stem" => Slot::Path,
        "cs-uri-query" => Slot::Query,
        "sc-status" => Slot::Status,
        "cs-protocol" => Slot::Scheme,
        "cs-protocol-version" | "cs-version" => Slot::Http,
        "ssl-protocol" => Slot::Tls,
        "cs-host" | "x-host-header" => Slot::Host,
        "x-forwarded-for" => field_slot(name, wanted),
        _ => match name.strip_prefix("cs(").and_then(|rest| rest.strip_suffix(')')) {
            Some(field) if field.eq_ignore_ascii_case("host") => Slot::Host,
            Some(field) => field_slot(field, wanted),
            None => Slot::Ignored,
        },
    }
}
