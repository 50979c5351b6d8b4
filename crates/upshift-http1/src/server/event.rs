//! The events of the server's side.

use std::ops::Range;

use crate::fault::Fault;
use crate::field_table::FieldTable;
use crate::head::RequestHead;

/// An event in the requests of a client. Ranges refer to the buffer of the call.
#[derive(Debug)]
pub enum RequestEvent {
    /// More bytes are needed. The next call must pass the unconsumed bytes again.
    NeedMore,
    /// The head of a request: the first `consumed` bytes of the buffer.
    Head(RequestHead),
    /// Content.
    Data(Range<usize>),
    /// The trailers of chunked content. Never merge them into the header (RFC 9110 §6.5.1).
    Trailers(FieldTable),
    /// The end of the request.
    End,
    /// The request has ended. The next one is read once the response has ended, too.
    Paused,
    /// The connection has left HTTP: the bytes from `consumed` belong to the other protocol.
    Switched,
    /// No further request is read. Discard any remaining bytes.
    Closed,
    /// The client is at fault. Each later call returns the same fault.
    Fault(Fault),
}
