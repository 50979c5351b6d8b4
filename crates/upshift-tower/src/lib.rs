//! A tower layer that enforces an Upshift policy, for axum, tonic, hyper and any other
//! [`tower_service::Service`].
//!
//! # What happens to a request
//!
//! 1. A request that the policy refuses is answered by the layer and never reaches the service: 426
//!    with `Upgrade` and `Connection: upgrade` on HTTP/1.1, without both on HTTP/2 and HTTP/3, and
//!    with a body in the media type that `Accept` asks for.
//! 2. A request that passes now and will be refused later reaches the service, and its response
//!    gets `Deprecation`, `Sunset` and `Link`, merged with the fields of the service.
//! 3. A request with a path that cannot be decided on (a NUL, or too many ways to read it) is
//!    answered with 400.
//!
//! ```
//! use bytes::Bytes;
//! use http::{Request, Response, StatusCode};
//! use http_body_util::{Empty, Full};
//! use std::convert::Infallible;
//! use tower::{Layer as _, Service as _, service_fn};
//! use upshift_core::policy::{PolicySpec, Requirement, RuleSpec};
//! use upshift_core::{Policy, TlsState, TlsVersion, Verdict};
//! use upshift_tower::{Judgement, Peer, UpgradeLayer};
//!
//! # tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(async {
//! let rule = RuleSpec::new("needs-tls", vec![Requirement::Tls(TlsVersion::V1_2)]);
//! let spec = PolicySpec { rules: vec![rule], ..PolicySpec::default() };
//! let policy = Policy::new(spec).expect("a valid policy");
//! let hello = service_fn(async |_: Request<Empty<Bytes>>| {
//!     Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("hello"))))
//! });
//! let mut service = UpgradeLayer::new(policy).layer(hello);
//!
//! // Refused: the connection is not protected.
//! let mut request = Request::new(Empty::new());
//! request.extensions_mut().insert(Peer { tls: Some(TlsState::Cleartext), address: None });
//! let response = service.call(request).await?;
//! assert_eq!(response.status(), StatusCode::UPGRADE_REQUIRED);
//! assert_eq!(response.headers()["upgrade"], "TLS/1.2");
//!
//! // Admitted: the response is the service's.
//! let mut request = Request::new(Empty::new());
//! let tls = Some(TlsState::Version(TlsVersion::V1_3));
//! request.extensions_mut().insert(Peer { tls, address: None });
//! let response = service.call(request).await?;
//! assert_eq!(response.status(), StatusCode::OK);
//! let judgement = response.extensions().get::<Judgement>().expect("a rule applied");
//! assert_eq!(judgement.verdict, Verdict::Admit);
//! # Ok::<(), Infallible>(())
//! # }).expect("the service never fails");
//! ```
//!
//! # Counting before enforcing
//!
//! Every response to a request that a rule applies to carries [`Judgements`] among its extensions,
//! one for each of these rules, in every phase, and the [`Judgement`] of the deciding rule. A
//! rollout begins with `phase = "observe"` and counts the judgements whose `reason` is not
//! [`Meets`](upshift_core::VerdictReason::Meets).
//!
//! # The body of a refused request
//!
//! A refusal goes out at once. The rest of the request's body is read and discarded in the
//! background, within the limits [`drain`](UpgradeLayer::drain) and
//! [`drain_timeout`](UpgradeLayer::drain_timeout), because many clients write the whole body before
//! they read, and one that is cut off never sees the answer. The body is read in a task of the
//! tokio runtime that the layer runs in, which needs its timer enabled. If the body ends within the
//! limits, hyper keeps the connection; otherwise hyper closes a connection of HTTP/1 and resets a
//! stream of HTTP/2 or HTTP/3. A body that is not read at all (`Expect: 100-continue`, a
//! `Content-Length` above the limit, no tokio runtime) is announced by `Connection: close`.
//!
//! # Facts that the layer cannot see
//!
//! * *The connection.* A tower service does not know it. The acceptor puts a [`Peer`] into each
//!   request's extensions, or [`UpgradeLayer::peer`] finds its address;
//!   [`UpgradeLayer::connection`] sets the facts that are the same for every connection. A fact
//!   that is not known is unknown, and rules that need it admit.
//! * *A proxy in front.* Declare it with [`UpgradeLayer::proxies`]: then its report about the
//!   client decides, and its refusals have no `Upgrade`, which is for one hop alone. For an
//!   undeclared proxy see [`UpgradeLayer::proxied`].
//! * *A prefix that a router removed.* Inside axum's `Router::nest` the layer needs
//!   [`UpgradeLayer::original_uri`] to see the path that the client sent. Outside of it, the layer
//!   sees that path anyway.

mod body;
mod drain;
mod enforce;
mod facts;
mod judgement;
mod layer;
mod service;
mod settings;

pub use body::UpgradeBody;
pub use facts::Peer;
pub use judgement::{Judgement, Judgements};
pub use layer::UpgradeLayer;
pub use service::Upgrade;
