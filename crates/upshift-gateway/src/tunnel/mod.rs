//! Tunnels: the client and the upstream switch to a protocol that the gateway carries without
//! reading it.
//!
//! The rules, in the order in which they apply:
//!
//! 1. An **offer** is an `Upgrade` on HTTP/1.1 (RFC 9110 §7.8) or an extended CONNECT on HTTP/2
//!    (RFC 8441 §4) that names an allowed token: `websocket`, and those which a matching rule
//!    requires. All `Upgrade` lines are read jointly; anything else that is offered is ignored.
//! 2. The upstream is asked on a connection of its own, with that token alone and a fresh
//!    `Connection: Upgrade`.
//! 3. Its `101` is believed only if it names exactly that token, with `Connection: upgrade`, and,
//!    for a WebSocket, if `Sec-WebSocket-Accept` fits the key. Any other switch is a `502`.
//! 4. Any answer but `101` is an ordinary response, and no tunnel.
//! 5. A byte of the new protocol that arrives before our `101` left ends the tunnel (RFC 9931 §3).
//! 6. Then bytes are carried both ways, each direction closed on its own, until both are, nothing
//!    moves for too long, or one side takes nothing of what the other sent for too long.

mod handshake;
mod offer;
mod open;
mod relay;

pub(crate) use offer::{Offer, offered};
pub(crate) use open::{Tunnel, open};
