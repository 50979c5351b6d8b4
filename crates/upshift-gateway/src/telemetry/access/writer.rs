//! The writer of access records: a thread of its own. If it falls behind, or the disk is full, lines
//! are dropped and counted: no request waits for a disk.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// The number of lines that may be queued.
const BACKLOG: usize = 16 * 1024;

/// A handle on the thread that writes the lines.
pub(crate) struct AccessWriter {
    messages: SyncSender<AccessMessage>,
    dropped: Arc<AtomicU64>,
}

/// A message to the thread.
enum AccessMessage {
    /// Write this line.
    Line(Vec<u8>),
    /// Write to this output from now on.
    Redirect(Box<dyn Write + Send>),
    /// Report when everything before this is written.
    Flush(SyncSender<()>),
}

impl AccessWriter {
    /// Starts a thread that writes to stdout. It ends when the handle is dropped.
    pub(crate) fn start() -> std::io::Result<Self> {
        let (messages, queued) = sync_channel(BACKLOG);
        let dropped = Arc::new(AtomicU64::new(0));
        let out = Box::new(std::io::stdout());
        let output =
            AccessOutput { out, failing: false, cut: false, dropped: Arc::clone(&dropped) };
        let thread = thread::Builder::new().name("upshift access".to_owned());
        thread.spawn(move || output.write_all(&queued))?;
        Ok(Self { messages, dropped })
    }

    /// Writes to `out` from now on.
    pub(crate) fn redirect(&self, out: Box<dyn Write + Send>) {
        // Fails only without a receiver, and the thread ends after this handle.
        let _ = self.messages.send(AccessMessage::Redirect(out));
    }

    /// Queues a line, or drops it if the queue is full.
    pub(crate) fn write_line(&self, line: Vec<u8>) {
        if self.messages.try_send(AccessMessage::Line(line)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until all queued lines are written, for two seconds at most.
    pub(crate) fn flush(&self) {
        let (done, flushed) = sync_channel(1);
        if self.messages.send(AccessMessage::Flush(done)).is_ok() {
            let _ = flushed.recv_timeout(Duration::from_secs(2));
        }
    }

    /// The number of lines that were dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// The state of the thread.
struct AccessOutput {
    out: Box<dyn Write + Send>,
    /// The last batch failed, which was logged.
    failing: bool,
    /// The last line failed, perhaps after some of its bytes were written.
    cut: bool,
    dropped: Arc<AtomicU64>,
}

impl AccessOutput {
    fn write_all(mut self, queued: &Receiver<AccessMessage>) {
        while let Ok(first) = queued.recv() {
            let mut error = None;
            // Flushed once per batch, not once per line.
            for message in std::iter::once(first).chain(queued.try_iter()) {
                let handled = self.handle_message(message);
                error = error.or(handled.err());
            }
            let flushed = self.out.flush();
            self.log_failure(error.or(flushed.err()));
        }
    }

    fn handle_message(&mut self, message: AccessMessage) -> std::io::Result<()> {
        match message {
            AccessMessage::Line(line) => {
                let written = self.write_line(&line);
                self.cut = written.is_err();
                self.dropped.fetch_add(u64::from(self.cut), Ordering::Relaxed);
                written
            }
            AccessMessage::Redirect(out) => {
                let flushed = self.out.flush();
                self.out = out;
                flushed
            }
            AccessMessage::Flush(done) => {
                let flushed = self.out.flush();
                // The receiver may have timed out.
                let _ = done.try_send(());
                flushed
            }
        }
    }

    fn write_line(&mut self, line: &[u8]) -> std::io::Result<()> {
        // Ends a line that was cut, so that this one can be parsed.
        if self.cut {
            self.out.write_all(b"\n")?;
        }
        self.out.write_all(line)
    }

    /// Logs the first of several failures. Writing goes on: a full disk may have room again.
    fn log_failure(&mut self, error: Option<std::io::Error>) {
        if let Some(error) = &error
            && !self.failing
        {
            tracing::error!(
                %error,
                "the access record cannot be written: its lines are dropped and counted"
            );
        }
        self.failing = error.is_some();
    }
}
