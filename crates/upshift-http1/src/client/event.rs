//! The events of the client's side.

use std::ops::Range;

use crate::fault::Fault;
use crate::field_table::FieldTable;
use crate::head::ResponseHead;

/// An event in the responses of a server. Ranges refer to the buffer of the call.
#[derive(Debug)]
pub enum ResponseEvent {
    /// More bytes are needed. The next call must pass the unconsumed bytes again.
    NeedMore,
    /// The head of an interim response (1xx, but not 101): the first `consumed` bytes.
    Interim(ResponseHead),
    /// The head of a final response, or of a 101: the first `consumed` bytes.
    Head(ResponseHead),
    /// Content.
    Data(Range<usize>),
    /// The trailers of chunked content. Never merge them into the header (RFC 9110 §6.5.1).
    Trailers(FieldTable),
    /// The end of the response.
    End,
    /// The response has ended before the request. Finish sending the request, or close the
    /// connection.
    Paused,
    /// The connection has left HTTP: the bytes from `consumed` belong to the other protocol.
    Switched,
    /// The connection takes no further request. Discard any remaining bytes.
    Closed,
    /// The server is at fault. Each later call returns the same fault.
    Fault(Fault),
}
