//! The state of one question while it is asked: all that is known survives a time limit.

use std::io;
use std::net::SocketAddr;

use upshift_record::probe::{CertificateFacts, ProbeOutcome};
use upshift_record::suite::TimelineMark;
use upshift_record::{ExchangeEnd, RecordedExchange};

use crate::wire_log::{WireLog, milliseconds};

/// The results of one question so far.
#[derive(Debug)]
pub(super) struct Inquiry {
    /// The exchange.
    pub(super) exchange: RecordedExchange,
    /// The octets of the connection.
    pub(super) log: WireLog,
    /// The address that accepted the connection, or the last one that was tried.
    pub(super) address: Option<SocketAddr>,
    /// The protocol that the connection was switched to.
    pub(super) switched_to: Option<String>,
    /// The outcome, unless the exchange shows it.
    pub(super) outcome: Option<ProbeOutcome>,
    /// The reason for this outcome.
    pub(super) reason: Option<String>,
    /// Observations in words.
    pub(super) remarks: Vec<String>,
    /// True if the server has refused the handshake of TLS: by an alert, or by closing.
    pub(super) refused_handshake: bool,
    /// The certificate, after a TLS handshake.
    pub(super) certificate: Option<CertificateFacts>,
    /// The events with their times, apart from the octets.
    pub(super) timeline: Vec<TimelineMark>,
}

/// The reason why a question got no usable answer.
#[derive(Debug)]
pub(super) struct Failure {
    /// The end of the exchange.
    pub(super) end: ExchangeEnd,
    /// The reason, in words.
    pub(super) reason: String,
}

impl Inquiry {
    /// A question that is about to be asked.
    pub(super) fn begin() -> Self {
        Self {
            exchange: RecordedExchange::empty(),
            log: WireLog::begin(),
            address: None,
            switched_to: None,
            outcome: None,
            reason: None,
            remarks: Vec::new(),
            refused_handshake: false,
            certificate: None,
            timeline: Vec::new(),
        }
    }

    /// Adds an observation.
    pub(super) fn remark(&mut self, text: impl Into<String>) {
        self.remarks.push(text.into());
    }

    /// Adds a point to the timeline, with the time of now.
    pub(super) fn mark(&mut self, what: impl Into<String>) {
        let at_ms = milliseconds(self.log.elapsed());
        self.timeline.push(TimelineMark { at_ms, what: what.into() });
    }

    /// Sets an outcome that the exchange does not show, and its reason.
    pub(super) fn conclude(&mut self, outcome: ProbeOutcome, reason: impl Into<String>) {
        self.outcome = Some(outcome);
        self.reason = Some(reason.into());
    }
}

impl Failure {
    /// The server closed the connection too early.
    pub(super) fn closed(reason: impl Into<String>) -> Self {
        Self { end: ExchangeEnd::Closed, reason: reason.into() }
    }

    /// The octets from the server are not a message.
    pub(super) fn malformed(reason: impl Into<String>) -> Self {
        Self { end: ExchangeEnd::Malformed, reason: reason.into() }
    }

    /// No connection was made.
    pub(super) fn unreachable(reason: impl Into<String>) -> Self {
        Self { end: ExchangeEnd::Unreachable, reason: reason.into() }
    }

    /// The connection or the stream was reset.
    pub(super) fn reset(reason: impl Into<String>) -> Self {
        Self { end: ExchangeEnd::Reset, reason: reason.into() }
    }
}

/// An error on an open connection.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                Self::reset("the connection was reset")
            }
            // rustls reports a connection that ends without close_notify.
            io::ErrorKind::UnexpectedEof => Self::closed("the connection was closed"),
            io::ErrorKind::InvalidData => Self::malformed(error.to_string()),
            _ => Self::closed(error.to_string()),
        }
    }
}
