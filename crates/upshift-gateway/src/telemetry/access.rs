//! The access record: one JSON line per request, with the decision and without secrets.
//!
//! A query string and fields other than those that a rule read are not in it: that is where tokens
//! are. Lines are written by a thread of their own; when it falls behind, or a disk is full, they
//! are dropped and counted, because no request waits for a disk.

use std::borrow::Cow;
use std::io::Write;
use std::sync::Arc;
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
    dropped: Arc<AtomicU64>,
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
        let dropped = Arc::new(AtomicU64::new(0));
        let out = Box::new(std::io::stdout());
        let output = Output { out, failing: false, cut: false, dropped: Arc::clone(&dropped) };
        let thread = thread::Builder::new().name("upshift access".to_owned());
        thread.spawn(move || output.write_all(&waiting))?;
        Ok(Self { messages, dropped })
    }

    /// Writes to `out` from now on.
    pub(crate) fn redirect(&self, out: Box<dyn Write + Send>) {
        // The thread ends only with the writer.
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

/// The output of the thread.
struct Output {
    out: Box<dyn Write + Send>,
    /// The last batch failed, and it was said.
    failing: bool,
    /// The last line failed, perhaps in its middle.
    cut: bool,
    dropped: Arc<AtomicU64>,
}

impl Output {
    fn write_all(mut self, waiting: &Receiver<Message>) {
        while let Ok(first) = waiting.recv() {
            let mut failed = None;
            for message in std::iter::once(first).chain(waiting.try_iter()) {
                let obeyed = self.obey(message);
                failed = failed.or(obeyed.err());
            }
            let flushed = self.out.flush();
            self.note(failed.or(flushed.err()));
        }
    }

    fn obey(&mut self, message: Message) -> std::io::Result<()> {
        match message {
            Message::Line(line) => {
                let written = self.write_line(&line);
                self.cut = written.is_err();
                self.dropped.fetch_add(u64::from(self.cut), Ordering::Relaxed);
                written
            }
            Message::To(other) => {
                let flushed = self.out.flush();
                self.out = other;
                flushed
            }
            Message::Flush(written) => {
                let flushed = self.out.flush();
                // The one that waited may have given up.
                let _ = written.try_send(());
                flushed
            }
        }
    }

    fn write_line(&mut self, line: &[u8]) -> std::io::Result<()> {
        if self.cut {
            self.out.write_all(b"\n")?;
        }
        self.out.write_all(line)
    }

    /// Says once that nothing can be written, however many lines that costs: a full disk may have
    /// room again.
    fn note(&mut self, failed: Option<std::io::Error>) {
        if let Some(error) = failed.as_ref().filter(|_| !self.failing) {
            tracing::error!(%error, "the access record cannot be written; its lines are lost and counted");
        }
        self.failing = failed.is_some();
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
            peer: facts.client_ip,
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
