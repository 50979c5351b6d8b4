//! The content of a message that is written as text.
//!
//! A file that a person edited has lengths that no longer fit, and lines that end with LF. So this
//! reader takes what is there, where a codec would reject the message.

use upshift_record::{RecordedBody, RecordedField};

use super::text_head::is_start_line;

/// The framing of a content.
pub(super) enum BodyFraming {
    /// There is none.
    None,
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// `Content-Length`, in octets.
    Length(usize),
    /// To the end of the input.
    Rest,
}

impl BodyFraming {
    /// The framing of a response to a request with `method`.
    pub(super) fn of_response(status: u16, fields: &[RecordedField], is_head: bool) -> Self {
        // RFC 9112 §6.3: these have no content, whatever their fields say.
        if is_head || status < 200 || status == 204 || status == 304 {
            return Self::None;
        }
        Self::of_fields(fields).unwrap_or(Self::Rest)
    }

    /// The framing of a request.
    pub(super) fn of_request(fields: &[RecordedField]) -> Self {
        Self::of_fields(fields).unwrap_or(Self::None)
    }

    fn of_fields(fields: &[RecordedField]) -> Option<Self> {
        if let Some(coding) = value_of(fields, "transfer-encoding")
            && coding.to_ascii_lowercase().ends_with("chunked")
        {
            return Some(Self::Chunked);
        }
        let length = value_of(fields, "content-length")?;
        Some(Self::Length(length.parse().ok()?))
    }
}

fn value_of(fields: &[RecordedField], name: &str) -> Option<String> {
    let RecordedField(_, value) = fields.iter().find(|field| field.0.eq_ignore_ascii_case(name))?;
    Some(value.to_text())
}

/// Takes the content off the front of `rest`. Returns it and the number of octets that it takes up.
pub(super) fn take_body(framing: &BodyFraming, rest: &[u8]) -> (Option<RecordedBody>, usize) {
    let (octets, taken) = match framing {
        BodyFraming::None => return (None, 0),
        BodyFraming::Chunked => match decode_chunks(rest) {
            Some(decoded) => decoded,
            None => take_up_to_next_message(rest),
        },
        BodyFraming::Length(length) if fits_exactly(*length, rest) => {
            (rest[..*length].to_vec(), *length)
        }
        BodyFraming::Length(_) | BodyFraming::Rest => take_up_to_next_message(rest),
    };
    (Some(RecordedBody { octets, cut_from: None }), taken)
}

/// Returns true if a message, or nothing, follows the first `length` octets.
fn fits_exactly(length: usize, rest: &[u8]) -> bool {
    let Some(after) = rest.get(length..) else { return false };
    let after = after.trim_ascii_start();
    after.is_empty() || length_to_next_message(after) == 0
}

fn take_up_to_next_message(rest: &[u8]) -> (Vec<u8>, usize) {
    let length = length_to_next_message(rest);
    (trim_final_newline(&rest[..length]).to_vec(), length)
}

/// The number of octets before the line on which another message, a comment about it or `###`
/// begins.
fn length_to_next_message(rest: &[u8]) -> usize {
    let mut length = 0;
    for line in rest.split_inclusive(|byte| *byte == b'\n') {
        let text = line.trim_ascii_end();
        if text == b"###" || is_start_line(text) {
            return length;
        }
        length += line.len();
    }
    rest.len()
}

/// The newline with which an editor ends a file is not content.
fn trim_final_newline(octets: &[u8]) -> &[u8] {
    let cut = octets.strip_suffix(b"\n").unwrap_or(octets);
    cut.strip_suffix(b"\r").unwrap_or(cut)
}

/// Decodes a chunked content (RFC 9112 §7.1), with lines that end with CRLF or LF; `None` if it is
/// not chunked, or cut.
fn decode_chunks(input: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut octets = Vec::new();
    let mut rest = input;
    loop {
        let (line, after) = split_line(rest)?;
        let digits = line.split(|byte| *byte == b';').next()?.trim_ascii();
        let size = usize::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        if size == 0 {
            rest = after;
            break;
        }
        octets.extend_from_slice(after.get(..size)?);
        let (end, after) = split_line(&after[size..])?;
        if !end.is_empty() {
            return None;
        }
        rest = after;
    }
    // The trailer section, up to its empty line.
    while let Some((line, after)) = split_line(rest) {
        rest = after;
        if line.is_empty() {
            break;
        }
    }
    Some((octets, input.len() - rest.len()))
}

fn split_line(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = input.iter().position(|byte| *byte == b'\n')?;
    let line = &input[..end];
    Some((line.strip_suffix(b"\r").unwrap_or(line), &input[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_joined_and_trailers_skipped() {
        let chunked = b"3\r\nabc\r\n2;x=1\r\nde\r\n0\r\nT: 1\r\n\r\nHTTP/1.1 200 OK";
        assert_eq!(decode_chunks(chunked), Some((b"abcde".to_vec(), chunked.len() - 15)));
        assert_eq!(decode_chunks(b"3\nabc\n0\n\n"), Some((b"abc".to_vec(), 9)));
        for cut in [&b"3\r\nab"[..], b"x\r\n", b"3\r\nabcd\r\n0\r\n\r\n", b""] {
            assert_eq!(decode_chunks(cut), None);
        }
    }
}
