//! The ways in which a connection stops taking requests.

use bytes::Bytes;

use crate::exchange::switch::Switch;
use crate::local_reply::LocalReply;

/// The reason why no further request is read from a connection.
pub(super) enum ConnectionEnd {
    /// The client has closed its direction, or the connection is not kept.
    Close,
    /// The client may still be sending.
    Linger,
    /// The client closed its direction within a head.
    WithinHead,
    /// The next message is malformed; these bytes of it have arrived.
    Fault(LocalReply, Bytes),
    /// The connection switches to another protocol.
    Switch(Box<Switch>),
}
