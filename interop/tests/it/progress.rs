//! Progress: neither a client nor an upstream holds anything for ever by doing nothing, and those
//! that are only slow are served to the end.
//!
//! KIND: a time-out that is missing, or that a frame which moves nothing puts off (attack.md, F4,
//! F5, F9, F12, F13).

mod admin;
mod bystanders;
mod descriptors;
mod http1;
mod http2;
mod http3;
mod slow_clients;
mod tunnels;
pub(crate) mod upstreams;

use std::net::SocketAddr;
use std::ops::Deref;
use std::time::{Duration, Instant};

use interop::{Count, Gateway, tally, wait};

/// Short times; `upstream-silence` is as `upstream-response`.
const LIMITS: &str = r#"
[limits]
idle              = "2s"
header-timeout    = "2s"
upstream-response = "2s"
upstream-connect  = "2s"
tunnel-idle       = "3s"
discard-timeout   = "1s"
"#;

/// Time in which what a stalled peer holds is released.
const SOON: Duration = Duration::from_secs(6);

/// Between two frames that move nothing.
const BEAT: Duration = Duration::from_millis(300);

/// Between two looks at what is held.
const LOOK: Duration = Duration::from_millis(50);

/// A gateway of which a test counts the connections.
struct Watched {
    gateway: Gateway,
    /// Descriptors without any connection.
    own: usize,
}

impl Watched {
    fn new(gateway: Gateway) -> Self {
        let own = settled_descriptors(&gateway);
        Self { gateway, own }
    }

    /// Connections that it has open, to clients and upstreams together.
    fn held(&self) -> usize {
        self.gateway.descriptors().saturating_sub(self.own)
    }

    /// Waits until it holds at least so many connections.
    fn assert_reaches(&self, count: usize) {
        let reached = ends_despite(SOON, || (), || self.held() >= count);
        assert!(reached, "{} of {count} connections are open", self.held());
    }

    /// Waits until it holds at most so many connections.
    fn assert_releases(&self, limit: Duration, most: usize) {
        self.assert_releases_despite(limit, most, || ());
    }

    /// The same, while `beat` goes on.
    fn assert_releases_despite(&self, limit: Duration, most: usize, beat: impl FnMut()) {
        tally(Count::Held, self.held());
        let released = ends_despite(limit, beat, || self.held() <= most);
        let left = self.held();
        tally(Count::Left, left.saturating_sub(most));
        assert!(released, "{left} connections are held");
    }
}

impl Deref for Watched {
    type Target = Gateway;

    fn deref(&self) -> &Gateway {
        &self.gateway
    }
}

/// The descriptors of a gateway that has just started: its files are being opened, and the
/// connection by which it was seen to have started is still to be closed.
fn settled_descriptors(gateway: &Gateway) -> usize {
    let mut before = gateway.descriptors();
    for _ in 0..20 {
        wait(BEAT);
        let now = gateway.descriptors();
        if now == before {
            break;
        }
        before = now;
    }
    before
}

/// A gateway of all versions with [`LIMITS`].
fn gateway(upstream: SocketAddr) -> Watched {
    Watched::new(Gateway::with(upstream, "http3 = true", LIMITS, &[]))
}

/// Waits until `done`, and goes on with `beat` meanwhile; tells whether it was done within `limit`.
fn ends_despite(limit: Duration, mut beat: impl FnMut(), done: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    let mut last = begun;
    while begun.elapsed() < limit {
        if done() {
            return true;
        }
        if last.elapsed() > BEAT {
            beat();
            last = Instant::now();
        }
        wait(LOOK);
    }
    done()
}
