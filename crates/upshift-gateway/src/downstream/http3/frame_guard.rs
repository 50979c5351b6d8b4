//! Bounds on the frames of one stream, before the codec sees them.
//!
//! The codec buffers every frame but DATA whole before it looks at it, with no bound on its length.
//! So the lengths are read here, as the bytes pass, and a frame that is too long ends the stream at
//! its header.
//!
//! The codec also takes a DATA frame without content for the end of the content. Such frames (RFC
//! 9114 §7.2.1 allows them) are left out.

use std::ops::Range;

use bytes::Bytes;
use upshift_http::Varint;

use super::field_section::{self, BadSection};

/// RFC 9114 §7.2.
const DATA: u64 = 0;
const HEADERS: u64 = 1;

/// Why a stream is ended. The client is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadFrame {
    /// A frame that has to be held whole is longer than a header section may be.
    #[error("a frame is longer than is read here")]
    TooLong,
    /// The header section is malformed (RFC 9114 §4.1.2).
    #[error(transparent)]
    Section(#[from] BadSection),
}

/// What the bytes of a stream are, up to where they have been read.
#[derive(Debug)]
pub(super) struct FrameGuard {
    limit: u64,
    state: State,
    /// The next HEADERS frame is the header section of a request.
    expects_head: bool,
    /// The bytes of a frame's header that have come, and have not been handed on.
    header: Vec<u8>,
    /// The last header was that of a frame that is left out.
    dropped: bool,
}

#[derive(Debug)]
enum State {
    /// The type of a unidirectional stream (RFC 9114 §6.2).
    StreamType(Varint),
    FrameType(Varint),
    Length {
        kind: u64,
        length: Varint,
    },
    /// A header section, as far as it has come.
    Head {
        left: u64,
        section: Vec<u8>,
    },
    /// A payload that is not looked at.
    Payload {
        left: u64,
    },
    /// Not frames: a stream of another type.
    Unframed,
}

impl FrameGuard {
    /// For a request's stream, whose frames but DATA have at most `limit` bytes.
    pub(super) fn request(limit: u64) -> Self {
        Self {
            limit,
            state: State::FrameType(Varint::default()),
            expects_head: true,
            header: Vec::new(),
            dropped: false,
        }
    }

    /// For a unidirectional stream.
    pub(super) fn unidirectional(limit: u64) -> Self {
        Self {
            limit,
            state: State::StreamType(Varint::default()),
            expects_head: false,
            header: Vec::new(),
            dropped: false,
        }
    }

    /// Takes the next bytes of the stream; gives those that are to be handed on.
    ///
    /// # Errors
    /// If the stream is to be ended, and these bytes are not to be handed on.
    pub(super) fn pass(&mut self, bytes: Bytes) -> Result<Bytes, BadFrame> {
        let mut before = std::mem::take(&mut self.header);
        let mut cuts: Vec<Range<usize>> = Vec::new();
        let mut rest: &[u8] = &bytes;
        // Where the header that is being read begins; it may have begun in `before`.
        let mut header_at = 0;
        while !rest.is_empty() {
            let was_header = self.is_within_header();
            rest = self.advance(rest)?;
            let at = bytes.len() - rest.len();
            match &self.state {
                State::FrameType(kind) if kind.is_empty() && was_header && self.dropped => {
                    if header_at == 0 {
                        before.clear();
                    }
                    cuts.push(header_at..at);
                    header_at = at;
                }
                State::FrameType(kind) if kind.is_empty() => header_at = at,
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
        Ok(if before.is_empty() && cuts.is_empty() {
            bytes
        } else {
            without(before, &bytes, &cuts)
        })
    }

    /// What has come of a header that is not whole.
    pub(super) fn take_header(&mut self) -> Option<Bytes> {
        let header = std::mem::take(&mut self.header);
        (!header.is_empty()).then(|| header.into())
    }

    /// Whether a part of a frame's header has come.
    fn is_within_header(&self) -> bool {
        match &self.state {
            State::FrameType(kind) => !kind.is_empty(),
            State::Length { .. } => true,
            _ => false,
        }
    }

    /// Reads on to the next change of state; what is left.
    fn advance<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], BadFrame> {
        match &mut self.state {
            State::Unframed => Ok(&[]),
            State::Payload { left } => {
                let (_, rest) = split(bytes, left);
                if *left == 0 {
                    self.state = State::FrameType(Varint::default());
                }
                Ok(rest)
            }
            State::Head { left, section } => {
                let (part, rest) = split(bytes, left);
                section.extend_from_slice(part);
                if *left == 0 {
                    field_section::check(section)?;
                    self.state = State::FrameType(Varint::default());
                }
                Ok(rest)
            }
            State::StreamType(_) | State::FrameType(_) | State::Length { .. } => {
                self.push(bytes[0])?;
                Ok(&bytes[1..])
            }
        }
    }

    fn push(&mut self, byte: u8) -> Result<(), BadFrame> {
        let next = match &mut self.state {
            // RFC 9114 §6.2.1: the control stream alone has frames.
            State::StreamType(kind) => kind.push(byte).map(|kind| match kind {
                0 => State::FrameType(Varint::default()),
                _ => State::Unframed,
            }),
            State::FrameType(kind) => {
                kind.push(byte).map(|kind| State::Length { kind, length: Varint::default() })
            }
            State::Length { kind, length } => {
                let kind = *kind;
                match length.push(byte) {
                    Some(length) => Some(self.payload(kind, length)?),
                    None => None,
                }
            }
            _ => None,
        };
        if let Some(next) = next {
            self.state = next;
        }
        Ok(())
    }

    fn payload(&mut self, kind: u64, length: u64) -> Result<State, BadFrame> {
        if kind != DATA && length > self.limit {
            return Err(BadFrame::TooLong);
        }
        if kind == HEADERS && std::mem::take(&mut self.expects_head) {
            if length == 0 {
                return Err(BadSection::Truncated.into());
            }
            return Ok(State::Head { left: length, section: Vec::new() });
        }
        self.dropped = kind == DATA && length == 0;
        Ok(match length {
            0 => State::FrameType(Varint::default()),
            left => State::Payload { left },
        })
    }
}

/// `before` and `bytes`, but for the parts in `cuts`.
fn without(before: Vec<u8>, bytes: &[u8], cuts: &[Range<usize>]) -> Bytes {
    let mut kept = before;
    let mut at = 0;
    for cut in cuts {
        kept.extend_from_slice(&bytes[at..cut.start]);
        at = cut.end;
    }
    kept.extend_from_slice(&bytes[at..]);
    kept.into()
}

/// The first `left` bytes, by which `left` goes down, and the rest.
fn split<'b>(bytes: &'b [u8], left: &mut u64) -> (&'b [u8], &'b [u8]) {
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

    /// However the bytes are cut, the result is the same.
    fn checked(mut guard: impl FnMut() -> FrameGuard, bytes: &[u8]) -> Result<(), BadFrame> {
        let whole = guard().pass(Bytes::copy_from_slice(bytes));
        let mut one_by_one = guard();
        let mut parts = Vec::new();
        let outcome = bytes.iter().try_for_each(|byte| {
            parts.extend_from_slice(&one_by_one.pass(Bytes::copy_from_slice(&[*byte]))?);
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
        assert_eq!(FrameGuard::request(64).pass(sent.clone().into()), Ok(kept.into()));
        assert_eq!(checked(|| FrameGuard::request(64), &sent), Ok(()));
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
        assert_eq!(checked(|| FrameGuard::request(64), &bytes), Ok(()));
        // DATA may be of any length: 1 GiB.
        let large = [frame(1, SECTION), vec![0, 0xc0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3]].concat();
        assert_eq!(checked(|| FrameGuard::request(64), &large), Ok(()));
    }

    #[test]
    fn a_long_frame_ends_the_stream_at_its_header() {
        for kind in [1, 4, 0x21] {
            let gibibyte = [kind, 0x80 | 0x3f, 0xff, 0xff, 0xff];
            assert_eq!(checked(|| FrameGuard::request(65_536), &gibibyte), Err(BadFrame::TooLong));
            let on_control_stream = [&[0][..], &gibibyte].concat();
            assert_eq!(
                checked(|| FrameGuard::unidirectional(65_536), &on_control_stream),
                Err(BadFrame::TooLong)
            );
        }
        let encoder_stream = [2, 0x3f, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(checked(|| FrameGuard::unidirectional(64), &encoder_stream), Ok(()));
    }

    #[test]
    fn a_malformed_section_ends_the_stream() {
        let doubled = frame(1, &[SECTION, &[0xc1]].concat());
        assert_eq!(checked(|| FrameGuard::request(64), &doubled), Err(BadSection::Repeated.into()));
        assert_eq!(checked(|| FrameGuard::request(64), &[1, 0]), Err(BadSection::Truncated.into()));
    }
}
