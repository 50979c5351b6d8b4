//! A tower layer that holds requests against an Upshift policy, for axum, tonic, hyper and any
//! other [`tower_service::Service`].
//!
//! 1. A request that the policy refuses is answered here: 426 with `Upgrade` and
//!    `Connection: upgrade` on HTTP/1.1, without both on HTTP/2 and 3, and the body that the reader
//!    asked for. The service inside never sees it.
//! 2. One that passes but will be refused later goes through, and its answer gets `Deprecation`,
//!    `Sunset` and `Link`, merged with what the service itself says.
//! 3. Every answer to a request that a rule applies to carries [`Judgements`] among its extensions,
//!    one for each of these rules, in every phase and for every kind, and the [`Judgement`] of the
//!    one that decided. A rollout begins with `phase = "observe"` and counts the judgements whose
//!    `reason` is not [`Meets`](upshift_core::VerdictReason::Meets).
//! 4. A refusal goes out at once, and what the client still sends of its body is read and thrown
//!    away behind it, within the bounds [`drain`](UpgradeLayer::drain) and
//!    [`drain_timeout`](UpgradeLayer::drain_timeout): many clients write all before they read, and
//!    one that is cut off never sees the answer. It is read in a task of the tokio runtime that the
//!    layer runs in, which needs its timer enabled. When the body ends within the bounds, hyper
//!    keeps the connection; else hyper closes a connection of HTTP/1 and resets a stream of HTTP/2
//!    or 3. A body that is not read at all (`Expect: 100-continue`, a `Content-Length` beyond the
//!    bound, no tokio runtime) is announced by `Connection: close`.
//! 5. A path of which nothing can be decided, with a NUL or with too many readings, is answered
//!    with 400.
//!
//! **What the layer cannot see.**
//!
//! * *The connection.* A tower service knows nothing of it. The acceptor puts a [`Peer`] into each
//!   request's extensions, or its address is found by [`UpgradeLayer::peer`]; what holds for every
//!   connection is said once by [`UpgradeLayer::connection`]. What is not known is unknown, and
//!   rules that need it admit.
//! * *A proxy in front.* Declare it by [`UpgradeLayer::proxies`]: then what it tells of the client
//!   decides, and its refusals have no `Upgrade`, which is for one hop alone. See
//!   [`UpgradeLayer::proxied`] for one that is not declared.
//! * *A prefix that a router took away.* Inside axum's `Router::nest` the layer needs
//!   [`UpgradeLayer::original_uri`] to see the path that the client sent; outside of it, it sees it
//!   by itself.
//!
//! ```
//! use std::convert::Infallible;
//! use http::{Request, Response, StatusCode};
//! use tower_layer::Layer as _;
//! use tower_service::Service as _;
//! use upshift_core::policy::{PolicySpec, Requirement, RuleSpec};
//! use upshift_core::{Policy, TlsState, TlsVersion};
//! use upshift_tower::{Peer, UpgradeLayer};
//!
//! # tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(async {
//! let rule = RuleSpec::new("needs-tls", vec![Requirement::Tls(TlsVersion::V1_2)]);
//! let policy = Policy::new(PolicySpec { rules: vec![rule], ..PolicySpec::default() }).expect("one good rule");
//! let hello = tower_service_fn(|_: Request<http_body_util::Empty<bytes::Bytes>>| async {
//!     Ok::<_, Infallible>(Response::new(http_body_util::Full::new(bytes::Bytes::from("hello"))))
//! });
//! let clear = Peer { tls: Some(TlsState::Cleartext), address: None };
//! let mut service = UpgradeLayer::new(policy).connection(clear).layer(hello);
//!
//! let response = service.call(Request::new(http_body_util::Empty::new())).await.expect("never fails");
//! assert_eq!(response.status(), StatusCode::UPGRADE_REQUIRED);
//! assert_eq!(response.headers()["upgrade"], "TLS/1.2");
//! # });
//! # use tower::service_fn as tower_service_fn;
//! ```

mod body;
mod drain;
mod facts;
mod judgement;
mod layer;
mod service;

pub use body::UpgradeBody;
pub use facts::Peer;
pub use judgement::{Judgement, Judgements};
pub use layer::UpgradeLayer;
pub use service::Upgrade;
