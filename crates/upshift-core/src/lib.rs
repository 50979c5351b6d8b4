//! The pure core of Upshift: facts, bytes and `now` in, decisions out.
//!
//! Nothing here opens a socket, reads a clock, a file or the environment, or awaits. The same policy gives the same
//! decision in every shell that calls it.

pub mod facts;
pub mod field;

pub use facts::{Facts, Fields, HttpVersion, Known, TlsState, TlsVersion};
pub use jiff::Timestamp;
