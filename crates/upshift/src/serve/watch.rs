//! When to reload: at SIGHUP, and when a watched file is another than the one that was read.
//!
//! 1. Files are looked at by their paths, again and again. The kernel's notifications follow a
//!    folder, not a path: they end in silence where a link in the path is swapped, a folder
//!    replaced or a file mounted.
//! 2. What a file is like is noted before it is read, so that a change which comes meanwhile is
//!    seen afterwards.
//! 3. A file that is away is no change: configuration managers remove a file and write it again.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, timeout};

use crate::terminal::print_stderr;
use crate::verb_error::VerbError;

/// How often the files are looked at.
const EVERY: Duration = Duration::from_millis(250);

/// A file may be written in several steps; it is read when none came for so long.
const SETTLED: Duration = Duration::from_millis(500);

/// A look at the files that takes longer is reported.
const PATIENCE: Duration = Duration::from_secs(5);

/// A file that is away for longer is reported.
const AWAY: Duration = Duration::from_secs(3);

/// The files that the next reload reads, as they were when they were last read.
#[derive(Clone)]
pub(super) struct WatchedFiles {
    policy: PathBuf,
    seen: Option<Arc<Mutex<FileStates>>>,
}

/// What each file was like; `None`: it was not there.
type FileStates = BTreeMap<PathBuf, Option<FileIdentity>>;

/// Tells one state of a file from another, as far as its metadata does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileIdentity {
    /// The device and the number of the file, which another file of the same name does not have.
    file: (u64, u64),
    size: u64,
    /// In seconds and nanoseconds.
    modified: (i64, i64),
    /// The same for the owner and the permissions, which may have kept it from being read.
    changed: (i64, i64),
}

impl FileIdentity {
    /// That of the file behind all links, if it is there.
    fn of(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().as_ref().map(Self::from)
    }
}

impl From<&Metadata> for FileIdentity {
    fn from(about: &Metadata) -> Self {
        Self {
            file: (about.dev(), about.ino()),
            size: about.size(),
            modified: (about.mtime(), about.mtime_nsec()),
            changed: (about.ctime(), about.ctime_nsec()),
        }
    }
}

impl WatchedFiles {
    /// The policy file at `policy`; `watches` says whether changes of files are watched at all.
    pub(super) fn new(policy: &Path, watches: bool) -> Self {
        Self { policy: policy.to_owned(), seen: watches.then(Arc::default) }
    }

    /// Notes what the policy file is like. It is to be read afterwards.
    pub(super) fn policy_is_read(&self) {
        let Some(seen) = &self.seen else { return };
        // Not with the lock held: the file system may hang.
        let identity = FileIdentity::of(&self.policy);
        lock(seen).insert(self.policy.clone(), identity);
    }

    /// Notes what the files are like that the policy file names, and watches these and no other.
    /// They are to be read afterwards.
    pub(super) fn named_are_read(&self, named: Vec<PathBuf>) {
        let Some(seen) = &self.seen else { return };
        // Not with the lock held: the file system may hang.
        let named: Vec<_> = named.into_iter().map(|path| (FileIdentity::of(&path), path)).collect();
        let mut seen = lock(seen);
        seen.retain(|path, _| *path == self.policy);
        for (identity, path) in named {
            seen.entry(path).or_insert(identity);
        }
    }

    /// Yields once for each wish to reload, as long as the runtime lives.
    pub(super) fn wishes(&self) -> Result<Receiver<()>, VerbError> {
        let (wish, wishes) = channel(1);
        let mut hangups = signal(SignalKind::hangup()).map_err(VerbError::environment)?;
        let by_signal = wish.clone();
        tokio::spawn(async move {
            while hangups.recv().await.is_some() && by_signal.send(()).await.is_ok() {}
        });
        if let Some(seen) = &self.seen {
            tokio::spawn(watch(Arc::clone(seen), wish));
        }
        Ok(wishes)
    }
}

fn lock(seen: &Mutex<FileStates>) -> MutexGuard<'_, FileStates> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Wishes for a reload when files have changed and are at rest.
async fn watch(seen: Arc<Mutex<FileStates>>, wish: Sender<()>) {
    let mut looks = tokio::time::interval(EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut absences = Absences::default();
    let mut rest = QuietPeriod::default();
    loop {
        looks.tick().await;
        let before = lock(&seen).clone();
        let Some(now) = look_aside(before).await else { continue };
        absences.note(&lock(&seen), &now, Instant::now());
        let changed = changed(&lock(&seen), now);
        if rest.is_over(changed, Instant::now()) && wish.send(()).await.is_err() {
            return;
        }
    }
}

/// The files of `seen` as they are now, looked at in a thread of its own: where a file system
/// hangs, signals are taken meanwhile, and the process can end. `None` if there is no thread to be
/// had.
async fn look_aside(seen: FileStates) -> Option<FileStates> {
    let (done, mut looked) = oneshot::channel();
    let thread = thread::Builder::new().name("upshift watch".to_owned());
    let started = thread.spawn(move || {
        // The receiver may be gone: the process is ending.
        let _ = done.send(look(&seen));
    });
    if let Err(error) = started {
        tracing::warn!(%error, "files are not watched: there is no thread");
        return None;
    }
    if let Ok(looked) = timeout(PATIENCE, &mut looked).await {
        return looked.ok();
    }
    let seconds = PATIENCE.as_secs();
    print_stderr(format_args!(
        "warning: a watched file does not answer for {seconds} s: no change is noticed until it does"
    ));
    looked.await.ok()
}

/// The files of `seen` as they are now.
fn look(seen: &FileStates) -> FileStates {
    let mut now = FileStates::new();
    for path in seen.keys() {
        now.insert(path.clone(), FileIdentity::of(path));
    }
    now
}

/// The files that are there now, and not as they were seen. Those that are no longer watched are
/// left out.
fn changed(seen: &FileStates, now: FileStates) -> FileStates {
    let mut changed = now;
    changed.retain(|path, identity| {
        identity.is_some() && seen.get(path).is_some_and(|before| before != identity)
    });
    changed
}

/// How long a change has been at rest.
#[derive(Default)]
struct QuietPeriod {
    changed: FileStates,
    since: Option<Instant>,
    /// It was wished for already: the reload takes its time, or could not read the files.
    wished: bool,
}

impl QuietPeriod {
    /// Takes what has changed, and is true once for each change that has settled.
    fn is_over(&mut self, changed: FileStates, now: Instant) -> bool {
        if changed != self.changed {
            (self.changed, self.since, self.wished) = (changed, Some(now), false);
        }
        let settled = self.since.is_some_and(|since| now.duration_since(since) >= SETTLED);
        if self.wished || self.changed.is_empty() || !settled {
            return false;
        }
        self.wished = true;
        true
    }
}

/// The files that are away, and since when; and whether that was said.
#[derive(Default)]
struct Absences(BTreeMap<PathBuf, (Instant, bool)>);

impl Absences {
    /// Says once of each file that was there that it is away for long.
    fn note(&mut self, seen: &FileStates, files: &FileStates, now: Instant) {
        self.0.retain(|path, _| files.get(path) == Some(&None));
        for path in files.keys().filter(|path| files[*path].is_none()) {
            if !matches!(seen.get(path), Some(Some(_))) {
                continue;
            }
            let (since, told) = self.0.entry(path.clone()).or_insert((now, false));
            if !*told && now.duration_since(*since) >= AWAY {
                *told = true;
                let shown = path.display();
                print_stderr(format_args!(
                    "warning: {shown} cannot be found: the last good policy stays in force until it is back"
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn file(number: u64) -> Option<FileIdentity> {
        Some(FileIdentity { file: (1, number), size: 1, modified: (0, 0), changed: (0, 0) })
    }

    fn files(of: &[(&str, Option<FileIdentity>)]) -> FileStates {
        let mut files = FileStates::new();
        for (path, identity) in of {
            files.insert(PathBuf::from(path), *identity);
        }
        files
    }

    /// The kind of fault: a reload for a file that is away, none for one that has come, or one for
    /// a file that is no longer named.
    #[test]
    fn a_change_is_another_file_and_not_a_missing_one() {
        let seen = files(&[("a", file(1)), ("b", file(2)), ("c", None)]);
        let now = files(&[("a", file(1)), ("b", None), ("c", None), ("d", file(4))]);
        assert_eq!(changed(&seen, now), FileStates::new());
        let now = files(&[("a", file(9)), ("b", file(2)), ("c", file(3))]);
        assert_eq!(changed(&seen, now), files(&[("a", file(9)), ("c", file(3))]));
    }

    /// The kind of fault: a file that is read half, one that is never read, or one that is read for
    /// ever.
    #[test]
    fn a_change_that_settles_is_wished_for_once() {
        let (mut rest, begun) = (QuietPeriod::default(), Instant::now());
        let steps = [
            (0, None, false),
            // It is being written.
            (100, Some(1), false),
            (500, Some(2), false),
            (900, Some(3), false),
            (1400, Some(3), true),
            // The reload takes its time.
            (9000, Some(3), false),
            (9250, None, false),
            // Another change that leads to the same.
            (9500, Some(3), false),
            (10_000, Some(3), true),
        ];
        for (time, number, is_over) in steps {
            let changed =
                number.map_or_else(FileStates::new, |number| files(&[("a", file(number))]));
            assert_eq!(
                rest.is_over(changed, begun + Duration::from_millis(time)),
                is_over,
                "at {time} ms"
            );
        }
    }
}
