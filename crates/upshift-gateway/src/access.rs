//! The access record: one JSON line per request, with the decision and without secrets.
//!
//! A query string and fields other than those that a rule read are not in it: that is where tokens are. Lines are
//! written by a thread of their own; when it falls behind, they are dropped and counted, because no request waits for
//! a disk.

use std::borrow::Cow;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

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
    messages: SyncSender<Message>,
    dropped: AtomicU64,
}

/// What the writing thread is told.
enum Message {
    /// To write this.
    Line(Vec<u8>),
    /// To write there from now on.
    To(Box<dyn Write + Send>),
    /// To say when all of the above is written.
    Flush(SyncSender<()>),
}

impl AccessWriter {
    /// A thread that writes to stdout. It ends when the writer is dropped.
    pub(crate) fn start() -> std::io::Result<Self> {
        let (messages, waiting) = sync_channel(BACKLOG);
        thread::Builder::new().name("upshift access".to_owned()).spawn(move || write_all(&waiting))?;
        Ok(Self { messages, dropped: AtomicU64::new(0) })
    }

    /// Writes to `out` from now on.
    pub(crate) fn redirect(&self, out: Box<dyn Write + Send>) {
        // The thread has ended only if it could not write, and has said so.
        let _ = self.messages.send(Message::To(out));
    }

    /// Hands one line over, or drops it.
    pub(crate) fn write(&self, line: Vec<u8>) {
        if self.messages.try_send(Message::Line(line)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until all lines are written, but not for ever.
    pub(crate) fn flush(&self) {
        let (written, all) = sync_channel(1);
        if self.messages.send(Message::Flush(written)).is_ok() {
            let _ = all.recv_timeout(Duration::from_secs(2));
        }
    }

    /// How many lines were dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

fn write_all(waiting: &Receiver<Message>) {
    let mut out: Box<dyn Write + Send> = Box::new(std::io::stdout());
    while let Ok(first) = waiting.recv() {
        let batch = std::iter::once(first).chain(waiting.try_iter());
        for message in batch {
            let done = match message {
                Message::Line(line) => out.write_all(&line),
                Message::To(other) => out.flush().map(|()| out = other),
                Message::Flush(written) => out.flush().map(|()| {
                    // Whoever waited may have given up.
                    let _ = written.try_send(());
                }),
            };
            if let Err(error) = done {
                tracing::error!(%error, "the access record cannot be written");
                return;
            }
        }
        if let Err(error) = out.flush() {
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
    user_agent: Option<Cow<'a, str>>,
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
            user_agent: facts.fields.text_lossy("user-agent"),
            decision: DecisionRecord {
                // Of an admitted request, the upstream answers.
                status: (self.decision.verdict == Verdict::Refuse).then_some(status.as_u16()),
                ..DecisionRecord::of(self.decision, self.revision)
            },
        };
        let mut bytes = serde_json::to_vec(&line).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}
