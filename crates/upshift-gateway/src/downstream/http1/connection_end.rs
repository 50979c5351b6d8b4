//! The end of the requests of a connection.

use bytes::Bytes;

use crate::exchange::switch::Switch;
use crate::local_reply::LocalReply;

/// The reason for which no further request is read from a connection.
pub(super) enum ConnectionEnd {
    /// The client has closed its direction, or the connection is not kept.
    Close,
    /// The client may still be sending.
    Linger,
    /// The client has ended its direction within a head.
    WithinHead,
    /// The message after the last request, of which these bytes have arrived, is malformed.
    Fault(LocalReply, Bytes),
    /// The connection goes on with another protocol.
    Switch(Switch),
}
