//! What a client does with a 426: a response, the request and what this client can and may do in,
//! the next step out.
//!
//! Every step and every stop names its [`Rule`]; these are all of them. The list is held against
//! [`FollowRule::ALL`] by a test.
//!
//! 1. Only a 426 is followed; every other answer stands. (RFC 9110 §15.5.22)
//! 2. What is wanted is what the 426's `Upgrade` lines name together. Where there are none, and on
//!    HTTP/2 and HTTP/3, which forbid the field, it is what the problem body names. (RFC 9110 §7.8,
//!    RFC 9113 §8.2.2, RFC 9114 §4.2)
//! 3. Of a malformed `Upgrade` nothing is believed. (RFC 9110 §7.8)
//! 4. A 426 that names nothing is not guessed at. (RFC 9110 §15.5.22)
//! 5. A 426 to an HTTP/1.0 request that names nothing, or HTTP/1.1, means HTTP/1.1. (RFC 9110 §6.2)
//! 6. A 426 to a WebSocket handshake that wants neither WebSocket nor TLS means: ask again as plain
//!    HTTP. (RFC 6455 §4.1)
//! 7. Alternatives are taken in the server's order; the first that this client can and may take is
//!    taken. (RFC 9110 §7.8)
//! 8. `HTTP/1.1` after `TLS/…` is what runs inside TLS, no alternative to it. (RFC 2817 §3.3)
//! 9. TLS is a new connection to the same host: to the port of the `https` URL that the answer
//!    gives, else 443 for 80, else the same port. (RFC 9110 §4.2.2, RFC 6797 §8.3)
//! 10. TLS inside the connection is only for those who allow it: anyone in between can splice it
//!     (CVE-2025-49812). (RFC 2817 §3.2)
//! 11. HTTP/2 is chosen by ALPN over TLS, and in clear by prior knowledge. (RFC 9113 §3.2, §3.3)
//! 12. The obsolete `h2c` switch is only for those who allow it. (RFC 7540 §3.2, RFC 9113 §3.1)
//! 13. HTTP/3 needs `https` and an `Alt-Svc` of the same host; in clear, TLS comes first.
//!     (RFC 9114 §3.1, RFC 7838 §2.1)
//! 14. A WebSocket handshake is tried in a version that the server lists. (RFC 6455 §4.4)
//! 15. A version of an API or a client is raised by the caller, or not at all. (RFC 9110 §7.8)
//! 16. Never to a weaker protocol, never from `https` to `http`, never to another host. (RFC 9110
//!     §4.3.4)
//! 17. Credentials are not sent again in clear: a 426 in clear may come from anyone. (RFC 9110
//!     §17.16.1)
//! 18. A body is sent again only if it can be read again from its start. (RFC 9110 §9.2.2)
//! 19. Each requirement is tried once, and there is a bound in all. (RFC 9110 §15.4)
//! 20. A 101 counts only if it was asked for, and names what was asked. (RFC 9110 §15.2.2, §7.8)
//! 21. An answer that cannot be read over HTTP/2, as one with `Upgrade` cannot, is asked for once
//!     more with HTTP/1.1, if the request is idempotent. (RFC 9113 §8.1.1, §8.2.2)

mod alt_svc;
mod demand;
mod deprecation;
mod next;
mod problem;
mod rule;
mod step;
mod stop;
mod switch;

pub use alt_svc::{AltSvc, AltSvcField};
pub use demand::{Demand, Remark, Want};
pub use deprecation::{Deprecation, WebLink, links, read_date};
pub use next::{
    Capabilities, FollowPolicy, Names, NextStep, ReceivedResponse, SentRequest, next_step,
};
pub use problem::{ProblemDetails, StatedRequirement};
pub use rule::FollowRule;
pub use step::{Lane, Step, StepKind, StepKinds, Subject};
pub use stop::{Stop, StopReason};
pub use switch::{SwitchError, switched_protocol};
