//! The lock of a store, which one process holds at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::error::StoreError;

/// Locks the store at `path`, by a file beside it: SQLite has its own locks on the file itself.
pub(super) fn lock_store(path: &Path) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    // The system releases the lock when a process dies, so there are no stale locks.
    name.push("-lock");
    let mut file = OpenOptions::new()
        .create(true)
        // The process id of the owner is read if the lock is taken.
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(name)?;
    match file.try_lock() {
        Ok(()) => {
            // The process id is only for a message, so a full disk is not an error.
            let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut process = String::new();
            let is_read = file.read_to_string(&mut process).is_ok();
            if !is_read || process.parse::<u32>().is_err() {
                // The owner may have locked the file and not yet written its process id.
                process = "?".to_owned();
            }
            Err(StoreError::InUse { process })
        }
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}
