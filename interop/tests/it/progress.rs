//! Progress: neither a client nor an upstream holds anything for ever by doing nothing, and those
//! that are only slow are served to the end.
//!
//! KIND: a time-out that is missing, or that a frame which moves nothing puts off (attack.md, F4,
//! F5, F9, F12, F13).

mod admin;
mod descriptors;
mod http1;
mod http2;
mod http3;
mod slow_clients;
mod tunnels;
mod upstreams;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use interop::{Gateway, wait};

/// Short times; `upstream-silence` is as `upstream-response`.
const LIMITS: &str = r#"
[limits]
idle              = "2s"
header-timeout    = "2s"
upstream-response = "2s"
upstream-connect  = "2s"
tunnel-idle       = "3s"
"#;

/// Time in which what a stalled peer holds is released.
const SOON: Duration = Duration::from_secs(6);

/// Between two frames that move nothing.
const BEAT: Duration = Duration::from_millis(300);

/// Between two looks at what is held.
const LOOK: Duration = Duration::from_millis(50);

/// A gateway of all versions with [`LIMITS`].
fn gateway(upstream: SocketAddr) -> Gateway {
    Gateway::with(upstream, "http3 = true", LIMITS, &[])
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
