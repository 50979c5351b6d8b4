//! The steps of a connection.

use bytes::{Bytes, BytesMut};
use http::Request;

use super::stream::ClientStream;
use crate::body::RequestBody;
use crate::exchange::switch::Switch;
use crate::local_reply::LocalReply;

/// The next step of a connection.
pub(super) enum Next {
    /// Read the first bytes, to see what the client speaks.
    Preamble(ClientStream),
    /// Serve HTTP/1. These bytes were read already.
    Http1(ClientStream, BytesMut),
    /// Serve HTTP/2. After an h2c upgrade, the request (of HTTP/1.1) replaces the placeholder on
    /// stream 1, of which only the method is real.
    Http2(ClientStream, Option<Box<Request<RequestBody>>>),
    /// Perform a switch. The codec had read these bytes when it ended.
    Switch(Box<Switch>, ClientStream, Bytes),
    /// Answer a faulty message that no codec reads, of which these bytes have arrived, and close.
    Reply(ClientStream, LocalReply, Bytes),
    /// Close, and read on until the client has closed as well.
    Linger(ClientStream),
    /// Close.
    Close(ClientStream),
    /// Nothing: the connection has ended.
    Ended,
}
