//! The field lines of a complete section: httparse parses them, and they are entered in the table.

use std::ops::Range;

use httparse::{EMPTY_HEADER, Header, Status};

use crate::fault::{FaultClass, Malformed};
use crate::field_id::FieldId;
use crate::field_table::{FieldSpan, FieldTable};
use crate::octets::{is_tchar, is_value_byte};

/// The treatment of white space between a field name and its colon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SpaceBeforeColon {
    /// RFC 9112 §5.1: a server MUST reject a request with it.
    Reject,
    /// RFC 9112 §5.1: a proxy MUST remove it from a response.
    Remove,
}

/// Parses the `count` field lines of `section` from the offset `start` to the empty line at the
/// end.
pub(crate) fn parse_fields(
    section: &[u8],
    start: usize,
    count: usize,
    spaces: SpaceBeforeColon,
) -> Result<FieldTable, Malformed> {
    // Fewer slots cost less to initialize.
    let parsed = match count {
        0 => return Ok(FieldTable::default()),
        1..=16 => fill_table(section, start, &mut [EMPTY_HEADER; 16]),
        17..=32 => fill_table(section, start, &mut [EMPTY_HEADER; 32]),
        _ => fill_table(section, start, &mut vec![EMPTY_HEADER; count]),
    };
    if let Some(table) = parsed {
        return Ok(table);
    }
    match find_fault(section, start, spaces) {
        Some(fault) => Err(fault),
        None => parse_spaced_fields(section, start, count),
    }
}

fn fill_table<'b>(section: &'b [u8], start: usize, slots: &mut [Header<'b>]) -> Option<FieldTable> {
    let lines = &section[start..];
    match httparse::parse_headers(lines, slots) {
        // If httparse finds another end than our search, the section is ambiguous.
        Ok(Status::Complete((length, headers))) if length == lines.len() => {
            let mut table = FieldTable::with_capacity(headers.len());
            for header in headers {
                let name = range_within(section, header.name.as_bytes());
                let value = range_within(section, header.value);
                let id = FieldId::of_name(header.name.as_bytes());
                table.push(FieldSpan::new(name, value, id));
            }
            Some(table)
        }
        _ => None,
    }
}

/// The range of `part` within `whole`.
fn range_within(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr() as usize - whole.as_ptr() as usize;
    start..start + part.len()
}

/// Parses the fields of a response that has white space before a colon. httparse accepts that only
/// after a status line, so the lines are copied behind one, and the offsets are corrected.
#[cold]
fn parse_spaced_fields(
    section: &[u8],
    start: usize,
    count: usize,
) -> Result<FieldTable, Malformed> {
    const STATUS_LINE: &[u8] = b"HTTP/1.1 200 OK\r\n";
    let copy = [STATUS_LINE, &section[start..]].concat();
    let mut slots = vec![EMPTY_HEADER; count];
    let mut response = httparse::Response::new(&mut slots);
    let mut config = httparse::ParserConfig::default();
    config.allow_spaces_after_header_name_in_responses(true);
    match config.parse_response(&mut response, &copy) {
        Ok(Status::Complete(length)) if length == copy.len() => {}
        _ => return Err(Malformed::new(FaultClass::FieldName, start)),
    }
    let mut table = FieldTable::with_capacity(count);
    for header in response.headers.iter() {
        let name = shift(range_within(&copy, header.name.as_bytes()), STATUS_LINE.len(), start);
        let value = shift(range_within(&copy, header.value), STATUS_LINE.len(), start);
        table.push(FieldSpan::new(name, value, FieldId::of_name(header.name.as_bytes())));
    }
    Ok(table)
}

fn shift(range: Range<usize>, from: usize, to: usize) -> Range<usize> {
    range.start - from + to..range.end - from + to
}

/// The first fault in lines that httparse rejects without naming it; `None` if the only deviation
/// is white space that is to be removed.
#[cold]
fn find_fault(section: &[u8], start: usize, spaces: SpaceBeforeColon) -> Option<Malformed> {
    let mut at = start;
    for raw in section[start..].split_inclusive(|byte| *byte == b'\n') {
        let without_lf = raw.strip_suffix(b"\n").unwrap_or(raw);
        match line_fault(without_lf.strip_suffix(b"\r").unwrap_or(without_lf)) {
            Some((FaultClass::SpaceBeforeColon, _)) if spaces == SpaceBeforeColon::Remove => {}
            Some((class, place)) => return Some(Malformed::new(class, at + place)),
            None => {}
        }
        at += raw.len();
    }
    None
}

fn line_fault(line: &[u8]) -> Option<(FaultClass, usize)> {
    if let Some(place) = line.iter().position(|byte| *byte == b'\r') {
        return Some((FaultClass::BareCr, place));
    }
    let Some(colon) = line.iter().position(|byte| *byte == b':') else {
        let class = if line.is_empty() { return None } else { FaultClass::NoColon };
        return Some((class, 0));
    };
    match line[..colon].iter().position(|byte| !is_tchar(*byte)) {
        Some(place) if place > 0 && is_blank(&line[place..colon]) => {
            return Some((FaultClass::SpaceBeforeColon, place));
        }
        Some(place) => return Some((FaultClass::FieldName, place)),
        None if colon == 0 => return Some((FaultClass::FieldName, 0)),
        None => {}
    }
    let bad = line[colon..].iter().position(|byte| !is_value_byte(*byte))?;
    Some((FaultClass::FieldValue, colon + bad))
}

fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b' ' | b'\t'))
}
