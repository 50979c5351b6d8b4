//! Writing a file as a whole or not at all.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::verb_error::VerbError;

/// Writes the file, and with `force` replaces one that exists.
///
/// # Errors
/// If it cannot be written, or exists. An existing file is then unchanged.
pub(crate) fn write_file(file: &Path, text: &str, force: bool) -> Result<(), VerbError> {
    // Behind its links: the target is replaced, and a link stays a link.
    let written = match file.canonicalize() {
        Ok(target) if force && target.is_file() => replace_file(&target, text),
        // A terminal or a pipe.
        Ok(target) if force => OpenOptions::new()
            .write(true)
            .open(target)
            .and_then(|mut open| write_and_sync(&mut open, text)),
        _ => create_new(file, text),
    };
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => already_exists(file),
        _ => VerbError::environment(format!("cannot write {}: {error}", file.display())),
    })
}

/// Writes a file that is written again and again, so that a reader, or a crash, finds a whole one.
pub(crate) fn rewrite_file(file: &Path, text: &str) -> Result<(), VerbError> {
    let written = match file.canonicalize() {
        Ok(target) if target.is_file() => replace_file(&target, text),
        // A terminal or a pipe.
        Ok(_) => return write_file(file, text, true),
        Err(_) => {
            let beside = path_beside(file);
            let renamed = create_new(&beside, text).and_then(|()| std::fs::rename(&beside, file));
            renamed.inspect_err(|_| remove_quietly(&beside))
        }
    };
    written.map_err(|error| {
        VerbError::environment(format!("cannot write {}: {error}", file.display()))
    })
}

/// The error for a file that exists.
pub(crate) fn already_exists(file: &Path) -> VerbError {
    VerbError::usage(format!(
        "{} exists and was not changed\n  help: name another file, or add --force to overwrite it",
        file.display()
    ))
}

/// Makes a file that does not exist.
fn create_new(file: &Path, text: &str) -> io::Result<()> {
    // Another process may have made it since we looked.
    let mut made = OpenOptions::new().write(true).create_new(true).open(file)?;
    write_and_sync(&mut made, text).inspect_err(|_| remove_quietly(file))
}

/// Replaces a file by one that is written beside it, so that a full disk does not harm the old one.
fn replace_file(file: &Path, text: &str) -> io::Result<()> {
    let permissions = file.metadata()?.permissions();
    let beside = path_beside(file);
    let replaced = create_new(&beside, text).and_then(|()| take_place(&beside, file, permissions));
    replaced.inspect_err(|_| remove_quietly(&beside))
}

/// The path of a hidden file in the same folder.
fn path_beside(file: &Path) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    file.with_file_name(format!(".{name}.{}", std::process::id()))
}

fn take_place(beside: &Path, file: &Path, permissions: Permissions) -> io::Result<()> {
    // Before the rename, so that the file never shows with other permissions.
    std::fs::set_permissions(beside, permissions)?;
    std::fs::rename(beside, file)
}

fn write_and_sync(open: &mut File, text: &str) -> io::Result<()> {
    open.write_all(text.as_bytes())?;
    // Some file systems report a full disk only now. A pipe cannot be synced, which is fine.
    match open.sync_all() {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    }
}

fn remove_quietly(file: &Path) {
    // The error that led here is the one to report.
    let _ = std::fs::remove_file(file);
}
