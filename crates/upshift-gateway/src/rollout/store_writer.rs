//! The thread that writes changes to the store, so that nothing else waits for a disk.
//!
//! 1. A record is queued once. If it cannot be written, the thread tries again every second.
//! 2. A gateway starts without a store that cannot be made. It does not start if another gateway
//!    has the store open, or if the store exists and cannot be read: rules that are paused in it
//!    would be enforced.
//! 3. At the end the thread tries once more, and logs the changes that are lost.
//! 4. Usage waits in bounded memory while it cannot be written, and never keeps a change waiting
//!    for longer than one write.
//! 5. A change and its policy revision are written together. While nothing else is written, the
//!    thread notes every few seconds that the process is alive.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;
use upshift_adoption::ledger::NewEntry;
use upshift_adoption::store::{
    LedgerWrite, Retention, SETTLING_TIME, Store, StoreContent, StoreError, UsageQuery,
};
use upshift_adoption::usage::{PendingUsage, Span, UsageChanges, UsageTotals};
use upshift_adoption::{History, IdentityKey, Record};
use upshift_core::Timestamp;

use super::ledger_queue::LedgerQueue;

/// The time that the client of a change waits for the store.
const WRITE_TIMEOUT: Duration = Duration::from_millis(750);
/// The time between a failed write and the next attempt.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// The time to wait for a message while no write is pending, and after which the thread notes that
/// the process is alive. After a crash, the records say nothing of at most this time before it.
const IDLE_INTERVAL: Duration = Duration::from_secs(10);

/// A handle on the thread.
pub(crate) struct StoreWriter {
    /// `None` if there is no store.
    messages: Option<Sender<WriterMessage>>,
    unsaved: Arc<AtomicU64>,
    usage: Arc<UsageStatus>,
    /// Disconnected when the thread has ended.
    ended: Receiver<()>,
}

/// The status of the recording of usage.
#[derive(Default)]
pub(crate) struct UsageStatus {
    /// The messages that the thread has not handled yet.
    queued: AtomicUsize,
    /// The last write failed.
    failing: AtomicBool,
    /// The rows that were lost because they could not be written for too long.
    lost: AtomicU64,
}

/// A handle that passes usage to the thread.
pub(super) struct UsageSink {
    /// `None` if there is no store.
    messages: Option<Sender<WriterMessage>>,
    status: Arc<UsageStatus>,
}

/// A store that was opened at the start of a process.
pub(super) struct OpenedStore {
    pub(super) writer: StoreWriter,
    pub(super) content: StoreContent,
    /// The usage of the current minute, and the refused callers.
    pub(super) usage: UsageTotals,
}

/// The write of one record, which may still be under way. The outcome is an error text.
pub(crate) struct PendingWrite(Option<oneshot::Receiver<Result<(), String>>>);

/// A message to the thread.
enum WriterMessage {
    /// Write a record and its policy revision, and send the outcome.
    Write {
        record: Arc<Record>,
        revision: Arc<NewEntry>,
        done: oneshot::Sender<Result<(), String>>,
    },
    /// Write a policy revision.
    Revision(Arc<NewEntry>),
    /// Write usage.
    Usage(UsageChanges),
    /// Keep usage for so long from now on.
    Retain(Retention),
    /// Close the store, and report when it is closed.
    Release(Sender<()>),
    /// Write the last usage, although the store was closed, and report when that is done.
    Finish(Sender<()>),
}

impl StoreWriter {
    /// Opens the store, and returns its content.
    ///
    /// # Errors
    /// If another gateway has it open, or it exists and cannot be read.
    pub(super) fn open(path: Option<&Path>, now: Timestamp) -> Result<OpenedStore, StoreError> {
        let Some(path) = path else {
            let (writer, content) = (Self::without_store(), empty_content()?);
            return Ok(OpenedStore { writer, content, usage: UsageTotals::default() });
        };
        let (store, content) = match Store::open(path) {
            Ok(store) => {
                if store.key_is_new() {
                    tracing::warn!(
                        "the key in the store had been published and was replaced; fingerprints \
                         in earlier reports do not match those from now on, and everything else \
                         was kept"
                    );
                }
                let content = store.read_content()?;
                (Some(store), content)
            }
            Err(error) if error.is_in_use() => return Err(error),
            Err(error) => {
                let content = match Store::read_only_content(path)? {
                    Some(content) => content,
                    None => empty_content()?,
                };
                tracing::error!(
                    %error,
                    "the store cannot be written: changes take effect, but a restart forgets them \
                     until the store works"
                );
                (None, content)
            }
        };
        let usage = resumed_usage(store.as_ref(), now)?;
        let writer = Self::start(WriterThread::new(path, store, &content, now))?;
        Ok(OpenedStore { writer, content, usage })
    }

    fn without_store() -> Self {
        Self { messages: None, unsaved: Arc::default(), usage: Arc::default(), ended: channel().1 }
    }

    fn start(thread: WriterThread) -> Result<Self, StoreError> {
        let (unsaved, usage) = (Arc::clone(&thread.unsaved), Arc::clone(&thread.usage_status));
        let ((messages, queued), (alive, ended)) = (channel(), channel());
        thread::Builder::new().name("upshift store".to_owned()).spawn(move || {
            thread.run(&queued);
            drop(alive);
        })?;
        Ok(Self { messages: Some(messages), unsaved, usage, ended })
    }

    /// Queues a record and its policy revision.
    pub(super) fn write_change(
        &self,
        record: &Arc<Record>,
        revision: Arc<NewEntry>,
    ) -> PendingWrite {
        self.unsaved.fetch_add(1, Ordering::Relaxed);
        let Some(messages) = &self.messages else { return PendingWrite(None) };
        let (done, outcome) = oneshot::channel();
        // If the thread is gone, so is `done`, and `outcome` reports that.
        let record = Arc::clone(record);
        let _ = messages.send(WriterMessage::Write { record, revision, done });
        PendingWrite(Some(outcome))
    }

    /// Queues a policy revision.
    pub(super) fn write_revision(&self, revision: Arc<NewEntry>) {
        if let Some(messages) = &self.messages {
            // The thread logs what it cannot write. Without a thread nothing is kept at all.
            let _ = messages.send(WriterMessage::Revision(revision));
        }
    }

    /// Closes the store for good, so that the next process can open it. Later changes are not
    /// written.
    pub(super) fn release_store(&self) {
        let Some(messages) = &self.messages else { return };
        let (done, released) = channel();
        if messages.send(WriterMessage::Release(done)).is_ok() {
            // Bounded, because a disk may hang.
            let _ = released.recv_timeout(2 * RETRY_INTERVAL);
        }
    }

    /// Writes the usage since the store was released, unless the next process has the store.
    pub(super) fn finish_usage(&self) {
        let Some(messages) = &self.messages else { return };
        let (done, finished) = channel();
        if messages.send(WriterMessage::Finish(done)).is_ok() {
            // Bounded, because a disk may hang.
            let _ = finished.recv_timeout(2 * RETRY_INTERVAL);
        }
    }

    /// A handle that passes usage to the thread.
    pub(super) fn usage_sink(&self) -> UsageSink {
        UsageSink { messages: self.messages.clone(), status: Arc::clone(&self.usage) }
    }

    /// Keeps usage for so long from now on.
    pub(super) fn retain_usage(&self, retention: Retention) {
        if let Some(messages) = &self.messages {
            // Without a thread nothing is kept at all.
            let _ = messages.send(WriterMessage::Retain(retention));
        }
    }

    /// The status of the recording of usage.
    pub(super) fn usage_status(&self) -> &UsageStatus {
        &self.usage
    }

    /// The number of changes that a restart would forget.
    pub(super) fn unsaved(&self) -> u64 {
        self.unsaved.load(Ordering::Relaxed)
    }
}

impl Drop for StoreWriter {
    fn drop(&mut self) {
        if self.messages.take().is_some() {
            // The thread tries once more to write. Bounded, because a disk may hang.
            let _ = self.ended.recv_timeout(2 * RETRY_INTERVAL);
        }
    }
}

impl PendingWrite {
    /// Waits for a short time. The error is the warning that the client gets.
    pub(crate) async fn outcome(self) -> Result<(), String> {
        let Some(outcome) = self.0 else {
            return Err("a restart forgets this change: this gateway has no store".to_owned());
        };
        let cause = match timeout(WRITE_TIMEOUT, outcome).await {
            Ok(Ok(Ok(()))) => return Ok(()),
            Ok(Ok(Err(cause))) => cause,
            Ok(Err(_)) => {
                return Err(
                    "a restart forgets this change: the thread that writes the store has ended"
                        .to_owned(),
                );
            }
            Err(_) => "the store is slow to respond".to_owned(),
        };
        Err(format!("a restart forgets this change, unless the store works again first: {cause}"))
    }
}

impl UsageSink {
    /// The messages after which the thread is behind: the disk is slow.
    const MOST_QUEUED: usize = 2;

    /// Returns true if the thread has not handled the last messages yet.
    pub(super) fn is_behind(&self) -> bool {
        self.status.queued.load(Ordering::Relaxed) >= Self::MOST_QUEUED
    }

    /// Queues what changed.
    pub(super) fn write_usage(&self, changes: UsageChanges) {
        let Some(messages) = &self.messages else { return };
        if changes.rows.is_empty() && changes.refused.is_empty() {
            return;
        }
        self.status.queued.fetch_add(1, Ordering::Relaxed);
        // The thread ends after this handle.
        let _ = messages.send(WriterMessage::Usage(changes));
    }
}

impl UsageStatus {
    /// Returns true if the last write failed.
    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// The rows that were lost.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

/// The totals with which this process continues what an earlier one counted in this minute.
fn resumed_usage(store: Option<&Store>, now: Timestamp) -> Result<UsageTotals, StoreError> {
    let second = now.as_second();
    let earlier = match store {
        Some(store) => read_earlier_usage(store, second)?,
        None => UsageChanges::default(),
    };
    Ok(UsageTotals::resume(second, earlier.rows, earlier.refused))
}

/// The usage of the minute of `second`, and the refused callers.
fn read_earlier_usage(store: &Store, second: i64) -> Result<UsageChanges, StoreError> {
    let from = Span::Minute.start_of(second);
    let query = UsageQuery { span: Span::Minute, from, to: from + 1, rule: None, dimension: None };
    Ok(UsageChanges { rows: store.read_usage(query)?, refused: store.read_refused_callers()? })
}

/// The state of the thread.
struct WriterThread {
    path: PathBuf,
    key: IdentityKey,
    /// The number of the latest record that is in the store.
    saved: i64,
    records: Vec<Arc<Record>>,
    ledger: LedgerQueue,
    store: Option<Store>,
    unsaved: Arc<AtomicU64>,
    usage: PendingUsage,
    /// The second at which this process started without the usage of an earlier one, which is
    /// read when the store returns.
    started_without: Option<i64>,
    usage_status: Arc<UsageStatus>,
    /// `None` until the settings say so.
    retention: Option<Retention>,
    /// The start of the hour in which usage was last maintained, in seconds since 1970.
    maintained: i64,
    /// The last write of a record failed.
    failing: bool,
    /// The store was closed for another process.
    released: bool,
}

impl WriterThread {
    fn new(path: &Path, store: Option<Store>, content: &StoreContent, now: Timestamp) -> Self {
        let started_without = if store.is_some() { None } else { Some(now.as_second()) };
        Self {
            path: path.to_owned(),
            key: content.key.clone(),
            saved: content.history.latest_number().unwrap_or(0),
            records: content.history.records().cloned().collect(),
            ledger: LedgerQueue::default(),
            store,
            unsaved: Arc::default(),
            usage: PendingUsage::default(),
            started_without,
            usage_status: Arc::default(),
            retention: None,
            maintained: 0,
            failing: false,
            released: false,
        }
    }

    fn run(mut self, messages: &Receiver<WriterMessage>) {
        loop {
            let idle = !self.has_pending() && self.usage.is_empty();
            let wait = if idle { IDLE_INTERVAL } else { RETRY_INTERVAL };
            match messages.recv_timeout(wait) {
                Ok(WriterMessage::Write { record, revision, done }) => {
                    self.ledger.push(revision);
                    let saved = self.write_record(record);
                    // The client may have given up.
                    let _ = done.send(saved);
                }
                Ok(WriterMessage::Revision(revision)) => {
                    self.ledger.push(revision);
                    if let Err(error) = self.write_pending() {
                        tracing::error!(error, "a policy revision is not in the store yet");
                    }
                }
                Ok(WriterMessage::Usage(changes)) => {
                    self.usage.add_changes(changes);
                    self.write_usage();
                    self.usage_status.queued.fetch_sub(1, Ordering::Relaxed);
                }
                Ok(WriterMessage::Retain(retention)) => self.retention = Some(retention),
                Ok(WriterMessage::Release(done)) => {
                    // A failure is logged when the thread ends.
                    drop(self.write_pending());
                    self.write_usage();
                    (self.store, self.released) = (None, true);
                    // The receiver may have timed out.
                    let _ = done.send(());
                }
                Ok(WriterMessage::Finish(done)) => {
                    self.write_last_usage();
                    // The receiver may have timed out.
                    let _ = done.send(());
                }
                Err(RecvTimeoutError::Timeout) => {
                    drop(self.write_pending());
                    self.write_usage();
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if let Err(error) = self.write_pending() {
            tracing::error!(error, unsaved = self.pending_count(), "the latest changes are lost");
        }
        self.write_last_usage();
    }

    fn write_record(&mut self, record: Arc<Record>) -> Result<(), String> {
        let change = record.revision.id.clone();
        self.records.push(record);
        // A store that has been removed is made again from these.
        if self.records.len() > History::REMEMBERED {
            self.records.remove(0);
        }
        let saved = self.write_pending();
        if let Err(error) = &saved {
            tracing::error!(
                change,
                error,
                "the change is in force, but not in the store: a restart would forget it"
            );
        }
        saved
    }

    fn has_pending(&self) -> bool {
        self.pending_count() > 0 || !self.ledger.pending.is_empty()
    }

    fn pending_count(&self) -> usize {
        self.records.iter().filter(|record| record.revision.revision > self.saved).count()
    }

    /// Writes the records and the policy revisions that are not in the store yet, if there are any.
    fn write_pending(&mut self) -> Result<(), String> {
        let pending = self.pending_count();
        if !self.has_pending() {
            return Ok(());
        }
        if self.released {
            return Err("this gateway is stopping, and has closed its store".to_owned());
        }
        let saved = self.append_records();
        match (&saved, self.records.last()) {
            (Ok(()), Some(latest)) => self.saved = latest.revision.revision,
            (Ok(()), None) => {}
            // The next attempt opens the file again: it may have been removed, or be on a disk that
            // was mounted again.
            (Err(_), _) => self.store = None,
        }
        self.unsaved.store(self.pending_count() as u64, Ordering::Relaxed);
        if saved.is_ok() && self.failing {
            tracing::warn!(changes = pending, "the store works again, and the changes are in it");
        }
        self.failing = saved.is_err();
        saved.map_err(|error| error.to_string())
    }

    /// Writes the usage that waits, if there is any, and that the process is alive; once an hour
    /// makes hours and days of it.
    fn write_usage(&mut self) {
        if self.released {
            return;
        }
        let now = Timestamp::now();
        let written = self.try_write_usage(now.as_second());
        let was_failing = self.usage_status.failing.swap(written.is_err(), Ordering::Relaxed);
        let lost_before = self.usage_status.lost.swap(self.usage.lost(), Ordering::Relaxed);
        self.ledger.note_lost(self.usage.lost() - lost_before, written.is_ok(), now);
        match written {
            Ok(()) if was_failing => tracing::warn!("usage is recorded again"),
            Ok(()) => {}
            Err(error) => {
                // The next attempt opens the file again.
                self.store = None;
                if !was_failing {
                    tracing::error!(
                        %error,
                        "cannot record usage; recent counts are held in memory"
                    );
                }
            }
        }
    }

    /// Writes the usage that waits, and closes the store again.
    fn write_last_usage(&mut self) {
        if self.usage.is_empty() {
            return;
        }
        // The next process may have the store by now.
        if let Err(error) = self.try_write_usage(Timestamp::now().as_second()) {
            tracing::info!(%error, "the last seconds of usage were not recorded");
        }
        self.store = None;
    }

    fn try_write_usage(&mut self, now: i64) -> Result<(), StoreError> {
        let mut store = match self.store.take() {
            Some(store) => store,
            None => {
                let mut store = Store::reopen(&self.path, &self.key)?;
                // The file may have been removed, and is new: the changes come first.
                self.append_to(&mut store)?;
                store
            }
        };
        if let Some(second) = self.started_without {
            self.usage.continue_from(read_earlier_usage(&store, second)?);
            self.started_without = None;
        }
        store.write_usage(&self.usage.to_changes(), now)?;
        self.usage.clear();
        let hour = Span::Hour.start_of(now - SETTLING_TIME);
        if let Some(retention) = self.retention
            && hour != self.maintained
        {
            store.maintain_usage(now, retention)?;
            self.maintained = hour;
        }
        self.store = Some(store);
        Ok(())
    }

    fn append_records(&mut self) -> Result<(), StoreError> {
        let mut store = match self.store.take() {
            Some(store) => store,
            None => Store::reopen(&self.path, &self.key)?,
        };
        let mut appended = self.append_to(&mut store);
        // The file was removed or replaced while it was open. The handle has to be closed before
        // the store is opened at this path again.
        if appended.as_ref().is_err_and(StoreError::is_gone) {
            drop(store);
            store = Store::reopen(&self.path, &self.key)?;
            appended = self.append_to(&mut store);
        }
        if appended.is_ok() {
            self.store = Some(store);
        }
        appended
    }

    /// Writes what the store does not have yet.
    fn append_to(&mut self, store: &mut Store) -> Result<(), StoreError> {
        let LedgerQueue { pending, latest, .. } = &self.ledger;
        let write = LedgerWrite { pending, latest: latest.as_deref() };
        store.append_changes(&self.records, write)?;
        self.ledger.mark_written();
        Ok(())
    }
}

fn empty_content() -> Result<StoreContent, StoreError> {
    let mut key = [0; 32];
    if aws_lc_rs::rand::fill(&mut key).is_err() {
        return Err(std::io::Error::other("the system returns no random numbers").into());
    }
    Ok(StoreContent { key: IdentityKey::new(key), history: History::default(), last_seen: None })
}

/// An id for a change that came without one.
pub(crate) fn random_id() -> String {
    let mut bytes = [0; 5];
    if aws_lc_rs::rand::fill(&mut bytes).is_err() {
        // An id has to be unique. It need not be secret.
        return Timestamp::now().as_nanosecond().to_string();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
