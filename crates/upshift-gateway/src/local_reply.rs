//! The responses of the gateway itself to errors, by the party at fault: the client (4xx, 505), the
//! upstream (502, 504), or the gateway (501, 503).
//!
//! The client gets [`LocalReply::client_detail`], which names no address and no cause behind the
//! gateway. The log has [`LocalReply::operator_report`] for the operator.

use http::StatusCode;
use upshift_core::policy::Ambiguity;

use crate::fields::forwarded::MOST_PASSES;

/// The reason that the gateway answers a request itself, other than a refusal by the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LocalReply {
    /// The bytes are not an HTTP request.
    NotHttp(&'static str),
    /// The major version of HTTP is not supported: as the client wrote it.
    Version(String),
    /// The request target is longer than the limit for the whole header section.
    TargetTooLong,
    /// The header section is too large, or has too many fields.
    HeadTooLarge,
    /// The header section did not arrive in time.
    HeadTimeout,
    /// `Host` is missing, repeated or invalid.
    Host(&'static str),
    /// The length of the body is ambiguous.
    Framing(&'static str),
    /// A transfer coding other than chunked.
    Coding,
    /// The request target has a form that the gateway does not serve.
    Target(&'static str),
    /// Servers could read the path in different ways, and `paths` is set to refuse that.
    AmbiguousPath(Ambiguity),
    /// The client stopped sending the body of its request.
    BodyTimeout,
    /// CONNECT without `:protocol`: the gateway is not a forward proxy.
    Connect,
    /// TRACE with `Max-Forwards: 0` (RFC 9110 §7.6.2): the reflected request may contain secrets
    /// (§9.3.8).
    Trace,
    /// The gateway does not tunnel the protocol (RFC 9220 §3): as the client named it.
    Transition(String),
    /// No upstream matches the request.
    NoUpstream,
    /// The request has passed the gateway too often, by `Via`: the name of the next upstream.
    Loop(String),
    /// The process has no file descriptor left for another connection.
    OutOfDescriptors,
    /// Every endpoint of the upstream is at its limit of requests: the name of one.
    UpstreamBusy(String),
    /// The upstream cannot be reached: its name, and the cause.
    Unreachable(String, String),
    /// The upstream timed out: its name, and what it did not do in time.
    UpstreamTimeout(String, &'static str),
    /// The upstream closed the connection or sent an invalid response: its name, and what it did.
    BadGateway(String, String),
}

impl LocalReply {
    /// The status code of the response.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NotHttp(_)
            | Self::Host(_)
            | Self::Framing(_)
            | Self::Target(_)
            | Self::AmbiguousPath(_) => StatusCode::BAD_REQUEST,
            Self::HeadTimeout | Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            // RFC 9110 §15.6.6: the major version is refused.
            Self::Version(_) => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            // RFC 9112 §6.1: the status for a transfer coding that is not supported.
            Self::Coding | Self::Trace | Self::Connect | Self::Transition(_) => {
                StatusCode::NOT_IMPLEMENTED
            }
            // RFC 5842 §7.2.
            Self::Loop(_) => StatusCode::LOOP_DETECTED,
            Self::NoUpstream | Self::OutOfDescriptors | Self::UpstreamBusy(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Unreachable(..) | Self::BadGateway(..) => StatusCode::BAD_GATEWAY,
            Self::UpstreamTimeout(..) => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// All values of [`LocalReply::cause_label`].
    pub(crate) const CAUSE_LABELS: [&str; 21] = [
        "not-http",
        "version",
        "target-too-long",
        "head-too-large",
        "head-timeout",
        "host",
        "framing",
        "coding",
        "target",
        "ambiguous-path",
        "body-timeout",
        "connect",
        "trace",
        "transition",
        "no-upstream",
        "loop",
        "out-of-descriptors",
        "upstream-busy",
        "upstream-unreachable",
        "upstream-timeout",
        "upstream-misbehaved",
    ];

    /// The value of the metric label `cause`, and the reason in the output of `explain`.
    pub(crate) fn cause_label(&self) -> &'static str {
        match self {
            Self::NotHttp(_) => "not-http",
            Self::Version(_) => "version",
            Self::TargetTooLong => "target-too-long",
            Self::HeadTooLarge => "head-too-large",
            Self::HeadTimeout => "head-timeout",
            Self::Host(_) => "host",
            Self::Framing(_) => "framing",
            Self::Coding => "coding",
            Self::Target(_) => "target",
            Self::AmbiguousPath(_) => "ambiguous-path",
            Self::BodyTimeout => "body-timeout",
            Self::Connect => "connect",
            Self::Trace => "trace",
            Self::Transition(_) => "transition",
            Self::NoUpstream => "no-upstream",
            Self::Loop(_) => "loop",
            Self::OutOfDescriptors => "out-of-descriptors",
            Self::UpstreamBusy(_) => "upstream-busy",
            Self::Unreachable(..) => "upstream-unreachable",
            Self::UpstreamTimeout(..) => "upstream-timeout",
            Self::BadGateway(..) => "upstream-misbehaved",
        }
    }

    /// The text for the client.
    pub(crate) fn client_detail(&self) -> String {
        match self {
            Self::NotHttp(why) | Self::Host(why) | Self::Framing(why) | Self::Target(why) => {
                (*why).to_owned()
            }
            Self::Version(version) => {
                format!("{version} is not supported. Use HTTP/1.1 or HTTP/2.")
            }
            Self::TargetTooLong => "The URL is too long for this server.".to_owned(),
            Self::HeadTooLarge => {
                "The request's header fields are too large for this server.".to_owned()
            }
            Self::HeadTimeout => "The request did not arrive in time.".to_owned(),
            Self::Coding => {
                "The only transfer coding that this server supports is chunked.".to_owned()
            }
            Self::Connect => {
                "This server is not a forward proxy and does not support CONNECT.".to_owned()
            }
            Self::Trace => "This server does not support TRACE.".to_owned(),
            Self::Transition(token) => {
                format!("This server does not support the protocol {token}.")
            }
            Self::AmbiguousPath(ambiguity) => {
                format!(
                    "This server rejects paths that servers interpret in different ways: {ambiguity}."
                )
            }
            Self::BodyTimeout => "The request's body did not arrive in time.".to_owned(),
            Self::NoUpstream => "No upstream is configured for this URL.".to_owned(),
            Self::Loop(_) => "This request loops between this server and one behind it.".to_owned(),
            Self::OutOfDescriptors => {
                "This server cannot accept more requests at the moment.".to_owned()
            }
            Self::UpstreamBusy(_) => "The servers behind this gateway are busy.".to_owned(),
            Self::Unreachable(..) => "The server behind this gateway cannot be reached.".to_owned(),
            Self::UpstreamTimeout(..) => {
                "The server behind this gateway did not respond in time.".to_owned()
            }
            Self::BadGateway(..) => {
                "The server behind this gateway sent no valid response.".to_owned()
            }
        }
    }

    /// The log line for the operator; `None` if the client is at fault.
    pub(crate) fn operator_report(&self) -> Option<String> {
        match self {
            Self::OutOfDescriptors => Some(
                "no file descriptor is left for another connection: raise the limit (ulimit -n)"
                    .to_owned(),
            ),
            Self::Loop(upstream) => Some(format!(
                "the upstream {upstream} apparently leads back to this gateway: a request passed the gateway \
                 {MOST_PASSES} times (Via)"
            )),
            Self::UpstreamBusy(upstream) => Some(format!(
                "the upstream {upstream} and its other endpoints are at their limit of requests \
                 (`connections`)"
            )),
            Self::Unreachable(upstream, why) => {
                Some(format!("the upstream {upstream} cannot be reached: {why}"))
            }
            Self::UpstreamTimeout(upstream, what) => {
                Some(format!("the upstream {upstream} took too long {what}"))
            }
            Self::BadGateway(upstream, what) => Some(format!("the upstream {upstream} {what}")),
            _ => None,
        }
    }
}
