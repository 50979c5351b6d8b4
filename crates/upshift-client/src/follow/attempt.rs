//! One call: attempt after attempt until an answer stands.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{
    Extensions, HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, Version, response,
};
use jiff::SignedDuration;
use tower_service::Service;
use upshift_core::field::Protocol;
use upshift_core::follow::StepKind;
use upshift_core::follow::{
    self, AltSvcField, Demand, FollowRule, Lane, NextStep, ProblemDetails, SentRequest, Step, Stop,
    StopReason, SwitchError, read_date, switched_protocol,
};
use upshift_core::{HttpVersion, Timestamp};
use upshift_http::HeaderFields;

use super::{Settings, Wanted};
use crate::body::read_start;
use crate::request::{self, Head};
use crate::route::{AnsweredBy, lane_of};
use crate::websocket::{self, WebSocketWelcome};
use crate::{
    BoxError, Error, FollowBody, HeadLimit, Hop, Http, Http2Fault, Outcome, Refused, Rewind, Route,
    Trace,
};

/// How much of a 426's body is read: a problem body is a few hundred bytes.
const BODY_LIMIT: usize = 64 * 1024;

/// A 426 that was read.
struct Refusal {
    head: response::Parts,
    body: Bytes,
    problem: Option<ProblemDetails>,
    lane: Lane,
}

/// The state of one call.
struct Call {
    settings: Arc<Settings>,
    /// The request as the caller made it, and as it is sent next.
    first: Head,
    head: Head,
    /// The steps taken for this call, with the origin that asked for each.
    taken: Vec<(String, Step)>,
    /// What was done at once, from memory, before the next attempt.
    recalled: Vec<Step>,
    /// Origins whose memory was consulted.
    consulted: Vec<String>,
    /// The last refusal, and the request that met it.
    refusal: Option<(Refusal, Head)>,
    hops: Vec<Hop>,
    body_gone: bool,
    /// It was asked once more with HTTP/1.1 because of what came over HTTP/2 or HTTP/3.
    asked_over_http1: bool,
}

pub(crate) async fn run<S, B, R>(
    mut inner: S,
    settings: Arc<Settings>,
    request: Request<B>,
) -> Result<Response<FollowBody<R>>, Error>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    B: http_body::Body + Rewind,
    R: http_body::Body,
    R::Error: Into<BoxError>,
{
    let (parts, mut body) = request.into_parts();
    if parts.uri.host().is_none() {
        return Err(Error::usage("the request's URL names no host"));
    }
    let mut call = Call::new(settings, Head::of(parts));
    loop {
        call.recall();
        let spare = body.rewind();
        call.body_gone = spare.is_none();
        let sent = async {
            poll_fn(|cx| inner.poll_ready(cx)).await.map_err(Into::into)?;
            inner.call(call.outgoing().0.with(body)).await.map_err(Into::into)
        };
        match sent.await {
            Ok(response) => {
                if let Some(response) = call.judge(response).await? {
                    return Ok(response);
                }
            }
            Err(error) => call.recover(error)?,
        }
        // Without a spare one there is no step: rule 18 has seen to it.
        let Some(again) = spare else {
            return Err(Error::usage("the request's body cannot be sent again"));
        };
        body = again;
    }
}

impl Call {
    fn new(settings: Arc<Settings>, head: Head) -> Self {
        let (taken, recalled, consulted, hops) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let first = head.clone();
        Self {
            settings,
            first,
            head,
            taken,
            recalled,
            consulted,
            refusal: None,
            hops,
            body_gone: false,
            asked_over_http1: false,
        }
    }

    /// Does at once what the origin is known to require, as far as the policy and this client go.
    fn recall(&mut self) {
        let now = Timestamp::now();
        while !self.consulted.contains(&self.head.origin()) {
            let origin = self.head.origin();
            self.consulted.push(origin.clone());
            let handshake =
                self.head.offered().is_some_and(|offered| offered.contains_name("websocket"));
            for step in self.settings.memory.steps(&origin, self.head.uri.path(), handshake, now) {
                let way = step.kind();
                let allowed =
                    self.settings.can.steps.contains(way) && self.settings.may.steps.contains(way);
                let done = self.recalled.iter().any(|earlier| step.repeats(earlier));
                if allowed && !done && self.head.origin() == origin && self.head.take(&step).is_ok()
                {
                    self.recalled.push(step);
                }
            }
        }
    }

    /// The request as it is sent, and whether credentials are left out of it.
    fn outgoing(&self) -> (Head, bool) {
        self.settings.credentials.confine(&self.head, &self.first)
    }

    /// The URL that an answer came from.
    fn answered_by<'u>(&'u self, answer: &'u Extensions) -> &'u Uri {
        answer.get::<AnsweredBy>().map_or(&self.head.uri, |answered| &answered.0)
    }

    /// Tells whether a redirect stands between the request and what the answer asks for.
    fn check_redirect(&self, answer: &Extensions) -> Result<(), Stop> {
        let from = self.answered_by(answer);
        let asked = &self.head.uri;
        let same_origin = request::origin(from) == request::origin(asked);
        let same_url = same_origin && from.path() == asked.path() && from.query() == asked.query();
        // A redirect has answered the request: sent again, it could do twice what it does.
        if same_url || (same_origin && self.head.is_idempotent()) {
            return Ok(());
        }
        Err(Stop {
            reason: StopReason::Redirected(request::shown(from)),
            rule: FollowRule::NEVER_WEAKER,
        })
    }

    /// What to make of a response: hand it over, or go on.
    async fn judge<R>(
        &mut self,
        response: Response<R>,
    ) -> Result<Option<Response<FollowBody<R>>>, Error>
    where
        R: http_body::Body,
        R::Error: Into<BoxError>,
    {
        let mut lane =
            lane_of(&response, request::is_secure(self.answered_by(response.extensions())));
        // A server answers HTTP/1.0 in its own version (RFC 9110 §6.2); what counts is how it was
        // asked.
        if self.head.version == Version::HTTP_10 && lane.http == HttpVersion::V1_1 {
            lane.http = HttpVersion::V1_0;
        }
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return self.judge_switch(response, lane).map(Some);
        }
        if response.status() != StatusCode::UPGRADE_REQUIRED {
            return Ok(Some(self.stand(response, lane)));
        }
        let (head, body) = response.into_parts();
        let mut bytes = Vec::new();
        // A body without an end, on a connection that stays open, is cut by time; what has come
        // counts.
        let read = read_start(body, BODY_LIMIT, &mut bytes);
        drop(tokio::time::timeout(self.settings.body_patience, read).await);
        let kind =
            head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let problem = ProblemDetails::from_body(kind, &bytes);
        let refusal = Refusal { head, body: bytes.into(), problem, lane };
        self.go_on(refusal).map(|()| None)
    }

    /// RFC 9110 §15.2.2: a 101 counts only if it was asked for (rule 20).
    fn judge_switch<R>(
        &mut self,
        response: Response<R>,
        lane: Lane,
    ) -> Result<Response<FollowBody<R>>, Error> {
        let offered = self.head.offered();
        let judged = switched_protocol(&HeaderFields(response.headers()), offered.as_ref())
            .and_then(|protocol| {
                let websocket = protocol.is_named("websocket");
                let accepted =
                    !websocket || websocket::is_accepted(&self.head.headers, response.headers());
                if accepted { Ok(protocol) } else { Err(SwitchError::NotOffered(protocol)) }
            });
        match judged {
            Ok(_) => Ok(self.stand(response, lane)),
            Err(error) => {
                self.record(Some((lane, 101)), Outcome::Failed(error.to_string()));
                Err(Error::PeerSwitched { error, trace: self.trace() })
            }
        }
    }

    /// The answer stands: learn from it and hand it over.
    fn stand<R>(&mut self, response: Response<R>, lane: Lane) -> Response<FollowBody<R>> {
        let now = Timestamp::now();
        let memory = &self.settings.memory;
        let from = self.answered_by(response.extensions()).clone();
        let (origin, path) = (request::origin(&from), self.head.uri.path());
        // What asked for a step and got a better answer for it, is remembered; a broken answer
        // proves nothing, nor does one of another origin.
        if !response.status().is_server_error() && origin == self.head.origin() {
            for (asked_by, step) in &self.taken {
                memory.learn(asked_by, path, step, now);
            }
        }
        if response.status().is_success() && self.taken.is_empty() && self.recalled.is_empty() {
            // A good answer to a request that did without: the requirement is gone.
            memory.forget(&origin, |step| !matches!(step, Step::Http3 { .. } | Step::FallBack));
        }
        if !lane.is_cleartext() {
            match AltSvcField::from_fields(
                &HeaderFields(response.headers()),
                from.host().unwrap_or_default(),
            ) {
                AltSvcField::Http3(service) => memory.learn_alternative(&origin, service, now),
                AltSvcField::Clear => {
                    memory.forget(&origin, |step| matches!(step, Step::Http3 { .. }))
                }
                AltSvcField::Silent => {}
            }
        }
        self.settings.notices.read(&origin, &HeaderFields(response.headers()), now);
        self.record(Some((lane, response.status().as_u16())), Outcome::Stands);
        let mut response = response.map(FollowBody::new);
        response.extensions_mut().insert(self.trace());
        response
    }

    /// Asks the core what comes after this refusal, and takes the step.
    fn go_on(&mut self, refusal: Refusal) -> Result<(), Error> {
        let seen = Some((refusal.lane, refusal.head.status.as_u16()));
        let before = self.head.clone();
        let taken = self.next(&refusal).and_then(|found| self.take(&found.0).map(|()| found));
        let after = std::mem::replace(&mut self.head, before.clone());
        match taken {
            Ok((step, rule, remarks)) => {
                self.record(seen, Outcome::Followed { step: step.clone(), rule, remarks });
                self.taken.push((self.head.origin(), step));
                self.head = after;
                self.refusal = Some((refusal, before));
                Ok(())
            }
            Err(stop) => {
                self.record(seen, Outcome::Stopped(stop.clone()));
                Err(Error::Refused(Box::new(self.refused(refusal, stop))))
            }
        }
    }

    fn next(&self, refusal: &Refusal) -> Result<(Step, FollowRule, Vec<follow::Remark>), Stop> {
        self.check_redirect(&refusal.head.extensions)?;
        let offered = self.offered();
        let fields = HeaderFields(&refusal.head.headers);
        let response = follow::ReceivedResponse {
            status: 426,
            fields: &fields,
            problem: refusal.problem.as_ref(),
        };
        let asked = SentRequest {
            host: self.head.host(),
            port: self.head.port(),
            lane: refusal.lane,
            offered: offered.as_ref(),
            credentials: self.settings.credentials.are_in(&self.outgoing().0),
            body_gone: self.body_gone,
            http3: self.settings.memory.alternative(&self.head.origin(), Timestamp::now()),
        };
        let tried: Vec<Step> = self.taken.iter().map(|(_, step)| step.clone()).collect();
        let mut can = self.settings.can;
        if self.head.extensions.get::<WebSocketWelcome>().is_none()
            || self.head.method != http::Method::GET
        {
            can.steps = can.steps.without(StepKind::WebSocket);
        }
        match follow::next_step(&response, &asked, &can, &self.settings.may, &tried) {
            NextStep::Take { step, rule, remarks } => Ok((step, rule, remarks)),
            NextStep::Stop(stop) => Err(stop),
            NextStep::Deliver => {
                Err(Stop { reason: StopReason::PeerNamedNothing, rule: FollowRule::ONLY_426 })
            }
        }
    }

    /// What was offered, by `Upgrade` or by an extended CONNECT.
    fn offered(&self) -> Option<upshift_core::field::UpgradeList> {
        self.head.offered().or_else(|| {
            let protocol = self.head.extensions.get::<hyper::ext::Protocol>()?;
            upshift_core::field::UpgradeList::new(vec![Protocol::parse(protocol.as_str()).ok()?])
        })
    }

    /// Changes the request as the step says; a version is raised by the caller's hook, which may
    /// decline.
    fn take(&mut self, step: &Step) -> Result<(), Stop> {
        let declined = |name: &str| Stop {
            reason: StopReason::VersionNotAllowed(name.to_owned()),
            rule: FollowRule::VERSION,
        };
        if let Step::Version { subject, name, minimum } = step {
            let wanted = Wanted { subject: *subject, name, minimum: minimum.as_deref() };
            let mut parts = self.head.parts();
            let raised =
                self.settings.raise.as_ref().is_some_and(|hook| hook.raise(&wanted, &mut parts));
            let after = Head::of(parts);
            // Rule 16 binds the hook too: a path or a field it may change, the origin it may not.
            if !raised || after.origin() != self.head.origin() {
                return Err(declined(name));
            }
            self.head = after;
        }
        self.head
            .take(step)
            .map_err(|_| Stop { reason: StopReason::NotAble(step.kind()), rule: FollowRule::ORDER })
    }

    fn refused(&self, refusal: Refusal, stop: Stop) -> Refused {
        let Refusal { head, body, problem, lane } = refusal;
        let fields = HeaderFields(&head.headers);
        let response =
            follow::ReceivedResponse { status: 426, fields: &fields, problem: problem.as_ref() };
        let demand = Demand::from_response(&response, lane.http).unwrap_or_default();
        let retry_at = retry_after(&head.headers, Timestamp::now());
        let response = Response::from_parts(head, body);
        Refused { stop, demand, problem, retry_at, response, trace: self.trace() }
    }

    /// Nothing came back. What was remembered, and can be done without, is forgotten and left out;
    /// a step that a 426 asked for gives way to the next alternative; otherwise it is an error.
    fn recover(&mut self, error: BoxError) -> Result<(), Error> {
        if let Some(limit) = error.downcast_ref::<HeadLimit>() {
            self.record(None, Outcome::Failed(limit.to_string()));
            return Err(Error::PeerExceeded { limit: *limit, trace: self.trace() });
        }
        let fault = Http2Fault::of(error.as_ref());
        let why = match fault {
            Some(fault) => fault.to_string(),
            None => crate::error::Chain(error.as_ref()).to_string(),
        };
        let mut hop = self.hop(None, Outcome::Failed(why.clone()));
        let safe = self.head.is_idempotent() && !self.body_gone;
        if let Some(fault) = fault {
            if safe && self.turn_to_http1() {
                hop.outcome = Outcome::Instead {
                    why,
                    step: Step::Http11,
                    rule: FollowRule::HTTP_2_UNREADABLE,
                };
                self.hops.push(hop);
                return Ok(());
            }
            if self.refusal.is_none() {
                self.hops.push(hop);
                return Err(Error::PeerHttp2 { fault, source: error, trace: self.trace() });
            }
        }
        let (Some((refusal, before)), Some((_, failed))) =
            (self.refusal.take(), self.taken.last().cloned())
        else {
            self.hops.push(hop);
            if safe && self.recalled.iter().any(is_optional) {
                self.forget_optional();
                return Ok(());
            }
            return Err(Error::Transport { source: error, trace: self.trace() });
        };
        self.head = before.clone();
        let gone = || Stop { reason: StopReason::BodyGone, rule: FollowRule::REWIND };
        let found = if safe { self.next(&refusal) } else { Err(gone()) };
        match found.and_then(|found| self.take(&found.0).map(|()| found)) {
            Ok((step, rule, _)) => {
                hop.outcome = Outcome::Instead { why, step: step.clone(), rule };
                self.hops.push(hop);
                self.taken.push((before.origin(), step));
                self.refusal = Some((refusal, before));
                Ok(())
            }
            Err(stop) => {
                self.hops.push(hop);
                Err(Error::Step {
                    step: failed,
                    source: error,
                    refused: Box::new(self.refused(refusal, stop)),
                })
            }
        }
    }

    /// Goes on with HTTP/1.1, once, where this client chooses the version of HTTP and has not
    /// chosen that one.
    fn turn_to_http1(&mut self) -> bool {
        let route = self.head.route();
        let newer = matches!(route.http, Http::Any | Http::Http2 | Http::Http3(_));
        let able = self.settings.can.steps.contains(StepKind::Http2) && newer;
        if self.asked_over_http1 || !able {
            return false;
        }
        self.asked_over_http1 = true;
        self.head.extensions.insert(Route { http: Http::Http1, ..route });
        true
    }

    /// RFC 7838 §2.4: an alternative that fails is given up. TLS is not: see
    /// [`Memory`](crate::Memory).
    fn forget_optional(&mut self) {
        for origin in std::mem::take(&mut self.consulted) {
            self.settings.memory.forget(&origin, is_optional);
        }
        self.recalled.clear();
        self.head = self.first.clone();
    }

    fn record(&mut self, seen: Option<(Lane, u16)>, outcome: Outcome) {
        let hop = self.hop(seen, outcome);
        self.hops.push(hop);
    }

    fn hop(&self, seen: Option<(Lane, u16)>, outcome: Outcome) -> Hop {
        Hop {
            method: self.head.method.to_string(),
            url: self.head.shown(),
            remembered: if self.hops.is_empty() { self.recalled.clone() } else { Vec::new() },
            credentials_left_out: self.outgoing().1,
            lane: seen.map(|(lane, _)| lane),
            status: seen.map(|(_, status)| status),
            outcome,
        }
    }

    fn trace(&self) -> Trace {
        Trace(Arc::new(self.hops.clone()))
    }
}

/// Tells whether a remembered step only makes a better connection of one that would do.
fn is_optional(step: &Step) -> bool {
    matches!(
        step.kind(),
        StepKind::Http2 | StepKind::Http2PriorKnowledge | StepKind::H2c | StepKind::Http3
    )
}

/// `Retry-After`: seconds or a date (RFC 9110 §10.2.3).
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    let value = headers.get(RETRY_AFTER).map(HeaderValue::to_str)?.ok()?.trim();
    match value.parse::<u32>() {
        Ok(seconds) => Some(now + SignedDuration::from_secs(seconds.into())),
        Err(_) => read_date(value),
    }
}
