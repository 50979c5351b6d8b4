//! A tower layer that holds requests against an Upshift policy, for axum, tonic, hyper and whatever else is a
//! [`tower_service::Service`].
//!
//! 1. A request that the policy refuses is answered here: 426 with `Upgrade` and `Connection: upgrade` on HTTP/1.1,
//!    without both on HTTP/2 and 3, and the body that the reader asked for. The service inside never sees it.
//! 2. One that passes but will be refused later goes through, and its answer gets `Deprecation`, `Sunset` and `Link`,
//!    merged with what the service itself says.
//! 3. Every answer that a rule had a say in carries a [`Judgement`] among its extensions, for logs and metrics.
//! 4. The body of a refused HTTP/1 request is read and thrown away, within a bound, before the answer goes out: many
//!    clients write all before they read, and one that is cut off never sees the 426. A client that waits for
//!    `100 Continue` is answered at once.
//!
//! **What the layer cannot see.** A tower service is told nothing of the connection. Whoever accepts it says so by a
//! [`Peer`] in the request's extensions, or once for all by [`UpgradeLayer::connection`]; otherwise TLS and address
//! are unknown, and rules that need them admit.
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
mod facts;
mod layer;
mod service;

pub use body::UpgradeBody;
pub use facts::Peer;
pub use layer::UpgradeLayer;
pub use service::{Judgement, Upgrade};
