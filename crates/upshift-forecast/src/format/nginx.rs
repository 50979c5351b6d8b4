//! Formats that are written as nginx's `log_format`.

use super::clock::TimeFormat;
use super::escape::Escaping;
use super::format_error::FormatError;
use super::pattern::{Absence, Pattern, PatternBuilder};
use super::slot::Slot;
use crate::line::WantedFields;

/// Compiles the text of a `log_format`: one text, or several in quotes that are joined, perhaps
/// after `escape=json`.
pub(super) fn compile(text: &str, wanted: &WantedFields) -> Result<Pattern, FormatError> {
    let (escaping, absent, rest) = read_escape(text)?;
    let begin = text.len() - rest.len();
    let characters = unquote(rest, begin)?;
    let mut builder = PatternBuilder::new();
    let mut ignored = Vec::new();
    let mut at = 0;
    while let Some((position, character)) = characters.get(at).copied() {
        if character != '$' {
            builder.push_literal(character.encode_utf8(&mut [0; 4]).as_bytes());
            at += 1;
            continue;
        }
        let (name, length) = read_variable(&characters[at + 1..], position)?;
        let slot = slot_of(&name, wanted);
        if !builder.push_capture(slot) {
            let message = format!("nothing separates ${name} from the variable before it");
            return Err(FormatError { position, message });
        }
        if slot == Slot::Ignored {
            ignored.push(format!("${name}"));
        }
        at += 1 + length;
    }
    if !builder.has_request() {
        return Err(no_request(&ignored, begin));
    }
    Ok(builder.build(escaping, absent))
}

/// The error of a format without a request, whose other variables are `ignored`.
fn no_request(ignored: &[String], position: usize) -> FormatError {
    let mut message =
        "the format has no request: it needs $request, or $request_method and $request_uri"
            .to_owned();
    if !ignored.is_empty() {
        message.push_str(&format!(" (not read: {})", ignored.join(", ")));
    }
    FormatError { position, message }
}

fn read_escape(text: &str) -> Result<(Escaping, Absence, &str), FormatError> {
    let trimmed = text.trim_start();
    let Some(rest) = trimmed.strip_prefix("escape=") else {
        return Ok((Escaping::Nginx, Absence::Dash, trimmed));
    };
    let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let (escaping, absent) = match word {
        "default" => (Escaping::Nginx, Absence::Dash),
        "json" => (Escaping::Json, Absence::Empty),
        "none" => (Escaping::Raw, Absence::Empty),
        _ => {
            let position = text.len() - rest.len();
            let message = "expected escape=default, escape=json or escape=none".to_owned();
            return Err(FormatError { position, message });
        }
    };
    Ok((escaping, absent, after.trim_start()))
}

/// The characters of the format, with their positions in the argument.
fn unquote(text: &str, begin: usize) -> Result<Vec<(usize, char)>, FormatError> {
    let mut characters = text.char_indices();
    let mut format = Vec::new();
    // nginx joins the parts. Without quotes, the text is taken as it is.
    if !text.starts_with('\'') {
        for (at, character) in characters {
            format.push((begin + at, character));
        }
        return Ok(format);
    }
    while let Some((open, character)) = characters.next() {
        match character {
            '\'' | '"' => read_part(&mut characters, character, begin, open, &mut format)?,
            ' ' | '\n' | '\t' | '\r' | ';' => {}
            _ => {
                let message = "expected another part in quotes".to_owned();
                return Err(FormatError { position: begin + open, message });
            }
        }
    }
    Ok(format)
}

fn read_part(
    characters: &mut std::str::CharIndices<'_>,
    quote: char,
    begin: usize,
    open: usize,
    format: &mut Vec<(usize, char)>,
) -> Result<(), FormatError> {
    while let Some((at, character)) = characters.next() {
        match character {
            _ if character == quote => return Ok(()),
            '\\' => format.extend(characters.next().map(|(at, next)| (begin + at, next))),
            _ => format.push((begin + at, character)),
        }
    }
    let message = "the quote that opens here is not closed".to_owned();
    Err(FormatError { position: begin + open, message })
}

/// The name of a variable, and the number of characters that it takes after the `$`.
fn read_variable(after: &[(usize, char)], position: usize) -> Result<(String, usize), FormatError> {
    let is_braced = after.first().is_some_and(|(_, first)| *first == '{');
    let start = usize::from(is_braced);
    let mut name = String::new();
    for (_, character) in &after[start..] {
        if !character.is_ascii_alphanumeric() && *character != '_' {
            break;
        }
        name.push(*character);
    }
    let end = start + name.len();
    let is_closed = !is_braced || after.get(end).is_some_and(|(_, next)| *next == '}');
    if name.is_empty() || !is_closed {
        let message = "expected the name of a variable after `$`".to_owned();
        return Err(FormatError { position, message });
    }
    Ok((name, end + usize::from(is_braced)))
}

fn slot_of(name: &str, wanted: &WantedFields) -> Slot {
    match name {
        "remote_addr" => Slot::Peer,
        "request" => Slot::Request,
        "request_method" => Slot::Method,
        "request_uri" => Slot::Target,
        "uri" | "document_uri" => Slot::Path,
        "args" | "query_string" => Slot::Query,
        "server_protocol" => Slot::Http,
        "ssl_protocol" => Slot::Tls,
        "scheme" => Slot::Scheme,
        "https" => Slot::Https,
        "host" | "http_host" => Slot::Host,
        "status" => Slot::Status,
        "msec" => Slot::Time(TimeFormat::Seconds),
        "time_local" => Slot::Time(TimeFormat::Clf),
        "time_iso8601" => Slot::Time(TimeFormat::Iso),
        "content_type" => field_slot("content-type", wanted),
        "content_length" => field_slot("content-length", wanted),
        _ => match name.strip_prefix("http_") {
            Some(field) => field_slot(&field.replace('_', "-"), wanted),
            None => Slot::Ignored,
        },
    }
}

/// The slot of a header field.
pub(super) fn field_slot(name: &str, wanted: &WantedFields) -> Slot {
    match wanted.index_of(name) {
        Some(index) => Slot::Field(index),
        None => Slot::Ignored,
    }
}
