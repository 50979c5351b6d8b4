//! The requirement that a 426 states.

use super::exchange::ReceivedResponse;
use super::problem::{ProblemDetails, StatedRequirement};
use super::rule::FollowRule;
use super::step::Subject;
use super::stop::{Stop, StopReason};
use crate::field::{ConnectionOptions, Protocol, UpgradeList, UpgradeListError};
use crate::{HttpVersion, TlsVersion};

/// One alternative that would meet a 426.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// TLS, of at least this version if one is known.
    Tls(Option<TlsVersion>),
    /// This version of HTTP.
    Http(HttpVersion),
    /// A WebSocket handshake.
    WebSocket,
    /// A version of an API or a client.
    Version {
        /// The subject of the version.
        subject: Subject,
        /// The name of the subject: the protocol token, else the server's rule.
        name: String,
        /// The lowest version that the server accepts.
        minimum: Option<String>,
    },
    /// Any other protocol.
    Other(Protocol),
}

/// An oddity of a 426 that is no reason to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remark {
    /// There is an `Upgrade` without `Connection: upgrade` (RFC 9110 §7.8).
    NoConnection,
    /// `Upgrade` is missing on HTTP/1.1, and the body says what is required (RFC 9110 §15.5.22).
    NoUpgrade,
    /// `Upgrade` or `Connection` was sent in HTTP/2 or HTTP/3 (RFC 9113 §8.2.2).
    ForbiddenField,
    /// WebSocket is required and `Sec-WebSocket-Version` is missing (RFC 6455 §4.2.2).
    NoWebSocketVersion,
}

impl Remark {
    /// The remark in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoConnection => {
                "the response has Upgrade without Connection: upgrade (RFC 9110 §7.8)"
            }
            Self::NoUpgrade => {
                "the response lacks Upgrade (RFC 9110 §15.5.22); its body says what is required"
            }
            Self::ForbiddenField => {
                "the response has a field that HTTP/2 and HTTP/3 forbid (RFC 9113 §8.2.2)"
            }
            Self::NoWebSocketVersion => {
                "the response lacks Sec-WebSocket-Version (RFC 6455 §4.2.2)"
            }
        }
    }
}

/// All alternatives that would meet a 426, the preferred one first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// The alternatives. Any one of them suffices.
    pub wants: Vec<Want>,
    /// The protocols as the server wrote them.
    pub protocols: Vec<Protocol>,
    /// The oddities of the response.
    pub remarks: Vec<Remark>,
}

impl Demand {
    /// Reads a 426 that came over this version of HTTP. The demand is empty if it names nothing.
    ///
    /// # Errors
    /// If `Upgrade` is malformed (rule 3).
    pub fn from_response(response: &ReceivedResponse<'_>, http: HttpVersion) -> Result<Self, Stop> {
        let mut demand = Self::default();
        demand.read_upgrade(response, http)?;
        if demand.protocols.is_empty() {
            demand.read_body(response.problem, http);
        } else {
            demand.wants = wants_of(&demand.protocols, response.problem);
        }
        let has_version = response.fields.has("sec-websocket-version");
        if demand.wants.contains(&Want::WebSocket) && !has_version {
            demand.remarks.push(Remark::NoWebSocketVersion);
        }
        Ok(demand)
    }

    fn read_upgrade(
        &mut self,
        response: &ReceivedResponse<'_>,
        http: HttpVersion,
    ) -> Result<(), Stop> {
        let fields = response.fields;
        let has_upgrade = fields.has("upgrade");
        // Rule 2: HTTP/2 and HTTP/3 forbid both fields, so what they say does not count there.
        if http.is_multiplexed() {
            if has_upgrade || fields.has("connection") {
                self.remarks.push(Remark::ForbiddenField);
            }
            return Ok(());
        }
        match UpgradeList::parse(fields.all("upgrade")) {
            Ok(list) => self.protocols = list.protocols().to_vec(),
            // RFC 9110 §5.6.1: a list of empty elements names nothing, like a missing field.
            Err(UpgradeListError::Empty) => {}
            Err(error) => {
                let reason = StopReason::PeerMalformed(error);
                return Err(Stop { reason, rule: FollowRule::MALFORMED });
            }
        }
        if has_upgrade && !ConnectionOptions::from_fields(fields).contains("upgrade") {
            self.remarks.push(Remark::NoConnection);
        }
        Ok(())
    }

    fn read_body(&mut self, problem: Option<&ProblemDetails>, http: HttpVersion) {
        let Some(problem) = problem else { return };
        for text in &problem.protocols {
            // Skipped, unlike in `Upgrade`: a body is free text, and `required` may still help.
            if let Ok(protocol) = Protocol::parse(text) {
                self.protocols.push(protocol);
            }
        }
        self.wants = wants_of(&self.protocols, Some(problem));
        if self.wants.is_empty() {
            for requirement in &problem.required {
                self.wants.extend(want_of_requirement(requirement, problem));
            }
        }
        if !self.wants.is_empty() && !http.is_multiplexed() {
            self.remarks.push(Remark::NoUpgrade);
        }
    }
}

/// The requirements that the protocols stand for.
fn wants_of(protocols: &[Protocol], problem: Option<&ProblemDetails>) -> Vec<Want> {
    let mut after_tls = false;
    let mut wants = Vec::with_capacity(protocols.len());
    for protocol in protocols {
        // Rule 8: `HTTP/1.x` right after `TLS` is the layer above it.
        let is_inside_tls = after_tls && is_http1(protocol);
        if !is_inside_tls {
            wants.push(want_of_protocol(protocol, problem));
        }
        after_tls = protocol.is_named("TLS") || is_inside_tls;
    }
    wants
}

fn is_http1(protocol: &Protocol) -> bool {
    match protocol.version() {
        Some(version) => protocol.is_named("HTTP") && version.starts_with("1."),
        None => false,
    }
}

fn want_of_protocol(protocol: &Protocol, problem: Option<&ProblemDetails>) -> Want {
    let known = if protocol.is_named("TLS") {
        want_of_tls(protocol.version())
    } else if protocol.is_named("HTTP") {
        protocol.version().and_then(HttpVersion::parse).map(Want::Http)
    } else {
        match (protocol.name().to_ascii_lowercase().as_str(), protocol.version()) {
            ("h2c" | "h2", None) => Some(Want::Http(HttpVersion::V2)),
            ("h3", None) => Some(Want::Http(HttpVersion::V3)),
            ("websocket", None | Some("13")) => Some(Want::WebSocket),
            _ => want_of_token(protocol, problem),
        }
    };
    known.unwrap_or_else(|| Want::Other(protocol.clone()))
}

/// The requirement of a `TLS` token; `None` if its version is unknown.
fn want_of_tls(version: Option<&str>) -> Option<Want> {
    match version {
        None => Some(Want::Tls(None)),
        Some(version) => Some(Want::Tls(Some(TlsVersion::parse(version)?))),
    }
}

/// The requirement of a token that is not a registered protocol, if the body says what it stands
/// for.
fn want_of_token(protocol: &Protocol, problem: Option<&ProblemDetails>) -> Option<Want> {
    let mut first = None;
    for requirement in &problem?.required {
        let Some(subject) = subject_of_kind(&requirement.kind) else { continue };
        // A body may state several versions. The one with the token's version is the right one.
        if requirement.minimum.as_deref() == protocol.version() {
            first = Some(subject);
            break;
        }
        first = first.or(Some(subject));
    }
    Some(Want::Version {
        subject: first?,
        name: protocol.name().to_owned(),
        minimum: protocol.version().map(str::to_owned),
    })
}

fn subject_of_kind(kind: &str) -> Option<Subject> {
    match kind {
        "api" => Some(Subject::Api),
        "client" => Some(Subject::Client),
        _ => None,
    }
}

fn want_of_requirement(requirement: &StatedRequirement, problem: &ProblemDetails) -> Option<Want> {
    let minimum = requirement.minimum.as_deref();
    if let Some(subject) = subject_of_kind(&requirement.kind) {
        let name = problem.rule.as_ref().unwrap_or(&requirement.kind).clone();
        return Some(Want::Version { subject, name, minimum: minimum.map(str::to_owned) });
    }
    match (requirement.kind.as_str(), minimum) {
        ("tls", _) => Some(Want::Tls(minimum.and_then(TlsVersion::parse))),
        ("http", _) => HttpVersion::parse(minimum?).map(Want::Http),
        ("websocket", None | Some("13")) => Some(Want::WebSocket),
        // `websocket/13`, or `HTTP/1.1` from a server that refuses WebSockets.
        ("protocol" | "websocket", _) => {
            Some(want_of_protocol(&Protocol::parse(minimum?).ok()?, None))
        }
        _ => None,
    }
}
