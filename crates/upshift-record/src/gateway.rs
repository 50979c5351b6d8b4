//! The state of a gateway apart from its rules, which `GET /api/gateway` returns: its upstream
//! endpoints and its certificate.

use serde::{Deserialize, Serialize};

/// The state of one gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayStatus {
    /// Its version.
    pub version: String,
    /// The time by its clock (RFC 3339, UTC).
    pub now: String,
    /// The certificate that clients are shown; `null` without a TLS listener.
    pub certificate: Option<CertificateStatus>,
    /// The upstream endpoints, in the order of the file.
    pub endpoints: Vec<EndpointStatus>,
}

/// A certificate that clients are shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateStatus {
    /// Its file, or `self-signed`.
    pub certificate: String,
    /// The end of its validity (RFC 3339, UTC).
    pub expires: String,
}

/// The state of one upstream endpoint since the start of the gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointStatus {
    /// Its address.
    pub endpoint: String,
    /// `available`; `returning`: it gets a growing share of its requests after an ejection;
    /// `ejected`: it failed requests; or `fails-checks`.
    pub state: String,
    /// It is used only if no other endpoint is available.
    pub backup: bool,
    /// Open connections to it.
    pub connections: u64,
    /// Requests that were sent to it.
    pub requests: u64,
    /// Requests that it failed.
    pub failures: u64,
    /// Ejections.
    pub ejections: u64,
}
