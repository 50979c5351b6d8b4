//! What one core counts, without a lock; handed over once a second.

use std::collections::HashMap;

use upshift_core::{Decision, HttpVersion, Phase, Verdict, VerdictReason};
use upshift_http::client_hello::OldHello;

use crate::progress::activity::Expired;

/// Why a connection ended otherwise than in good order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ending {
    /// The codec could not read the bytes as HTTP.
    Parse,
    /// A later header section was too long.
    HeadTooLarge,
    /// The connection ended in the middle of a message.
    Incomplete,
    /// A body on its way to the client broke off.
    BodyAborted,
    /// The network failed.
    Io,
    /// The client was given up.
    Expired(Expired),
    /// An idle connection made room for another.
    Evicted,
    /// The TLS handshake failed.
    TlsHandshake,
    /// The TLS handshake took too long.
    TlsTimeout,
    /// A TLS record on the cleartext port.
    TlsInClear,
    /// The client speaks no version of TLS that is spoken here.
    OldHello(OldHello),
    /// A ClientHello for implicit TLS after a switch to TLS in band.
    Spliced,
    /// Bytes of a new protocol came before our `101`.
    EarlyBytes,
    /// No HTTP/2 followed our `101`.
    NoHttp2,
    /// Nothing moved in a tunnel.
    TunnelIdle,
    /// A side of a tunnel took nothing of what the other sent.
    TunnelStalled,
    /// A side of a tunnel broke off.
    TunnelBroken,
    /// A stream of HTTP/2 or HTTP/3 was left without window.
    StreamStalled,
}

impl Ending {
    /// What a codec's error is.
    pub(crate) fn of(error: &hyper::Error) -> Self {
        if error.is_parse_too_large() {
            Self::HeadTooLarge
        } else if error.is_parse() {
            Self::Parse
        } else if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
            Self::Incomplete
        } else if error.is_user() || error.is_body_write_aborted() {
            Self::BodyAborted
        } else {
            Self::Io
        }
    }

    /// A short stable name.
    pub(crate) fn cause(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::HeadTooLarge => "head-too-large",
            Self::Incomplete => "incomplete",
            Self::BodyAborted => "body-aborted",
            Self::Io => "io",
            Self::Expired(Expired::Idle) => "idle",
            Self::Expired(Expired::Head) => "head-timeout",
            Self::Expired(Expired::Stalled) => "stalled",
            Self::Evicted => "evicted",
            Self::TlsHandshake => "tls-handshake",
            Self::TlsTimeout => "tls-timeout",
            Self::TlsInClear => "tls-in-clear",
            Self::OldHello(hello) => hello.as_str(),
            Self::Spliced => "tls-spliced",
            Self::EarlyBytes => "early-bytes",
            Self::NoHttp2 => "no-http2",
            Self::TunnelIdle => "tunnel-idle",
            Self::TunnelStalled => "tunnel-stalled",
            Self::TunnelBroken => "tunnel-broken",
            Self::StreamStalled => "stream-stalled",
        }
    }
}

/// What one rule said, how often.
type Rulings = HashMap<(Verdict, VerdictReason, Phase), u64>;

/// Counters since they were last handed over.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Connections accepted.
    pub(crate) connections: u64,
    /// Requests that were decided, by verdict and the version of HTTP on this hop.
    pub(crate) requests: HashMap<(Verdict, HttpVersion), u64>,
    /// What the rules that applied said, by rule.
    pub(crate) rulings: HashMap<Box<str>, Rulings>,
    /// Answers of upstreams that were 426 and named nothing.
    pub(crate) bare_426: u64,
    /// Faults, by cause.
    pub(crate) faults: HashMap<&'static str, u64>,
    /// Connections that ended badly, by cause.
    pub(crate) endings: HashMap<&'static str, u64>,
    /// Connections and streams that switched protocols, by what they switched to.
    pub(crate) transitions: HashMap<&'static str, u64>,
    /// Requests from peers that look like proxies nobody declared.
    pub(crate) undeclared: u64,
}

impl Counts {
    /// A request was decided.
    pub(crate) fn decided(&mut self, decision: &Decision<'_>, http: HttpVersion) {
        Self::add(&mut self.requests, (decision.verdict, http));
        for ruling in decision.matched() {
            let key = (ruling.verdict, ruling.cause.unwrap_or(ruling.reason), ruling.phase());
            match self.rulings.get_mut(&*ruling.rule.id) {
                Some(counts) => Self::add(counts, key),
                None => Self::add(self.rulings.entry(ruling.rule.id.clone()).or_default(), key),
            }
        }
    }

    /// Adds one to `map[key]`.
    pub(crate) fn add<K: std::hash::Hash + Eq>(map: &mut HashMap<K, u64>, key: K) {
        *map.entry(key).or_default() += 1;
    }
}
