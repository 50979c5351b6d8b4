//! Limits on the frames of an HTTP/3 stream other than DATA.
//!
//! The codec buffers such a frame completely before it examines it, and sets no limit on
//! its length.

use upshift_http::Varint;

use crate::head_limit::{HEAD_BYTES, HeadLimit};

const DATA: u64 = 0;
const CONTROL_STREAM: u64 = 0;

/// The frames of one stream, read as they arrive.
#[derive(Debug, Default)]
pub(crate) struct Http3Frames {
    /// The integer that is being read.
    integer: Varint,
    expected: Expected,
}

#[derive(Debug, Default)]
enum Expected {
    /// The type of a unidirectional stream.
    StreamType,
    #[default]
    FrameType,
    Length {
        kind: u64,
    },
    Payload {
        kind: u64,
        left: u64,
    },
    /// Bytes without frames.
    Anything,
}

impl Http3Frames {
    /// The frames of a unidirectional stream, which begins with its type (RFC 9114 §6.2).
    pub(crate) fn for_unidirectional() -> Self {
        Self { integer: Varint::default(), expected: Expected::StreamType }
    }

    /// Reads the next bytes of the stream.
    ///
    /// # Errors
    /// If a frame that is not DATA is too long.
    pub(crate) fn read_bytes(&mut self, mut bytes: &[u8]) -> Result<(), HeadLimit> {
        while let Some((&first, rest)) = bytes.split_first() {
            if let Expected::Payload { kind, left } = self.expected {
                // On a 32-bit machine a frame may be longer than any slice.
                let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                bytes = &bytes[taken..];
                self.expected = expect_payload(kind, left - taken as u64);
                continue;
            }
            bytes = rest;
            if let Some(value) = self.integer.push(first) {
                self.integer = Varint::default();
                self.accept_integer(value)?;
            }
        }
        Ok(())
    }

    /// Returns true if a frame other than DATA has begun and not ended.
    pub(crate) fn is_incomplete(&self) -> bool {
        matches!(self.expected, Expected::Payload { kind, .. } if kind != DATA)
    }

    fn accept_integer(&mut self, value: u64) -> Result<(), HeadLimit> {
        self.expected = match self.expected {
            // RFC 9114 §6.2.1: the control stream has frames. The QPACK streams have none (RFC 9204
            // §4.2).
            Expected::StreamType if value == CONTROL_STREAM => Expected::FrameType,
            Expected::StreamType | Expected::Anything => Expected::Anything,
            // `read_bytes` skips a payload and reads no integer in it.
            Expected::FrameType | Expected::Payload { .. } => Expected::Length { kind: value },
            // Frames of unknown types count too: the codec buffers them before it ignores them.
            Expected::Length { kind } if kind != DATA && value > HEAD_BYTES as u64 => {
                return Err(HeadLimit::SectionBytes);
            }
            Expected::Length { kind } => expect_payload(kind, value),
        };
        Ok(())
    }
}

fn expect_payload(kind: u64, left: u64) -> Expected {
    if left == 0 { Expected::FrameType } else { Expected::Payload { kind, left } }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fed byte by byte, since a frame may be cut anywhere.
    fn read(frames: &mut Http3Frames, bytes: &[u8]) -> Result<(), HeadLimit> {
        bytes.iter().try_for_each(|byte| frames.read_bytes(&[*byte]))
    }

    #[test]
    fn content_may_be_long_and_a_header_section_may_not() {
        let mut frames = Http3Frames::default();
        assert_eq!(read(&mut frames, &[1, 2, b'h', b'h', 0, 0x80, 2, 0, 0]), Ok(()));
        assert_eq!(frames.read_bytes(&vec![0; 0x2_0000]), Ok(()));
        assert!(!frames.is_incomplete());
        assert_eq!(read(&mut frames, &[1, 0x80, 1, 0, 1]), Err(HeadLimit::SectionBytes));
        // A frame of an unknown type, which the codec collects all the same (RFC 9114 §9).
        let reserved = [0x21, 0xc0, 0, 0, 0, 0x40, 0, 0, 0];
        assert_eq!(read(&mut Http3Frames::default(), &reserved), Err(HeadLimit::SectionBytes));
    }

    #[test]
    fn a_frame_is_incomplete_until_its_last_byte() {
        let mut frames = Http3Frames::default();
        assert_eq!(read(&mut frames, &[1, 2, b'h']), Ok(()));
        assert!(frames.is_incomplete());
        assert_eq!(read(&mut frames, &[b'h', 0, 2, b'd']), Ok(()));
        assert!(!frames.is_incomplete());
    }

    #[test]
    fn of_unidirectional_streams_only_the_control_stream_has_frames() {
        let settings = [4, 0x80, 1, 0, 1];
        let control = [&[0][..], &settings].concat();
        assert_eq!(
            read(&mut Http3Frames::for_unidirectional(), &control),
            Err(HeadLimit::SectionBytes)
        );
        let encoder = [&[2][..], &settings].concat();
        assert_eq!(read(&mut Http3Frames::for_unidirectional(), &encoder), Ok(()));
    }
}
