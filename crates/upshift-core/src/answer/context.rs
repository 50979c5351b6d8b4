//! The inputs of an answer other than the decision and the facts.

use std::net::SocketAddr;

use jiff::Timestamp;

/// The properties of the listener and the request that an answer depends on.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnswerContext<'a> {
    /// True if the listener switches to HTTP/2 on `Upgrade: h2c`.
    pub h2c: bool,
    /// True if the listener switches to TLS in band (RFC 2817).
    pub tls_in_band: bool,
    /// True if a declared proxy is between the client and us.
    pub proxied: bool,
    /// True if that proxy forwards `Upgrade` correctly (`upgrade-field = true`).
    pub upgrade_field: bool,
    /// The base of links, without a trailing slash: `https://api.example.com`.
    pub public_url: Option<&'a str>,
    /// The address of the `https` listener, for clients that connect by a loopback name.
    pub https_listener: Option<SocketAddr>,
    /// The value of `Alt-Svc` that announces HTTP/3.
    pub alt_svc: Option<&'a str>,
    /// The ID of the request.
    pub request_id: &'a str,
    /// The time of the answer.
    pub now: Timestamp,
}
