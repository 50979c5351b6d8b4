//! The bridge between Upshift's pure core and the [`http`] crate, and wire rules of HTTP that need
//! no I/O.
//!
//! The gateway, the tower layer and the client share these, so that each rule is written once:
//!
//! * **Bridge.** [`HeaderFields`] lets the core read a [`HeaderMap`](http::HeaderMap) without
//!   copying it, [`http_version`] converts a version, [`answer_response`] puts a refusal of the
//!   core into a response, and [`apply_change`] adds a deprecation notice to one.
//! * **Hop-by-hop fields.** [`remove_nominated`], [`strip_hop_by_hop`], and the options of
//!   `Connection`.
//! * **Handshakes.** [`websocket_accept`], the parts of [`http2`] that a switch by `Upgrade: h2c`
//!   needs, and [`client_hello`], which recognizes clients that are too old for the TLS library.
//!
//! The crate is pure, as the core is: bytes and header maps in, values out; no socket, clock or
//! async runtime.
//!
//! ```
//! use http::{HeaderMap, HeaderValue};
//! use upshift_core::Fields as _;
//! use upshift_http::{HeaderFields, remove_nominated, strip_hop_by_hop};
//!
//! let mut headers = HeaderMap::new();
//! headers.insert("connection", HeaderValue::from_static("x-trace, upgrade"));
//! headers.insert("upgrade", HeaderValue::from_static("h2c"));
//! headers.insert("x-trace", HeaderValue::from_static("7"));
//! headers.insert("accept", HeaderValue::from_static("*/*"));
//!
//! remove_nominated(&mut headers, &[]);
//! strip_hop_by_hop(&mut headers);
//! assert_eq!(headers.len(), 1, "neither what Connection names nor the offer crosses a hop");
//! assert_eq!(HeaderFields(&headers).nth("accept", 0), Some(&b"*/*"[..]));
//! ```

mod alt_svc;
mod answer;
mod change;
pub mod client_hello;
mod connection;
mod cookie;
mod header_fields;
mod hop_by_hop;
pub mod http2;
mod max_forwards;
mod trailers;
mod varint;
mod version;
mod websocket;

pub use alt_svc::http3_alt_svc;
pub use answer::answer_response;
pub use change::apply_change;
pub use connection::{add_close, connection_has_option, remove_connection_option};
pub use cookie::join_cookies;
pub use header_fields::HeaderFields;
pub use hop_by_hop::{
    CONNECTION_SPECIFIC, Nominated, is_hop_by_hop, remove_nominated, strip_hop_by_hop,
};
pub use max_forwards::{decrement_max_forwards, forwards_left};
pub use trailers::{accepts_trailers, request_trailers};
pub use varint::Varint;
pub use version::http_version;
pub use websocket::websocket_accept;
