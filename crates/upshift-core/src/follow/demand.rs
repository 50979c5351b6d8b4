//! What a 426 wants.

use super::{FollowRule, ProblemDetails, ReceivedResponse, Stop, StopReason, Subject};
use crate::field::{ConnectionOptions, Protocol, UpgradeList, UpgradeListError};
use crate::{HttpVersion, TlsVersion};

/// One thing that would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// TLS, of at least this version if one is known.
    Tls(Option<TlsVersion>),
    /// This version of HTTP.
    Http(HttpVersion),
    /// A WebSocket handshake.
    WebSocket,
    /// A version of an API or client.
    Version {
        /// Of what.
        subject: Subject,
        /// The token, else the server's rule.
        name: String,
        /// The lowest that will do.
        minimum: Option<String>,
    },
    /// Something else.
    Other(Protocol),
}

/// An oddity of a 426 that is no reason to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remark {
    /// `Upgrade` is there and `Connection: upgrade` is not (RFC 9110 §7.8).
    NoConnection,
    /// `Upgrade` is missing on HTTP/1.1 and the body said what it should have (RFC 9110 §15.5.22).
    NoUpgrade,
    /// `Upgrade` or `Connection` was sent in HTTP/2 or HTTP/3 (RFC 9113 §8.2.2).
    ForbiddenField,
    /// WebSocket is wanted and `Sec-WebSocket-Version` is missing (RFC 6455 §4.2.2).
    NoWebSocketVersion,
}

impl Remark {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoConnection => {
                "the answer has Upgrade without Connection: upgrade (RFC 9110 §7.8)"
            }
            Self::NoUpgrade => {
                "the answer lacks Upgrade (RFC 9110 §15.5.22); its body says what is wanted"
            }
            Self::ForbiddenField => {
                "the answer has a field that HTTP/2 and HTTP/3 forbid (RFC 9113 §8.2.2)"
            }
            Self::NoWebSocketVersion => "the answer lacks Sec-WebSocket-Version (RFC 6455 §4.2.2)",
        }
    }
}

/// All that would do, the most wanted first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Any one of these suffices.
    pub wants: Vec<Want>,
    /// The protocols as the server wrote them.
    pub protocols: Vec<Protocol>,
    /// The oddities.
    pub remarks: Vec<Remark>,
}

impl Demand {
    /// Reads a 426 that came over this version of HTTP. Empty if it names nothing.
    ///
    /// # Errors
    /// If `Upgrade` is malformed (rule 3).
    pub fn from_response(response: &ReceivedResponse<'_>, http: HttpVersion) -> Result<Self, Stop> {
        let mut demand = Self::default();
        let has_field = response.fields.has("upgrade");
        if http.is_multiplexed() {
            if has_field || response.fields.has("connection") {
                demand.remarks.push(Remark::ForbiddenField);
            }
        } else {
            match UpgradeList::parse(response.fields.all("upgrade")) {
                Ok(list) => demand.protocols = list.protocols().to_vec(),
                // RFC 9110 §5.6.1: a list of nothing names nothing, as does no list.
                Err(UpgradeListError::Empty) => {}
                Err(error) => {
                    return Err(Stop::by_rule(
                        FollowRule::MALFORMED,
                        StopReason::PeerMalformed(error),
                    ));
                }
            }
            if has_field && !ConnectionOptions::from_fields(response.fields).contains("upgrade") {
                demand.remarks.push(Remark::NoConnection);
            }
        }
        let problem = response.problem;
        if demand.protocols.is_empty() {
            demand.read_body(problem, http);
        } else {
            demand.wants = wants(&demand.protocols, problem);
        }
        if demand.wants.contains(&Want::WebSocket) && !response.fields.has("sec-websocket-version")
        {
            demand.remarks.push(Remark::NoWebSocketVersion);
        }
        Ok(demand)
    }

    fn read_body(&mut self, problem: Option<&ProblemDetails>, http: HttpVersion) {
        let Some(problem) = problem else { return };
        self.protocols =
            problem.protocols.iter().filter_map(|text| Protocol::parse(text).ok()).collect();
        self.wants = wants(&self.protocols, Some(problem));
        if self.wants.is_empty() {
            self.wants = problem
                .required
                .iter()
                .filter_map(|required| want_of_body(required, problem))
                .collect();
        }
        if !self.wants.is_empty() && !http.is_multiplexed() {
            self.remarks.push(Remark::NoUpgrade);
        }
    }
}

/// The requirement behind protocol tokens. Rule 8: `HTTP/1.x` right after `TLS` is the layer above
/// it.
fn wants(protocols: &[Protocol], problem: Option<&ProblemDetails>) -> Vec<Want> {
    let mut after_tls = false;
    let mut found = Vec::with_capacity(protocols.len());
    for protocol in protocols {
        let upper = after_tls
            && protocol.is_named("HTTP")
            && protocol.version().is_some_and(|version| version.starts_with("1."));
        if !upper {
            found.push(want(protocol, problem));
        }
        after_tls = protocol.is_named("TLS") || upper;
    }
    found
}

fn want(protocol: &Protocol, problem: Option<&ProblemDetails>) -> Want {
    let version = protocol.version();
    let known = if protocol.is_named("TLS") {
        match version {
            None => Some(Want::Tls(None)),
            Some(version) => TlsVersion::parse(version).map(|version| Want::Tls(Some(version))),
        }
    } else if protocol.is_named("HTTP") {
        version.and_then(HttpVersion::parse).map(Want::Http)
    } else if (protocol.is_named("h2c") || protocol.is_named("h2")) && version.is_none() {
        Some(Want::Http(HttpVersion::V2))
    } else if protocol.is_named("h3") && version.is_none() {
        Some(Want::Http(HttpVersion::V3))
    } else if protocol.is_named("websocket") && version.is_none_or(|version| version == "13") {
        Some(Want::WebSocket)
    } else {
        subject(protocol, problem).map(|subject| Want::Version {
            subject,
            name: protocol.name().to_owned(),
            minimum: version.map(str::to_owned),
        })
    };
    known.unwrap_or_else(|| Want::Other(protocol.clone()))
}

/// Tells whether the body says that a token which is no protocol's stands for an API or a client.
fn subject(protocol: &Protocol, problem: Option<&ProblemDetails>) -> Option<Subject> {
    let versions = || {
        problem.into_iter().flat_map(|problem| &problem.required).filter_map(|required| {
            let subject = match required.kind.as_str() {
                "api" => Subject::Api,
                "client" => Subject::Client,
                _ => return None,
            };
            Some((subject, required.minimum.as_deref()))
        })
    };
    let same = versions().find(|(_, minimum)| *minimum == protocol.version());
    same.or_else(|| versions().next()).map(|(subject, _)| subject)
}

fn want_of_body(required: &super::StatedRequirement, problem: &ProblemDetails) -> Option<Want> {
    let minimum = required.minimum.as_deref();
    let version = |subject| Want::Version {
        subject,
        name: problem.rule.clone().unwrap_or_else(|| required.kind.clone()),
        minimum: minimum.map(str::to_owned),
    };
    Some(match required.kind.as_str() {
        "tls" => Want::Tls(minimum.and_then(TlsVersion::parse)),
        "http" => Want::Http(HttpVersion::parse(minimum?)?),
        "websocket" if minimum.is_none_or(|version| version == "13") => Want::WebSocket,
        "api" => version(Subject::Api),
        "client" => version(Subject::Client),
        // `websocket/13`, or `HTTP/1.1` from who wants no WebSocket.
        "protocol" | "websocket" => want(&Protocol::parse(minimum?).ok()?, None),
        _ => return None,
    })
}
