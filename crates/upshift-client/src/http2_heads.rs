//! Counts response heads in the frames of an HTTP/2 connection.
//!
//! The codec drops interim responses without counting them, and hyper reports none over HTTP/2. A
//! header section need not be decoded to be counted: an interim response never ends its stream (RFC
//! 9113 §8.1), while trailers always do. So the HEADERS frames without END_STREAM are the interim
//! responses and at most one final response.

use std::collections::BTreeMap;

use upshift_http::http2::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, FrameHead, HEADERS, RST_STREAM,
};

use crate::head_limit::{HeadLimit, INTERIM_RESPONSES};

/// The most streams whose heads are counted; the oldest are forgotten.
const STREAMS: usize = 1024;

/// The heads that a server has sent on one connection.
#[derive(Default)]
pub(crate) struct Http2Heads {
    /// The head of the next frame, as far as it has arrived.
    frame_head: Vec<u8>,
    /// The number of bytes of the current frame's payload that are still to arrive.
    payload_left: usize,
    /// A header section has begun, and its last byte has not arrived.
    section_open: bool,
    /// The current frame is the last one of the section.
    section_ends: bool,
    /// Header sections without END_STREAM, by stream.
    unended: BTreeMap<u32, usize>,
}

impl Http2Heads {
    /// Reads the next bytes of the connection.
    ///
    /// # Errors
    /// If a stream has too many interim responses.
    pub(crate) fn read_bytes(&mut self, mut bytes: &[u8]) -> Result<(), HeadLimit> {
        while !bytes.is_empty() {
            if self.payload_left == 0 {
                // A read may end anywhere, also within the head of a frame.
                let missing = FrameHead::LENGTH - self.frame_head.len();
                let (part, rest) = bytes.split_at(missing.min(bytes.len()));
                self.frame_head.extend_from_slice(part);
                bytes = rest;
                if part.len() < missing {
                    return Ok(());
                }
                self.begin_frame()?;
            }
            let skipped = self.payload_left.min(bytes.len());
            self.payload_left -= skipped;
            bytes = &bytes[skipped..];
            // This also ends a section whose last frame has no payload.
            if self.payload_left == 0 && self.section_ends {
                self.section_open = false;
            }
        }
        Ok(())
    }

    /// Returns true if a header section has begun and not ended.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.section_open
    }

    /// Reads the head of a frame (RFC 9113 §4.1).
    fn begin_frame(&mut self) -> Result<(), HeadLimit> {
        // `read_bytes` has collected the whole head, so this does not happen.
        let Some(head) = FrameHead::parse(&std::mem::take(&mut self.frame_head)) else {
            return Ok(());
        };
        self.payload_left = head.payload_length();
        let in_section = matches!(head.kind, HEADERS | CONTINUATION);
        // RFC 9113 §4.3: a section is one HEADERS frame and any number of CONTINUATION frames, with
        // no other frame between them.
        self.section_open |= in_section;
        self.section_ends = in_section && head.flags & END_HEADERS != 0;
        match head.kind {
            // CONTINUATION belongs to the section that is counted already.
            HEADERS if head.flags & END_STREAM == 0 => return self.count_section(head.stream),
            HEADERS | DATA if head.flags & END_STREAM != 0 => {
                self.unended.remove(&head.stream);
            }
            RST_STREAM => {
                self.unended.remove(&head.stream);
            }
            _ => {}
        }
        Ok(())
    }

    fn count_section(&mut self, stream: u32) -> Result<(), HeadLimit> {
        let sections = self.unended.entry(stream).or_default();
        *sections += 1;
        // The last of them may be the final response.
        if *sections > INTERIM_RESPONSES + 1 {
            return Err(HeadLimit::InterimResponses);
        }
        // A server can leave any number of streams open. Streams are numbered in order, so the
        // first one is the oldest.
        if self.unended.len() > STREAMS {
            self.unended.pop_first();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).unwrap_or_default();
        [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
    }

    /// Fed byte by byte, since a frame may be cut anywhere.
    fn read(heads: &mut Http2Heads, frame: &[u8]) -> Result<(), HeadLimit> {
        frame.iter().try_for_each(|byte| heads.read_bytes(&[*byte]))
    }

    #[test]
    fn interim_responses_are_counted_by_stream() {
        let mut heads = Http2Heads::default();
        for _ in 0..=INTERIM_RESPONSES {
            assert_eq!(read(&mut heads, &frame(HEADERS, END_HEADERS, 1, b"103")), Ok(()));
            assert_eq!(read(&mut heads, &frame(HEADERS, END_HEADERS, 3, b"103")), Ok(()));
        }
        let one_more = frame(HEADERS, END_HEADERS, 3, b"103");
        assert_eq!(read(&mut heads, &frame(DATA, END_STREAM, 1, b"body")), Ok(()));
        assert_eq!(read(&mut heads, &frame(HEADERS, END_HEADERS, 1, b"103")), Ok(()));
        assert_eq!(read(&mut heads, &one_more), Err(HeadLimit::InterimResponses));
    }

    #[test]
    fn a_section_is_incomplete_until_the_last_byte_of_its_last_frame() {
        let mut heads = Http2Heads::default();
        assert_eq!(heads.read_bytes(&frame(4, 0, 0, b"")), Ok(()));
        assert!(!heads.is_incomplete());
        assert_eq!(heads.read_bytes(&frame(HEADERS, 0, 1, b"begun")), Ok(()));
        assert!(heads.is_incomplete());
        let last = frame(CONTINUATION, END_HEADERS, 1, b"ended");
        assert_eq!(heads.read_bytes(&last[..last.len() - 1]), Ok(()));
        assert!(heads.is_incomplete());
        assert_eq!(heads.read_bytes(&last[last.len() - 1..]), Ok(()));
        assert!(!heads.is_incomplete());
        assert_eq!(heads.read_bytes(&frame(HEADERS, END_HEADERS, 3, b"")), Ok(()));
        assert!(!heads.is_incomplete(), "an empty last frame ends it too");
    }
}
