//! Requests to reload: SIGHUP, and changes of the watched files.
//!
//! The state of a file is recorded before the file is read, so that a change during the read is
//! noticed afterwards.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, timeout};

use crate::file_changes::{
    FileIdentity, FileStates, POLL_INTERVAL, QuietPeriod, changed_files, poll_files,
};
use crate::terminal::print_stderr;
use crate::verb_error::VerbError;

/// The time after which a poll that hangs is reported.
const HANG_LIMIT: Duration = Duration::from_secs(5);

/// The time after which a missing file is reported.
const LONG_ABSENCE: Duration = Duration::from_secs(3);

/// The files that a reload reads, with their states when they were last read.
#[derive(Clone)]
pub(super) struct WatchedFiles {
    policy: PathBuf,
    /// `None` without `--watch`.
    states: Option<Arc<Mutex<FileStates>>>,
}

impl WatchedFiles {
    /// Watches the policy file at `policy`, or nothing unless `watches`.
    pub(super) fn new(policy: &Path, watches: bool) -> Self {
        let states = if watches { Some(Arc::default()) } else { None };
        Self { policy: policy.to_owned(), states }
    }

    /// Records the state of the policy file. Call this before it is read.
    pub(super) fn record_policy(&self) {
        let Some(states) = &self.states else { return };
        // Outside the lock: the file system may hang.
        let identity = FileIdentity::of_path(&self.policy);
        lock_states(states).insert(self.policy.clone(), identity);
    }

    /// Records the states of the files that the policy file names, and watches no others from now
    /// on. Call this before they are read.
    pub(super) fn record_named(&self, paths: Vec<PathBuf>) {
        let Some(states) = &self.states else { return };
        // Outside the lock: the file system may hang.
        let mut named = Vec::new();
        for path in paths {
            named.push((FileIdentity::of_path(&path), path));
        }
        let mut states = lock_states(states);
        states.retain(|path, _| *path == self.policy);
        for (identity, path) in named {
            // The first state counts if a path is named twice, as with a certificate and its key in
            // one file: it is the older one.
            states.entry(path).or_insert(identity);
        }
    }

    /// Starts to send a message for each request to reload, as long as the runtime lives.
    pub(super) fn reload_requests(&self) -> Result<Receiver<()>, VerbError> {
        // One place: a request that waits covers the changes that come until its reload begins.
        let (sender, requests) = channel(1);
        let mut hangups = signal(SignalKind::hangup()).map_err(VerbError::environment)?;
        let signal_sender = sender.clone();
        tokio::spawn(async move {
            while hangups.recv().await.is_some() && signal_sender.send(()).await.is_ok() {}
        });
        if let Some(states) = &self.states {
            tokio::spawn(watch_files(Arc::clone(states), sender));
        }
        Ok(requests)
    }
}

fn lock_states(states: &Mutex<FileStates>) -> MutexGuard<'_, FileStates> {
    // A poisoned map is as good as any: every entry is replaced as a whole.
    states.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Requests a reload when files have changed and the change has settled.
async fn watch_files(states: Arc<Mutex<FileStates>>, requests: Sender<()>) {
    let mut polls = tokio::time::interval(POLL_INTERVAL);
    // After a poll that hung, the polls that were missed are not made up for.
    polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut absences = Absences::default();
    let mut quiet = QuietPeriod::default();
    loop {
        polls.tick().await;
        // A copy, so that the lock is free while a file system may hang.
        let read = lock_states(&states).clone();
        let Some(current) = poll_in_thread(read).await else { continue };
        absences.report_long_ones(&lock_states(&states), &current, Instant::now());
        // A reload may have read the files during the poll, so compare with what it has recorded.
        let changed = changed_files(&lock_states(&states), current);
        if quiet.is_over(changed, Instant::now()) && requests.send(()).await.is_err() {
            return;
        }
    }
}

/// Polls the files of `read` in a thread of its own: while a file system hangs, signals still work
/// and the process can end. `None` if no thread can be started.
async fn poll_in_thread(read: FileStates) -> Option<FileStates> {
    let (sender, mut receiver) = oneshot::channel();
    let thread = thread::Builder::new().name("upshift watch".to_owned());
    let started = thread.spawn(move || {
        // The receiver is gone if the process is ending.
        let _ = sender.send(poll_files(&read));
    });
    if let Err(error) = started {
        tracing::warn!(%error, "cannot watch files: no thread can be started");
        return None;
    }
    if let Ok(polled) = timeout(HANG_LIMIT, &mut receiver).await {
        return polled.ok();
    }
    let seconds = HANG_LIMIT.as_secs();
    print_stderr(format_args!(
        "warning: looking at a watched file has hung for {seconds} s; changes go unnoticed until it \
         returns"
    ));
    // Goes on waiting for this thread: another one would hang on the same file system, and each
    // poll would add one.
    receiver.await.ok()
}

/// The missing files: since when, and whether that was reported.
#[derive(Default)]
struct Absences(BTreeMap<PathBuf, (Instant, bool)>);

impl Absences {
    /// Reports each file that has been missing for long and was there when it was last read. Once
    /// only, until it is back.
    fn report_long_ones(&mut self, read: &FileStates, current: &FileStates, now: Instant) {
        self.0.retain(|path, _| current.get(path) == Some(&None));
        for (path, state) in current {
            let was_there = matches!(read.get(path), Some(Some(_)));
            if state.is_some() || !was_there {
                continue;
            }
            let (since, reported) = self.0.entry(path.clone()).or_insert((now, false));
            if !*reported && now.duration_since(*since) >= LONG_ABSENCE {
                *reported = true;
                let path = path.display();
                print_stderr(format_args!(
                    "warning: {path} cannot be found: the last good policy stays in force until it \
                     is back"
                ));
            }
        }
    }
}
