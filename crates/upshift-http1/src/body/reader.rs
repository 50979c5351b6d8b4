//! The reader of a body with any framing.

use crate::body::chunked::ChunkedReader;
use crate::body::piece::{BodyPiece, BodyRead, take_up_to};
use crate::fault::{FaultClass, Malformed};
use crate::framing::Framing;
use crate::limits::Limits;

/// The reader of one message's content.
#[derive(Debug)]
pub(crate) enum BodyReader {
    /// This number of bytes is left.
    Length(u64),
    Chunked(ChunkedReader),
    UntilClose,
}

impl BodyReader {
    /// A reader for content with this framing; `None` if the framing has no content.
    pub(crate) fn for_framing(framing: Framing) -> Option<Self> {
        match framing {
            Framing::None | Framing::Length(0) | Framing::Tunnel => None,
            Framing::Length(length) => Some(Self::Length(length)),
            Framing::Chunked => Some(Self::Chunked(ChunkedReader::default())),
            Framing::UntilClose => Some(Self::UntilClose),
        }
    }

    /// Reads the next piece. `ended` means that the peer sends nothing after `buffer`.
    pub(crate) fn read_piece(
        &mut self,
        buffer: &[u8],
        ended: bool,
        limits: &Limits,
    ) -> Result<BodyRead, Malformed> {
        let read = match self {
            Self::Length(0) => BodyRead::new(0, BodyPiece::End),
            Self::Length(left) => {
                let length = take_up_to(*left, buffer.len());
                *left -= length as u64;
                data_or_partial(length)
            }
            Self::Chunked(chunks) => chunks.read_piece(buffer, limits)?,
            Self::UntilClose if buffer.is_empty() && ended => BodyRead::new(0, BodyPiece::End),
            Self::UntilClose => data_or_partial(buffer.len()),
        };
        // RFC 9112 §8: a message that ends before its length is incomplete.
        if ended && matches!(read.piece, BodyPiece::Partial) {
            return Err(Malformed::new(FaultClass::BodyCutShort, buffer.len()));
        }
        Ok(read)
    }
}

fn data_or_partial(length: usize) -> BodyRead {
    match length {
        0 => BodyRead::new(0, BodyPiece::Partial),
        length => BodyRead::new(length, BodyPiece::Data(0..length)),
    }
}
