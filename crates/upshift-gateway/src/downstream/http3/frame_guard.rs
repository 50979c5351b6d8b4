//! Bounds on the frames of one stream, before h3 sees them.
//!
//! h3 buffers every frame except DATA whole before it parses it, with no bound on its length. So
//! the lengths are read here, as the bytes pass, and a frame that is too long ends the stream at
//! its header.
//!
//! h3 also takes a DATA frame without content for the end of the content. Such frames, which RFC
//! 9114 §7.2.1 allows, are removed.

use std::ops::Range;

use bytes::Bytes;
use upshift_http::Varint;

use super::field_section::{self, BadSection};

/// RFC 9114 §7.2.
const DATA: u64 = 0;
const HEADERS: u64 = 1;

/// A frame because of which a stream is ended. The client is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadFrame {
    /// A frame that would be buffered whole is longer than a header section may be.
    #[error("a frame is longer than the limit of a header section")]
    TooLong,
    /// The header section is malformed (RFC 9114 §4.1.2).
    #[error(transparent)]
    Section(#[from] BadSection),
}

/// The parser of one stream's frames: its state after the bytes that have passed.
#[derive(Debug)]
pub(super) struct FrameGuard {
    limit: u64,
    state: FrameState,
    /// The next HEADERS frame is the header section of a request.
    expects_head: bool,
    /// The bytes of an incomplete frame header. They are held back.
    header: Vec<u8>,
    /// The last header was that of a frame that is removed.
    removes_frame: bool,
}

#[derive(Debug)]
enum FrameState {
    /// The type of a unidirectional stream (RFC 9114 §6.2).
    StreamType(Varint),
    FrameType(Varint),
    Length {
        kind: u64,
        length: Varint,
    },
    /// A header section, as far as it has arrived.
    Head {
        left: u64,
        section: Vec<u8>,
    },
    /// A payload that is not parsed.
    Payload {
        left: u64,
    },
    /// A stream of another type, which has no frames.
    Unframed,
}

impl FrameGuard {
    /// A guard for a request's stream. Frames other than DATA may have `limit` bytes.
    pub(super) fn for_request(limit: u64) -> Self {
        Self {
            limit,
            state: FrameState::FrameType(Varint::default()),
            expects_head: true,
            header: Vec::new(),
            removes_frame: false,
        }
    }

    /// A guard for a unidirectional stream.
    pub(super) fn for_unidirectional(limit: u64) -> Self {
        Self {
            limit,
            state: FrameState::StreamType(Varint::default()),
            expects_head: false,
            header: Vec::new(),
            removes_frame: false,
        }
    }

    /// Takes the next bytes of the stream, and returns those for h3.
    ///
    /// # Errors
    /// If the stream has to end.
    pub(super) fn pass_bytes(&mut self, bytes: Bytes) -> Result<Bytes, BadFrame> {
        let mut before = std::mem::take(&mut self.header);
        let mut cuts: Vec<Range<usize>> = Vec::new();
        let mut rest: &[u8] = &bytes;
        // The start of the current header in `bytes`; it may have begun earlier, in `before`.
        let mut header_at = 0;
        while !rest.is_empty() {
            let was_header = self.is_within_header();
            rest = self.advance(rest)?;
            let at = bytes.len() - rest.len();
            match &self.state {
                FrameState::FrameType(kind)
                    if kind.is_empty() && was_header && self.removes_frame =>
                {
                    if header_at == 0 {
                        before.clear();
                    }
                    cuts.push(header_at..at);
                    header_at = at;
                }
                FrameState::FrameType(kind) if kind.is_empty() => header_at = at,
                _ => {}
            }
        }
        if self.is_within_header() {
            cuts.push(header_at..bytes.len());
            if header_at == 0 {
                self.header = std::mem::take(&mut before);
            }
            self.header.extend_from_slice(&bytes[header_at..]);
        }
        // The usual case: nothing to remove and nothing held back, so nothing is copied.
        if before.is_empty() && cuts.is_empty() {
            return Ok(bytes);
        }
        Ok(cut_out(before, &bytes, &cuts))
    }

    /// Takes the bytes of an incomplete header, if there are any.
    pub(super) fn take_header(&mut self) -> Option<Bytes> {
        if self.header.is_empty() {
            return None;
        }
        Some(std::mem::take(&mut self.header).into())
    }

    /// Returns true within a frame header.
    fn is_within_header(&self) -> bool {
        match &self.state {
            FrameState::FrameType(kind) => !kind.is_empty(),
            FrameState::Length { .. } => true,
            _ => false,
        }
    }

    /// Parses up to the next change of state, and returns the rest.
    fn advance<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], BadFrame> {
        match &mut self.state {
            FrameState::Unframed => Ok(&[]),
            FrameState::Payload { left } => {
                let (_, rest) = split_at_left(bytes, left);
                if *left == 0 {
                    self.state = FrameState::FrameType(Varint::default());
                }
                Ok(rest)
            }
            FrameState::Head { left, section } => {
                let (part, rest) = split_at_left(bytes, left);
                section.extend_from_slice(part);
                if *left == 0 {
                    field_section::check_section(section)?;
                    self.state = FrameState::FrameType(Varint::default());
                }
                Ok(rest)
            }
            FrameState::StreamType(_) | FrameState::FrameType(_) | FrameState::Length { .. } => {
                self.push_header_byte(bytes[0])?;
                Ok(&bytes[1..])
            }
        }
    }

    fn push_header_byte(&mut self, byte: u8) -> Result<(), BadFrame> {
        let next = match &mut self.state {
            // RFC 9114 §6.2.1: the control stream alone has frames.
            FrameState::StreamType(number) => match number.push(byte) {
                Some(0) => FrameState::FrameType(Varint::default()),
                Some(_) => FrameState::Unframed,
                None => return Ok(()),
            },
            FrameState::FrameType(number) => match number.push(byte) {
                Some(kind) => FrameState::Length { kind, length: Varint::default() },
                None => return Ok(()),
            },
            FrameState::Length { kind, length } => {
                let kind = *kind;
                match length.push(byte) {
                    Some(length) => self.begin_payload(kind, length)?,
                    None => return Ok(()),
                }
            }
            _ => return Ok(()),
        };
        self.state = next;
        Ok(())
    }

    fn begin_payload(&mut self, kind: u64, length: u64) -> Result<FrameState, BadFrame> {
        if kind != DATA && length > self.limit {
            return Err(BadFrame::TooLong);
        }
        if kind == HEADERS && std::mem::take(&mut self.expects_head) {
            if length == 0 {
                return Err(BadSection::Truncated.into());
            }
            return Ok(FrameState::Head { left: length, section: Vec::new() });
        }
        self.removes_frame = kind == DATA && length == 0;
        Ok(match length {
            0 => FrameState::FrameType(Varint::default()),
            left => FrameState::Payload { left },
        })
    }
}

/// Joins `before` and `bytes`, without the ranges `cuts` of `bytes`.
fn cut_out(before: Vec<u8>, bytes: &[u8], cuts: &[Range<usize>]) -> Bytes {
    let mut kept = before;
    let mut at = 0;
    for cut in cuts {
        kept.extend_from_slice(&bytes[at..cut.start]);
        at = cut.end;
    }
    kept.extend_from_slice(&bytes[at..]);
    kept.into()
}

/// Splits after at most `left` bytes, and reduces `left` by their number.
fn split_at_left<'b>(bytes: &'b [u8], left: &mut u64) -> (&'b [u8], &'b [u8]) {
    let length = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
    *left -= length as u64;
    bytes.split_at(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GET https://a/ in QPACK.
    const SECTION: &[u8] = &[0, 0, 0xd1, 0xc1, 0xd7, 0x50, 1, b'a'];

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).unwrap_or(63);
        [&[kind, length][..], payload].concat()
    }

    /// Checks `bytes` whole and byte by byte: the result must be the same.
    fn checked(mut guard: impl FnMut() -> FrameGuard, bytes: &[u8]) -> Result<(), BadFrame> {
        let whole = guard().pass_bytes(Bytes::copy_from_slice(bytes));
        let mut one_by_one = guard();
        let mut parts = Vec::new();
        let outcome = bytes.iter().try_for_each(|byte| {
            parts.extend_from_slice(&one_by_one.pass_bytes(Bytes::copy_from_slice(&[*byte]))?);
            Ok(())
        });
        match &whole {
            Ok(passed) if one_by_one.header.is_empty() => assert_eq!(*passed, parts),
            _ => {}
        }
        assert_eq!(whole.as_ref().err(), outcome.as_ref().err());
        whole.map(drop)
    }

    /// RFC 9114 §7.2.1.
    #[test]
    fn data_frames_without_content_are_left_out() {
        let empty = frame(0, b"");
        let sent = [
            frame(1, SECTION),
            empty.clone(),
            frame(0, b"abc"),
            empty.clone(),
            frame(0, b"d"),
            empty,
        ]
        .concat();
        let kept = [frame(1, SECTION), frame(0, b"abc"), frame(0, b"d")].concat();
        assert_eq!(FrameGuard::for_request(64).pass_bytes(sent.clone().into()), Ok(kept.into()));
        assert_eq!(checked(|| FrameGuard::for_request(64), &sent), Ok(()));
    }

    #[test]
    fn a_request_passes() {
        let bytes = [
            frame(1, SECTION),
            frame(0, b"content"),
            frame(0x21, b"grease"),
            frame(1, b"trailers"),
        ]
        .concat();
        assert_eq!(checked(|| FrameGuard::for_request(64), &bytes), Ok(()));
        // DATA may be of any length: 1 GiB.
        let large = [frame(1, SECTION), vec![0, 0xc0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3]].concat();
        assert_eq!(checked(|| FrameGuard::for_request(64), &large), Ok(()));
    }

    #[test]
    fn a_long_frame_ends_the_stream_at_its_header() {
        for kind in [1, 4, 0x21] {
            let gibibyte = [kind, 0x80 | 0x3f, 0xff, 0xff, 0xff];
            assert_eq!(
                checked(|| FrameGuard::for_request(65_536), &gibibyte),
                Err(BadFrame::TooLong)
            );
            let on_control_stream = [&[0][..], &gibibyte].concat();
            assert_eq!(
                checked(|| FrameGuard::for_unidirectional(65_536), &on_control_stream),
                Err(BadFrame::TooLong)
            );
        }
        let encoder_stream = [2, 0x3f, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(checked(|| FrameGuard::for_unidirectional(64), &encoder_stream), Ok(()));
    }

    #[test]
    fn a_malformed_section_ends_the_stream() {
        let doubled = frame(1, &[SECTION, &[0xc1]].concat());
        assert_eq!(
            checked(|| FrameGuard::for_request(64), &doubled),
            Err(BadSection::Repeated.into())
        );
        assert_eq!(
            checked(|| FrameGuard::for_request(64), &[1, 0]),
            Err(BadSection::Truncated.into())
        );
    }
}
