//! HTTP/1.1 towards an upstream.
//!
//! A connection has no task of its own: the task of the exchange drives both directions until the
//! response has ended.
//!
//! 1. The head of a request goes out with the start of its content, in one write.
//! 2. The response is awaited while the rest of the content is sent. If it begins before the
//!    request has ended, a task takes over both directions ([`early`]), because some clients read
//!    the response only after sending the whole request.
//! 3. A connection is kept if the codec lets it persist and no bytes follow the response. It holds
//!    no buffer while it is idle, and is checked before it is reused ([`idle`]).

mod connection;
mod content;
mod deadline;
mod early;
mod error;
mod exchange;
mod idle;
mod keep_alive;
mod outgoing;
mod received;
mod request;
mod response;
mod switched;
mod upload;

pub(crate) use connection::{Http1Connection, Http1Head};
pub(crate) use content::Http1Content;
pub(crate) use error::Http1Error;
pub(crate) use exchange::Http1Exchange;
pub(crate) use idle::IdleConnections;
pub(crate) use request::Http1Request;
pub(crate) use switched::SwitchedStream;
