//! From an answer to the next step.

use super::{
    AltSvcField, Demand, FollowRule, Lane, ProblemDetails, Remark, Step, StepKind, StepKinds, Stop,
    StopReason, Subject, Want,
};
use crate::field::{UpgradeList, list_elements};
use crate::{Facts, Fields, HttpVersion, TlsState, TlsVersion};

/// An answer, as far as following goes.
#[derive(Clone, Copy)]
pub struct ReceivedResponse<'a> {
    /// The status code.
    pub status: u16,
    /// The field lines.
    pub fields: &'a dyn Fields,
    /// The problem body, if it has one.
    pub problem: Option<&'a ProblemDetails>,
}

/// The request that was answered.
#[derive(Clone, Copy)]
pub struct SentRequest<'a> {
    /// The host, without port.
    pub host: &'a str,
    /// The TCP port.
    pub port: u16,
    /// The lane that it took.
    pub lane: Lane,
    /// The offer of its `Upgrade`; of an extended CONNECT, its `:protocol`.
    pub offered: Option<&'a UpgradeList>,
    /// It has credentials, in a field that the client counts among them.
    pub credentials: bool,
    /// It has a body that cannot be read a second time.
    pub body_gone: bool,
    /// The port of an HTTP/3 alternative that is remembered.
    pub http3: Option<u16>,
}

/// The abilities of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The moves that it can make.
    pub steps: StepKinds,
    /// The newest TLS that it speaks.
    pub tls: TlsVersion,
}

/// The permissions of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowPolicy {
    /// The moves that it may make.
    pub steps: StepKinds,
    /// The tokens and rules whose version it may raise.
    pub versions: Names,
    /// The bound on steps for one request.
    pub max_steps: u8,
    /// Credentials may go over cleartext again (rule 17): for a network without other users.
    pub dangerous_cleartext_credentials: bool,
}

impl Default for FollowPolicy {
    /// The safe ways, no versions, four steps.
    fn default() -> Self {
        Self {
            steps: StepKinds::SAFE,
            versions: Names::None,
            max_steps: 4,
            dangerous_cleartext_credentials: false,
        }
    }
}

/// A set of names, compared without case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Names {
    /// None.
    #[default]
    None,
    /// Any.
    Any,
    /// These.
    These(Vec<String>),
}

impl Names {
    /// Tells whether `name` is among them.
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::None => false,
            Self::Any => true,
            Self::These(names) => names.iter().any(|have| have.eq_ignore_ascii_case(name)),
        }
    }

    fn names(&self, name: &str) -> bool {
        matches!(self, Self::These(_)) && self.contains(name)
    }
}

/// The next move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Give the response to the caller: it is not a 426.
    Deliver,
    /// Make this move and ask again.
    Take {
        /// The move.
        step: Step,
        /// The rule that it rests on.
        rule: FollowRule,
        /// The oddities of the answer.
        remarks: Vec<Remark>,
    },
    /// Go no further.
    Stop(Stop),
}

/// Decides what to do with this answer to this request; `tried` has the steps taken so far.
///
/// Of several alternatives the first that can and may be taken is taken; if none can, the reason is
/// that of the first.
pub fn next_step(
    response: &ReceivedResponse<'_>,
    asked: &SentRequest<'_>,
    can: &Capabilities,
    may: &FollowPolicy,
    tried: &[Step],
) -> NextStep {
    if response.status != 426 {
        return NextStep::Deliver;
    }
    let demand = match Demand::from_response(response, asked.lane.http) {
        Ok(demand) => demand,
        Err(stop) => return NextStep::Stop(stop),
    };
    let scene = Scene { response, asked, can, may, tried };
    let mut first_stop = None;
    for candidate in scene.candidates(&demand) {
        match candidate.and_then(|(step, rule)| scene.permit(&step).map(|()| (step, rule))) {
            Ok((step, rule)) => return NextStep::Take { step, rule, remarks: demand.remarks },
            Err(stop) => first_stop = first_stop.or(Some(stop)),
        }
    }
    NextStep::Stop(
        first_stop
            .unwrap_or(Stop::by_rule(FollowRule::NOTHING_NAMED, StopReason::PeerNamedNothing)),
    )
}

type Candidate = Result<(Step, FollowRule), Stop>;

struct Scene<'s, 'a> {
    response: &'s ReceivedResponse<'a>,
    asked: &'s SentRequest<'a>,
    can: &'s Capabilities,
    may: &'s FollowPolicy,
    tried: &'s [Step],
}

impl Scene<'_, '_> {
    /// The moves that would meet the demand, in order.
    fn candidates(&self, demand: &Demand) -> Vec<Candidate> {
        let old = self.asked.lane.http < HttpVersion::V1_1;
        // Rule 5: Envoy answers so, and every other thing that a 426 can name is unknown to
        // HTTP/1.0.
        if old && (demand.wants.is_empty() || demand.wants.contains(&Want::Http(HttpVersion::V1_1)))
        {
            return vec![Ok((Step::Http11, FollowRule::HTTP_1_0))];
        }
        let handshake =
            self.asked.offered.is_some_and(|offered| offered.contains_name("websocket"));
        let keeps_it =
            demand.wants.iter().any(|want| matches!(want, Want::WebSocket | Want::Tls(_)));
        if handshake && !keeps_it {
            return vec![Ok((Step::FallBack, FollowRule::DECLINED))];
        }
        demand.wants.iter().flat_map(|want| self.meet(want, handshake)).collect()
    }

    fn meet(&self, want: &Want, handshake: bool) -> Vec<Candidate> {
        match want {
            Want::Tls(minimum) => self.tls(*minimum),
            Want::Http(version) => self.http(*version),
            Want::WebSocket => vec![self.websocket(handshake)],
            Want::Version { subject, name, minimum } => {
                vec![self.version(*subject, name, minimum.as_deref())]
            }
            Want::Other(protocol) if self.may.versions.names(protocol.name()) => {
                vec![self.version(Subject::Token, protocol.name(), protocol.version())]
            }
            Want::Other(protocol) => {
                vec![Err(Stop::by_rule(FollowRule::ORDER, StopReason::Unknown(protocol.clone())))]
            }
        }
    }

    fn tls(&self, minimum: Option<TlsVersion>) -> Vec<Candidate> {
        match (self.asked.lane.tls, minimum) {
            (TlsState::Cleartext, _) if minimum > Some(self.can.tls) => {
                vec![not_able(StepKind::NewerTls)]
            }
            (TlsState::Cleartext, _) => vec![
                Ok((Step::Tls { port: self.tls_port(), minimum }, FollowRule::TLS)),
                Ok((Step::TlsInBand { minimum }, FollowRule::TLS_IN_BAND)),
            ],
            (TlsState::Version(have), Some(minimum)) if have < minimum => {
                if minimum > self.can.tls {
                    return vec![not_able(StepKind::NewerTls)];
                }
                vec![Ok((Step::NewerTls { minimum }, FollowRule::TLS))]
            }
            (TlsState::SomeVersion, Some(minimum)) if minimum > TlsVersion::V1_2 => {
                vec![Ok((Step::NewerTls { minimum }, FollowRule::TLS))]
            }
            _ => vec![Err(Stop::by_rule(FollowRule::ONCE, StopReason::PeerWantsWhatItHas))],
        }
    }

    /// Rule 9. RFC 6797 §8.3: a port other than 80 "MUST be preserved"; the answer's own URL goes
    /// before that.
    fn tls_port(&self) -> u16 {
        self.told_port().unwrap_or(if self.asked.port == 80 { 443 } else { self.asked.port })
    }

    /// The port of an `https` URL of this very host, in the body or `Location`. Another host is
    /// passed over (rule 16).
    fn told_port(&self) -> Option<u16> {
        let told = self.response.problem.and_then(|problem| problem.upgrade_url.as_deref());
        [told, self.response.fields.text("location")].into_iter().flatten().find_map(|url| {
            let rest = url
                .get(..8)
                .filter(|scheme| scheme.eq_ignore_ascii_case("https://"))
                .and(url.get(8..))?;
            let authority = rest.split(['/', '?', '#', '\\']).next()?;
            let host = Facts::host_of(authority);
            if authority.contains('@') || !host.eq_ignore_ascii_case(self.asked.host) {
                return None;
            }
            match authority.get(host.len()..)?.strip_prefix(':') {
                Some(port) => port.parse().ok().filter(|port| *port != 0),
                None => Some(443),
            }
        })
    }

    fn http(&self, wanted: HttpVersion) -> Vec<Candidate> {
        let lane = self.asked.lane;
        if wanted < lane.http {
            return vec![Err(Stop::by_rule(FollowRule::NEVER_WEAKER, StopReason::PeerWantsWeaker))];
        }
        if wanted == lane.http {
            return vec![Err(Stop::by_rule(FollowRule::ONCE, StopReason::PeerWantsWhatItHas))];
        }
        match wanted {
            HttpVersion::V3 if lane.is_cleartext() => {
                // Where HTTP/3 is, `https` mostly is too: the port of an Alt-Svc is a better guess
                // than ours.
                let port = match AltSvcField::from_fields(self.response.fields, self.asked.host) {
                    AltSvcField::Http3(service) => self.told_port().unwrap_or(service.port),
                    _ => self.tls_port(),
                };
                vec![Ok((Step::Tls { port, minimum: None }, FollowRule::HTTP_3))]
            }
            HttpVersion::V3 => vec![self.http3()],
            HttpVersion::V2 if !lane.is_cleartext() => vec![Ok((Step::Http2, FollowRule::HTTP_2))],
            HttpVersion::V2 => {
                let mut steps = vec![
                    Ok((Step::Http2PriorKnowledge, FollowRule::HTTP_2)),
                    Ok((Step::H2c, FollowRule::H2C)),
                ];
                // ALPN is the other way to HTTP/2, where the answer says that there is TLS.
                if let Some(port) = self.told_port() {
                    steps.push(Ok((Step::Tls { port, minimum: None }, FollowRule::HTTP_2)));
                }
                steps
            }
            _ => vec![Ok((Step::Http11, FollowRule::HTTP_1_0))],
        }
    }

    fn http3(&self) -> Candidate {
        match AltSvcField::from_fields(self.response.fields, self.asked.host) {
            AltSvcField::Http3(service) => Ok(service.port),
            AltSvcField::Silent => {
                self.asked.http3.ok_or(Stop::by_rule(FollowRule::HTTP_3, StopReason::NoAlternative))
            }
            AltSvcField::Clear => Err(Stop::by_rule(FollowRule::HTTP_3, StopReason::NoAlternative)),
        }
        .map(|port| (Step::Http3 { port }, FollowRule::HTTP_3))
    }

    fn websocket(&self, handshake: bool) -> Candidate {
        // RFC 6455 §4.4: "If the server doesn't support the requested version, it MUST respond with
        // a
        // |Sec-WebSocket-Version| header field … containing all versions it is willing to use."
        let mut listed =
            list_elements(self.response.fields.all("sec-websocket-version")).peekable();
        if listed.peek().is_some() && !listed.any(|version| version == b"13") {
            return Err(Stop::by_rule(FollowRule::WEBSOCKET, StopReason::WebSocketVersion));
        }
        if handshake {
            return Err(Stop::by_rule(FollowRule::ONCE, StopReason::PeerWantsWhatItHas));
        }
        Ok((Step::WebSocket { version: 13 }, FollowRule::WEBSOCKET))
    }

    fn version(&self, subject: Subject, name: &str, minimum: Option<&str>) -> Candidate {
        if !self.may.versions.contains(name) {
            return Err(Stop::by_rule(
                FollowRule::VERSION,
                StopReason::VersionNotAllowed(name.to_owned()),
            ));
        }
        Ok((
            Step::Version { subject, name: name.to_owned(), minimum: minimum.map(str::to_owned) },
            FollowRule::VERSION,
        ))
    }

    /// Tells whether this move can and may be made now.
    fn permit(&self, step: &Step) -> Result<(), Stop> {
        let way = step.kind();
        if !self.can.steps.contains(way) {
            return Err(Stop::by_rule(FollowRule::ORDER, StopReason::NotAble(way)));
        }
        if !self.may.steps.contains(way) {
            return Err(Stop::by_rule(FollowRule::ORDER, StopReason::NotAllowed(way)));
        }
        if self.tried.iter().any(|earlier| step.repeats(earlier)) {
            return Err(Stop::by_rule(FollowRule::ONCE, StopReason::PeerRepeats(way)));
        }
        let clear = step.lane_after(self.asked.lane).is_cleartext();
        if clear && self.asked.credentials && !self.may.dangerous_cleartext_credentials {
            return Err(Stop::by_rule(FollowRule::CREDENTIALS, StopReason::CredentialsInCleartext));
        }
        if self.asked.body_gone {
            return Err(Stop::by_rule(FollowRule::REWIND, StopReason::BodyGone));
        }
        if self.tried.len() >= usize::from(self.may.max_steps) {
            return Err(Stop::by_rule(
                FollowRule::ONCE,
                StopReason::TooManySteps(self.may.max_steps),
            ));
        }
        Ok(())
    }
}

fn not_able(way: StepKind) -> Candidate {
    Err(Stop::by_rule(FollowRule::ORDER, StopReason::NotAble(way)))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
