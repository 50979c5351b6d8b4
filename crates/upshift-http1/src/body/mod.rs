//! The content of a message, in the order in which it arrives.

mod chunk_line;
mod chunked;
mod piece;
mod reader;

pub(crate) use piece::BodyPiece;
pub(crate) use reader::BodyReader;
