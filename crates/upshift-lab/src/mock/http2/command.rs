//! Requests of a stream to its connection.

use bytes::Bytes;
use h2::server::SendResponse;

/// A request of a stream to its connection.
pub(super) enum Command {
    /// GOAWAY, then an end when all streams are answered.
    Close,
    /// An end at once, as the next layer has it.
    Abort,
    /// The handle of a stream that was answered by hand: the library would reset the stream if it
    /// were dropped.
    Keep(SendResponse<Bytes>),
}
