//! Asking a question within its time, and the row of the report that comes out of it.

use std::time::{Duration, Instant};

use upshift_record::probe::{CertificateFacts, ProbeOutcome, ProbeRow};
use upshift_record::suite::TimelineMark;
use upshift_record::{ExchangeEnd, Lane, RecordedExchange};

use super::inquiry::{Failure, Inquiry};
use super::prober::Prober;
use super::question::{Extra, Question};
use super::switching::list_of;
use super::target::Target;
use super::tls_setup::TlsOffer;
use crate::wire_log::{WireEntry, milliseconds};

/// The protocol that the question with one unknown token offers.
pub(super) const UNKNOWN_TOKEN: &str = "upshift-probe/1";
/// The protocols that the question with several unknown tokens offers.
pub(super) const UNKNOWN_TOKENS: &str = "foo, bar/2";

/// The answer to a question.
#[derive(Debug)]
pub(super) struct Answer {
    /// The row of the report.
    pub(super) row: ProbeRow,
    /// True if the server has refused the handshake of TLS.
    pub(super) refused_handshake: bool,
    /// The certificate, after a TLS handshake.
    pub(super) certificate: Option<CertificateFacts>,
    /// The events with their times, apart from the octets.
    pub(super) timeline: Vec<TimelineMark>,
}

impl Prober {
    /// Asks a question, for as long as the settings allow.
    pub(super) async fn ask(&self, question: Question, to: &Target) -> Answer {
        // The semaphore is never closed.
        let _turn = self.turns.acquire().await;
        let started = Instant::now();
        let mut inquiry = Inquiry::begin();
        let asking = self.put_question(question, to, &mut inquiry);
        let result = self.within_time(asking).await;
        inquiry.exchange.url = Some(to.to_string());
        if let Question::Lane(lane) = question {
            inquiry.exchange.lane = Some(lane);
        }
        finish_row(question.as_str(), inquiry, result, started.elapsed())
    }

    /// Offers a protocol that no lane offers, and that a response named.
    pub(super) async fn ask_offer(&self, token: &str, to: &Target) -> Answer {
        let _turn = self.turns.acquire().await;
        let started = Instant::now();
        let mut inquiry = Inquiry::begin();
        let asking = self.ask_with_offer(to, token, &mut inquiry);
        let result = self.within_time(asking).await;
        finish_row("offer", inquiry, result, started.elapsed())
    }

    async fn within_time(
        &self,
        asking: impl Future<Output = Result<(), Failure>>,
    ) -> Result<(), Failure> {
        let limit = self.settings.timeout;
        match tokio::time::timeout(limit, asking).await {
            Ok(result) => result,
            Err(_) => {
                let reason = format!("no end within {} s", limit.as_secs_f64());
                Err(Failure { end: ExchangeEnd::TimedOut, reason })
            }
        }
    }

    async fn put_question(
        &self,
        question: Question,
        to: &Target,
        inquiry: &mut Inquiry,
    ) -> Result<(), Failure> {
        match question {
            Question::Lane(lane) => self.put_lane(lane, to, inquiry).await,
            Question::Extra(extra) => self.put_extra(extra, to, inquiry).await,
        }
    }

    async fn put_lane(
        &self,
        lane: Lane,
        to: &Target,
        inquiry: &mut Inquiry,
    ) -> Result<(), Failure> {
        match lane {
            Lane::Http10 => self.ask_http1(to, "1.0", inquiry).await,
            Lane::Http11 => self.ask_http1(to, "1.1", inquiry).await,
            Lane::H2cUpgrade => self.ask_h2c_upgrade(to, inquiry).await,
            Lane::H2cPrior => self.ask_h2c_prior(to, inquiry).await,
            Lane::Http2 => self.ask_http2(to, inquiry).await,
            Lane::Http3 => self.ask_http3(to, inquiry).await,
            Lane::WebSocket => self.ask_websocket(to, "13", inquiry).await,
            Lane::Tls12 => self.ask_http1_over_tls(to, TlsOffer::Only12, inquiry).await,
            Lane::Tls13 => self.ask_http1_over_tls(to, TlsOffer::Only13, inquiry).await,
            Lane::TlsInBand => self.ask_tls_in_band(to, inquiry).await,
        }
    }

    async fn put_extra(
        &self,
        extra: Extra,
        to: &Target,
        inquiry: &mut Inquiry,
    ) -> Result<(), Failure> {
        match extra {
            Extra::Http09 => self.ask_http09(to, inquiry).await,
            Extra::StrangeVersion => self.ask_http1(to, "3.7", inquiry).await,
            Extra::UnknownToken => self.ask_with_offer(to, UNKNOWN_TOKEN, inquiry).await,
            Extra::UnknownTokens => self.ask_with_offer(to, UNKNOWN_TOKENS, inquiry).await,
            Extra::WebSocket99 => self.ask_websocket(to, "99", inquiry).await,
            Extra::OldTls(version) => self.ask_old_tls(to, version, inquiry).await,
        }
    }
}

/// The row of a question that is not asked.
pub(super) fn row_not_asked(question: Question, reason: &str) -> ProbeRow {
    ProbeRow {
        question: question.as_str().to_owned(),
        outcome: ProbeOutcome::NotAsked,
        reason: Some(reason.to_owned()),
        address: None,
        status: None,
        upgrade: Vec::new(),
        switched_to: None,
        remarks: Vec::new(),
        elapsed_ms: None,
        exchange: None,
        wire: Vec::new(),
    }
}

fn finish_row(
    name: &str,
    mut inquiry: Inquiry,
    result: Result<(), Failure>,
    elapsed: Duration,
) -> Answer {
    let failure = result.err();
    if let Some(failure) = &failure {
        inquiry.exchange.end = Some(failure.end);
        inquiry.exchange.error = Some(failure.reason.clone());
    }
    let outcome = outcome_of(&inquiry, failure.as_ref());
    let response = inquiry.exchange.response.as_ref();
    let row = ProbeRow {
        question: name.to_owned(),
        outcome,
        reason: inquiry.reason.or(failure.map(|failure| failure.reason)),
        address: inquiry.address.map(|address| address.to_string()),
        status: response.map(|response| response.status),
        upgrade: response.map(|response| list_of(response, "upgrade")).unwrap_or_default(),
        switched_to: inquiry.switched_to,
        remarks: inquiry.remarks,
        elapsed_ms: Some(milliseconds(elapsed)),
        wire: inquiry.log.entries().iter().map(WireEntry::to_record).collect(),
        exchange: has_content(&inquiry.exchange).then_some(inquiry.exchange),
    };
    Answer {
        row,
        refused_handshake: inquiry.refused_handshake,
        certificate: inquiry.certificate,
        timeline: inquiry.timeline,
    }
}

fn outcome_of(inquiry: &Inquiry, failure: Option<&Failure>) -> ProbeOutcome {
    if let Some(outcome) = inquiry.outcome {
        return outcome;
    }
    let exchange = &inquiry.exchange;
    match failure {
        None if inquiry.switched_to.is_some() => ProbeOutcome::Switched,
        None if exchange.response.is_some() => ProbeOutcome::Answered,
        Some(_) if answered_in_other_version(exchange) => ProbeOutcome::Declined,
        _ => ProbeOutcome::Failed,
    }
}

/// Returns true for a response of HTTP/1 to a request of HTTP/2.
fn answered_in_other_version(exchange: &RecordedExchange) -> bool {
    match (&exchange.request, &exchange.response) {
        (Some(request), Some(response)) => {
            request.version == "2" && response.version.starts_with('1')
        }
        _ => false,
    }
}

/// Returns false where there was no HTTP: no connection, or only half a TLS handshake.
fn has_content(exchange: &RecordedExchange) -> bool {
    exchange.request.is_some() || exchange.response.is_some() || exchange.end.is_some()
}
