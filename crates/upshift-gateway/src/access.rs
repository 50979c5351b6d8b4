//! The access record: one JSON line per request, with the decision and without secrets.
//!
//! A query string and fields other than those that a rule read are not in it: that is where tokens are. Lines are
//! written by a thread of their own; when it falls behind, they are dropped and counted, because no request waits for
//! a disk.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use http::{HeaderValue, StatusCode};
use serde::Serialize;
use tokio::time::Instant;
use upshift_config::AccessLog;
use upshift_core::{Decision, Facts, Known, TlsState, Verdict};
use upshift_record::DecisionRecord;

/// As many lines as may wait to be written.
const BACKLOG: usize = 16 * 1024;

/// Where lines go.
pub(crate) struct AccessWriter {
    lines: SyncSender<Vec<u8>>,
    dropped: AtomicU64,
}

impl AccessWriter {
    /// A thread that writes to `out`. It ends when the writer is dropped.
    pub(crate) fn start(out: Box<dyn Write + Send>) -> std::io::Result<Self> {
        let (lines, waiting) = sync_channel(BACKLOG);
        thread::Builder::new().name("upshift access".to_owned()).spawn(move || write_all(out, &waiting))?;
        Ok(Self { lines, dropped: AtomicU64::new(0) })
    }

    /// Hands one line over, or drops it.
    pub(crate) fn write(&self, line: Vec<u8>) {
        if self.lines.try_send(line).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many lines were dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

fn write_all(mut out: Box<dyn Write + Send>, waiting: &Receiver<Vec<u8>>) {
    while let Ok(line) = waiting.recv() {
        let written = out.write_all(&line).and_then(|()| waiting.try_iter().try_for_each(|line| out.write_all(&line)));
        if let Err(error) = written.and_then(|()| out.flush()) {
            tracing::error!(%error, "the access record cannot be written");
            return;
        }
    }
}

/// A request whose record will be written.
pub(crate) struct Access<'a> {
    facts: &'a Facts<'a>,
    decision: &'a Decision<'a>,
    revision: &'a str,
    id: &'a HeaderValue,
    began: Instant,
}

/// The line.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    request_id: &'a str,
    peer: Option<std::net::IpAddr>,
    method: &'a str,
    host: &'a str,
    path: &'a str,
    http: &'a str,
    tls: &'a str,
    sent_status: u16,
    milliseconds: f64,
    user_agent: Option<&'a str>,
    #[serde(flatten)]
    decision: DecisionRecord,
}

impl<'a> Access<'a> {
    /// If `which` asks for a record of this request.
    pub(crate) fn begin(
        which: AccessLog,
        facts: &'a Facts<'a>,
        decision: &'a Decision<'a>,
        revision: &'a str,
        id: &'a HeaderValue,
    ) -> Option<Self> {
        let wanted = match which {
            AccessLog::Off => false,
            AccessLog::Refused => decision.verdict == Verdict::Refuse,
            AccessLog::All => true,
        };
        wanted.then(|| Self { facts, decision, revision, id, began: Instant::now() })
    }

    /// The line of a request that was answered with `status`.
    pub(crate) fn end(self, status: StatusCode) -> Vec<u8> {
        let facts = self.facts;
        let line = Line {
            time: jiff::Timestamp::now().to_string(),
            request_id: self.id.to_str().unwrap_or_default(),
            peer: facts.peer,
            method: facts.method,
            host: facts.host,
            path: facts.path,
            http: match facts.http {
                Known::Is(version) => version.as_str(),
                Known::Unknown => "unknown",
            },
            tls: match facts.tls {
                Known::Is(TlsState::Cleartext) => "none",
                Known::Is(TlsState::Version(version)) => version.as_str(),
                Known::Is(TlsState::SomeVersion) => "some",
                Known::Unknown => "unknown",
            },
            sent_status: status.as_u16(),
            milliseconds: (self.began.elapsed().as_secs_f64() * 1e6).round() / 1e3,
            user_agent: facts.fields.text("user-agent"),
            decision: DecisionRecord::of(self.decision, self.revision),
        };
        let mut bytes = serde_json::to_vec(&line).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}
