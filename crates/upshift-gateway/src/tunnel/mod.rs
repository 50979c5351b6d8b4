//! Tunnels: the client and the upstream switch to a protocol that the gateway relays without
//! interpreting it.
//!
//! The rules, in the order in which they apply:
//!
//! 1. An **offer** is an `Upgrade` on HTTP/1.1 (RFC 9110 §7.8) or an extended CONNECT on HTTP/2
//!    (RFC 8441 §4) that names an allowed token: `websocket`, and those which a matching rule
//!    requires. All `Upgrade` lines are taken together; other protocols are ignored.
//! 2. The upgrade request goes to the upstream on a connection of its own, with that token alone
//!    and a new `Connection: Upgrade`.
//! 3. A `101` is accepted only if it names exactly that token, with `Connection: upgrade`, and, for
//!    a WebSocket, if `Sec-WebSocket-Accept` matches the key. Any other switch is a `502`.
//! 4. Any other status is an ordinary response, and there is no tunnel.
//! 5. A byte of the new protocol that arrives before our `101` was sent ends the tunnel (RFC 9931
//!    §3).
//! 6. Then bytes are relayed both ways. Each direction closes on its own. The tunnel ends when both
//!    are closed, when no bytes move for too long, or when one side does not read for too long.

mod counted_stream;
mod handshake;
mod offer;
mod open;
mod relay;

pub(crate) use offer::{TunnelOffer, offered_upgrades};
pub(crate) use open::{TunnelClient, UpstreamTunnel, open_tunnel};
