//! Progress: no client and no upstream holds anything forever by doing nothing, and those that are
//! only slow are served to the end.
//!
//! A timeout must not be missing, and frames that make no progress, such as PING, must not put it
//! off.

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

/// Short time limits; `upstream-silence` is the same as `upstream-response`.
const LIMITS: &str = r#"
[limits]
idle              = "2s"
header-timeout    = "2s"
upstream-response = "2s"
upstream-connect  = "2s"
tunnel-idle       = "3s"
discard-timeout   = "1s"
"#;

/// The time within which everything that a stalled peer holds is released.
const SOON: Duration = Duration::from_secs(6);

/// The time between two frames that make no progress.
const BEAT: Duration = Duration::from_millis(300);

/// The time between two checks of what is held.
const LOOK: Duration = Duration::from_millis(50);

/// A gateway whose connections a test counts.
struct Watched {
    gateway: Gateway,
    /// The number of its descriptors without any connection.
    own: usize,
}

impl Watched {
    fn new(gateway: Gateway) -> Self {
        let own = settled_descriptors(&gateway);
        Self { gateway, own }
    }

    /// The number of its open connections, to clients and upstreams together.
    fn held(&self) -> usize {
        self.gateway.descriptors().saturating_sub(self.own)
    }

    /// Waits until it holds at least `count` connections.
    fn assert_reaches(&self, count: usize) {
        let reached = ends_despite(SOON, || (), || self.held() >= count);
        assert!(reached, "{} of {count} connections are open", self.held());
    }

    /// Waits until it holds at most `most` connections.
    fn assert_releases(&self, limit: Duration, most: usize) {
        self.assert_releases_despite(limit, most, || ());
    }

    /// The same, with calls of `beat` in the meantime.
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

/// The number of descriptors of a gateway that has just started: its files are still being opened,
/// and the connection that showed it to be ready is still to be closed.
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

/// A gateway for all HTTP versions, with [`LIMITS`].
fn gateway(upstream: SocketAddr) -> Watched {
    Watched::new(Gateway::with(upstream, "http3 = true", LIMITS, &[]))
}

/// Waits until `done`, with calls of `beat` in the meantime. Returns true if it was done within
/// `limit`.
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
