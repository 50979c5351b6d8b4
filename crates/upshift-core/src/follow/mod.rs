//! Client behaviour after a 426: takes the response, the request and what this client can and may
//! do, and returns the next step.
//!
//! A client *follows* a 426 in *steps*; these words mean the same in the documentation and on the
//! command line. Each [`Step`] that it takes, and each [`Stop`] that ends
//! the following, names the [`FollowRule`] behind it. These are all rules; a test holds this list
//! against [`FollowRule::ALL`].
//!
//! 1. Only a 426 is followed. Any other response goes to the caller. (RFC 9110 §15.5.22)
//! 2. A 426 requires what all its `Upgrade` lines name together. Where there are none, and on
//!    HTTP/2 and HTTP/3, which forbid the field, it requires what the problem body names.
//!    (RFC 9110 §7.8, RFC 9113 §8.2.2, RFC 9114 §4.2)
//! 3. Nothing in a malformed `Upgrade` is trusted. (RFC 9110 §7.8)
//! 4. A 426 that names nothing is not followed. (RFC 9110 §15.5.22)
//! 5. A 426 to an HTTP/1.0 request that names nothing, or HTTP/1.1, means HTTP/1.1. (RFC 9110 §6.2)
//! 6. A 426 to a WebSocket handshake that names neither WebSocket nor TLS means: repeat the request
//!    as plain HTTP. (RFC 6455 §4.1)
//! 7. Alternatives are tried in the server's order. The client takes the first one that it can and
//!    may take. (RFC 9110 §7.8)
//! 8. `HTTP/1.1` after `TLS/…` is the protocol inside TLS, not an alternative to it.
//!    (RFC 2817 §3.3)
//! 9. TLS is a new connection to the same host, at the port of the `https` URL that the response
//!    gives, else at 443 instead of 80, else at the same port. (RFC 9110 §4.2.2, RFC 6797 §8.3)
//! 10. A switch to TLS inside the connection needs the caller's permission: anyone on the path can
//!     splice it (CVE-2025-49812). (RFC 2817 §3.2)
//! 11. HTTP/2 is chosen by ALPN over TLS, and by prior knowledge over cleartext.
//!     (RFC 9113 §3.2, §3.3)
//! 12. The obsolete `h2c` switch needs the caller's permission. (RFC 7540 §3.2, RFC 9113 §3.1)
//! 13. HTTP/3 needs `https` and an `Alt-Svc` of the same host. Over cleartext, TLS comes first.
//!     (RFC 9114 §3.1, RFC 7838 §2.1)
//! 14. A WebSocket handshake uses a version that the server lists. (RFC 6455 §4.4)
//! 15. Only the caller can raise the version of an API or a client. (RFC 9110 §7.8)
//! 16. Never to a weaker protocol, never from `https` to `http`, never to another host. (RFC 9110
//!     §4.3.4)
//! 17. Credentials are not repeated over cleartext: anyone on the path can forge a 426 there.
//!     (RFC 9110 §17.16.1)
//! 18. A body is repeated only if it can be read again from its start. (RFC 9110 §9.2.2)
//! 19. Each requirement is tried once, and the number of steps is limited. (RFC 9110 §15.4)
//! 20. A 101 counts only if it names what was offered. (RFC 9110 §15.2.2, §7.8)
//! 21. A response that HTTP/2 cannot carry, such as one with `Upgrade`, is requested once more over
//!     HTTP/1.1 if the request is idempotent. (RFC 9113 §8.1.1, §8.2.2)
//!
//! ```
//! use upshift_core::TlsVersion;
//! use upshift_core::follow::{
//!     Capabilities, FollowPolicy, NextStep, ReceivedResponse, SentRequest, Step, StepKinds, Transport,
//!     next_step,
//! };
//!
//! let request = SentRequest {
//!     host: "api.example.com",
//!     port: 80,
//!     transport: Transport::HTTP1_CLEARTEXT,
//!     offered: None,
//!     credentials: false,
//!     body_gone: false,
//!     http3: None,
//! };
//! let fields = vec![("Upgrade", "TLS/1.2"), ("Connection", "upgrade")];
//! let response = ReceivedResponse { status: 426, fields: &fields, problem: None };
//! let can = Capabilities { steps: StepKinds::ALL, tls: TlsVersion::V1_3 };
//!
//! let NextStep::Take { step, rule, .. } =
//!     next_step(&response, &request, &can, &FollowPolicy::default(), &[])
//! else {
//!     unreachable!("TLS is allowed by default")
//! };
//! assert_eq!(step, Step::Tls { port: 443, minimum: Some(TlsVersion::V1_2) });
//! assert_eq!(rule.number, 9);
//! ```

mod alt_svc;
mod candidates;
mod dates;
mod demand;
mod deprecation;
mod exchange;
mod https_url;
mod next;
mod permission;
mod problem;
mod rule;
mod step;
mod step_kind;
mod stop;
mod switch;
mod transport;

// The decision.
pub use next::{NextStep, next_step};
pub use permission::{Capabilities, FollowPolicy, Names};
pub use rule::FollowRule;
pub use step::{Step, Subject};
pub use step_kind::{StepKind, StepKinds};
pub use stop::{Stop, StopReason};
pub use switch::{SwitchError, switched_protocol};

// What it is made from.
pub use demand::{Demand, Remark, Want};
pub use exchange::{ReceivedResponse, SentRequest};
pub use problem::{ProblemDetails, StatedRequirement};
pub use transport::Transport;

// Other fields of a response that a client acts on.
pub use alt_svc::{AltSvc, AltSvcField};
pub use dates::read_date;
pub use deprecation::{Deprecation, WebLink};

#[cfg(test)]
mod tests;
