//! The content of a message.

use upshift_record::RecordedField;

use super::LenientHead;
use super::head::add_field_line;

/// The framing of a message's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// So many octets.
    Known(u64),
    /// The chunked transfer coding.
    Chunked,
}

/// The framing of a request's content. Of several lengths the first that is a number counts; a
/// request without one has no content.
pub fn request_body_length(head: &LenientHead) -> BodyLength {
    framing(head).unwrap_or(BodyLength::Known(0))
}

/// The content of a final response, out of the octets after its head.
pub(super) fn response_body(head: &LenientHead, rest: &[u8]) -> Vec<u8> {
    match framing(head) {
        Some(BodyLength::Known(length)) => {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            rest[..length.min(rest.len())].to_vec()
        }
        Some(BodyLength::Chunked) => {
            let mut reader = ChunkedReader::default();
            let mut unread = rest.to_vec();
            reader.read(&mut unread);
            reader.content
        }
        None => rest.to_vec(),
    }
}

fn framing(head: &LenientHead) -> Option<BodyLength> {
    if head.lists("Transfer-Encoding", "chunked") {
        return Some(BodyLength::Chunked);
    }
    for value in head.values("Content-Length") {
        let first = value.split(|octet| *octet == b',').next().unwrap_or_default();
        let text = std::str::from_utf8(first.trim_ascii()).unwrap_or_default();
        if let Ok(length) = text.parse() {
            return Some(BodyLength::Known(length));
        }
    }
    None
}

/// The state of a body that is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyProgress {
    /// More octets are needed.
    Incomplete,
    /// The body is complete.
    Complete,
    /// The octets cannot be read as chunks.
    Malformed,
}

/// A reader of the chunked transfer coding (RFC 9112 §7.1).
#[derive(Clone, Debug, Default)]
pub struct ChunkedReader {
    /// The content so far.
    pub content: Vec<u8>,
    /// The trailer fields so far.
    pub trailers: Vec<RecordedField>,
    in_trailers: bool,
}

impl ChunkedReader {
    /// Takes the complete chunks at the start of `unread` out of it.
    pub fn read(&mut self, unread: &mut Vec<u8>) -> BodyProgress {
        // Each turn consumes a line, so there are at most as many as octets.
        while let Some(line_end) = unread.iter().position(|octet| *octet == b'\n') {
            let line = unread[..line_end].trim_ascii();
            if self.in_trailers {
                let is_last = line.is_empty();
                if !is_last {
                    add_field_line(&mut self.trailers, line);
                }
                unread.drain(..=line_end);
                if is_last {
                    return BodyProgress::Complete;
                }
                continue;
            }
            let Some(size) = chunk_size(line) else { return BodyProgress::Malformed };
            if size == 0 {
                self.in_trailers = true;
                unread.drain(..=line_end);
                continue;
            }
            let data_start = line_end + 1;
            let Some(data_end) = data_start.checked_add(size) else {
                return BodyProgress::Malformed;
            };
            // The line end after the data is part of the chunk.
            let Some(after) = unread.get(data_end..) else { return BodyProgress::Incomplete };
            let Some(newline) = after.iter().position(|octet| *octet == b'\n') else {
                return BodyProgress::Incomplete;
            };
            self.content.extend_from_slice(&unread[data_start..data_end]);
            unread.drain(..=data_end + newline);
        }
        BodyProgress::Incomplete
    }
}

fn chunk_size(line: &[u8]) -> Option<usize> {
    let digits = line.split(|octet| *octet == b';').next()?;
    let text = std::str::from_utf8(digits.trim_ascii()).ok()?;
    usize::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_read_octet_by_octet() {
        let sent = b"3;x=y\r\nabc\r\n2\nde\n0\r\nT: 1\r\n\r\nGET";
        let mut reader = ChunkedReader::default();
        let mut unread = Vec::new();
        let mut progress = BodyProgress::Incomplete;
        let mut taken = 0;
        while progress == BodyProgress::Incomplete {
            unread.push(sent[taken]);
            taken += 1;
            progress = reader.read(&mut unread);
        }
        assert_eq!(progress, BodyProgress::Complete);
        assert_eq!(reader.content, b"abcde");
        assert_eq!(reader.trailers.len(), 1);
        assert_eq!(&sent[taken..], b"GET");
    }

    #[test]
    fn a_size_that_is_no_number_is_malformed() {
        let mut unread = b"x\r\n".to_vec();
        assert_eq!(ChunkedReader::default().read(&mut unread), BodyProgress::Malformed);
        let mut unread = b"ffffffffffffffff\r\n".to_vec();
        assert_eq!(ChunkedReader::default().read(&mut unread), BodyProgress::Malformed);
    }
}
