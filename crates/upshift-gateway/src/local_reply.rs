//! What can go wrong with one exchange, and whose fault it is: the client's (4xx, 505), the
//! upstream's (502, 504), or the gateway's own (501, 503).
//!
//! The client reads [`LocalReply::client_detail`], which names no address and no cause behind the gateway. The
//! operator reads [`LocalReply::operator_report`], in the log.

use http::StatusCode;
use upshift_core::policy::Ambiguity;

use crate::fields::forwarded::MOST_PASSES;

/// Why a request is answered by the gateway itself, apart from the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LocalReply {
    /// The bytes are no HTTP request.
    NotHttp(&'static str),
    /// A major version of HTTP that is not spoken here, as the client wrote it.
    Version(String),
    /// The target alone is longer than the header section may be.
    TargetTooLong,
    /// The header section is too long, or has too many fields.
    HeadTooLarge,
    /// The header section did not arrive in time.
    HeadTimeout,
    /// `Host` is absent, repeated, or no authority.
    Host(&'static str),
    /// The length of the body can be read in two ways.
    Framing(&'static str),
    /// A transfer coding other than chunked.
    Coding,
    /// The target is of a form that cannot be served.
    Target(&'static str),
    /// The path has more than one reading, and such paths are refused here.
    AmbiguousPath(Ambiguity),
    /// The client stopped sending the body of its request.
    BodyTimeout,
    /// CONNECT without `:protocol`: this is no forward proxy.
    Connect,
    /// TRACE that ends here (RFC 9110 §7.6.2): what it would reflect may hold secrets (§9.3.8).
    Trace,
    /// A protocol that is not carried here, as the client named it (RFC 9220 §3).
    Transition(String),
    /// No upstream is configured for this request.
    NoUpstream,
    /// The request has passed a gateway of this name too often: the name of the upstream that it
    /// would go to.
    Loop(String),
    /// This process may open no more connections: its descriptors are used up.
    OutOfDescriptors,
    /// Every endpoint of the upstream has as many requests as it may have: the name of one.
    UpstreamBusy(String),
    /// No connection to the upstream: its name, and why.
    Unreachable(String, String),
    /// The upstream did not answer in time: its name, and what was waited for.
    UpstreamTimeout(String, &'static str),
    /// The upstream answered something that is no HTTP, or closed: its name, and what happened.
    BadGateway(String, String),
}

impl LocalReply {
    /// The status that says so.
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
            // RFC 9112 §6.1: a coding that is not understood.
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

    /// A short stable name, for counting.
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

    /// What the client should read.
    pub(crate) fn client_detail(&self) -> String {
        match self {
            Self::NotHttp(why) | Self::Host(why) | Self::Framing(why) | Self::Target(why) => {
                (*why).to_owned()
            }
            Self::Version(version) => {
                format!("{version} is not spoken here. HTTP/1.1 and HTTP/2 are.")
            }
            Self::TargetTooLong => "The URL is longer than this server reads.".to_owned(),
            Self::HeadTooLarge => {
                "The request's fields are more than this server reads.".to_owned()
            }
            Self::HeadTimeout => "The request did not arrive in time.".to_owned(),
            Self::Coding => "Of the transfer codings, only chunked is understood here.".to_owned(),
            Self::Connect => {
                "This server is no forward proxy: it does not open tunnels by CONNECT.".to_owned()
            }
            Self::Trace => "This server does not reflect requests.".to_owned(),
            Self::Transition(token) => format!("{token} is not carried here."),
            Self::AmbiguousPath(ambiguity) => {
                format!(
                    "This server does not accept a path that servers read in different ways: {ambiguity}."
                )
            }
            Self::BodyTimeout => "The request's body did not arrive in time.".to_owned(),
            Self::NoUpstream => "No upstream is configured for this URL.".to_owned(),
            Self::Loop(_) => "This request goes round in circles behind this server.".to_owned(),
            Self::OutOfDescriptors => {
                "This server cannot take more requests at the moment.".to_owned()
            }
            Self::UpstreamBusy(_) => "The servers behind this gateway are busy.".to_owned(),
            Self::Unreachable(..) => "The server behind this gateway cannot be reached.".to_owned(),
            Self::UpstreamTimeout(..) => "The server behind this gateway took too long.".to_owned(),
            Self::BadGateway(..) => {
                "The server behind this gateway gave no valid answer.".to_owned()
            }
        }
    }

    /// What the operator should read; `None` for what is the client's fault.
    pub(crate) fn operator_report(&self) -> Option<String> {
        match self {
            Self::OutOfDescriptors => Some(
                "no descriptor is left for another connection: raise the limit (ulimit -n)"
                    .to_owned(),
            ),
            Self::Loop(upstream) => Some(format!(
                "the upstream {upstream} leads back to this gateway, it seems: a request has passed it {MOST_PASSES} times (Via)"
            )),
            Self::UpstreamBusy(upstream) => Some(format!(
                "the upstream {upstream} and its others serve as many requests as `connections` allows"
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
