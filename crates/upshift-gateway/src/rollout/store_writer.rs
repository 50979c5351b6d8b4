//! The thread that writes changes to the store, so that nothing else waits for a disk.
//!
//! 1. A record is queued once. If it cannot be written, the thread tries again every second.
//! 2. A gateway starts without a store that cannot be made. It does not start if another gateway
//!    has the store open, or if the store exists and cannot be read: rules that are paused in it
//!    would be enforced.
//! 3. At the end the thread tries once more, and logs the changes that are lost.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;
use upshift_adoption::store::{Store, StoreContent, StoreError};
use upshift_adoption::{History, IdentityKey, Record};
use upshift_core::Timestamp;

/// The time that the client of a change waits for the store.
const WRITE_TIMEOUT: Duration = Duration::from_millis(750);
/// The time between a failed write and the next attempt.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// The time to wait for a message while no write is pending. Any long time would do.
const IDLE_INTERVAL: Duration = Duration::from_secs(3_600);

/// A handle on the thread.
pub(crate) struct StoreWriter {
    /// `None` if there is no store.
    messages: Option<Sender<WriterMessage>>,
    unsaved: Arc<AtomicU64>,
    /// Disconnected when the thread has ended.
    ended: Receiver<()>,
}

/// The write of one record, which may still be under way. The outcome is an error text.
pub(crate) struct PendingWrite(Option<oneshot::Receiver<Result<(), String>>>);

/// A message to the thread.
enum WriterMessage {
    /// Write a record, and send the outcome.
    Write { record: Arc<Record>, done: oneshot::Sender<Result<(), String>> },
    /// Close the store, and report when it is closed.
    Release(Sender<()>),
}

impl StoreWriter {
    /// Opens the store, and returns its content.
    ///
    /// # Errors
    /// If another gateway has it open, or it exists and cannot be read.
    pub(super) fn open(path: Option<&Path>) -> Result<(Self, StoreContent), StoreError> {
        let Some(path) = path else { return Ok((Self::without_store(), empty_content()?)) };
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
        let writer = Self::start(WriterThread::new(path, store, &content))?;
        Ok((writer, content))
    }

    fn without_store() -> Self {
        Self { messages: None, unsaved: Arc::default(), ended: channel().1 }
    }

    fn start(thread: WriterThread) -> Result<Self, StoreError> {
        let unsaved = Arc::clone(&thread.unsaved);
        let ((messages, queued), (alive, ended)) = (channel(), channel());
        thread::Builder::new().name("upshift store".to_owned()).spawn(move || {
            thread.run(&queued);
            drop(alive);
        })?;
        Ok(Self { messages: Some(messages), unsaved, ended })
    }

    /// Queues a record.
    pub(super) fn write_record(&self, record: &Arc<Record>) -> PendingWrite {
        self.unsaved.fetch_add(1, Ordering::Relaxed);
        let Some(messages) = &self.messages else { return PendingWrite(None) };
        let (done, outcome) = oneshot::channel();
        // If the thread is gone, so is `done`, and `outcome` reports that.
        let _ = messages.send(WriterMessage::Write { record: Arc::clone(record), done });
        PendingWrite(Some(outcome))
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

/// The state of the thread.
struct WriterThread {
    path: PathBuf,
    key: IdentityKey,
    /// The number of the latest record that is in the store.
    saved: i64,
    records: Vec<Arc<Record>>,
    store: Option<Store>,
    unsaved: Arc<AtomicU64>,
    /// The last write failed.
    failing: bool,
    /// The store was closed for another process.
    released: bool,
}

impl WriterThread {
    fn new(path: &Path, store: Option<Store>, content: &StoreContent) -> Self {
        Self {
            path: path.to_owned(),
            key: content.key.clone(),
            saved: content.history.latest_number().unwrap_or(0),
            records: content.history.records().cloned().collect(),
            store,
            unsaved: Arc::default(),
            failing: false,
            released: false,
        }
    }

    fn run(mut self, messages: &Receiver<WriterMessage>) {
        loop {
            let wait = if self.pending_count() == 0 { IDLE_INTERVAL } else { RETRY_INTERVAL };
            match messages.recv_timeout(wait) {
                Ok(WriterMessage::Write { record, done }) => {
                    let saved = self.write_record(record);
                    // The client may have given up.
                    let _ = done.send(saved);
                }
                Ok(WriterMessage::Release(done)) => {
                    // A failure is logged when the thread ends.
                    drop(self.write_pending());
                    (self.store, self.released) = (None, true);
                    // The receiver may have timed out.
                    let _ = done.send(());
                }
                Err(RecvTimeoutError::Timeout) => drop(self.write_pending()),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if let Err(error) = self.write_pending() {
            tracing::error!(error, unsaved = self.pending_count(), "the latest changes are lost");
        }
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

    fn pending_count(&self) -> usize {
        self.records.iter().filter(|record| record.revision.revision > self.saved).count()
    }

    /// Writes the records that are not in the store yet, if there are any.
    fn write_pending(&mut self) -> Result<(), String> {
        let pending = self.pending_count();
        if pending == 0 {
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

    fn append_records(&mut self) -> Result<(), StoreError> {
        let mut store = match self.store.take() {
            Some(store) => store,
            None => Store::reopen(&self.path, &self.key)?,
        };
        let mut appended = store.append_records(&self.records);
        // The file was removed or replaced while it was open. The handle has to be closed before
        // the store is opened at this path again.
        if appended.as_ref().is_err_and(StoreError::is_gone) {
            drop(store);
            store = Store::reopen(&self.path, &self.key)?;
            appended = store.append_records(&self.records);
        }
        if appended.is_ok() {
            self.store = Some(store);
        }
        appended
    }
}

fn empty_content() -> Result<StoreContent, StoreError> {
    let mut key = [0; 32];
    if aws_lc_rs::rand::fill(&mut key).is_err() {
        return Err(std::io::Error::other("the system returns no random numbers").into());
    }
    Ok(StoreContent { key: IdentityKey::new(key), history: History::default() })
}

/// An id for a change that came without one.
pub(super) fn random_id() -> String {
    let mut bytes = [0; 5];
    if aws_lc_rs::rand::fill(&mut bytes).is_err() {
        // An id has to be unique. It need not be secret.
        return Timestamp::now().as_nanosecond().to_string();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
