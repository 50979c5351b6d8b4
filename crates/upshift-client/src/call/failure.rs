//! The way on after an attempt without a response: HTTP/1.1, another alternative, or no memory.

use upshift_core::follow::{FollowRule, Step, StepKind, Stop, StopReason};

use super::Call;
use crate::box_error::ErrorChain;
use crate::outgoing_head::OutgoingHead;
use crate::response_426::Response426;
use crate::route::{Http, Route};
use crate::{Attempt, AttemptOutcome, BoxError, Error, HeadLimit, Http2Fault};

impl Call {
    /// Prepares another attempt after one without a response, if there is a way to go on.
    pub(super) fn handle_failure(&mut self, error: BoxError) -> Result<(), Error> {
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
        if is_repeatable && self.forget_optional_steps() {
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
}
