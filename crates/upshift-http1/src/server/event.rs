//! The events of the server's side.

use std::ops::Range;

use crate::fault::Fault;
use crate::field_table::FieldTable;
use crate::head::RequestHead;

/// An event in the requests of a client. Ranges refer to the buffer of the call.
#[derive(Debug)]
pub enum RequestEvent {
    /// More bytes are needed. Bytes that were not consumed must be there in the next call, too.
    NeedMore,
    /// The head of a request: the first `consumed` bytes of the buffer.
    Head(RequestHead),
    /// Content.
    Data(Range<usize>),
    /// The trailers of chunked content. Never merge them into the header (RFC 9110 §6.5.1).
    Trailers(FieldTable),
    /// The end of the request.
    End,
    /// The request has ended, and the response has not: the next request is not read before that.
    Paused,
    /// The connection has left HTTP: the bytes from `consumed` belong to the other protocol.
    Switched,
    /// No further request is read. The bytes, if there are any, are to be discarded.
    Closed,
    /// The client is at fault. Each later call returns the same fault.
    Fault(Fault),
}
