//! One call: attempt after attempt, until a response is returned to the caller.

use std::future::poll_fn;
use std::sync::Arc;

use http::{Extensions, Method, Request, Response, StatusCode, Uri, Version};
use tower_service::Service;
use upshift_core::field::{Protocol, UpgradeList};
use upshift_core::follow::{
    self, AltSvcField, FollowRule, Lane, NextStep, Remark, SentRequest, Step, StepKind, Stop,
    StopReason, SwitchError, switched_protocol,
};
use upshift_core::{HttpVersion, Timestamp};
use upshift_http::HeaderFields;

use crate::box_error::ErrorChain;
use crate::follow_settings::FollowSettings;
use crate::outgoing_head::{OutgoingHead, display_url_of, is_secure, origin_of};
use crate::response_426::Response426;
use crate::route::{AnsweredBy, Http, Route, lane_of};
use crate::websocket::{self, WebSocketWelcome};
use crate::{
    Attempt, AttemptOutcome, BoxError, Error, FollowBody, HeadLimit, Http2Fault, Rewind, Trace,
    WantedVersion,
};

/// A step that the core chose, with the rule behind it and the deviations of the 426.
type ChosenStep = (Step, FollowRule, Vec<Remark>);

/// The state of one call.
struct Call {
    settings: Arc<FollowSettings>,
    /// The request as the caller made it.
    first: OutgoingHead,
    /// The request as it is sent next.
    head: OutgoingHead,
    /// The steps taken for this call, with the origin that asked for each.
    taken: Vec<(String, Step)>,
    /// The steps taken from memory, before the next attempt.
    recalled: Vec<Step>,
    /// The origins whose memory was consulted.
    consulted: Vec<String>,
    /// The last 426, and the request that it answered.
    refusal: Option<(Response426, OutgoingHead)>,
    attempts: Vec<Attempt>,
    /// The body cannot be sent again.
    body_gone: bool,
    /// The request was sent once more with HTTP/1.1 because of a fault over HTTP/2 or HTTP/3.
    turned_to_http1: bool,
}

/// Sends a request, follows its 426s, and returns the response that ends the call.
pub(crate) async fn follow_request<S, B, R>(
    mut inner: S,
    settings: Arc<FollowSettings>,
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
    let mut call = Call::new(settings, OutgoingHead::from_parts(parts));
    loop {
        call.take_recalled_steps();
        // Before the request is sent, because sending consumes the body.
        let copy = body.rewind();
        call.body_gone = copy.is_none();
        let sending = async {
            // A tower service must be ready before each call, not only before the first.
            poll_fn(|cx| inner.poll_ready(cx)).await.map_err(Into::into)?;
            inner.call(call.confined_head().0.to_request(body)).await.map_err(Into::into)
        };
        match sending.await {
            Ok(response) => {
                if let Some(last) = call.handle_response(response).await? {
                    return Ok(last);
                }
            }
            Err(error) => call.handle_failure(error)?,
        }
        // Rule 18 takes no step for a body that cannot be sent again, so there is a copy here.
        let Some(again) = copy else {
            return Err(Error::usage("the request's body cannot be sent again"));
        };
        body = again;
    }
}

impl Call {
    fn new(settings: Arc<FollowSettings>, head: OutgoingHead) -> Self {
        Self {
            settings,
            first: head.clone(),
            head,
            taken: Vec::new(),
            recalled: Vec::new(),
            consulted: Vec::new(),
            refusal: None,
            attempts: Vec::new(),
            body_gone: false,
            turned_to_http1: false,
        }
    }

    /// Takes the steps that the origin is known to require, as far as this client is able and
    /// allowed to.
    fn take_recalled_steps(&mut self) {
        let now = Timestamp::now();
        // A step to TLS leads to another origin, whose memory is consulted next.
        while !self.consulted.contains(&self.head.origin()) {
            let origin = self.head.origin();
            self.consulted.push(origin.clone());
            let is_handshake = match self.head.offered_protocols() {
                Some(offered) => offered.contains_name("websocket"),
                None => false,
            };
            let path = self.head.uri.path().to_owned();
            for step in self.settings.memory.steps_for(&origin, &path, is_handshake, now) {
                let is_repeated = self.recalled.iter().any(|earlier| step.repeats(earlier));
                // A step to TLS leads to another origin, which these facts are not about.
                let stays = self.head.origin() == origin;
                if self.settings.allows(step.kind())
                    && !is_repeated
                    && stays
                    && self.head.apply_step(&step).is_ok()
                {
                    self.recalled.push(step);
                }
            }
        }
    }

    /// Returns the request as it is sent, and true if credentials are left out of it.
    fn confined_head(&self) -> (OutgoingHead, bool) {
        self.settings.credentials.confine_to_origin(&self.head, &self.first)
    }

    /// The URL that a response came from.
    fn response_url<'u>(&'u self, response: &'u Extensions) -> &'u Uri {
        match response.get::<AnsweredBy>() {
            Some(answered) => &answered.0,
            None => &self.head.uri,
        }
    }

    /// Returns the response if it ends the call. If it is a 426, takes the next step.
    async fn handle_response<R>(
        &mut self,
        response: Response<R>,
    ) -> Result<Option<Response<FollowBody<R>>>, Error>
    where
        R: http_body::Body,
        R::Error: Into<BoxError>,
    {
        let mut lane = lane_of(&response, is_secure(self.response_url(response.extensions())));
        // A server answers HTTP/1.0 in its own version (RFC 9110 §6.2). The version of the request
        // counts.
        if self.head.version == Version::HTTP_10 && lane.http == HttpVersion::V1_1 {
            lane.http = HttpVersion::V1_0;
        }
        match response.status() {
            StatusCode::SWITCHING_PROTOCOLS => self.check_switch(response, lane).map(Some),
            StatusCode::UPGRADE_REQUIRED => {
                let timeout = self.settings.body_timeout;
                let refusal = Response426::read_from(response, lane, timeout).await;
                self.follow_refusal(refusal)?;
                Ok(None)
            }
            _ => Ok(Some(self.return_response(response, lane))),
        }
    }

    /// RFC 9110 §15.2.2: a 101 counts only if it was asked for (rule 20).
    fn check_switch<R>(
        &mut self,
        response: Response<R>,
        lane: Lane,
    ) -> Result<Response<FollowBody<R>>, Error> {
        let offered = self.head.offered_protocols();
        let error = match switched_protocol(&HeaderFields(response.headers()), offered.as_ref()) {
            Ok(protocol)
                if protocol.is_named("websocket")
                    && !websocket::is_accepted(&self.head.headers, response.headers()) =>
            {
                SwitchError::NotOffered(protocol)
            }
            Ok(_) => return Ok(self.return_response(response, lane)),
            Err(error) => error,
        };
        self.record_attempt(Some((lane, 101)), AttemptOutcome::Failed(error.to_string()));
        Err(Error::PeerSwitched { error, trace: self.trace() })
    }

    /// Learns from the response that ends the call, and completes it for the caller.
    fn return_response<R>(&mut self, response: Response<R>, lane: Lane) -> Response<FollowBody<R>> {
        self.learn_from(&response, lane);
        self.record_attempt(Some((lane, response.status().as_u16())), AttemptOutcome::Returned);
        let mut last = response.map(FollowBody::new);
        last.extensions_mut().insert(self.trace());
        last
    }

    fn learn_from<R>(&self, response: &Response<R>, lane: Lane) {
        let now = Timestamp::now();
        let memory = &self.settings.memory;
        let url = self.response_url(response.extensions());
        let origin = origin_of(url);
        // The steps that led to a better response are remembered. An error of the server proves
        // nothing, nor does a response of another origin.
        if !response.status().is_server_error() && origin == self.head.origin() {
            for (asked_by, step) in &self.taken {
                memory.learn_step(asked_by, self.head.uri.path(), step, now);
            }
        }
        if response.status().is_success() && self.taken.is_empty() && self.recalled.is_empty() {
            // The request succeeded without any step, so the requirement is gone.
            memory
                .forget_steps(&origin, |step| !matches!(step, Step::Http3 { .. } | Step::FallBack));
        }
        // A cleartext response can be forged, so its `Alt-Svc` is ignored.
        if !lane.is_cleartext() {
            let host = url.host().unwrap_or_default();
            match AltSvcField::from_fields(&HeaderFields(response.headers()), host) {
                AltSvcField::Http3(service) => memory.learn_alternative(&origin, service, now),
                AltSvcField::Clear => {
                    memory.forget_steps(&origin, |step| matches!(step, Step::Http3 { .. }));
                }
                AltSvcField::Silent => {}
            }
        }
        self.settings.notices.post_new(&origin, &HeaderFields(response.headers()), now);
    }

    /// Takes the step that the core chooses after this 426.
    fn follow_refusal(&mut self, refusal: Response426) -> Result<(), Error> {
        let seen = Some((refusal.lane, 426));
        let before = self.head.clone();
        let chosen = self.take_next_step(&refusal);
        // The attempt is recorded with the request that was sent, not with the next one.
        let after = std::mem::replace(&mut self.head, before.clone());
        match chosen {
            Ok((step, rule, remarks)) => {
                let outcome = AttemptOutcome::Followed { step: step.clone(), rule, remarks };
                self.record_attempt(seen, outcome);
                self.taken.push((self.head.origin(), step));
                self.head = after;
                self.refusal = Some((refusal, before));
                Ok(())
            }
            Err(stop) => {
                self.record_attempt(seen, AttemptOutcome::Stopped(stop.clone()));
                Err(Error::Refused(Box::new(refusal.into_refused(stop, self.trace()))))
            }
        }
    }

    fn take_next_step(&mut self, refusal: &Response426) -> Result<ChosenStep, Stop> {
        let chosen = self.choose_step(refusal)?;
        self.take_step(&chosen.0)?;
        Ok(chosen)
    }

    /// Asks the core for the step after this 426.
    fn choose_step(&self, refusal: &Response426) -> Result<ChosenStep, Stop> {
        self.check_redirect(&refusal.head.extensions)?;
        let offered = self.offered_protocols();
        let origin = self.head.origin();
        let asked = SentRequest {
            host: self.head.host(),
            port: self.head.port(),
            lane: refusal.lane,
            offered: offered.as_ref(),
            credentials: self.settings.credentials.are_in(&self.confined_head().0),
            body_gone: self.body_gone,
            http3: self.settings.memory.alternative_port(&origin, Timestamp::now()),
        };
        let tried: Vec<Step> = self.taken.iter().map(|(_, step)| step.clone()).collect();
        let mut can = self.settings.can;
        // RFC 6455 §4.1: "The method of the request MUST be GET".
        let takes_websocket = self.head.extensions.get::<WebSocketWelcome>().is_some()
            && self.head.method == Method::GET;
        if !takes_websocket {
            can.steps = can.steps.without(StepKind::WebSocket);
        }
        let fields = refusal.fields();
        let seen = refusal.as_seen(&fields);
        match follow::next_step(&seen, &asked, &can, &self.settings.may, &tried) {
            NextStep::Take { step, rule, remarks } => Ok((step, rule, remarks)),
            NextStep::Stop(stop) => Err(stop),
            // Unreachable: the response is a 426.
            NextStep::Deliver => {
                Err(Stop { reason: StopReason::PeerNamedNothing, rule: FollowRule::ONLY_426 })
            }
        }
    }

    /// Stops if a redirect lies between the request and the requirement of the 426.
    fn check_redirect(&self, response: &Extensions) -> Result<(), Stop> {
        let from = self.response_url(response);
        let asked = &self.head.uri;
        let is_same_origin = origin_of(from) == origin_of(asked);
        let is_same_url =
            is_same_origin && from.path() == asked.path() && from.query() == asked.query();
        // A redirect has answered the request already. Sent again, a request that is not idempotent
        // could have its effect twice.
        if is_same_url || (is_same_origin && self.head.is_idempotent()) {
            return Ok(());
        }
        let reason = StopReason::Redirected(display_url_of(from));
        Err(Stop { reason, rule: FollowRule::NEVER_WEAKER })
    }

    /// The protocols that were offered by `Upgrade` or by an extended CONNECT.
    fn offered_protocols(&self) -> Option<UpgradeList> {
        if let Some(list) = self.head.offered_protocols() {
            return Some(list);
        }
        let protocol = self.head.extensions.get::<hyper::ext::Protocol>()?;
        UpgradeList::new(vec![Protocol::parse(protocol.as_str()).ok()?])
    }

    /// Changes the request as the step requires.
    fn take_step(&mut self, step: &Step) -> Result<(), Stop> {
        if let Step::Version { subject, name, minimum } = step {
            let wanted = WantedVersion { subject: *subject, name, minimum: minimum.as_deref() };
            let Some(raised) = self.raise_version(&wanted) else {
                let reason = StopReason::VersionNotAllowed(name.clone());
                return Err(Stop { reason, rule: FollowRule::VERSION });
            };
            self.head = raised;
        }
        match self.head.apply_step(step) {
            Ok(()) => Ok(()),
            Err(_) => {
                Err(Stop { reason: StopReason::NotAble(step.kind()), rule: FollowRule::ORDER })
            }
        }
    }

    /// The request with a higher version; `None` if the caller's hook has none.
    fn raise_version(&self, wanted: &WantedVersion<'_>) -> Option<OutgoingHead> {
        let hook = self.settings.raise.as_ref()?;
        let mut parts = self.head.to_parts();
        if !hook.raise(wanted, &mut parts) {
            return None;
        }
        let raised = OutgoingHead::from_parts(parts);
        // Rule 16 binds the hook too: it may change a path or a field, but not the origin.
        if raised.origin() == self.head.origin() { Some(raised) } else { None }
    }

    /// Prepares another attempt after one without a response, if there is a way to go on.
    fn handle_failure(&mut self, error: BoxError) -> Result<(), Error> {
        if let Some(limit) = error.downcast_ref::<HeadLimit>() {
            self.record_attempt(None, AttemptOutcome::Failed(limit.to_string()));
            return Err(Error::PeerExceeded { limit: *limit, trace: self.trace() });
        }
        let fault = Http2Fault::find_in(error.as_ref());
        let why = match fault {
            Some(fault) => fault.to_string(),
            None => ErrorChain(error.as_ref()).to_string(),
        };
        // The request may have arrived although no response did (RFC 9110 §9.2.2).
        let is_repeatable = self.head.is_idempotent() && !self.body_gone;
        if let Some(fault) = fault {
            if is_repeatable && self.turn_to_http1() {
                let (step, rule) = (Step::Http11, FollowRule::HTTP_2_UNREADABLE);
                self.record_attempt(None, AttemptOutcome::Instead { why, step, rule });
                return Ok(());
            }
            // After a 426, the next alternative that it named is still to be tried.
            if self.refusal.is_none() {
                self.record_attempt(None, AttemptOutcome::Failed(why));
                return Err(Error::PeerHttp2 { fault, source: error, trace: self.trace() });
            }
        }
        if let Some((refusal, before)) = self.refusal.take() {
            return self.take_alternative(refusal, before, error, why, is_repeatable);
        }
        self.record_attempt(None, AttemptOutcome::Failed(why));
        if is_repeatable && self.recalled.iter().any(is_optional) {
            self.forget_optional_steps();
            return Ok(());
        }
        Err(Error::Transport { source: error, trace: self.trace() })
    }

    /// Replaces the step that failed with the next alternative that the last 426 named.
    fn take_alternative(
        &mut self,
        refusal: Response426,
        before: OutgoingHead,
        error: BoxError,
        why: String,
        is_repeatable: bool,
    ) -> Result<(), Error> {
        // Made first, because it describes the head that failed.
        let failed_attempt = self.make_attempt(None, AttemptOutcome::Failed(why.clone()));
        self.head = before.clone();
        let chosen = if is_repeatable {
            self.take_next_step(&refusal)
        } else {
            Err(Stop { reason: StopReason::BodyGone, rule: FollowRule::REWIND })
        };
        match chosen {
            Ok((step, rule, _)) => {
                let outcome = AttemptOutcome::Instead { why, step: step.clone(), rule };
                self.attempts.push(Attempt { outcome, ..failed_attempt });
                self.taken.push((before.origin(), step));
                self.refusal = Some((refusal, before));
                Ok(())
            }
            Err(stop) => {
                self.attempts.push(failed_attempt);
                let trace = self.trace();
                // A 426 is kept only together with the step that was taken after it.
                let Some((_, step)) = self.taken.last().cloned() else {
                    return Err(Error::Transport { source: error, trace });
                };
                let refused = Box::new(refusal.into_refused(stop, trace));
                Err(Error::Step { step, source: error, refused })
            }
        }
    }

    /// Continues with HTTP/1.1, once, if this client chooses the version of HTTP and has not chosen
    /// that one.
    fn turn_to_http1(&mut self) -> bool {
        let route = self.head.route();
        let is_newer = matches!(route.http, Http::Any | Http::Http2 | Http::Http3(_));
        // A client that chooses the version itself would make the same attempt again.
        let chooses_version = self.settings.can.steps.contains(StepKind::Http2);
        if self.turned_to_http1 || !chooses_version || !is_newer {
            return false;
        }
        self.turned_to_http1 = true;
        self.head.extensions.insert(Route { http: Http::Http1, ..route });
        true
    }

    /// RFC 7838 §2.4: an alternative that fails is abandoned. TLS is not: see
    /// [`Memory`](crate::Memory).
    fn forget_optional_steps(&mut self) {
        for origin in std::mem::take(&mut self.consulted) {
            self.settings.memory.forget_steps(&origin, is_optional);
        }
        self.recalled.clear();
        self.head = self.first.clone();
    }

    fn record_attempt(&mut self, seen: Option<(Lane, u16)>, outcome: AttemptOutcome) {
        let attempt = self.make_attempt(seen, outcome);
        self.attempts.push(attempt);
    }

    fn make_attempt(&self, seen: Option<(Lane, u16)>, outcome: AttemptOutcome) -> Attempt {
        let (_, credentials_left_out) = self.confined_head();
        let (lane, status) = match seen {
            Some((lane, status)) => (Some(lane), Some(status)),
            None => (None, None),
        };
        Attempt {
            method: self.head.method.to_string(),
            url: self.head.display_url(),
            remembered: if self.attempts.is_empty() { self.recalled.clone() } else { Vec::new() },
            credentials_left_out,
            lane,
            status,
            outcome,
        }
    }

    fn trace(&self) -> Trace {
        Trace(Arc::new(self.attempts.clone()))
    }
}

/// Returns true if a remembered step only improves a connection that would also work without it.
fn is_optional(step: &Step) -> bool {
    matches!(
        step.kind(),
        StepKind::Http2 | StepKind::Http2PriorKnowledge | StepKind::H2c | StepKind::Http3
    )
}
