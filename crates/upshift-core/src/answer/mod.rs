//! Answers to refused requests, for this connection and this client.
//!
//! 1. A 426 over HTTP/1.x carries `Upgrade` and `Connection: upgrade`. Over HTTP/2 and HTTP/3 it
//!    carries neither ([`UpgradeRequired`]).
//! 2. Behind a declared proxy the answer has the strict status instead of 426. `Upgrade` is
//!    hop-by-hop, so the proxy would drop it or, worse, forward it into HTTP/2.
//! 3. Every refusal is `no-store`, varies on each field that was read, and can be read by a script
//!    of another origin.
//! 4. Links are built from what the operator configured, or lead to a listener on loopback. They
//!    never contain an unknown `Host`.
//!
//! ```
//! use upshift_core::answer::{AnswerContext, refusal_for};
//! use upshift_core::policy::{PolicySpec, Requirement, RuleSpec};
//! use upshift_core::{Facts, HttpVersion, Known, Policy, Timestamp, TlsState, TlsVersion};
//!
//! let rule = RuleSpec::new("needs-tls", vec![Requirement::Tls(TlsVersion::V1_2)]);
//! let spec = PolicySpec { rules: vec![rule], ..PolicySpec::default() };
//! let policy = Policy::new(spec).expect("one valid rule");
//! let fields: Vec<(&str, &str)> = Vec::new();
//! let mut facts = Facts {
//!     method: "GET",
//!     host: "example.com",
//!     path: "/",
//!     query: None,
//!     hop: HttpVersion::V1_1,
//!     http: Known::Is(HttpVersion::V1_1),
//!     tls: Known::Is(TlsState::Cleartext),
//!     client_ip: None,
//!     fields: &fields,
//!     has_content: false,
//!     protocol: None,
//! };
//! let context = AnswerContext::default();
//! let now = Timestamp::UNIX_EPOCH;
//!
//! let answer = refusal_for(&policy.decide(&facts, now), &facts, &context).expect("refused");
//! assert_eq!((answer.status(), answer.field("Upgrade")), (426, Some("TLS/1.2")));
//!
//! facts.tls = Known::Is(TlsState::Version(TlsVersion::V1_3));
//! assert!(refusal_for(&policy.decide(&facts, now), &facts, &context).is_none());
//! ```

mod bodies;
mod compose;
mod context;
mod cors;
mod field_lines;
mod format;
mod grpc;
mod html;
mod json;
mod kinds;
mod message;
mod problem;
mod protocols;
mod redirect;
mod refusal;
mod refusal_lines;
mod refusal_parts;
mod relayed;
mod shaped_rule;
mod shapes;
mod status;
mod target;
mod values;
mod words;

// Answers.
pub use context::AnswerContext;
pub use message::Answer;
pub use refusal::refusal_for;

// The parts of a 426 that other answers need.
pub use relayed::restate_upgrade_required;
pub use status::{UpgradeRequired, reason_phrase};

// Requirements as JSON shows them.
pub use kinds::{ClientMinimum, RequirementSummary, summarize_requirement};
