//! The recording of usage: cores hand in what they counted, a thread merges it and passes what
//! changed to the store.
//!
//! No core waits for the thread, and the thread does not wait for the disk: while the store is
//! behind, changes stay in the totals.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use upshift_adoption::canary::RecentCallers;
use upshift_adoption::usage::{UsageBatch, UsageTotals};
use upshift_core::Timestamp;

use super::store_writer::UsageSink;

/// The batches that may be queued. Each core hands one in per second, and more in a flood.
const QUEUE: usize = 64;
/// The time between two writes of what changed.
const WRITE_INTERVAL: Duration = Duration::from_secs(1);

/// A handle on the thread that merges usage.
pub(super) struct UsageRecorder {
    /// `None` once it has been stopped.
    batches: Mutex<Option<SyncSender<UsageBatch>>>,
    /// The callers of the last minutes.
    recent: Arc<Mutex<RecentCallers>>,
    /// The number of times that cores were to note all callers again.
    notes_epoch: Arc<AtomicU64>,
    /// Cores record usage.
    recording: AtomicBool,
    /// The batches that were dropped because the queue was full.
    dropped: AtomicU64,
    /// Disconnected when the thread has ended.
    ended: Mutex<Receiver<()>>,
}

impl UsageRecorder {
    /// Starts the thread, which continues with `totals` and writes to `sink`.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub(super) fn start(totals: UsageTotals, sink: UsageSink) -> std::io::Result<Self> {
        let ((batches, queued), (alive, ended)) = (sync_channel(QUEUE), sync_channel(1));
        let (recent, notes_epoch) = <(Arc<Mutex<RecentCallers>>, Arc<AtomicU64>)>::default();
        let (merged, epoch) = (Arc::clone(&recent), Arc::clone(&notes_epoch));
        thread::Builder::new().name("upshift usage".to_owned()).spawn(move || {
            UsageMerger { totals, recent: merged, notes_epoch: epoch }.run(&queued, &sink);
            drop(alive);
        })?;
        Ok(Self {
            batches: Mutex::new(Some(batches)),
            recent,
            notes_epoch,
            recording: AtomicBool::new(true),
            dropped: AtomicU64::new(0),
            ended: Mutex::new(ended),
        })
    }

    /// Queues what a core has counted. Returns false if it was dropped.
    pub(super) fn hand_in(&self, batch: UsageBatch) -> bool {
        let batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        let queued = match &*batches {
            Some(batches) => batches.try_send(batch).is_ok(),
            None => false,
        };
        if !queued {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        queued
    }

    /// Merges what is queued, passes it to the store, and ends the thread. What is handed in later
    /// is dropped.
    pub(super) fn finish(&self) {
        drop(self.batches.lock().unwrap_or_else(PoisonError::into_inner).take());
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        // Bounded, because a shutdown must not hang.
        let _ = ended.recv_timeout(2 * WRITE_INTERVAL);
    }

    /// Notes whether cores record usage, which the canary needs.
    pub(super) fn set_recording(&self, recording: bool) {
        self.recording.store(recording, Ordering::Relaxed);
    }

    /// Returns true if cores record usage.
    pub(super) fn is_recording(&self) -> bool {
        self.recording.load(Ordering::Relaxed)
    }

    /// Forgets the callers of the last minutes, so that all are noted again.
    pub(super) fn restart_notes(&self) {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.notes_epoch.fetch_add(1, Ordering::Relaxed);
    }

    /// The callers of the last minutes.
    pub(super) fn recent(&self) -> &Mutex<RecentCallers> {
        &self.recent
    }

    /// The number of times that cores were to note all callers again.
    pub(super) fn notes_epoch(&self) -> u64 {
        self.notes_epoch.load(Ordering::Relaxed)
    }

    /// The batches that were dropped.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for UsageRecorder {
    fn drop(&mut self) {
        self.finish();
    }
}

/// The state of the thread.
struct UsageMerger {
    totals: UsageTotals,
    recent: Arc<Mutex<RecentCallers>>,
    notes_epoch: Arc<AtomicU64>,
}

impl UsageMerger {
    fn run(mut self, queued: &Receiver<UsageBatch>, sink: &UsageSink) {
        let mut next_write = Instant::now() + WRITE_INTERVAL;
        loop {
            let wait = next_write.saturating_duration_since(Instant::now());
            match queued.recv_timeout(wait) {
                Ok(batch) => self.merge_batch(batch),
                Err(RecvTimeoutError::Timeout) => self.age_recent_callers(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if next_write <= Instant::now() {
                next_write = Instant::now() + WRITE_INTERVAL;
                if !sink.is_behind() {
                    sink.write_usage(self.totals.take_changes());
                }
            }
        }
        sink.write_usage(self.totals.take_changes());
    }

    /// Ages the callers of the last minutes while there is no traffic.
    fn age_recent_callers(&self) {
        let second = Timestamp::now().as_second();
        if self.recent.lock().unwrap_or_else(PoisonError::into_inner).begin_half(second) {
            self.notes_epoch.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn merge_batch(&mut self, mut batch: UsageBatch) {
        let second = Timestamp::now().as_second();
        let noted = batch.take_noted();
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.add_requests(second, noted) {
            self.notes_epoch.fetch_add(1, Ordering::Relaxed);
        }
        drop(recent);
        self.totals.merge_batch(batch, second);
    }
}
