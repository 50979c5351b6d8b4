//! The steps that would meet a demand, whether they are permitted or not.

use super::alt_svc::AltSvcField;
use super::demand::{Demand, Want};
use super::exchange::{ReceivedResponse, SentRequest};
use super::https_url::https_port;
use super::permission::{Capabilities, FollowPolicy};
use super::rule::FollowRule;
use super::step::{Step, Subject};
use super::step_kind::StepKind;
use super::stop::{Stop, StopReason};
use crate::field::list_elements;
use crate::{HttpVersion, TlsState, TlsVersion};

/// A step with the rule behind it, or the reason why there is none.
pub(super) type Candidate = Result<(Step, FollowRule), Stop>;

/// A search for the steps that would meet a demand.
pub(super) struct CandidateSearch<'s, 'a> {
    pub(super) response: &'s ReceivedResponse<'a>,
    pub(super) request: &'s SentRequest<'a>,
    pub(super) can: &'s Capabilities,
    pub(super) may: &'s FollowPolicy,
}

impl CandidateSearch<'_, '_> {
    /// The steps that would meet the demand, in the server's order.
    pub(super) fn candidates_for(&self, demand: &Demand) -> Vec<Candidate> {
        let wants = &demand.wants;
        let is_old = self.request.transport.http < HttpVersion::V1_1;
        // Rule 5: Envoy refuses HTTP/1.0 with a bare 426. Any other protocol that a 426 can name is
        // unknown to HTTP/1.0.
        if is_old && (wants.is_empty() || wants.contains(&Want::Http(HttpVersion::V1_1))) {
            return vec![Ok((Step::Http11, FollowRule::HTTP_1_0))];
        }
        let is_handshake = match self.request.offered {
            Some(offered) => offered.contains_name("websocket"),
            None => false,
        };
        // TLS changes the connection and not the request, so the handshake is repeated over it.
        let keeps_handshake =
            wants.iter().any(|want| matches!(want, Want::WebSocket | Want::Tls(_)));
        if is_handshake && !keeps_handshake {
            return vec![Ok((Step::FallBack, FollowRule::DECLINED))];
        }
        let mut candidates = Vec::new();
        for want in wants {
            candidates.extend(self.candidates_for_want(want, is_handshake));
        }
        candidates
    }

    fn candidates_for_want(&self, want: &Want, is_handshake: bool) -> Vec<Candidate> {
        match want {
            Want::Tls(minimum) => self.tls_candidates(*minimum),
            Want::Http(version) => self.http_candidates(*version),
            Want::WebSocket => vec![self.websocket_candidate(is_handshake)],
            Want::Version { subject, name, minimum } => {
                vec![self.version_candidate(*subject, name, minimum.as_deref())]
            }
            Want::Other(protocol) if self.may.versions.lists(protocol.name()) => {
                let (name, version) = (protocol.name(), protocol.version());
                vec![self.version_candidate(Subject::Token, name, version)]
            }
            Want::Other(protocol) => {
                vec![stop(FollowRule::ORDER, StopReason::Unknown(protocol.clone()))]
            }
        }
    }

    fn tls_candidates(&self, minimum: Option<TlsVersion>) -> Vec<Candidate> {
        // `None` is less than every version: without a minimum, nothing is too new.
        let is_too_new = minimum > Some(self.can.tls);
        match (self.request.transport.tls, minimum) {
            (TlsState::Cleartext, _) if is_too_new => vec![not_able(StepKind::NewerTls)],
            (TlsState::Cleartext, _) => vec![
                Ok((Step::Tls { port: self.tls_port(), minimum }, FollowRule::TLS)),
                Ok((Step::TlsInBand { minimum }, FollowRule::TLS_IN_BAND)),
            ],
            (TlsState::Version(have), Some(minimum)) if have < minimum => {
                if is_too_new {
                    return vec![not_able(StepKind::NewerTls)];
                }
                vec![Ok((Step::NewerTls { minimum }, FollowRule::TLS))]
            }
            // An unknown version counts as 1.2: only 1.3 can still be an upgrade.
            (TlsState::SomeVersion, Some(minimum)) if minimum > TlsVersion::V1_2 => {
                vec![Ok((Step::NewerTls { minimum }, FollowRule::TLS))]
            }
            _ => vec![stop(FollowRule::ONCE, StopReason::PeerWantsWhatItHas)],
        }
    }

    /// The port for a TLS connection, by rule 9.
    fn tls_port(&self) -> u16 {
        match https_port(self.response, self.request) {
            Some(port) => port,
            // RFC 6797 §8.3: port 80 becomes 443, any other explicit port "MUST be preserved".
            None if self.request.port == 80 => 443,
            None => self.request.port,
        }
    }

    fn http_candidates(&self, wanted: HttpVersion) -> Vec<Candidate> {
        let transport = self.request.transport;
        if wanted < transport.http {
            return vec![stop(FollowRule::NEVER_WEAKER, StopReason::PeerWantsWeaker)];
        }
        if wanted == transport.http {
            return vec![stop(FollowRule::ONCE, StopReason::PeerWantsWhatItHas)];
        }
        match wanted {
            HttpVersion::V3 if transport.is_cleartext() => vec![self.tls_before_http3()],
            HttpVersion::V3 => vec![self.http3_candidate()],
            HttpVersion::V2 if transport.is_cleartext() => self.cleartext_http2_candidates(),
            HttpVersion::V2 => vec![Ok((Step::Http2, FollowRule::HTTP_2))],
            // Newer than what was used and older than HTTP/2: HTTP/1.1, required of HTTP/1.0.
            _ => vec![Ok((Step::Http11, FollowRule::HTTP_1_0))],
        }
    }

    fn cleartext_http2_candidates(&self) -> Vec<Candidate> {
        let mut candidates = vec![
            Ok((Step::Http2PriorKnowledge, FollowRule::HTTP_2)),
            Ok((Step::H2c, FollowRule::H2C)),
        ];
        // ALPN also leads to HTTP/2, if the response says that there is TLS.
        if let Some(port) = https_port(self.response, self.request) {
            candidates.push(Ok((Step::Tls { port, minimum: None }, FollowRule::HTTP_2)));
        }
        candidates
    }

    fn tls_before_http3(&self) -> Candidate {
        let port = match AltSvcField::from_fields(self.response.fields, self.request.host) {
            // A server usually has `https` on the port of its HTTP/3, so the port of `Alt-Svc` is
            // a better guess than the one derived from the request.
            AltSvcField::Http3(service) => {
                https_port(self.response, self.request).unwrap_or(service.port)
            }
            AltSvcField::Silent | AltSvcField::Clear => self.tls_port(),
        };
        Ok((Step::Tls { port, minimum: None }, FollowRule::HTTP_3))
    }

    fn http3_candidate(&self) -> Candidate {
        let port = match AltSvcField::from_fields(self.response.fields, self.request.host) {
            AltSvcField::Http3(service) => Some(service.port),
            AltSvcField::Silent => self.request.http3,
            // RFC 7838 §3: `clear` also ends what the client remembers.
            AltSvcField::Clear => None,
        };
        match port {
            Some(port) => Ok((Step::Http3 { port }, FollowRule::HTTP_3)),
            None => stop(FollowRule::HTTP_3, StopReason::NoAlternative),
        }
    }

    fn websocket_candidate(&self, is_handshake: bool) -> Candidate {
        // RFC 6455 §4.4: "If the server doesn't support the requested version, it MUST respond with
        // a |Sec-WebSocket-Version| header field … containing all versions it is willing to use."
        let versions = self.response.fields.all("sec-websocket-version");
        let mut listed = list_elements(versions).peekable();
        if listed.peek().is_some() && !listed.any(|version| version == b"13") {
            return stop(FollowRule::WEBSOCKET, StopReason::WebSocketVersion);
        }
        if is_handshake {
            return stop(FollowRule::ONCE, StopReason::PeerWantsWhatItHas);
        }
        Ok((Step::WebSocket { version: 13 }, FollowRule::WEBSOCKET))
    }

    fn version_candidate(&self, subject: Subject, name: &str, minimum: Option<&str>) -> Candidate {
        if !self.may.versions.contains(name) {
            let reason = StopReason::VersionNotAllowed(name.to_owned());
            return stop(FollowRule::VERSION, reason);
        }
        let (name, minimum) = (name.to_owned(), minimum.map(str::to_owned));
        Ok((Step::Version { subject, name, minimum }, FollowRule::VERSION))
    }
}

fn not_able(kind: StepKind) -> Candidate {
    stop(FollowRule::ORDER, StopReason::NotAble(kind))
}

fn stop(rule: FollowRule, reason: StopReason) -> Candidate {
    Err(Stop { reason, rule })
}
