//! Interim responses (1xx): those of the upstream, and the 100 of the gateway itself.

use std::task::{Context, Poll};

use http::StatusCode;
use upshift_http1::ResponseStart;

use super::wire::{ClientWire, SharedWire};
use crate::fields::names::{KeptNames, fields_of};
use crate::http1_client::{Http1Client, InterimResponse};

/// Sends the interim response that the exchange has passed on, if there is one. It is dropped if
/// the client leaves no room for it: a client can do without, and nothing else would bound the
/// memory.
pub(super) fn send_interim(wire: &SharedWire, client: &Http1Client<'_>, cx: &mut Context<'_>) {
    let Some(response) = client.take_interim() else { return };
    let wire = &mut *wire.borrow_mut();
    if !wire.has_full_output() || matches!(wire.poll_flush(cx), Poll::Ready(Ok(()))) {
        wire.send_interim(&response);
    }
}

impl ClientWire {
    /// Sends an interim response, unless it is a second 100 (Continue).
    fn send_interim(&mut self, response: &InterimResponse) {
        let InterimResponse { status, headers, names } = response;
        if *status == StatusCode::CONTINUE && self.has_sent_continue {
            return;
        }
        let reason = status.canonical_reason().unwrap_or_default().as_bytes();
        let start = ResponseStart { status: status.as_u16(), reason };
        let fields = fields_of(headers, KeptNames::received(names.as_deref()));
        let sent = self.codec.send_interim(self.output.end(), start, fields);
        self.has_sent_continue |= *status == StatusCode::CONTINUE && sent.is_ok();
    }

    /// Sends a 100 (Continue) to a client that waits for it.
    ///
    /// RFC 9110 §10.1.1: the client gets "an immediate 100 (Continue) response" once the content is
    /// wanted.
    pub(super) fn send_continue(&mut self) {
        if self.codec.awaits_continue() {
            let start = ResponseStart { status: 100, reason: b"Continue" };
            // It fails only if the final response has begun, and is not sent then.
            self.has_interim = self.codec.send_interim(self.output.end(), start, []).is_ok();
            self.has_sent_continue |= self.has_interim;
        }
    }
}
