//! An HTTP client that follows 426 Upgrade Required within a policy.
//!
//! Two ways to have it:
//!
//! * [`FollowLayer`] around any tower HTTP client: it reads the 426, asks [`upshift_core::follow`]
//!   for the next step, and asks again. What the inner client is able to do is said in
//!   [`FollowLayer::able`]; a step is put into the request's URI, version, fields and, for clients
//!   that look at it, its [`Route`].
//! * [`Client`], ready-made on hyper: TLS by rustls, HTTP/1.1, HTTP/2 by ALPN and by prior
//!   knowledge, HTTP/3, a WebSocket handshake, and, where the policy allows them, the h2c switch
//!   and TLS inside the connection.
//!
//! With the feature `reqwest` there is a middleware for `reqwest-middleware`, too.
//!
//! What cannot be followed becomes an [`Error::Refused`] that carries all that the server said:
//! protocols, minimum, message, links, the end of a brownout, and the answer itself.
//!
//! ```no_run
//! # async fn example() -> Result<(), upshift_client::Error> {
//! use upshift_client::{Client, Error};
//!
//! let client = Client::new()?;
//! match client.get("http://api.example.com/orders").await {
//!     Ok(response) => println!("{}", response.status()),
//!     Err(Error::Refused(refused)) => eprintln!("{}: {:?}", refused, refused.docs()),
//!     Err(error) => return Err(error),
//! }
//! # Ok(())
//! # }
//! ```

mod body;
mod checked_body;
mod client;
mod connect;
mod credentials;
mod error;
mod follow;
mod h2c;
mod h3;
mod head_limit;
mod http2_fault;
mod http2_heads;
mod http3_bounded;
mod http3_frames;
mod in_band;
mod memory;
mod notice;
mod pace;
mod request;
#[cfg(feature = "reqwest")]
mod reqwest_middleware;
mod route;
mod switch;
mod trace;
mod transport;
mod watched;
mod websocket;

pub use body::{Body, FollowBody, Rewind};
pub use checked_body::BodyFault;
pub use client::{Builder, Client, Socket};
pub use error::{BoxError, Error, Refused};
pub use follow::{Follow, FollowLayer, RaiseVersion, Wanted};
pub use head_limit::HeadLimit;
pub use http2_fault::Http2Fault;
pub use memory::Memory;
pub use notice::Notice;
pub use pace::{Next, Pace};
#[cfg(feature = "reqwest")]
pub use reqwest_middleware::FollowMiddleware;
pub use route::{AnsweredBy, ConnectionInfo, Http, Route};
pub use trace::{Hop, Outcome, Trace};
pub use transport::{Incoming, Transport};
pub use upshift_core::follow as rules;
pub use websocket::WebSocketWelcome;
