//! Where the body goes.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::request::{ResumeOffset, unusable_file};
use crate::verb_error::VerbError;

/// Where the body goes.
#[derive(Debug)]
pub(super) enum Destination {
    /// To stdout; a terminal gets the bytes as they are only if `raw`.
    Stdout { raw: bool },
    /// To stderr.
    Stderr,
    /// To a pipe, a device or an open descriptor, which holds nothing that could be lost.
    Stream(PathBuf),
    /// To a file.
    File(TargetFile),
}

/// A file that a download is for.
#[derive(Debug)]
pub(super) struct TargetFile {
    /// As it was named.
    pub(super) named: PathBuf,
    /// Where it is, behind symbolic links.
    pub(super) path: PathBuf,
    /// How long it is; 0 also if it is not there.
    pub(super) length: u64,
}

impl Destination {
    /// The destination that `--output` names. What cannot be written is an error before anything is
    /// sent.
    pub(super) fn from_flag(output: Option<&Path>) -> Result<Self, VerbError> {
        let Some(named) = output else { return Ok(Self::Stdout { raw: false }) };
        // Opened by its name once more, a descriptor would begin at the start of its file.
        if named == Path::new("-") || leads_to(named, io::stdout().as_fd()) {
            return Ok(Self::Stdout { raw: true });
        }
        if leads_to(named, io::stderr().as_fd()) {
            return Ok(Self::Stderr);
        }
        match std::fs::metadata(named) {
            Ok(metadata) if metadata.is_file() && is_descriptor(named) => {
                Ok(Self::Stream(named.to_owned()))
            }
            Ok(metadata) if metadata.is_dir() => {
                Err(unusable_file(named, &"this is a folder; name a file in it"))
            }
            Ok(metadata) if metadata.is_file() => {
                // A file that may not be written is not replaced either, although its folder may
                // allow it.
                let opened = std::fs::OpenOptions::new().write(true).open(named);
                let path = opened.and_then(|_| std::fs::canonicalize(named));
                let path = path.map_err(|error| unusable_file(named, &error))?;
                Ok(Self::File(TargetFile { named: named.to_owned(), path, length: metadata.len() }))
            }
            Ok(_) => Ok(Self::Stream(named.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let folder = named.parent().filter(|folder| !folder.as_os_str().is_empty());
                match folder.map(std::fs::metadata) {
                    Some(Err(error)) => Err(unusable_file(named, &error)),
                    Some(Ok(_)) | None => {
                        let (named, path) = (named.to_owned(), named.to_owned());
                        Ok(Self::File(TargetFile { named, path, length: 0 }))
                    }
                }
            }
            Err(error) => Err(unusable_file(named, &error)),
        }
    }

    /// How long its file is; 0 for what is none.
    pub(super) fn file_length(&self) -> u64 {
        if let Self::File(target) = self { target.length } else { 0 }
    }

    /// From which byte on a download goes on; `None` from the start.
    pub(super) fn resume_from(
        &self,
        offset: Option<ResumeOffset>,
    ) -> Result<Option<u64>, VerbError> {
        let Some(offset) = offset else { return Ok(None) };
        let Self::File(TargetFile { named, length, .. }) = self else {
            return Err(VerbError::usage("--continue-at goes on in a file; --output names none"));
        };
        let byte = match offset {
            ResumeOffset::End => *length,
            ResumeOffset::At(byte) => byte,
        };
        if byte > *length {
            let hole =
                format_args!("it has {length} bytes; --continue-at {byte} would leave a hole")
                    .to_string();
            return Err(unusable_file(named, &hole));
        }
        Ok(Some(byte).filter(|byte| *byte > 0))
    }
}

/// Whether the name leads to the file, pipe or device that is open there: `/dev/stdout`,
/// `/proc/self/fd/1`, a log.
fn leads_to(named: &Path, open: BorrowedFd<'_>) -> bool {
    let Ok(file) = open.try_clone_to_owned().map(std::fs::File::from) else { return false };
    let (Ok(named), Ok(open)) = (std::fs::metadata(named), file.metadata()) else { return false };
    (named.dev(), named.ino()) == (open.dev(), open.ino())
}

/// Tells whether the name is that of an open descriptor: `/dev/fd/5`, `/proc/self/fd/5`.
fn is_descriptor(named: &Path) -> bool {
    let Some(folder) = named.parent().map(std::fs::canonicalize) else { return false };
    folder.is_ok_and(|folder| {
        folder == Path::new("/dev/fd") || (folder.starts_with("/proc") && folder.ends_with("fd"))
    })
}
