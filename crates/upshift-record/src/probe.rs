//! The report of `upshift probe`: what a server answers over every lane, and what that means.

use serde::{Deserialize, Serialize};

use crate::{NoteLevel, RecordedExchange, WireText, octet_lines};

/// The value of `schema` in a [`ProbeReport`].
pub const PROBE_SCHEMA: &str = "upshift.probe/1";

/// A probe of one URL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeReport {
    /// The format and its version: [`PROBE_SCHEMA`].
    pub schema: String,
    /// The URL that was probed.
    pub url: String,
    /// The host and port of the questions in cleartext; null if none was asked.
    pub cleartext: Option<String>,
    /// The host and port of the questions over TLS and QUIC; null if none was asked.
    pub tls: Option<String>,
    /// The number of connections that were opened or tried.
    pub connections: u64,
    /// The time of the whole probe, in milliseconds.
    pub elapsed_ms: f64,
    /// The lanes, in the order of [`Lane::ALL`](crate::Lane::ALL).
    pub lanes: Vec<ProbeRow>,
    /// The further questions, in the order of the documentation.
    pub extras: Vec<ProbeRow>,
    /// The certificate of the server; null if no TLS handshake was completed.
    pub certificate: Option<CertificateFacts>,
    /// What the server said that it offers, and whether it does.
    pub promises: Vec<Promise>,
    /// Traces of intermediaries, and faults between the client and the server.
    pub hops: Vec<HopFinding>,
    /// The notes about the exchanges.
    pub notes: Vec<ProbeNote>,
}

/// One question and its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeRow {
    /// The name of the lane or of the question: `h1.1`, `http/0.9`.
    pub question: String,
    /// The outcome.
    pub outcome: ProbeOutcome,
    /// The reason why it was not asked, why it failed, or by which means it was declined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The address that was asked: `127.0.0.1:443`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The status of the final response; null if there was none.
    pub status: Option<u16>,
    /// The protocols that `Upgrade` names in the responses, in order.
    pub upgrade: Vec<String>,
    /// The protocol that the connection was switched to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switched_to: Option<String>,
    /// Observations in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// The time from the first packet to the end of the exchange, in milliseconds.
    pub elapsed_ms: Option<f64>,
    /// The exchange; left out if none took place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<RecordedExchange>,
    /// The octets of the connection, inside of TLS where there is TLS; left out over QUIC, and
    /// unless they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wire: Vec<WireRecord>,
}

/// The outcome of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeOutcome {
    /// The question was not asked, for the reason given.
    NotAsked,
    /// A final response came in the protocol of the question.
    Answered,
    /// The connection was switched, and the new protocol works.
    Switched,
    /// The server accepts the old version that was offered.
    Accepted,
    /// The server answered, but not in the protocol of the question.
    Declined,
    /// No usable answer came.
    Failed,
}

/// An event on a connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WireRecord {
    /// The time since the connection was begun, in milliseconds.
    pub at_ms: f64,
    /// `sent`, `received`, `sent-end`, `received-end` or `failed`.
    pub event: String,
    /// The octets, one character for each; the error in words after a failure.
    pub octets: WireText,
}

/// The certificate of a server, as far as a client cares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateFacts {
    /// True if a client with the same roots would accept it for this host.
    pub trusted: bool,
    /// The reason why it would not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The number of certificates that the server sent.
    pub chain_length: usize,
}

/// Something that a response promised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// The promise: a protocol or a URL.
    pub what: String,
    /// The fields that made it: `Upgrade`, `Alt-Svc`, `Location`, `Link`; or `body`.
    pub sources: Vec<String>,
    /// The questions whose responses made it.
    pub made_by: Vec<String>,
    /// The verdict.
    pub verdict: PromiseVerdict,
    /// What shows the verdict, or the reason why it was not checked.
    pub evidence: String,
}

/// The verdict on a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PromiseVerdict {
    /// The server keeps it.
    Delivered,
    /// The server does not: advertised, not delivered.
    NotDelivered,
    /// It was not tried, for the reason given.
    NotChecked,
}

/// A trace of an intermediary, or a fault that one causes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HopFinding {
    /// The kind: `upgrade-removed`, `http-1.0-hop`.
    pub id: String,
    /// The level.
    pub level: NoteLevel,
    /// The finding, in one sentence.
    pub summary: String,
    /// The observations that support it.
    pub evidence: Vec<String>,
}

/// A finding of a note about the exchanges of one or more questions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeNote {
    /// The id of the note: `U014`.
    pub note: String,
    /// The level.
    pub level: NoteLevel,
    /// The finding in words.
    pub message: String,
    /// The paragraph that it rests on, as `RFC 9110 §7.8`.
    pub source: String,
    /// The questions whose exchanges it is about.
    pub questions: Vec<String>,
}

impl WireRecord {
    /// The event as lines: the octets, with `>` before those that were sent and `<` before those
    /// that were received; or its end or failure.
    pub fn lines(&self) -> Vec<String> {
        let sign = match self.event.as_str() {
            "sent" => "> ",
            "received" => "< ",
            "sent-end" => return vec!["> (end)".to_owned()],
            "received-end" => return vec!["< (end)".to_owned()],
            _ => return vec![format!("! {}", self.octets.to_text())],
        };
        let lines = octet_lines(self.octets.as_bytes());
        lines.into_iter().map(|line| format!("{sign}{line}")).collect()
    }
}

impl ProbeReport {
    /// All questions, the lanes first.
    pub fn rows(&self) -> impl Iterator<Item = &ProbeRow> {
        self.lanes.iter().chain(&self.extras)
    }

    /// Drops the octets of the connections.
    pub fn drop_wire(&mut self) {
        for row in self.lanes.iter_mut().chain(&mut self.extras) {
            row.wire.clear();
        }
    }

    /// Returns true if a promise was not delivered, or a finding is an error.
    pub fn falls_short(&self) -> bool {
        let is_broken = |promise: &Promise| promise.verdict == PromiseVerdict::NotDelivered;
        self.promises.iter().any(is_broken)
            || self.hops.iter().any(|hop| hop.level == NoteLevel::Error)
            || self.notes.iter().any(|note| note.level == NoteLevel::Error)
    }

    /// Returns true if something answered at least one question.
    pub fn reached_something(&self) -> bool {
        self.rows().any(|row| !matches!(row.outcome, ProbeOutcome::NotAsked | ProbeOutcome::Failed))
            || self.rows().any(ProbeRow::received_something)
    }

    /// Returns true if at least one question was asked.
    pub fn asked_something(&self) -> bool {
        self.rows().any(|row| row.outcome != ProbeOutcome::NotAsked)
    }
}

impl ProbeRow {
    /// Returns true if a response came, even an unusable one.
    fn received_something(&self) -> bool {
        let Some(exchange) = &self.exchange else { return false };
        exchange.response.is_some() || !exchange.interim.is_empty()
    }
}

impl ProbeOutcome {
    /// The name of the outcome in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotAsked => "not-asked",
            Self::Answered => "answered",
            Self::Switched => "switched",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Failed => "failed",
        }
    }
}

impl PromiseVerdict {
    /// The verdict in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::NotDelivered => "advertised, not delivered",
            Self::NotChecked => "not checked",
        }
    }
}
