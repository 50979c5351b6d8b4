//! The embedded store: one SQLite file (WAL) with the numbered revisions of the overrides, the
//! trips of the breaker, and the key that hashes identities.
//!
//! 1. It is read once, at the start, and then only written: the [`History`] holds what is in force.
//! 2. One process at a time writes a store. It locks a file beside the store for as long as the
//!    store is open.
//! 3. A write waits for the lock of another program at most [`BUSY_TIMEOUT`]; the caller retries.
//! 4. It holds fingerprints, and no identities.

use std::error::Error;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};

use crate::breaker::{Trip, TripLimits};
use crate::history::{History, Record, Revision};
use crate::overrides::Imposed;
use crate::{Fingerprint, IdentityKey, Network};

/// The time that a write waits for another program that has locked the file.
const BUSY_TIMEOUT: Duration = Duration::from_millis(250);

const SCHEMA: &str = "
    CREATE TABLE secret (key BLOB NOT NULL);
    INSERT INTO secret VALUES (randomblob(32));
    CREATE TABLE revision (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        at     TEXT NOT NULL,
        actor  TEXT NOT NULL,
        reason TEXT NOT NULL,
        action TEXT NOT NULL,  -- pause, resume, set, undo, trip
        rule   TEXT,           -- null: all, or undo
        phase  TEXT,           -- of set
        until  TEXT,           -- of set
        undoes INTEGER REFERENCES revision,
        before TEXT NOT NULL,  -- what undo goes back to
        state  TEXT NOT NULL   -- what holds from now on
    ) STRICT;
    CREATE TABLE trip (
        revision INTEGER NOT NULL REFERENCES revision,
        at TEXT NOT NULL, rule TEXT NOT NULL, seen INTEGER NOT NULL, refused INTEGER NOT NULL,
        refused_share REAL NOT NULL, window INTEGER NOT NULL, minimum INTEGER NOT NULL,
        hit TEXT NOT NULL      -- fingerprints, with a space between
    ) STRICT;";

/// Layout 2: the network that most of the refused came from.
const TOP_NETWORK: &str = "
    ALTER TABLE trip ADD COLUMN top_network TEXT;
    ALTER TABLE trip ADD COLUMN top_refused INTEGER;";

/// Layout 3: the id that a change has on every gateway. Older changes get a random one.
const CHANGE_ID: &str = "
    ALTER TABLE revision ADD COLUMN change_id TEXT;
    UPDATE revision SET change_id = lower(hex(randomblob(5)));
    CREATE UNIQUE INDEX revision_change_id ON revision (change_id);
    PRAGMA user_version = 3;";

/// The layout that this version reads and writes.
const LAYOUT: i64 = 3;

/// The reasons why a store cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process has it open.
    #[error("another gateway (process {process}) has it open: give each gateway its own store")]
    InUse {
        /// The process id from the lock file; `?` if it is not known.
        process: String,
    },
    /// The file was written by a newer version of this program.
    #[error("it has layout {found}, but this version of upshift only knows layout {LAYOUT}")]
    Newer {
        /// Its layout.
        found: i64,
    },
    /// The file was written by an older version, and cannot be brought up to date.
    #[error(
        "it has layout {found} of an older version, and cannot be updated because it is read-only"
    )]
    Older {
        /// Its layout.
        found: i64,
    },
    /// The file was removed while it was open.
    #[error("its file was removed")]
    Gone,
    /// The file is another store, or another process has written to it.
    #[error("it holds changes that this gateway did not make: restart the gateway to load them")]
    Foreign,
    /// SQLite or the disk failed.
    #[error("{0}")]
    Database(#[source] Box<dyn Error + Send + Sync>),
    /// The file cannot be opened or created.
    #[error("{0}")]
    File(#[from] std::io::Error),
    /// A row of the file cannot be decoded.
    #[error("a row cannot be decoded: {0}")]
    Row(#[source] Box<dyn Error + Send + Sync>),
    /// The store at a path cannot be used.
    #[error("the store {} (`store` in [gateway]) cannot be used: {source}", path.display())]
    At {
        /// The path.
        path: PathBuf,
        /// The cause.
        source: Box<StoreError>,
    },
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Row(error.into())
    }
}

/// The store of one gateway, open for writing.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
    /// The device and inode of the file, by which a replaced file is noticed.
    file: (u64, u64),
    key_is_new: bool,
    /// Held as long as the store is open.
    _lock: File,
}

/// The content of a store.
#[derive(Debug)]
pub struct StoreContent {
    /// The key that hashes the identities of this installation.
    pub key: IdentityKey,
    /// The latest revisions.
    pub history: History,
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

    /// Opens the store again with `key`, after it could not be used for a while. A store that is
    /// new gets the key.
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
    /// If there is one that cannot be read, so that its overrides would be forgotten.
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
        // The lock is released at once. Any other error is left for the start to report.
        lock_store(path).is_err_and(|error| error.is_in_use())
    }

    fn open_or_create(path: &Path) -> Result<Self, StoreError> {
        require_file(path)?;
        // Before the store is touched: another gateway may be writing to it.
        let lock = lock_store(path)?;
        // SQLite would create the file with the permissions of the umask.
        let created = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        let metadata = created.metadata()?;
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // With a write-ahead log, `upshift check` can read while the gateway writes.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        update_layout(&mut connection)?;
        // After the layout, which creates the key.
        let key_is_new = replace_key_if(&connection, IdentityKey::is_published)?;
        // Of the open file: the path may lead to another one by now.
        let file = (metadata.dev(), metadata.ino());
        Ok(Self { connection, path: path.to_owned(), file, key_is_new, _lock: lock })
    }

    /// Returns true if the key in the file had been published and was replaced when it was opened.
    /// Fingerprints in older reports then do not match new ones.
    pub fn key_is_new(&self) -> bool {
        self.key_is_new
    }

    fn continue_with_key(&self, key: &IdentityKey) -> Result<(), StoreError> {
        // A store without a revision was created just now.
        if latest_revision(&self.connection)?.is_none() {
            self.connection.execute("UPDATE secret SET key = ?1", [key.as_bytes()])?;
        }
        if read_key(&self.connection)?.as_bytes() == key.as_bytes() {
            Ok(())
        } else {
            Err(StoreError::Foreign)
        }
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
        let path = self.path.clone();
        self.write_records(records).map_err(|error| error.with_path(&path))
    }

    fn write_records(&mut self, records: &[Arc<Record>]) -> Result<(), StoreError> {
        // An open file can be written after it was removed, and everything in it would be lost.
        match std::fs::metadata(&self.path) {
            Ok(found) if (found.dev(), found.ino()) == self.file => {}
            _ => return Err(StoreError::Gone),
        }
        let transaction =
            self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
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
        Ok(transaction.commit()?)
    }
}

fn is_revision(record: &Record, number: i64, id: &str) -> bool {
    record.revision.revision == number && record.revision.id == id
}

impl StoreError {
    fn with_path(self, path: &Path) -> Self {
        // Once, in the public functions, so that no message names the path twice.
        Self::At { path: path.to_owned(), source: Box::new(self) }
    }

    /// Returns true if another gateway has the store open.
    pub fn is_in_use(&self) -> bool {
        match self {
            Self::At { source, .. } => source.is_in_use(),
            error => matches!(error, Self::InUse { .. }),
        }
    }

    /// Returns true if the file was removed while it was open.
    pub fn is_gone(&self) -> bool {
        match self {
            Self::At { source, .. } => source.is_gone(),
            error => matches!(error, Self::Gone),
        }
    }
}

/// Locks the store at `path`, by a file beside it: SQLite has its own locks on the file itself.
fn lock_store(path: &Path) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    // The system releases the lock when a process dies, so that no stale one has to be removed.
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
            // The process id is only for a message, so that a full disk is no reason to fail.
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

/// Replaces the key in the file by a random one if it is `unusable`; true if it was.
fn replace_key_if(
    connection: &Connection,
    unusable: impl FnOnce(&IdentityKey) -> bool,
) -> Result<bool, StoreError> {
    let is_unusable = unusable(&read_key(connection)?);
    if is_unusable {
        connection.execute("UPDATE secret SET key = randomblob(32)", [])?;
    }
    Ok(is_unusable)
}

fn update_layout(connection: &mut Connection) -> Result<(), StoreError> {
    // Without a transaction, a store that is up to date can be opened while another program has
    // locked it.
    if read_layout(connection)? == LAYOUT {
        return Ok(());
    }
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    // Read again: another program may have updated it before the transaction began.
    let missing: &[&str] = match read_layout(&transaction)? {
        0 => &[SCHEMA, TOP_NETWORK, CHANGE_ID],
        1 => &[TOP_NETWORK, CHANGE_ID],
        2 => &[CHANGE_ID],
        LAYOUT => &[],
        found => return Err(StoreError::Newer { found }),
    };
    for step in missing {
        transaction.execute_batch(step)?;
    }
    Ok(transaction.commit()?)
}

fn read_layout(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

/// Checks that `path` is a file, if it exists. SQLite calls a directory a disk error, and opening a
/// pipe blocks.
fn require_file(path: &Path) -> Result<(), StoreError> {
    let problem = match std::fs::metadata(path) {
        Ok(file) if file.is_file() => return Ok(()),
        Ok(file) if file.is_dir() => "it is a folder, not a file",
        Ok(_) => "it is not a regular file",
        Err(error) if is_missing(&error) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    Err(std::io::Error::other(problem).into())
}

fn check_readable(path: &Path) -> Result<(), StoreError> {
    match File::open(path) {
        // SQLite takes an empty file for a new database.
        Ok(file) if file.metadata()?.len() == 0 => return Ok(()),
        Err(error) if is_missing(&error) => return Ok(()),
        opened => opened.map(drop)?,
    }
    // SQLite creates files beside a store that it opens for reading, unless it is opened as
    // immutable.
    let connection = match open_immutable(path) {
        Ok(connection) => connection,
        // Its latest changes are in the log, so that the files beside it exist already.
        Err(_) => Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
    };
    match read_layout(&connection)? {
        found if found > LAYOUT => Err(StoreError::Newer { found }),
        // An older one is updated at the start.
        found if found < LAYOUT => Ok(()),
        _ => read_content(&connection).map(drop),
    }
}

fn read_without_writing(path: &Path) -> Result<Option<StoreContent>, StoreError> {
    require_file(path)?;
    match std::fs::metadata(path) {
        Ok(file) if file.len() == 0 => return Ok(None),
        Err(error) if is_missing(&error) => return Ok(None),
        found => found?,
    };
    let connection = match Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY) {
        // SQLite opens lazily, so that only a query shows whether the store can be read.
        Ok(connection) if read_layout(&connection).is_ok() => connection,
        _ => open_immutable(path)?,
    };
    match read_layout(&connection)? {
        // The default of SQLite: the tables were never created.
        0 => Ok(None),
        LAYOUT => read_content(&connection).map(Some),
        found if found > LAYOUT => Err(StoreError::Newer { found }),
        found => Err(StoreError::Older { found }),
    }
}

fn is_missing(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

/// Opens a store in a directory where SQLite cannot create a file beside it. It fails if changes
/// are in such a file.
fn open_immutable(path: &Path) -> Result<Connection, StoreError> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    // SQLite ignores the log of an immutable database, and would return old overrides.
    if std::fs::metadata(log).is_ok_and(|log| log.len() > 0) {
        let problem = "its latest changes are in the file ending in -wal, which cannot be read in a \
                       read-only folder";
        return Err(std::io::Error::other(problem).into());
    }
    let mut name = String::new();
    // In a URI, `?`, `#` and `%` in a path would mean something else.
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                name.push(char::from(*byte));
            }
            byte => name.push_str(&format!("%{byte:02X}")),
        }
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    Ok(Connection::open_with_flags(format!("file:{name}?immutable=1"), flags)?)
}

/// The number and the id of the latest revision.
fn latest_revision(connection: &Connection) -> Result<Option<(i64, String)>, StoreError> {
    let query = "SELECT number, change_id FROM revision ORDER BY number DESC LIMIT 1";
    Ok(connection.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

fn read_key(connection: &Connection) -> Result<IdentityKey, StoreError> {
    Ok(IdentityKey::new(connection.query_row("SELECT key FROM secret", [], |row| row.get(0))?))
}

fn read_content(connection: &Connection) -> Result<StoreContent, StoreError> {
    let mut statement = connection.prepare(
        "SELECT number, change_id, at, actor, reason, action, rule, phase, until, undoes, before, state
         FROM revision ORDER BY number DESC LIMIT ?1",
    )?;
    // The newest ones, in reverse: the others are no longer needed, and the start stays fast.
    let mut rows = statement.query([History::REMEMBERED.cast_signed()])?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        let (before, after): (String, String) = (row.get(10)?, row.get(11)?);
        let revision = read_revision(row)?;
        let trip = read_trip_of(connection, revision.revision)?;
        records.push(Record {
            revision,
            before: serde_json::from_str(&before)?,
            after: serde_json::from_str(&after)?,
            trip,
        });
    }
    records.reverse();
    Ok(StoreContent { key: read_key(connection)?, history: History::from_records(records) })
}

fn read_trip_of(connection: &Connection, revision: i64) -> Result<Option<Trip>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT at, rule, seen, refused, refused_share, window, minimum, hit, top_network, top_refused
         FROM trip WHERE revision = ?1",
    )?;
    Ok(statement.query_row([revision], read_trip).optional()?)
}

fn insert_record(connection: &Connection, record: &Record) -> Result<(), StoreError> {
    let revision = &record.revision;
    connection.execute(
        "INSERT INTO revision (number, change_id, at, actor, reason, action, rule, phase, until, undoes, before, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            revision.revision,
            revision.id,
            revision.at.to_string(),
            revision.actor,
            revision.reason,
            revision.action,
            revision.rule,
            revision.phase.map(Imposed::as_str),
            revision.until.map(|until| until.to_string()),
            revision.undoes,
            serde_json::to_string(&record.before)?,
            serde_json::to_string(&record.after)?,
        ],
    )?;
    match &record.trip {
        Some(trip) => insert_trip(connection, revision.revision, trip),
        None => Ok(()),
    }
}

fn insert_trip(connection: &Connection, revision: i64, trip: &Trip) -> Result<(), StoreError> {
    let hit = trip.hit.iter().map(Fingerprint::to_string).collect::<Vec<_>>().join(" ");
    connection.execute(
        "INSERT INTO trip VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            revision,
            trip.at.to_string(),
            trip.rule.as_ref(),
            // SQLite has signed integers only. The bits are the same when they are read back.
            trip.seen.cast_signed(),
            trip.refused.cast_signed(),
            trip.limits.refused_share,
            trip.limits.window,
            trip.limits.minimum.cast_signed(),
            hit,
            trip.top.map(|(network, _)| network.to_string()),
            trip.top.map(|(_, refused)| refused.cast_signed()),
        ],
    )?;
    Ok(())
}

fn read_revision(row: &Row<'_>) -> rusqlite::Result<Revision> {
    // For display only: the overrides themselves are in `before` and `state`.
    let phase = match row.get::<_, Option<String>>(7)? {
        Some(phase) => Imposed::parse(&phase),
        None => None,
    };
    let until = match row.get::<_, Option<String>>(8)? {
        Some(_) => Some(read_instant(row, 8)?),
        None => None,
    };
    Ok(Revision {
        revision: row.get(0)?,
        id: row.get(1)?,
        at: read_instant(row, 2)?,
        actor: row.get(3)?,
        reason: row.get(4)?,
        action: row.get(5)?,
        rule: row.get(6)?,
        phase,
        until,
        undoes: row.get(9)?,
    })
}

fn read_trip(row: &Row<'_>) -> rusqlite::Result<Trip> {
    let (rule, fingerprints): (String, String) = (row.get(1)?, row.get(7)?);
    let mut hit = Vec::new();
    // No fingerprints are stored as an empty text, which is no number and is skipped.
    for hex in fingerprints.split(' ') {
        hit.extend(u64::from_str_radix(hex, 16).map(Fingerprint::from_bits));
    }
    Ok(Trip {
        at: read_instant(row, 0)?,
        rule: rule.into(),
        seen: row.get::<_, i64>(2)?.cast_unsigned(),
        refused: row.get::<_, i64>(3)?.cast_unsigned(),
        limits: TripLimits {
            refused_share: row.get(4)?,
            window: row.get(5)?,
            minimum: row.get::<_, i64>(6)?.cast_unsigned(),
            // `counts` and `per_network` are not stored: no report of a trip shows them.
            ..TripLimits::default()
        },
        top: read_top_network(row)?,
        hit,
    })
}

fn read_top_network(row: &Row<'_>) -> rusqlite::Result<Option<(Network, u64)>> {
    let columns: (Option<String>, Option<i64>) = (row.get(8)?, row.get(9)?);
    let (Some(network), Some(refused)) = columns else { return Ok(None) };
    // A network that is shared or unknown has no address, and is forgotten.
    let address = network.split('/').next().unwrap_or_default();
    match address.parse() {
        Ok(address) => Ok(Some((Network::of_address(Some(address)), refused.cast_unsigned()))),
        Err(_) => Ok(None),
    }
}

fn read_instant(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let text: String = row.get(column)?;
    text.parse().map_err(|error: jiff::Error| {
        rusqlite::Error::FromSqlConversionFailure(
            column,
            rusqlite::types::Type::Text,
            error.to_string().into(),
        )
    })
}

/// Serialises a [`Timestamp`] as RFC 3339 in UTC.
pub(crate) mod instant {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(
        at: &Timestamp,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(at)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Timestamp, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Serialises an optional [`Timestamp`] as RFC 3339 in UTC.
pub(crate) mod instant_or_none {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(
        at: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => serializer.collect_str(at),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        match Option::<String>::deserialize(deserializer)? {
            Some(text) => text.parse().map(Some).map_err(D::Error::custom),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests;
