//! The request and the response that the next step depends on.

use super::problem::ProblemDetails;
use super::transport::Transport;
use crate::Fields;
use crate::field::UpgradeList;

/// The parts of a response that decide about the next step.
#[derive(Clone, Copy)]
pub struct ReceivedResponse<'a> {
    /// The status code.
    pub status: u16,
    /// The field lines.
    pub fields: &'a dyn Fields,
    /// The problem body, if the response has one.
    pub problem: Option<&'a ProblemDetails>,
}

/// The request that the response answers.
#[derive(Clone, Copy)]
pub struct SentRequest<'a> {
    /// The host, without a port.
    pub host: &'a str,
    /// The TCP port.
    pub port: u16,
    /// The transport that the request went over.
    pub transport: Transport,
    /// The protocols offered in `Upgrade`, or the `:protocol` of an extended CONNECT.
    pub offered: Option<&'a UpgradeList>,
    /// True if the request carries credentials, in a field that the client counts as such.
    pub credentials: bool,
    /// True if the body cannot be read a second time.
    pub body_gone: bool,
    /// The port of an HTTP/3 alternative that the client remembers.
    pub http3: Option<u16>,
}
