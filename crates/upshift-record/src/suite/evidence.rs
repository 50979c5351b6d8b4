//! The evidence for the verdict on a case: messages, notes, octets and outputs.

use serde::{Deserialize, Serialize};

use super::shell_words::join_words;
use crate::probe::WireRecord;
use crate::{Finding, Protection, RecordedBody, RecordedExchange};

/// The evidence of one try. All times count from the start of the try.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CaseEvidence {
    /// The exchanges, in order: one of a probe, those that a client caused, or those of the linted
    /// files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<RecordedExchange>,
    /// The notes about the exchanges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<CaseNote>,
    /// The connections, in the order in which they were opened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connections: Vec<ConnectionTrace>,
    /// The run of the client, of a client case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientRun>,
    /// Observations in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

/// A finding of a note about one of the exchanges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseNote {
    /// The finding: the id of the note, its level, the message, and the paragraph.
    #[serde(flatten)]
    pub finding: Finding,
    /// The note in one line.
    pub summary: String,
    /// The words of the paragraph; left out where they are not one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// The URL of the paragraph.
    pub source_url: String,
    /// The place of the exchange among the exchanges of the try, from 1.
    pub exchange: usize,
    /// The file, and the line in it, of a lint case: `captures/a.har`, `captures/a.http:12`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// True if it fails the case.
    pub fails: bool,
    /// The reason for which it is ignored; left out if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored: Option<String>,
}

/// A connection: its timeline and its octets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConnectionTrace {
    /// The number of the connection in its try, from 1.
    pub number: usize,
    /// The address of the other side: `127.0.0.1:443`; left out if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// The protection at its end; left out if it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protection: Option<Protection>,
    /// The timeline, in order.
    pub timeline: Vec<TimelineMark>,
    /// The octets, inside of TLS where there is TLS; empty over QUIC. `sent` is sent by the lab.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wire: Vec<WireRecord>,
}

/// A point on the timeline of a connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimelineMark {
    /// The time since the start of the try, in milliseconds.
    pub at_ms: f64,
    /// The event in a few words: `connected`, `TLS 1.3, h2`, `request`, `101`, `426`, `closed`.
    pub what: String,
}

/// A run of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientRun {
    /// The command and its arguments, as they were run.
    pub command: Vec<String>,
    /// The name of the scenario that it was run against.
    pub scenario: String,
    /// True if it was started.
    pub started: bool,
    /// The exit code; null if it did not end by itself.
    pub exit: Option<i32>,
    /// The end in words: `exit code 0`, `killed at its time limit`.
    pub end: String,
    /// The standard output, at most 256 KiB of it.
    pub stdout: RecordedBody,
    /// The standard error, at most 256 KiB of it.
    pub stderr: RecordedBody,
}

impl ClientRun {
    /// The command in one line, as a shell takes it.
    pub fn command_line(&self) -> String {
        join_words(self.command.iter().map(String::as_str))
    }
}
