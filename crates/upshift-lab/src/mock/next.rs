//! The protocol that a connection goes on with.

use super::peer_stream::PeerStream;
use super::pending_request::PendingRequest;

/// The next part of a connection.
pub(crate) enum Next {
    /// HTTP/1.x, beginning with a request that was read before.
    Http1(PeerStream, Option<PendingRequest>),
    /// HTTP/2, with a request of HTTP/1.1 as stream 1 after `Upgrade: h2c`.
    Http2(PeerStream, Option<PendingRequest>),
    /// TLS in band.
    Tls(PeerStream, PendingRequest),
    /// A WebSocket.
    WebSocket(PeerStream),
    /// Octets are sent back.
    Echo(PeerStream),
    /// An orderly end.
    Close(PeerStream),
    /// A reset.
    Reset(PeerStream),
    /// Nothing more is sent.
    Hang(PeerStream),
    /// The connection is over.
    Over,
}
