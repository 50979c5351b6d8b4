//! The embedded store: one SQLite file (WAL) with the numbered revisions of the overrides, the
//! trips of the breaker, the usage of each rule, the ledger of policies, and the key that hashes
//! identities.
//!
//! 1. It is read once, at the start, and then only written: the overrides in force are in the
//!    [`History`](crate::History).
//! 2. One process at a time writes a store. It locks a file beside the store for as long as the
//!    store is open.
//! 3. A write waits for the lock of another program at most [`BUSY_TIMEOUT`]; the caller retries.
//! 4. It holds fingerprints, and no identities.

mod error;
mod evidence_reader;
mod layout;
mod ledger;
mod lock;
mod period_rows;
mod queries;
mod read_only;
mod refusal_counts;
mod refused_callers;
mod schema;
mod usage;
mod usage_reader;

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use crate::IdentityKey;
use crate::history::Record;
use crate::ledger::ChainHead;

pub use error::StoreError;
pub use evidence_reader::RecordedEvidence;
use layout::update_layout;
pub use ledger::LedgerWrite;
use ledger::{append_entries, mark_alive, read_head};
use lock::lock_store;
pub use period_rows::PeriodRows;
pub use queries::StoreContent;
use queries::{has_usage, insert_record, latest_revision, read_content, read_key, replace_key_if};
use read_only::{check_readable, read_without_writing, require_file};
use refused_callers::CallerWriter;
pub use usage::{Retention, SETTLING_TIME, UsageQuery};
pub use usage_reader::{RecordedUsage, UsageReader};

/// The longest time that a write waits for another program to release its lock.
const BUSY_TIMEOUT: Duration = Duration::from_millis(250);

/// The store of one gateway, open for writing.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
    /// The device and inode of the file, by which a replaced file is noticed.
    file: (u64, u64),
    key_is_new: bool,
    /// The end of the ledger, kept in memory so that a manipulated file cannot change it.
    head: ChainHead,
    callers: CallerWriter,
    /// Held as long as the store is open.
    _lock: File,
}

impl Store {
    /// Opens the store, or creates it.
    ///
    /// Only its owner may read the file: the key reveals which identities are in the reports.
    ///
    /// # Errors
    /// If another gateway has it open, or it cannot be written.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_or_create(path).map_err(|error| error.with_path(path))
    }

    /// Opens the store with `key` after it could not be used for a while. A new store gets this
    /// key.
    ///
    /// # Errors
    /// As [`Store::open`]; and if the store has another key.
    pub fn reopen(path: &Path, key: &IdentityKey) -> Result<Self, StoreError> {
        match Self::open_or_create(path) {
            // With another key, the fingerprints of this process would not match those in the file.
            Ok(store) => match store.continue_with_key(key) {
                Ok(()) => Ok(store),
                Err(error) => Err(error.with_path(path)),
            },
            Err(error) => Err(error.with_path(path)),
        }
    }

    /// Reads a store that cannot be written. `None` if there is none, or it is empty.
    ///
    /// # Errors
    /// If there is one that cannot be read, because its overrides would be lost.
    pub fn read_only_content(path: &Path) -> Result<Option<StoreContent>, StoreError> {
        read_without_writing(path).map_err(|error| error.with_path(path))
    }

    /// Checks that a gateway can start with the store at `path`, while another one may have it
    /// open. Nothing is written or created.
    ///
    /// # Errors
    /// If there is one that cannot be read.
    pub fn check_file(path: &Path) -> Result<(), StoreError> {
        let checked = require_file(path).and_then(|()| check_readable(path));
        checked.map_err(|error| error.with_path(path))
    }

    /// Returns true if another process has the store at `path` open.
    pub fn is_in_use(path: &Path) -> bool {
        // The lock is released immediately. Other errors are reported at the start.
        lock_store(path).is_err_and(|error| error.is_in_use())
    }

    /// Returns true if the key in the file had been published and was replaced when it was opened.
    /// Fingerprints in older reports then do not match new ones.
    pub fn key_is_new(&self) -> bool {
        self.key_is_new
    }

    /// Reads the content.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read_content(&self) -> Result<StoreContent, StoreError> {
        read_content(&self.connection).map_err(|error| error.with_path(&self.path))
    }

    /// Writes those of `records` that it does not have yet.
    ///
    /// # Errors
    /// If the file cannot be written, was removed, or has a revision that is not among the records.
    pub fn append_records(&mut self, records: &[Arc<Record>]) -> Result<(), StoreError> {
        self.append_changes(records, LedgerWrite::default())
    }

    /// Writes those of `records` that it does not have yet, and appends revisions to the ledger.
    ///
    /// # Errors
    /// Those of [`Store::append_records`]. Nothing is written then.
    pub fn append_changes(
        &mut self,
        records: &[Arc<Record>],
        ledger: LedgerWrite<'_>,
    ) -> Result<(), StoreError> {
        let path = self.path.clone();
        self.write_changes(records, ledger).map_err(|error| error.with_path(&path))
    }

    /// Records that this process has the store open at `now`, in seconds since 1970.
    ///
    /// # Errors
    /// If the file cannot be written, or was removed.
    pub fn mark_alive(&mut self, now: i64) -> Result<(), StoreError> {
        self.require_present()?;
        mark_alive(&self.connection, now)
    }

    fn open_or_create(path: &Path) -> Result<Self, StoreError> {
        require_file(path)?;
        // Before the store is touched: another gateway may be writing to it.
        let lock = lock_store(path)?;
        let file = create_file(path)?;
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // With a write-ahead log, `upshift check` can read while the gateway writes.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // In pages of 4 KiB. Usage is written every second, and the log should stay smaller than
        // the rest.
        connection.pragma_update(None, "wal_autocheckpoint", 256)?;
        update_layout(&mut connection)?;
        // After the layout, which creates the key.
        let key_is_new = replace_key_if(&connection, IdentityKey::is_published)?;
        let head = read_head(&connection)?;
        let store = Self {
            connection,
            path: path.to_owned(),
            file,
            key_is_new,
            head,
            callers: CallerWriter::default(),
            _lock: lock,
        };
        // The path may refer to another file by now.
        store.require_present()?;
        Ok(store)
    }

    fn continue_with_key(&self, key: &IdentityKey) -> Result<(), StoreError> {
        // A store without a revision and without usage was created just now.
        if latest_revision(&self.connection)?.is_none() && !has_usage(&self.connection)? {
            self.connection.execute("UPDATE secret SET key = ?1", [key.as_bytes()])?;
        }
        if read_key(&self.connection)?.as_bytes() == key.as_bytes() {
            Ok(())
        } else {
            Err(StoreError::Foreign)
        }
    }

    /// Checks that the file and its write-ahead log are still at their paths. An open file can
    /// still be written after it was removed, but everything in it would be lost.
    fn require_present(&self) -> Result<(), StoreError> {
        let mut log = self.path.as_os_str().to_owned();
        log.push("-wal");
        match std::fs::metadata(&self.path) {
            Ok(found) if (found.dev(), found.ino()) == self.file && Path::new(&log).exists() => {
                Ok(())
            }
            _ => Err(StoreError::Gone),
        }
    }

    fn write_changes(
        &mut self,
        records: &[Arc<Record>],
        ledger: LedgerWrite<'_>,
    ) -> Result<(), StoreError> {
        self.require_present()?;
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut last_written = 0;
        // Immediate, so that no other program can write between this query and the inserts.
        if let Some((number, id)) = latest_revision(&transaction)? {
            // By number and id: another gateway gives the same numbers to its own changes.
            if !records.iter().any(|record| is_revision(record, number, &id)) {
                return Err(StoreError::Foreign);
            }
            last_written = number;
        }
        for record in records {
            // After a failed write, the caller passes all records again.
            if record.revision.revision > last_written {
                insert_record(&transaction, record)?;
            }
        }
        let head = append_entries(&transaction, &self.head, ledger)?;
        transaction.commit()?;
        self.head = head;
        Ok(())
    }
}

fn is_revision(record: &Record, number: i64, id: &str) -> bool {
    record.revision.revision == number && record.revision.id == id
}

/// Creates the file if there is none, and returns its device and inode. SQLite would create it with
/// the permissions of the umask.
///
/// The file is closed before SQLite opens it: when a process closes any descriptor of a file, it
/// loses all its locks on it (POSIX `fcntl`). The next program that reads the store would then
/// assume that it is the only user, and delete the write-ahead log.
fn create_file(path: &Path) -> Result<(u64, u64), StoreError> {
    let created = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    let metadata = created.metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests;
