//! Response heads counted in the frames of an HTTP/2 connection.
//!
//! The codec drops interim responses without counting them, and hyper reports none over HTTP/2. A
//! header section need not be decoded to be counted: an interim response never ends its stream (RFC
//! 9113 §8.1), and of the other two sections the trailers always do. So HEADERS frames without
//! END_STREAM are interim responses, and at most one final one.

use std::collections::BTreeMap;

use crate::head_limit::{HeadLimit, INTERIM_RESPONSES};

const FRAME_HEAD: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// The most streams whose heads are counted; the oldest are forgotten.
const STREAMS: usize = 1024;

/// The heads that a server has sent on one connection.
#[derive(Default)]
pub(crate) struct Http2Heads {
    /// The fixed head of the next frame, as far as it has come.
    frame_head: Vec<u8>,
    /// The part of the current frame's payload that is still to come.
    payload_left: usize,
    /// A header section has begun, and its last byte has not come.
    section_open: bool,
    /// The current frame is the last one of the section.
    section_ends: bool,
    /// Header sections without END_STREAM, by stream.
    unended: BTreeMap<u32, usize>,
}

impl Http2Heads {
    /// Reads on.
    ///
    /// # Errors
    /// If a stream has too many interim responses.
    pub(crate) fn read(&mut self, mut bytes: &[u8]) -> Result<(), HeadLimit> {
        while !bytes.is_empty() {
            if self.payload_left == 0 {
                let taken = (FRAME_HEAD - self.frame_head.len()).min(bytes.len());
                self.frame_head.extend_from_slice(&bytes[..taken]);
                bytes = &bytes[taken..];
                if self.frame_head.len() < FRAME_HEAD {
                    return Ok(());
                }
                self.begin_frame()?;
            }
            let taken = self.payload_left.min(bytes.len());
            self.payload_left -= taken;
            bytes = &bytes[taken..];
            if self.payload_left == 0 && self.section_ends {
                self.section_open = false;
            }
        }
        Ok(())
    }

    /// Whether a header section has begun and not ended.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.section_open
    }

    /// Reads the fixed head of a frame (RFC 9113 §4.1).
    fn begin_frame(&mut self) -> Result<(), HeadLimit> {
        let head = std::mem::take(&mut self.frame_head);
        let &[long, longer, length, kind, flags, s0, s1, s2, s3] = head.as_slice() else {
            return Ok(());
        };
        self.payload_left = u32::from_be_bytes([0, long, longer, length]) as usize;
        let stream = u32::from_be_bytes([s0 & 0x7f, s1, s2, s3]);
        let in_section = matches!(kind, HEADERS | CONTINUATION);
        self.section_open |= in_section;
        self.section_ends = in_section && flags & END_HEADERS != 0;
        match kind {
            HEADERS if flags & END_STREAM == 0 => return self.count(stream),
            HEADERS | DATA if flags & END_STREAM != 0 => drop(self.unended.remove(&stream)),
            RST_STREAM => drop(self.unended.remove(&stream)),
            _ => {}
        }
        Ok(())
    }

    fn count(&mut self, stream: u32) -> Result<(), HeadLimit> {
        let sections = self.unended.entry(stream).or_default();
        *sections += 1;
        // The last of them may be the final response.
        if *sections > INTERIM_RESPONSES + 1 {
            return Err(HeadLimit::InterimResponses);
        }
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
        frame.iter().try_for_each(|byte| heads.read(&[*byte]))
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
        assert_eq!(heads.read(&frame(4, 0, 0, b"")), Ok(()));
        assert!(!heads.is_incomplete());
        assert_eq!(heads.read(&frame(HEADERS, 0, 1, b"begun")), Ok(()));
        assert!(heads.is_incomplete());
        let last = frame(CONTINUATION, END_HEADERS, 1, b"ended");
        assert_eq!(heads.read(&last[..last.len() - 1]), Ok(()));
        assert!(heads.is_incomplete());
        assert_eq!(heads.read(&last[last.len() - 1..]), Ok(()));
        assert!(!heads.is_incomplete());
        assert_eq!(heads.read(&frame(HEADERS, END_HEADERS, 3, b"")), Ok(()));
        assert!(!heads.is_incomplete(), "an empty last frame ends it too");
    }
}
