//! The writer of access records: a thread of its own. If it falls behind, or the disk is full, lines
//! are dropped and counted: no request waits for a disk.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::output::AccessOutput;

/// The number of lines that may be queued.
const BACKLOG: usize = 16 * 1024;

/// The time for the queued lines to be written at the end.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// A handle on the thread that writes the lines.
pub(crate) struct AccessWriter {
    messages: SyncSender<AccessMessage>,
    order: Arc<OrderSlot>,
    dropped: Arc<AtomicU64>,
}

/// A message to the thread.
enum AccessMessage {
    /// Write this line.
    Line(Vec<u8>),
    /// Look for an order.
    Wake,
    /// Report when everything before this is written.
    Flush(SyncSender<()>),
}

/// A change of the destination. It overtakes the lines in the queue, which may be full.
enum Order {
    /// Write to this destination.
    Redirect(AccessOutput),
    /// Open the destination again.
    Reopen,
}

/// The order that the thread has not followed yet.
type OrderSlot = Mutex<Option<Order>>;

impl AccessWriter {
    /// Starts a thread that writes to `output`. It ends when the handle is dropped.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub(crate) fn start(output: AccessOutput) -> io::Result<Self> {
        let (messages, queued) = sync_channel(BACKLOG);
        let (order, dropped) = (Arc::default(), Arc::new(AtomicU64::new(0)));
        let loop_state = WriterLoop {
            output,
            failing: false,
            cut: false,
            order: Arc::clone(&order),
            dropped: Arc::clone(&dropped),
        };
        let thread = thread::Builder::new().name("upshift access".to_owned());
        thread.spawn(move || loop_state.write_all(&queued))?;
        Ok(Self { messages, order, dropped })
    }

    /// Writes to `output` from now on.
    pub(crate) fn redirect(&self, output: AccessOutput) {
        *lock_order(&self.order) = Some(Order::Redirect(output));
        self.wake();
    }

    /// Opens the destination again, whose file may have been moved away.
    pub(crate) fn reopen(&self) {
        // A destination that is about to be taken up was just opened.
        lock_order(&self.order).get_or_insert(Order::Reopen);
        self.wake();
    }

    fn wake(&self) {
        // A thread whose queue is full is awake.
        let _ = self.messages.try_send(AccessMessage::Wake);
    }

    /// Queues a line, or drops it if the queue is full.
    pub(crate) fn write_line(&self, line: Vec<u8>) {
        if self.messages.try_send(AccessMessage::Line(line)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until all queued lines are written, for two seconds at most.
    pub(crate) async fn flush(&self) {
        let deadline = Instant::now() + FLUSH_TIMEOUT;
        let (done, flushed) = sync_channel(1);
        let mut message = AccessMessage::Flush(done);
        while Instant::now() < deadline {
            match self.messages.try_send(message) {
                Ok(()) => break,
                Err(TrySendError::Full(unsent)) => message = unsent,
                Err(TrySendError::Disconnected(_)) => return,
            }
            sleep(Duration::from_millis(10)).await;
        }
        while Instant::now() < deadline && flushed.try_recv().is_err() {
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// The number of lines that were dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

fn lock_order(order: &OrderSlot) -> std::sync::MutexGuard<'_, Option<Order>> {
    order.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The state of the thread.
struct WriterLoop {
    output: AccessOutput,
    /// The last line failed, or its flush, which was logged.
    failing: bool,
    /// The last line failed, and a part of it may be in the record.
    cut: bool,
    order: Arc<OrderSlot>,
    dropped: Arc<AtomicU64>,
}

impl WriterLoop {
    fn write_all(mut self, queued: &Receiver<AccessMessage>) {
        while let Ok(first) = queued.recv() {
            let (mut error, mut has_lines) = (None, false);
            // Flushed once per batch, not once per line.
            for message in std::iter::once(first).chain(queued.try_iter()) {
                self.follow_order();
                has_lines |= matches!(message, AccessMessage::Line(_));
                let handled = self.handle_message(message);
                error = error.or(handled.err());
            }
            let flushed = self.output.flush();
            self.log_state(error.or(flushed.err()), has_lines);
        }
    }

    /// Changes the destination, if that was ordered.
    fn follow_order(&mut self) {
        let Some(order) = lock_order(&self.order).take() else { return };
        // What cannot be flushed to the old destination is lost with it.
        let _ = self.output.flush();
        match order {
            Order::Redirect(output) => self.output = output,
            Order::Reopen => {
                if let Err(error) = self.output.reopen() {
                    tracing::error!(
                        %error,
                        "cannot reopen the access record; still writing to the old destination"
                    );
                    return;
                }
            }
        }
        self.cut = false;
    }

    fn handle_message(&mut self, message: AccessMessage) -> io::Result<()> {
        match message {
            AccessMessage::Line(line) => {
                let written = self.output.write_line(&line, self.cut);
                self.cut = written.as_ref().is_err_and(|failed| failed.left_part);
                if written.is_err() {
                    self.dropped.fetch_add(1, Ordering::Relaxed);
                }
                written.map_err(|failed| failed.error)
            }
            AccessMessage::Wake => Ok(()),
            AccessMessage::Flush(done) => {
                let flushed = self.output.flush();
                // The receiver may have timed out.
                let _ = done.try_send(());
                flushed
            }
        }
    }

    /// Logs the first of several failures, and that lines are written again. Writing goes on
    /// meanwhile: a full disk may have room again.
    fn log_state(&mut self, error: Option<io::Error>, has_lines: bool) {
        match error {
            Some(_) if self.failing => {}
            Some(error) => {
                self.failing = true;
                tracing::error!(
                    %error,
                    "cannot write the access record; lines are being dropped"
                );
            }
            // Without a line, it is not known whether one could be written.
            None if self.failing && has_lines => {
                self.failing = false;
                let dropped = self.dropped.load(Ordering::Relaxed);
                tracing::warn!(dropped, "the access record is written again");
            }
            None => {}
        }
    }
}
