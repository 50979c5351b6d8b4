//! The reasons for which connections end early, as metrics and logs name them.

use std::error::Error as _;

use upshift_http::client_hello::OldHello;

use crate::progress::activity::Expired;

/// The reason that a connection was closed, or broke off, before it was complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum DisconnectReason {
    /// The codec could not read the bytes as HTTP.
    Parse,
    /// The client violated the protocol of HTTP/2.
    Http2Protocol,
    /// A later header section was too long.
    HeadTooLarge,
    /// The connection ended in the middle of a message.
    Incomplete,
    /// The response body broke off.
    BodyAborted,
    /// The network failed.
    Io,
    /// The client was inactive for too long.
    Expired(Expired),
    /// An idle connection was closed to make room for a new one.
    Evicted,
    /// The TLS handshake failed.
    TlsHandshake,
    /// The TLS handshake took too long.
    TlsTimeout,
    /// A TLS record arrived on the cleartext port.
    TlsOnCleartext,
    /// The client supports no TLS version that the gateway accepts.
    OldHello(OldHello),
    /// After a switch to in-band TLS, the ClientHello asked for implicit TLS: an attacker may have
    /// joined two connections.
    Spliced,
    /// The client sent bytes of the new protocol before the `101`.
    EarlyBytes,
    /// The client did not start HTTP/2 after the `101`.
    NoHttp2,
    /// No bytes crossed a tunnel for too long.
    TunnelIdle,
    /// One side of a tunnel stopped reading what the other sent.
    TunnelStalled,
    /// One side of a tunnel broke off.
    TunnelBroken,
    /// The client left an HTTP/2 or HTTP/3 stream without flow-control window for too long.
    StreamStalled,
}

impl DisconnectReason {
    /// All reasons.
    pub(crate) const ALL: [Self; 24] = [
        Self::Parse,
        Self::Http2Protocol,
        Self::HeadTooLarge,
        Self::Incomplete,
        Self::BodyAborted,
        Self::Io,
        Self::Expired(Expired::Idle),
        Self::Expired(Expired::Head),
        Self::Expired(Expired::Stalled),
        Self::Evicted,
        Self::TlsHandshake,
        Self::TlsTimeout,
        Self::TlsOnCleartext,
        Self::OldHello(OldHello::Ssl2),
        Self::OldHello(OldHello::Ssl3),
        Self::OldHello(OldHello::Tls1_0),
        Self::OldHello(OldHello::Tls1_1),
        Self::Spliced,
        Self::EarlyBytes,
        Self::NoHttp2,
        Self::TunnelIdle,
        Self::TunnelStalled,
        Self::TunnelBroken,
        Self::StreamStalled,
    ];

    /// The value of the metric label `cause`, which dashboards rely on.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::Http2Protocol => "http2-protocol",
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
            Self::TlsOnCleartext => "tls-in-clear",
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

impl From<hyper::Error> for DisconnectReason {
    /// The reason for which a codec of hyper failed with `error`.
    fn from(error: hyper::Error) -> Self {
        if error.is_parse_too_large() {
            Self::HeadTooLarge
        } else if error.is_parse() {
            Self::Parse
        } else if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
            Self::Incomplete
        } else if violates_http2(&error) {
            Self::Http2Protocol
        } else if error.is_user() || error.is_body_write_aborted() {
            Self::BodyAborted
        } else {
            Self::Io
        }
    }
}

/// Returns true if the codec for HTTP/2 ended the connection because of what the client sent.
fn violates_http2(error: &hyper::Error) -> bool {
    match error.source().and_then(|source| source.downcast_ref::<h2::Error>()) {
        Some(error) => error.is_library() && error.is_go_away(),
        None => false,
    }
}
