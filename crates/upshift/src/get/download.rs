//! Downloads into a file that keep its old content until the new one is complete.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::destination::TargetFile;

/// A download into a file, until [`finish`](Self::finish).
///
/// A file with content is replaced at the end by one that was written beside it. A new or empty
/// file is written directly: it has no content to lose, and the part that has arrived stays for
/// `--continue-at`, even if this process is killed.
#[derive(Debug)]
pub(super) struct Download {
    file: File,
    path: PathBuf,
    /// The new file that will replace the old one; removed when this value is dropped.
    beside: Option<PathBuf>,
    /// The length of the old content, if the file is written directly.
    old_length: u64,
    /// The offset of the next byte.
    position: u64,
}

impl Download {
    /// Starts to replace the file.
    pub(super) fn replace(target: &TargetFile) -> io::Result<Self> {
        let path = target.path.clone();
        // The file was checked before the request was sent, and may have changed since.
        let has_content = std::fs::metadata(&path).is_ok_and(|metadata| metadata.len() > 0);
        if !has_content {
            let file = File::create(&path)?;
            return Ok(Self { file, path, beside: None, old_length: 0, position: 0 });
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        let (file, beside) = match create_beside(folder) {
            Ok(created) => created,
            // We may be allowed to write the file, but not to make another one in its folder.
            // The first error is about the folder that the user named, so it is the one to report.
            Err(error) => create_beside(&std::env::temp_dir()).map_err(|_| error)?,
        };
        Ok(Self { file, path, beside: Some(beside), old_length: 0, position: 0 })
    }

    /// Starts to write behind the first `length` bytes of the file, over the bytes that are there.
    pub(super) fn append(target: &TargetFile, length: u64) -> io::Result<Self> {
        let mut file = OpenOptions::new().write(true).open(&target.path)?;
        let old_length = file.metadata()?.len();
        // The length that the request was built for may be out of date by now.
        if old_length < length {
            return Err(io::Error::other("the file has become shorter in the meantime"));
        }
        file.seek(SeekFrom::Start(length))?;
        Ok(Self { file, path: target.path.clone(), beside: None, old_length, position: length })
    }

    /// The byte at which a further download resumes, if old bytes follow it; `None` if that is the
    /// end of the file.
    pub(super) fn next_byte(&self) -> Option<u64> {
        if self.position < self.old_length { Some(self.position) } else { None }
    }

    /// Removes what arrived from this byte on. Returns false if it cannot, because it was written
    /// over older content.
    pub(super) fn take_back(&mut self, first: u64) -> io::Result<bool> {
        let is_behind = first >= self.old_length && self.beside.is_none();
        if is_behind {
            self.file.set_len(first)?;
        }
        Ok(is_behind)
    }

    /// Returns true if the old file is unchanged so far.
    pub(super) fn is_beside(&self) -> bool {
        self.beside.is_some()
    }

    /// Puts the new content into the place of the old one.
    pub(super) fn finish(mut self) -> io::Result<()> {
        // Cuts off what an older, longer file has behind the new end.
        let Some(beside) = self.beside.clone() else { return self.file.set_len(self.position) };
        // Without this a crash of the machine could leave neither the old file nor the new one.
        self.file.sync_all()?;
        take_over_access(&self.file, &self.path)?;
        if std::fs::rename(&beside, &self.path).is_ok() {
            self.beside = None;
            return Ok(());
        }
        // On another file system, in a folder that we may not change, or a mount point itself.
        if let Err(error) = copy_over(&beside, &self.path) {
            // Keep the download; only the last step failed.
            self.beside = None;
            let place = beside.display();
            return Err(io::Error::other(format!("{error}; the whole download is in {place}")));
        }
        Ok(())
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
            // An error could not be reported here. The name of the file says where it is from.
            let _ = std::fs::remove_file(beside);
        }
    }
}

/// Makes a new file in this folder that only its owner can read.
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
            // Left by a process with the same number that was killed.
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
    // If the file was removed in the meantime, there is nothing to take over.
    let Ok(old) = std::fs::metadata(of) else { return Ok(()) };
    // Only root may change the owner. Without that, drop setuid and setgid: they would then act for
    // another user.
    let owned = fchown(file, Some(old.uid()), Some(old.gid())).is_ok();
    let bits = if owned { 0o7777 } else { 0o777 };
    file.set_permissions(std::fs::Permissions::from_mode(old.mode() & bits))
}

#[cfg(not(unix))]
fn take_over_access(file: &File, of: &Path) -> io::Result<()> {
    let Ok(old) = std::fs::metadata(of) else { return Ok(()) };
    file.set_permissions(old.permissions())
}

/// Writes one file over another. The part behind the old length is written first: if the disk is
/// full, that fails while the old content is still complete.
fn copy_over(from: &Path, to: &Path) -> io::Result<()> {
    let mut new = File::open(from)?;
    let mut file = OpenOptions::new().write(true).open(to)?;
    let (old_length, length) = (file.metadata()?.len(), new.metadata()?.len());
    if length > old_length
        && let Err(error) = copy_part(&mut new, &mut file, old_length, length - old_length)
    {
        // Restores the length; the error of the copy is the cause.
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
    // Some file systems report a full disk only when they write to it.
    to.sync_all()
}
