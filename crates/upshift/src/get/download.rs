//! A file that is written without losing what it held.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::destination::TargetFile;

/// A download into a file, until [`finish`](Self::finish).
///
/// A file with content is replaced by one that is written beside it, and only at the end. An absent
/// or empty one is written at once: it has nothing to lose, and what has come stays for
/// `--continue-at`, even if this process is killed.
#[derive(Debug)]
pub(super) struct Download {
    file: File,
    path: PathBuf,
    /// The file that is to take the place of the other; removed when this value is dropped.
    beside: Option<PathBuf>,
    /// How long the file was that is written in place.
    old_length: u64,
    /// The byte that is written next.
    position: u64,
}

impl Download {
    /// Begins to replace the file.
    pub(super) fn replace(target: &TargetFile) -> io::Result<Self> {
        let path = target.path.clone();
        let holds_nothing = std::fs::metadata(&path).map_or(true, |metadata| metadata.len() == 0);
        if holds_nothing {
            return Ok(Self {
                file: File::create(&path)?,
                path,
                beside: None,
                old_length: 0,
                position: 0,
            });
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        // A folder may be closed to us although the file in it is open.
        let beside = create_beside(folder)
            .or_else(|error| create_beside(&std::env::temp_dir()).map_err(|_| error));
        let (file, beside) = beside?;
        Ok(Self { file, path, beside: Some(beside), old_length: 0, position: 0 })
    }

    /// Begins to write behind the first `length` bytes of the file. What stands there is written
    /// over, byte by byte.
    pub(super) fn append(target: &TargetFile, length: u64) -> io::Result<Self> {
        let mut file = OpenOptions::new().write(true).open(&target.path)?;
        let old_length = file.metadata()?.len();
        if old_length < length {
            return Err(io::Error::other("the file has become shorter meanwhile"));
        }
        file.seek(SeekFrom::Start(length))?;
        Ok(Self { file, path: target.path.clone(), beside: None, old_length, position: length })
    }

    /// Where a further download goes on: the end of the file, unless older bytes stand behind what
    /// has come.
    pub(super) fn next_byte(&self) -> Option<u64> {
        (self.position < self.old_length).then_some(self.position)
    }

    /// Takes away what came from this byte on, and tells whether it could: not where it was written
    /// over older content.
    pub(super) fn take_back(&mut self, first: u64) -> io::Result<bool> {
        let behind = first >= self.old_length && self.beside.is_none();
        if behind {
            self.file.set_len(first)?;
        }
        Ok(behind)
    }

    /// Tells whether the file itself is untouched so far.
    pub(super) fn is_beside(&self) -> bool {
        self.beside.is_some()
    }

    /// Puts what was written in the place of the file.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let Some(beside) = self.beside.clone() else { return self.file.set_len(self.position) };
        // Without this a crash of the machine could leave neither the old file nor the new one.
        self.file.sync_all()?;
        take_over_access(&self.file, &self.path)?;
        if std::fs::rename(&beside, &self.path).is_ok() {
            self.beside = None;
            return Ok(());
        }
        // Another file system, a closed folder, or a file that is a mount point of its own.
        copy_over(&beside, &self.path).map_err(|error| {
            self.beside = None;
            io::Error::other(format!("{error}; the whole download is in {}", beside.display()))
        })
    }
}

impl Write for Download {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.position += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        if let Some(beside) = &self.beside {
            // There is no one left to tell; the name says whose file it is.
            let _ = std::fs::remove_file(beside);
        }
    }
}

/// A new file in that folder, readable by its owner only.
fn create_beside(folder: &Path) -> io::Result<(File, PathBuf)> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut taken = io::Error::from(io::ErrorKind::AlreadyExists);
    for attempt in 0..100 {
        let path = folder.join(format!(".upshift-{}-{attempt}.part", std::process::id()));
        match options.open(&path) {
            Ok(file) => return Ok((file, path)),
            // What a process of the same number left behind when it was killed.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => taken = error,
            Err(error) => return Err(error),
        }
    }
    Err(taken)
}

/// Gives a new file the owner and the permissions of the file that it replaces.
#[cfg(unix)]
fn take_over_access(file: &File, of: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
    // Where it has gone meanwhile, there is nothing to take over.
    let Ok(old) = std::fs::metadata(of) else { return Ok(()) };
    // A change of owner needs rights that most users lack; without it the bits that act for the
    // owner go.
    let owned = fchown(file, Some(old.uid()), Some(old.gid())).is_ok();
    let bits = if owned { 0o7777 } else { 0o777 };
    file.set_permissions(std::fs::Permissions::from_mode(old.mode() & bits))
}

#[cfg(not(unix))]
fn take_over_access(file: &File, of: &Path) -> io::Result<()> {
    let Ok(old) = std::fs::metadata(of) else { return Ok(()) };
    file.set_permissions(old.permissions())
}

/// Writes one file over another. What is longer than the old content is written first, behind it:
/// where there is no room, that fails while the old content is still there.
fn copy_over(from: &Path, to: &Path) -> io::Result<()> {
    let mut new = File::open(from)?;
    let mut file = OpenOptions::new().write(true).open(to)?;
    let (old_length, length) = (file.metadata()?.len(), new.metadata()?.len());
    if length > old_length
        && let Err(error) = copy_part(&mut new, &mut file, old_length, length - old_length)
    {
        file.set_len(old_length)?;
        return Err(error);
    }
    copy_part(&mut new, &mut file, 0, length.min(old_length))?;
    file.set_len(length)?;
    file.sync_all()
}

fn copy_part(from: &mut File, to: &mut File, first: u64, length: u64) -> io::Result<()> {
    from.seek(SeekFrom::Start(first))?;
    to.seek(SeekFrom::Start(first))?;
    io::copy(&mut from.take(length), to)?;
    // The room for it is certain only when it is on the disk.
    to.sync_all()
}
