//! Changes of files, found by polling.
//!
//! inotify watches a folder, not a path: it goes silent when a symbolic link in the path is swapped, a
//! folder is replaced or a file is mounted. A missing file is not a change: editors and configuration
//! managers remove a file and write it again.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The time between two polls.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// The time without a change after which files are read: a file may be written in several steps.
const SETTLED: Duration = Duration::from_millis(500);

/// The state of each file; `None` if it was missing.
pub(crate) type FileStates = BTreeMap<PathBuf, Option<FileIdentity>>;

/// The metadata of a file that change when it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileIdentity {
    /// The device and inode, which differ for another file of the same name.
    file: (u64, u64),
    size: u64,
    /// The time of the last write, in seconds and nanoseconds.
    modified: (i64, i64),
    /// The time of the last change of owner or permissions, which may have kept it from being read.
    changed: (i64, i64),
}

impl FileIdentity {
    /// The identity of the file behind all links, if there is one.
    pub(crate) fn of_path(path: &Path) -> Option<Self> {
        // Any error counts as missing: a file that cannot be examined cannot be read either.
        std::fs::metadata(path).ok().as_ref().map(Self::from)
    }
}

impl From<&Metadata> for FileIdentity {
    fn from(metadata: &Metadata) -> Self {
        Self {
            file: (metadata.dev(), metadata.ino()),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// The files of `read` with their states now.
pub(crate) fn poll_files(read: &FileStates) -> FileStates {
    let mut current = FileStates::new();
    for path in read.keys() {
        current.insert(path.clone(), FileIdentity::of_path(path));
    }
    current
}

/// The files that are present and differ from what was read. Files that are no longer watched are
/// left out.
pub(crate) fn changed_files(read: &FileStates, current: FileStates) -> FileStates {
    let mut changed = current;
    changed.retain(|path, identity| match read.get(path) {
        Some(before) => identity.is_some() && before != identity,
        None => false,
    });
    changed
}

/// The time since the last change.
#[derive(Default)]
pub(crate) struct QuietPeriod {
    changed: FileStates,
    since: Option<Instant>,
    /// A reload was requested for this change: it is still running, or could not read the files.
    requested: bool,
}

impl QuietPeriod {
    /// Takes the files that have changed, and returns true once for each change that has settled.
    pub(crate) fn is_over(&mut self, changed: FileStates, now: Instant) -> bool {
        if changed != self.changed {
            (self.changed, self.since, self.requested) = (changed, Some(now), false);
        }
        let Some(since) = self.since else { return false };
        if self.requested || self.changed.is_empty() || now.duration_since(since) < SETTLED {
            return false;
        }
        self.requested = true;
        true
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

    /// A file has changed if it is another one now, or exists now. A file that is missing has not,
    /// nor has one that is not watched.
    #[test]
    fn a_change_is_another_file_and_not_a_missing_one() {
        let seen = files(&[("a", file(1)), ("b", file(2)), ("c", None)]);
        let now = files(&[("a", file(1)), ("b", None), ("c", None), ("d", file(4))]);
        assert_eq!(changed_files(&seen, now), FileStates::new());
        let now = files(&[("a", file(9)), ("b", file(2)), ("c", file(3))]);
        assert_eq!(changed_files(&seen, now), files(&[("a", file(9)), ("c", file(3))]));
    }

    /// A change requests one reload once it has settled: none while the file is being written, and
    /// no second one while the reload runs.
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
            // Another change, with the same result.
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
