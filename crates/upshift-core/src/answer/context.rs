//! The inputs of an answer besides the decision and the facts.

use std::net::SocketAddr;

use jiff::Timestamp;

/// The abilities of the listener and the circumstances of the request that shape an answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnswerContext<'a> {
    /// True if the listener switches to HTTP/2 on `Upgrade: h2c`.
    pub h2c: bool,
    /// True if the listener switches to TLS in band (RFC 2817).
    pub tls_in_band: bool,
    /// True if a declared proxy is between the client and us.
    pub proxied: bool,
    /// True if that proxy passes `Upgrade` on correctly (`upgrade-field = true`).
    pub upgrade_field: bool,
    /// The base of links: `https://api.example.com`, without a slash at its end.
    pub public_url: Option<&'a str>,
    /// The address of the `https` listener, for clients that use a loopback name of this machine.
    pub https_listener: Option<SocketAddr>,
    /// The value of `Alt-Svc` that announces HTTP/3.
    pub alt_svc: Option<&'a str>,
    /// The ID of the request.
    pub request_id: &'a str,
    /// The time of the answer.
    pub now: Timestamp,
}
