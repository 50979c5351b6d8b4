//! The pieces in which a body arrives.

use std::ops::Range;

use crate::field_table::FieldTable;

/// A piece of a body.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a piece becomes an event at once")]
pub(crate) enum BodyPiece {
    /// More bytes are needed.
    Partial,
    /// Content.
    Data(Range<usize>),
    /// A trailer section with fields.
    Trailers(FieldTable),
    /// The body has ended.
    End,
}

/// The result of a read: a piece, and the number of bytes up to its end.
#[derive(Debug)]
pub(crate) struct BodyRead {
    pub(crate) consumed: usize,
    pub(crate) piece: BodyPiece,
}

impl BodyRead {
    pub(crate) fn new(consumed: usize, piece: BodyPiece) -> Self {
        Self { consumed, piece }
    }
}

/// The number of bytes to take: those left of the content, but not more than are available.
pub(crate) fn take_up_to(left: u64, available: usize) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(available)
}
