//! The framing around outgoing content. The content itself is not copied.

use crate::field_table::Field;
use crate::framing::Framing;
use crate::send_error::SendError;
use crate::write::fields::write_trailers;

/// The bytes around a piece of content: write the prefix, then the piece, then the suffix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContentFrame {
    digits: [u8; 18],
    length: u8,
    is_chunk: bool,
}

impl ContentFrame {
    /// The frame of a chunk. Its size is written with the fewest digits.
    fn of_chunk(size: u64) -> Self {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut frame = Self { is_chunk: true, ..Self::default() };
        let most = (64 - size.leading_zeros()).div_ceil(4).max(1);
        for place in (0..most).rev() {
            frame.push(HEX[(size >> (4 * place) & 15) as usize]);
        }
        frame.push(b'\r');
        frame.push(b'\n');
        frame
    }

    fn push(&mut self, byte: u8) {
        self.digits[usize::from(self.length)] = byte;
        self.length += 1;
    }

    /// The bytes before the piece.
    pub fn prefix(&self) -> &[u8] {
        &self.digits[..usize::from(self.length)]
    }

    /// The bytes after the piece.
    pub fn suffix(&self) -> &'static [u8] {
        if self.is_chunk { b"\r\n" } else { b"" }
    }
}

/// The content of a message that is being sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentWriter {
    /// This number of bytes is left.
    Length(u64),
    Chunked,
    UntilClose,
}

impl ContentWriter {
    /// A writer for content with this framing; `None` if there is none.
    pub(crate) fn for_framing(framing: Framing) -> Option<Self> {
        match framing {
            Framing::None | Framing::Length(0) | Framing::Tunnel => None,
            Framing::Length(length) => Some(Self::Length(length)),
            Framing::Chunked => Some(Self::Chunked),
            Framing::UntilClose => Some(Self::UntilClose),
        }
    }

    /// Frames a piece of `length` bytes.
    pub(crate) fn frame_piece(&mut self, length: usize) -> Result<ContentFrame, SendError> {
        match self {
            Self::Length(left) => match left.checked_sub(length as u64) {
                Some(rest) => *left = rest,
                None => return Err(SendError::TooMuchContent),
            },
            // RFC 9112 §7.1: a chunk of no bytes is the last one.
            Self::Chunked if length > 0 => return Ok(ContentFrame::of_chunk(length as u64)),
            Self::Chunked | Self::UntilClose => {}
        }
        Ok(ContentFrame::default())
    }

    /// Writes the end of the content, with the trailers if it is chunked.
    pub(crate) fn write_end<'f>(
        self,
        out: &mut Vec<u8>,
        trailers: impl IntoIterator<Item = Field<'f>>,
    ) -> Result<(), SendError> {
        match self {
            Self::Length(0) | Self::UntilClose => Ok(()),
            Self::Length(_) => Err(SendError::TooLittleContent),
            Self::Chunked => {
                let start = out.len();
                out.extend_from_slice(b"0\r\n");
                if let Err(error) = write_trailers(out, trailers) {
                    out.truncate(start);
                    return Err(error);
                }
                out.extend_from_slice(b"\r\n");
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_line_has_the_fewest_digits() {
        for (size, line) in [(1, "1\r\n"), (15, "f\r\n"), (16, "10\r\n"), (0x1234, "1234\r\n")] {
            assert_eq!(ContentFrame::of_chunk(size).prefix(), line.as_bytes());
        }
        assert_eq!(ContentFrame::of_chunk(u64::MAX).prefix(), b"ffffffffffffffff\r\n");
    }

    #[test]
    fn a_length_is_kept_exactly() {
        let mut writer = ContentWriter::Length(3);
        assert_eq!(writer.frame_piece(2).map(|frame| frame.prefix().len()), Ok(0));
        assert_eq!(writer.frame_piece(2), Err(SendError::TooMuchContent));
        assert_eq!(writer.write_end(&mut Vec::new(), []), Err(SendError::TooLittleContent));
    }

    /// Catches an empty piece that is written as the last chunk.
    #[test]
    fn an_empty_piece_is_no_last_chunk() {
        let frame = ContentWriter::Chunked.frame_piece(0);
        assert_eq!(frame, Ok(ContentFrame::default()));
        let mut out = Vec::new();
        assert_eq!(ContentWriter::Chunked.write_end(&mut out, []), Ok(()));
        assert_eq!(out, b"0\r\n\r\n");
    }
}
