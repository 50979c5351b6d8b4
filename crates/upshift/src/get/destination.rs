//! Where the body goes.

use std::io;
use std::path::{Path, PathBuf};

use super::request::{Offset, of_file};
use crate::failure::Failure;

/// Where the body goes.
#[derive(Debug)]
pub(super) enum Destination {
    /// To stdout; a terminal gets the bytes as they are only if `raw`.
    Stdout { raw: bool },
    /// To a pipe or a device, which holds nothing that could be lost.
    Stream(PathBuf),
    /// To a file.
    File(Target),
}

/// A file that a download is for.
#[derive(Debug)]
pub(super) struct Target {
    /// As it was named.
    pub(super) named: PathBuf,
    /// Where it is, behind symbolic links.
    pub(super) path: PathBuf,
    /// How long it is; 0 also if it is not there.
    pub(super) length: u64,
}

impl Destination {
    /// The destination that `--output` names. What cannot be written is an error before anything is sent.
    pub(super) fn find(output: Option<&Path>) -> Result<Self, Failure> {
        let Some(named) = output else { return Ok(Self::Stdout { raw: false }) };
        if named == Path::new("-") || named == Path::new("/dev/stdout") {
            return Ok(Self::Stdout { raw: true });
        }
        match std::fs::metadata(named) {
            Ok(metadata) if metadata.is_dir() => Err(of_file(named, &"this is a folder; name a file in it")),
            Ok(metadata) if metadata.is_file() => {
                // A file that may not be written is not replaced either, although its folder may allow it.
                let opened = std::fs::OpenOptions::new().write(true).open(named);
                let path = opened.and_then(|_| std::fs::canonicalize(named));
                let path = path.map_err(|error| of_file(named, &error))?;
                Ok(Self::File(Target { named: named.to_owned(), path, length: metadata.len() }))
            }
            Ok(_) => Ok(Self::Stream(named.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let folder = named.parent().filter(|folder| !folder.as_os_str().is_empty());
                match folder.map(std::fs::metadata) {
                    Some(Err(error)) => Err(of_file(named, &error)),
                    Some(Ok(_)) | None => {
                        let (named, path) = (named.to_owned(), named.to_owned());
                        Ok(Self::File(Target { named, path, length: 0 }))
                    }
                }
            }
            Err(error) => Err(of_file(named, &error)),
        }
    }

    /// From which byte on a download goes on; `None` from the start.
    pub(super) fn resume_from(&self, offset: Option<Offset>) -> Result<Option<u64>, Failure> {
        let Some(offset) = offset else { return Ok(None) };
        let Self::File(Target { named, length, .. }) = self else {
            return Err(Failure::usage("--continue-at goes on in a file; --output names none"));
        };
        let byte = match offset {
            Offset::End => *length,
            Offset::At(byte) => byte,
    /// How long its file is; 0 for what is none.
    pub(super) fn length(&self) -> u64 {
        if let Self::File(target) = self { target.length } else { 0 }
    }

        };
        if byte > *length {
            let hole = format_args!("it has {length} bytes; --continue-at {byte} would leave a hole").to_string();
            return Err(of_file(named, &hole));
        }
        Ok(Some(byte).filter(|byte| *byte > 0))
    }
}
