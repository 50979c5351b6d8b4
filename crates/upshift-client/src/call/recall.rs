//! The memory during a call: steps that are taken before a 426 asks for them, and the requirements
//! that a response teaches.

use http::Response;
use upshift_core::Timestamp;
use upshift_core::follow::{AltSvcField, Step, StepKind, Transport};
use upshift_http::HeaderFields;

use super::Call;
use crate::outgoing_head::origin_of;

impl Call {
    /// Takes the steps that the origin is known to require, as far as this client is able and
    /// allowed to.
    pub(super) fn take_recalled_steps(&mut self) {
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
                self.take_recalled_step(&origin, step);
            }
        }
    }

    fn take_recalled_step(&mut self, origin: &str, step: Step) {
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

    /// Learns the requirements of the origin from the response that ends the call.
    pub(super) fn learn_from<R>(&self, response: &Response<R>, transport: Transport) {
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
        if !transport.is_cleartext() {
            let host = url.host().unwrap_or_default();
            let field = AltSvcField::from_fields(&HeaderFields(response.headers()), host);
            self.learn_alternative(&origin, field, now);
        }
        self.settings.notices.post_new(&origin, &HeaderFields(response.headers()), now);
    }

    fn learn_alternative(&self, origin: &str, field: AltSvcField, now: Timestamp) {
        let memory = &self.settings.memory;
        match field {
            AltSvcField::Http3(service) => memory.learn_alternative(origin, service, now),
            AltSvcField::Clear => {
                memory.forget_steps(origin, |step| matches!(step, Step::Http3 { .. }));
            }
            AltSvcField::Silent => {}
        }
    }

    /// Starts again without the remembered steps that are optional. Returns false if none was taken.
    ///
    /// RFC 7838 §2.4: an alternative that fails is abandoned. TLS is not: see
    /// [`Memory`](crate::Memory).
    pub(super) fn forget_optional_steps(&mut self) -> bool {
        if !self.recalled.iter().any(is_optional) {
            return false;
        }
        for origin in std::mem::take(&mut self.consulted) {
            self.settings.memory.forget_steps(&origin, is_optional);
        }
        self.recalled.clear();
        self.head = self.first.clone();
        true
    }
}

/// Returns true if a remembered step only improves a connection that would also work without it.
fn is_optional(step: &Step) -> bool {
    matches!(
        step.kind(),
        StepKind::Http2 | StepKind::Http2PriorKnowledge | StepKind::H2c | StepKind::Http3
    )
}
