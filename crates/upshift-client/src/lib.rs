//! An HTTP client that follows 426 Upgrade Required within a policy.
//!
//! A server answers 426 to say that a request needs TLS, another version of HTTP, a WebSocket, or a
//! newer version of an API or a client. This crate reads the 426, lets [`upshift_core::follow`]
//! choose the next step, takes it, and sends the request again. It never follows a 426 to weaker
//! protection or to another host.
//!
//! There are two ways to use it:
//!
//! * [`Client`] is ready-made on hyper: TLS by rustls, HTTP/1.1, HTTP/2 by ALPN and by prior
//!   knowledge, HTTP/3, WebSocket handshakes, and, where the policy allows them, the h2c switch and
//!   TLS inside the connection.
//! * [`FollowLayer`] wraps any tower HTTP client. [`FollowLayer::capabilities`] declares the
//!   abilities of the inner client. A step is applied to the request's URI, version and fields and,
//!   for clients that read it, to its [`Route`].
//!
//! The feature `reqwest` adds a middleware for `reqwest-middleware`.
//!
//! # Followed and not followed
//!
//! A 426 that cannot be followed becomes an [`Error::Refused`], which carries everything that the
//! server said: protocols, minimum, message, links, the end of a brownout, and the response itself.
//!
//! ```
//! use std::convert::Infallible;
//!
//! use bytes::Bytes;
//! use http::{Request, Response, StatusCode};
//! use http_body_util::Empty;
//! use tower_layer::Layer as _;
//! use tower_service::Service as _;
//! use upshift_client::{Error, FollowLayer, Trace};
//! # use std::future::{Ready, ready};
//! # use std::task::{Context, Poll};
//! # #[derive(Clone)]
//! # struct Server;
//! # impl tower_service::Service<Request<Empty<Bytes>>> for Server {
//! #     type Response = Response<Empty<Bytes>>;
//! #     type Error = Infallible;
//! #     type Future = Ready<Result<Self::Response, Infallible>>;
//! #     fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
//! #         Poll::Ready(Ok(()))
//! #     }
//! #     fn call(&mut self, request: Request<Empty<Bytes>>) -> Self::Future {
//! #         let mut response = Response::new(Empty::new());
//! #         let token = match (request.uri().path(), request.uri().scheme_str()) {
//! #             ("/relay", _) => Some("derp/2"),
//! #             (_, Some("http")) => Some("TLS/1.2"),
//! #             _ => None,
//! #         };
//! #         if let Some(token) = token {
//! #             *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
//! #             response.headers_mut().insert("upgrade", token.parse().expect("a value"));
//! #             response.headers_mut().insert("connection", "upgrade".parse().expect("a value"));
//! #         }
//! #         ready(Ok(response))
//! #     }
//! # }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! // `Server` stands for any tower client. It requires TLS for /feed, and a protocol that this
//! // client does not speak for /relay.
//! let mut client = FollowLayer::new().layer(Server);
//!
//! // Followed: the request is sent again over https.
//! let request = Request::get("http://api.example.com/feed").body(Empty::<Bytes>::new())?;
//! let response = client.call(request).await?;
//! assert_eq!(response.status(), StatusCode::OK);
//! let trace = response.extensions().get::<Trace>().expect("every response has one");
//! assert_eq!(trace.steps().count(), 1);
//!
//! // Not followed: the error says what the server requires.
//! let request = Request::get("http://api.example.com/relay").body(Empty::<Bytes>::new())?;
//! match client.call(request).await {
//!     Err(Error::Refused(refused)) => {
//!         assert_eq!(refused.protocols()[0].to_string(), "derp/2");
//!         assert!(!refused.is_retryable());
//!     }
//!     other => panic!("{other:?}"),
//! }
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```

mod body;
mod box_error;
mod call;
mod checked_body;
mod client;
mod connect;
mod credentials;
mod error;
mod file_body;
mod follow;
mod follow_settings;
mod h2c;
mod h3;
mod head_limit;
mod head_limited_stream;
mod http2_fault;
mod http2_heads;
mod http3_bounded;
mod http3_frames;
mod in_band;
mod interim;
mod memory;
mod notice;
mod origin_fact;
mod outgoing_head;
mod pace;
#[cfg(feature = "reqwest")]
mod reqwest_middleware;
mod response_426;
mod route;
mod send_body;
mod socket;
mod spliced_stream;
mod switch;
mod tls;
mod trace;
mod transport;
mod websocket;

pub use body::{FollowBody, TransportBody};
pub use box_error::BoxError;
pub use checked_body::BodyFault;
pub use client::{Builder, Client};
pub use error::{Error, Refused};
pub use follow::{Follow, FollowLayer};
pub use follow_settings::{RaiseVersion, WantedVersion};
pub use head_limit::HeadLimit;
pub use http2_fault::Http2Fault;
pub use memory::Memory;
pub use notice::Notice;
pub use pace::{Pace, PollAction};
#[cfg(feature = "reqwest")]
pub use reqwest_middleware::FollowMiddleware;
pub use route::{AnsweredBy, ConnectionSecurity, Http, Route};
pub use send_body::{Rewind, SendBody};
pub use socket::{Socket, SocketStream};
pub use trace::{Attempt, AttemptOutcome, Trace};
pub use transport::HyperTransport;
pub use upshift_core::follow as rules;
pub use websocket::WebSocketWelcome;
