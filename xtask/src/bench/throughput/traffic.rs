//! The kinds of load, and a slice of each.

use std::io;

use crate::bench::h2load::Amount;
use crate::bench::http1::OLD_VERSION;
use crate::bench::process::CpuTime;
use crate::bench::request_kind::RequestKind;
use crate::bench::servers::{RunningServer, ServerKind};
use crate::bench::test_bed::TestBed;
use crate::bench::wrk::WrkLoad;

/// The seconds of a slice.
const SLICE: u32 = 2;

/// The script of pipelined requests in the folder of the test bed.
pub(super) const PIPELINE_FILE: &str = "pipeline.lua";

/// A way to send requests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Traffic {
    /// One after the other on each connection, or several at a time over HTTP/2.
    Plain(RequestKind),
    /// Refused ones, sixteen at once on each connection.
    Pipelined,
    /// Refused ones, each on a TLS connection of its own.
    Handshakes,
}

/// The CPU time of Upshift per request, as a ratio to that of the best of other servers.
#[derive(Clone, Copy, Debug)]
pub(super) struct RatioGoal {
    pub(super) to_best_of: &'static [ServerKind],
    pub(super) at_most: f64,
}

/// A slice of a server's time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slice {
    pub(super) requests: u64,
    pub(super) rate: f64,
    pub(super) cpu: CpuTime,
}

impl Traffic {
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Plain(kind) => kind.describe(),
            Self::Pipelined => "Refusal, HTTP/1.1, 16 requests pipelined",
            Self::Handshakes => "TLS 1.3 handshake (P-256) with a refusal",
        }
    }

    /// The name of its chart.
    pub(super) fn file(self) -> &'static str {
        match self {
            Self::Plain(kind) => kind.name(),
            Self::Pipelined => "pipelined",
            Self::Handshakes => "handshakes",
        }
    }

    pub(super) fn goal(self) -> Option<RatioGoal> {
        const NGINX: &[ServerKind] = &[ServerKind::Nginx];
        const HAPROXY: &[ServerKind] = &[ServerKind::Haproxy];
        const BOTH: &[ServerKind] = &[ServerKind::Nginx, ServerKind::Haproxy];
        match self {
            Self::Plain(RequestKind::Refusal) => {
                Some(RatioGoal { to_best_of: NGINX, at_most: 0.95 })
            }
            Self::Plain(RequestKind::Proxied) => {
                Some(RatioGoal { to_best_of: BOTH, at_most: 0.88 })
            }
            Self::Plain(RequestKind::RefusalH2 | RequestKind::ProxiedH2) => {
                Some(RatioGoal { to_best_of: HAPROXY, at_most: 1.1 })
            }
            Self::Pipelined | Self::Handshakes => None,
        }
    }
}

/// Sends requests for some seconds.
///
/// # Errors
/// If a connection fails, or a response is unexpected.
pub(super) fn measure_slice(
    traffic: Traffic,
    server: &RunningServer,
    bed: &TestBed,
) -> io::Result<Slice> {
    let before = CpuTime::read(server.id())?;
    let (requests, rate) = match traffic {
        Traffic::Plain(kind) if !kind.is_http1() => send_h2(kind, server)?,
        Traffic::Plain(kind) => send_http1(kind, server)?,
        Traffic::Pipelined => send_pipelined(server, bed)?,
        Traffic::Handshakes => send_handshakes(server)?,
    };
    Ok(Slice { requests, rate, cpu: CpuTime::read(server.id())?.since(before) })
}

fn send_h2(kind: RequestKind, server: &RunningServer) -> io::Result<(u64, f64)> {
    let url = kind.url(server);
    let counts = kind.h2load(&url, Amount::Seconds(SLICE)).run()?;
    expect_statuses(kind.is_refused(), counts.done, counts.done - counts.succeeded)?;
    Ok((counts.done, counts.rate))
}

fn send_http1(kind: RequestKind, server: &RunningServer) -> io::Result<(u64, f64)> {
    let load = WrkLoad {
        url: &kind.url(server),
        version: kind.version(),
        connections: 64,
        seconds: SLICE,
        closes: false,
        script: None,
    };
    run_wrk(&load, kind.is_refused())
}

fn send_pipelined(server: &RunningServer, bed: &TestBed) -> io::Result<(u64, f64)> {
    let load = WrkLoad {
        url: &RequestKind::Refusal.url(server),
        version: OLD_VERSION,
        connections: 64,
        seconds: SLICE,
        closes: false,
        script: Some(&bed.folder().join(PIPELINE_FILE)),
    };
    run_wrk(&load, true)
}

fn send_handshakes(server: &RunningServer) -> io::Result<(u64, f64)> {
    let load = WrkLoad {
        url: &RequestKind::RefusalH2.url(server),
        version: OLD_VERSION,
        connections: 32,
        seconds: SLICE,
        closes: true,
        script: None,
    };
    run_wrk(&load, true)
}

fn run_wrk(load: &WrkLoad<'_>, is_refused: bool) -> io::Result<(u64, f64)> {
    let counts = load.run()?;
    expect_statuses(is_refused, counts.requests, counts.refused)?;
    Ok((counts.requests, counts.rate))
}

/// Checks that all requests of a slice were refused, or none.
fn expect_statuses(is_refused: bool, requests: u64, refused: u64) -> io::Result<()> {
    if refused == if is_refused { requests } else { 0 } {
        return Ok(());
    }
    Err(io::Error::other(format!("{refused} of {requests} requests were refused")))
}
