//! The thread that writes changes to the store, so that nothing else waits for a disk.
//!
//! 1. A record is handed over once and written as soon as that is possible: it is tried again every
//!    second.
//! 2. A store that cannot be made does not keep a gateway from starting; one that another gateway
//!    has open does, and one that is there and cannot be read, for what was paused in it would be
//!    enforced.
//! 3. At the end everything is tried once more, and what is then forgotten is in the log.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;
use upshift_adoption::store::{Content, Store, StoreError};
use upshift_adoption::{History, Key, Record};
use upshift_core::Timestamp;

/// How long the one who made a change waits for the store.
const PATIENCE: Duration = Duration::from_millis(750);
/// How long after a failure the store is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Hands records to the thread.
pub(crate) struct Keeper {
    /// None: there is no store.
    jobs: Option<Sender<Work>>,
    unsaved: Arc<AtomicU64>,
    /// Disconnected when the thread has ended.
    ended: Receiver<()>,
}

/// How the writing of one record goes.
pub(crate) struct Saving(Option<oneshot::Receiver<Result<(), String>>>);

/// Work for the thread.
enum Work {
    Save(Job),
    /// Close the store, and say when it is closed.
    Release(Sender<()>),
}

struct Job {
    record: Arc<Record>,
    done: oneshot::Sender<Result<(), String>>,
}

impl Keeper {
    /// Opens the store, and gives what it holds.
    ///
    /// # Errors
    /// If another gateway has it open, or there is one that cannot be read.
    pub(super) fn open(path: Option<&Path>) -> Result<(Self, Content), StoreError> {
        let Some(path) = path else { return Ok((Self::without_store(), empty()?)) };
        let (store, content) = match Store::open(path) {
            Ok(store) => {
                if store.key_is_new() {
                    tracing::warn!(
                        "the key in the store had been published: it was replaced by a new one, and everything else was \
                         kept; fingerprints in reports of before do not match those from now on"
                    );
                }
                let content = store.content()?;
                (Some(store), content)
            }
            Err(error) if error.is_in_use() => return Err(error),
            Err(error) => {
                let content = Store::read(path)?.map_or_else(empty, Ok)?;
                tracing::error!(%error, "changes are in force at once, but a restart forgets them until the store works");
                (None, content)
            }
        };
        let writer = Writer {
            path: path.to_owned(),
            key: content.key.clone(),
            saved: content.history.latest().unwrap_or(0),
            records: content.history.records().cloned().collect(),
            store,
            unsaved: Arc::default(),
            failing: false,
            released: false,
        };
        Self::start(writer).map(|keeper| (keeper, content))
    }

    fn without_store() -> Self {
        Self { jobs: None, unsaved: Arc::default(), ended: channel().1 }
    }

    fn start(writer: Writer) -> Result<Self, StoreError> {
        let unsaved = Arc::clone(&writer.unsaved);
        let ((jobs, wanted), (alive, ended)) = (channel(), channel());
        thread::Builder::new().name("upshift store".to_owned()).spawn(move || {
            writer.run(&wanted);
            drop(alive);
        })?;
        Ok(Self { jobs: Some(jobs), unsaved, ended })
    }

    /// Hands over a record.
    pub(super) fn save(&self, record: &Arc<Record>) -> Saving {
        self.unsaved.fetch_add(1, Ordering::Relaxed);
        let Some(jobs) = &self.jobs else { return Saving(None) };
        let (done, outcome) = oneshot::channel();
        // If the thread is gone, so is the other end of `done`, and the outcome says so.
        let _ = jobs.send(Work::Save(Job { record: Arc::clone(record), done }));
        Saving(Some(outcome))
    }

    /// Closes the store for good, so that the next process can have it. Later changes are not kept.
    pub(super) fn release(&self) {
        let Some(jobs) = &self.jobs else { return };
        let (done, released) = channel();
        if jobs.send(Work::Release(done)).is_ok() {
            // A disk that hangs is not waited for.
            let _ = released.recv_timeout(2 * RETRY);
        }
    }

    /// As many changes a restart would forget.
    pub(super) fn unsaved(&self) -> u64 {
        self.unsaved.load(Ordering::Relaxed)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if self.jobs.take().is_some() {
            // The thread tries once more. A disk that hangs is not waited for.
            let _ = self.ended.recv_timeout(2 * RETRY);
        }
    }
}

impl Saving {
    /// Waits a moment; an error says what a restart will forget, and why.
    pub(crate) async fn outcome(self) -> Result<(), String> {
        let Some(outcome) = self.0 else {
            return Err("a restart forgets this change: this gateway has no store".to_owned());
        };
        let why = match timeout(PATIENCE, outcome).await {
            Ok(Ok(Ok(()))) => return Ok(()),
            Ok(Ok(Err(why))) => why,
            Ok(Err(_)) => {
                return Err(
                    "a restart forgets this change: nothing writes the store any more".to_owned()
                );
            }
            Err(_) => "the store takes too long".to_owned(),
        };
        Err(format!("a restart forgets this change, unless the store works again before it: {why}"))
    }
}

/// What the thread has.
struct Writer {
    path: PathBuf,
    key: Key,
    /// The number of the latest record that is in the store.
    saved: i64,
    records: Vec<Arc<Record>>,
    store: Option<Store>,
    unsaved: Arc<AtomicU64>,
    failing: bool,
    /// The store is another process's now.
    released: bool,
}

impl Writer {
    fn run(mut self, jobs: &Receiver<Work>) {
        loop {
            let wait = if self.pending() == 0 { Duration::from_secs(3_600) } else { RETRY };
            match jobs.recv_timeout(wait) {
                Ok(Work::Save(Job { record, done })) => {
                    let change = record.revision.id.clone();
                    self.remember(record);
                    let saved = self.save();
                    if let Err(error) = &saved {
                        tracing::error!(
                            change,
                            error,
                            "it is in force, but not in the store: a restart would forget it"
                        );
                    }
                    // The caller may be gone.
                    let _ = done.send(saved);
                }
                Ok(Work::Release(done)) => {
                    if self.pending() > 0 {
                        drop(self.save());
                    }
                    (self.store, self.released) = (None, true);
                    // The caller may have given up.
                    let _ = done.send(());
                }
                Err(RecvTimeoutError::Timeout) if self.pending() > 0 => drop(self.save()),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if self.pending() > 0
            && let Err(error) = self.save()
        {
            tracing::error!(error, unsaved = self.pending(), "the latest changes are forgotten");
        }
    }

    fn remember(&mut self, record: Arc<Record>) {
        self.records.push(record);
        if self.records.len() > History::REMEMBERED {
            self.records.remove(0);
        }
    }

    fn pending(&self) -> usize {
        self.records.iter().filter(|record| record.revision.revision > self.saved).count()
    }

    /// Writes what is not written yet.
    fn save(&mut self) -> Result<(), String> {
        if self.released {
            return Err("this gateway is stopping, and has given up its store".to_owned());
        }
        let before = self.pending();
        let saved = self.try_to_save();
        match &saved {
            Ok(()) => self.saved = self.records.last().map_or(0, |record| record.revision.revision),
            // It is opened again next time: it may have been removed, or be on a disk that came
            // back.
            Err(_) => self.store = None,
        }
        self.unsaved.store(self.pending() as u64, Ordering::Relaxed);
        if saved.is_ok() && self.failing {
            tracing::warn!(changes = before, "the store works again, and has what was changed");
        }
        self.failing = saved.is_err();
        saved.map_err(|error| error.to_string())
    }

    fn try_to_save(&mut self) -> Result<(), StoreError> {
        let mut store = match self.store.take() {
            Some(store) => store,
            None => Store::reopen(&self.path, &self.key)?,
        };
        let mut appended = store.append(&self.records);
        if appended.as_ref().is_err_and(StoreError::is_gone) {
            drop(store);
            store = Store::reopen(&self.path, &self.key)?;
            appended = store.append(&self.records);
        }
        self.store = appended.is_ok().then_some(store);
        appended
    }
}

fn empty() -> Result<Content, StoreError> {
    let mut key = [0; 32];
    let unspecified = |_| std::io::Error::other("the system gives no random numbers");
    aws_lc_rs::rand::fill(&mut key).map_err(unspecified)?;
    Ok(Content { key: Key::new(key), history: History::default() })
}

/// The id of a change that comes without one.
pub(super) fn random_id() -> String {
    let mut bytes = [0; 5];
    if aws_lc_rs::rand::fill(&mut bytes).is_err() {
        // An id has to be unlike all others, and need not be a secret.
        return Timestamp::now().as_nanosecond().to_string();
    }
    bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}
