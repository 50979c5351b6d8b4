//! The destination of the body.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::request::{ResumeOffset, unusable_file};
use crate::verb_error::VerbError;

/// The destination of the body.
#[derive(Debug)]
pub(super) enum Destination {
    /// Stdout; if it is a terminal, control characters become escapes unless `raw`.
    Stdout { raw: bool },
    /// Stderr.
    Stderr,
    /// A pipe, a device or an open descriptor, which has no content that could be lost.
    Stream(PathBuf),
    /// A file.
    File(TargetFile),
}

/// The file that a download is written to.
#[derive(Debug)]
pub(super) struct TargetFile {
    /// The name that was given.
    pub(super) named: PathBuf,
    /// The path behind symbolic links.
    pub(super) path: PathBuf,
    /// The length; 0 if it does not exist.
    pub(super) length: u64,
}

impl Destination {
    /// The destination that `--output` names. One that cannot be written is an error before
    /// anything is sent.
    pub(super) fn from_flag(output: Option<&Path>) -> Result<Self, VerbError> {
        let Some(named) = output else { return Ok(Self::Stdout { raw: false }) };
        // Opened again by its name, a descriptor would start at the beginning of its file.
        if named == Path::new("-") || is_same_file(named, io::stdout().as_fd()) {
            return Ok(Self::Stdout { raw: true });
        }
        if is_same_file(named, io::stderr().as_fd()) {
            return Ok(Self::Stderr);
        }
        match std::fs::metadata(named) {
            Ok(metadata) if metadata.is_dir() => {
                Err(unusable_file(named, &"this is a folder; name a file in it"))
            }
            Ok(metadata) if metadata.is_file() && !is_descriptor(named) => {
                Self::existing_file(named, metadata.len())
            }
            Ok(_) => Ok(Self::Stream(named.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::new_file(named),
            Err(error) => Err(unusable_file(named, &error)),
        }
    }

    fn existing_file(named: &Path, length: u64) -> Result<Self, VerbError> {
        // A file that may not be written must not be replaced either, even if its folder would
        // allow that.
        let opened = std::fs::OpenOptions::new().write(true).open(named);
        match opened.and_then(|_| std::fs::canonicalize(named)) {
            Ok(path) => Ok(Self::File(TargetFile { named: named.to_owned(), path, length })),
            Err(error) => Err(unusable_file(named, &error)),
        }
    }

    fn new_file(named: &Path) -> Result<Self, VerbError> {
        // Only looks at the folder. To create the file here would leave an empty one behind if the
        // server refuses.
        if let Some(folder) = named.parent()
            && !folder.as_os_str().is_empty()
            && let Err(error) = std::fs::metadata(folder)
        {
            return Err(unusable_file(named, &error));
        }
        let path = named.to_owned();
        Ok(Self::File(TargetFile { named: named.to_owned(), path, length: 0 }))
    }

    /// The length of the file; 0 if the destination is no file.
    pub(super) fn file_length(&self) -> u64 {
        if let Self::File(target) = self { target.length } else { 0 }
    }

    /// The byte at which a download resumes; `None` if it starts from the beginning.
    pub(super) fn resume_from(
        &self,
        offset: Option<ResumeOffset>,
    ) -> Result<Option<u64>, VerbError> {
        let Some(offset) = offset else { return Ok(None) };
        let Self::File(TargetFile { named, length, .. }) = self else {
            return Err(VerbError::usage("--continue-at needs an --output that is a regular file"));
        };
        let byte = match offset {
            ResumeOffset::End => *length,
            ResumeOffset::At(byte) => byte,
        };
        if byte > *length {
            let why = format!("it has {length} bytes; --continue-at {byte} would leave a hole");
            return Err(unusable_file(named, &why));
        }
        Ok(if byte == 0 { None } else { Some(byte) })
    }
}

/// Returns true if the name leads to the file, pipe or device that is open there: `/dev/stdout`,
/// `/proc/self/fd/1`, a log.
fn is_same_file(named: &Path, open: BorrowedFd<'_>) -> bool {
    let Ok(file) = open.try_clone_to_owned().map(std::fs::File::from) else { return false };
    let (Ok(by_name), Ok(by_descriptor)) = (std::fs::metadata(named), file.metadata()) else {
        return false;
    };
    (by_name.dev(), by_name.ino()) == (by_descriptor.dev(), by_descriptor.ino())
}

/// Returns true if the name is that of an open descriptor: `/dev/fd/5`, `/proc/self/fd/5`.
fn is_descriptor(named: &Path) -> bool {
    let Some(parent) = named.parent() else { return false };
    let Ok(folder) = std::fs::canonicalize(parent) else { return false };
    folder == Path::new("/dev/fd") || (folder.starts_with("/proc") && folder.ends_with("fd"))
}
