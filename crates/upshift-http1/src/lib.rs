//! A sans-io codec of HTTP/1.0 and 1.1 (RFC 9112), for servers and clients.
//!
//! Bytes go in, events come out; parts of messages go in, bytes come out. There is no socket, no
//! clock and no async runtime: the caller, called the driver, owns the connection, its buffers and
//! its time limits.
//!
//! * **Reading.** [`ServerConnection::receive`] and [`ClientConnection::receive`] take all bytes
//!   that were received and not yet consumed, and return an event and the number of bytes it
//!   consumed. Events refer to the buffer by offsets: the driver can move it, forward content from
//!   it without copying, and release it while a connection is [`Wants::Idle`].
//! * **Writing.** Fields keep their order, and their names are written as they are or in title
//!   case. The framing of a message is a [`Framing`], decided once. Only the codec turns it into
//!   fields, so a received `Content-Length` is never copied into an outgoing message.
//! * **Faults.** Input that two recipients could read differently is a [`Fault`], with its sender,
//!   class, offset, and the status of the response. Nothing after it is read.
//!
//! The codec is strict where leniency enables request smuggling: line ends, white space, lengths,
//! codings and chunks. It is tolerant where RFC 9112 asks for it: white space before a colon in a
//! response, empty lines before a request, a missing reason phrase, higher minor versions. A lone
//! LF ends a line only with [`Limits::accepts_bare_lf`].
//!
//! # A server
//!
//! ```
//! use upshift_http1::{
//!     Field, Framing, Limits, RequestEvent, ResponseStart, SendError, ServerConnection, Wants,
//! };
//!
//! fn main() -> Result<(), SendError> {
//!     let mut connection = ServerConnection::new(Limits::default());
//!     let mut received = b"POST /greet HTTP/1.1\r\nHost: a.example\r\n\
//!         Transfer-Encoding: chunked\r\n\r\n5\r\nworld\r\n0\r\n\r\n"
//!         .to_vec();
//!     let mut name = Vec::new();
//!     loop {
//!         let step = connection.receive(&received, false);
//!         match step.event {
//!             RequestEvent::Head(head) => {
//!                 assert_eq!(head.method(&received), b"POST");
//!                 assert_eq!(head.framing(), Framing::Chunked);
//!             }
//!             RequestEvent::Data(range) => name.extend_from_slice(&received[range]),
//!             RequestEvent::End => break,
//!             // A real driver reads more bytes, or answers `fault.status()`.
//!             other => panic!("{other:?}"),
//!         }
//!         received.drain(..step.consumed);
//!     }
//!
//!     let mut out = Vec::new();
//!     let start = ResponseStart { status: 200, reason: b"OK" };
//!     let fields = [Field::new(b"Content-Type", b"text/plain")];
//!     let length = Framing::Length(name.len() as u64);
//!     connection.send_response(&mut out, start, fields, length)?;
//!     let frame = connection.send_content(name.len())?;
//!     for part in [frame.prefix(), &name, frame.suffix()] {
//!         out.extend_from_slice(part);
//!     }
//!     connection.finish_response(&mut out, [])?;
//!     assert_eq!(
//!         out,
//!         b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nworld"
//!     );
//!     assert_eq!(connection.wants(), Wants::Idle, "the connection takes the next request");
//!     Ok(())
//! }
//! ```
//!
//! # A client
//!
//! ```
//! use upshift_http1::{
//!     ClientConnection, Field, Framing, Limits, RequestStart, ResponseEvent, SendError, Version,
//!     Wants,
//! };
//!
//! fn main() -> Result<(), SendError> {
//!     let mut connection = ClientConnection::new(Limits::default());
//!     let mut out = Vec::new();
//!     let start = RequestStart { method: b"GET", target: b"/chat", version: Version::Http11 };
//!     let fields = [
//!         Field::new(b"Host", b"a.example"),
//!         Field::new(b"Connection", b"upgrade"),
//!         Field::new(b"Upgrade", b"websocket"),
//!     ];
//!     connection.send_request(&mut out, start, fields, Framing::None)?;
//!
//!     // 103, then 101, then the first bytes of the other protocol.
//!     let mut received = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n\
//!         HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\
//!         \x81\x05hello"
//!         .to_vec();
//!     let mut statuses = Vec::new();
//!     loop {
//!         let step = connection.receive(&received, false);
//!         match step.event {
//!             ResponseEvent::Interim(head) | ResponseEvent::Head(head) => {
//!                 statuses.push(head.status());
//!             }
//!             ResponseEvent::End => {}
//!             ResponseEvent::Switched => break,
//!             // A real driver reads more bytes, or answers 502 for a fault.
//!             other => panic!("{other:?}"),
//!         }
//!         received.drain(..step.consumed);
//!     }
//!     assert_eq!(statuses, [103, 101]);
//!     assert_eq!(connection.wants(), Wants::Switch);
//!     assert_eq!(received, b"\x81\x05hello", "they belong to the other protocol");
//!     Ok(())
//! }
//! ```

mod body;
mod client;
mod driver;
mod fault;
mod field_id;
mod field_table;
mod framing;
mod head;
mod limits;
mod octets;
mod send_error;
mod server;
mod version;
mod write;

pub use client::{ClientConnection, RequestStart, ResponseEvent};
pub use driver::{Received, Wants};
pub use fault::{Fault, FaultClass, Party};
pub use field_id::{FieldId, FieldSet};
pub use field_table::{Field, FieldSpan, FieldTable};
pub use framing::Framing;
pub use head::{Expectation, RequestHead, ResponseHead, TargetForm};
pub use limits::Limits;
pub use send_error::SendError;
pub use server::{RequestEvent, ResponseStart, ServerConnection};
pub use version::Version;
pub use write::ContentFrame;
