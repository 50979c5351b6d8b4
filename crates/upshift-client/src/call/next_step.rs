//! The step after a 426: the core chooses it, and the request is changed as it requires.

use http::{Extensions, Method};
use upshift_core::Timestamp;
use upshift_core::field::{Protocol, UpgradeList};
use upshift_core::follow::{
    self, Capabilities, FollowRule, NextStep, Remark, SentRequest, Step, StepKind, Stop, StopReason,
};

use super::Call;
use crate::outgoing_head::{OutgoingHead, display_url_of, origin_of};
use crate::response_426::Response426;
use crate::websocket::WebSocketWelcome;
use crate::{AttemptOutcome, Error, WantedVersion};

/// A step that the core chose, with the rule behind it and the deviations of the 426.
pub(super) type ChosenStep = (Step, FollowRule, Vec<Remark>);

impl Call {
    /// Takes the step that the core chooses after this 426.
    pub(super) fn follow_refusal(&mut self, refusal: Response426) -> Result<(), Error> {
        let seen = Some((refusal.transport, 426));
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

    /// Chooses the step after this 426, and changes the request as the step requires.
    pub(super) fn take_next_step(&mut self, refusal: &Response426) -> Result<ChosenStep, Stop> {
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
            transport: refusal.transport,
            offered: offered.as_ref(),
            credentials: self.settings.credentials.are_in(&self.confined_head().0),
            body_gone: self.body_gone,
            http3: self.settings.memory.alternative_port(&origin, Timestamp::now()),
        };
        let tried: Vec<Step> = self.taken.iter().map(|(_, step)| step.clone()).collect();
        let fields = refusal.fields();
        let seen = refusal.as_seen(&fields);
        match follow::next_step(&seen, &asked, &self.capabilities(), &self.settings.may, &tried) {
            NextStep::Take { step, rule, remarks } => Ok((step, rule, remarks)),
            NextStep::Stop(stop) => Err(stop),
            // Unreachable: the response is a 426.
            NextStep::Deliver => {
                Err(Stop { reason: StopReason::PeerNamedNothing, rule: FollowRule::ONLY_426 })
            }
        }
    }

    /// The abilities of the client for this request.
    fn capabilities(&self) -> Capabilities {
        let mut can = self.settings.can;
        // RFC 6455 §4.1: "The method of the request MUST be GET".
        let takes_websocket = self.head.extensions.get::<WebSocketWelcome>().is_some()
            && self.head.method == Method::GET;
        if !takes_websocket {
            can.steps = can.steps.without(StepKind::WebSocket);
        }
        can
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
}
