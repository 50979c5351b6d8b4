//! The embedded store: one SQLite file (WAL) with the numbered revisions of what was imposed, the
//! trips of the breaker, and the key under which identities are hashed.
//!
//! 1. It is read once, at the start, and then only written: what is in force is in the [`History`].
//! 2. One process at a time writes a store: it holds a lock on a file beside it, for as long as the
//!    store is open.
//! 3. A write waits for the lock of another program at most [`BUSY`]; the caller tries again.
//! 4. No identity is in it, only fingerprints.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};

use crate::breaker::{Limits, Trip};
use crate::history::{History, Record, Revision};
use crate::overrides::{Imposed, Overrides};
use crate::{Fingerprint, Key, Network};

/// How long a write waits for another program that has locked the file.
const BUSY: Duration = Duration::from_millis(250);

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

/// Layout 3: the id that a change has on every gateway. What was changed before has one of its own.
const CHANGE_ID: &str = "
    ALTER TABLE revision ADD COLUMN change_id TEXT;
    UPDATE revision SET change_id = lower(hex(randomblob(5)));
    CREATE UNIQUE INDEX revision_change_id ON revision (change_id);
    PRAGMA user_version = 3;";

/// The layout that this version reads and writes.
const LAYOUT: i64 = 3;

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process has it open.
    #[error(
        "another gateway (process {process}) has it open: give each gateway a store of its own"
    )]
    InUse {
        /// Its number, as it left it; `?` if it is not known.
        process: String,
    },
    /// The file was written by a newer version of this program.
    #[error("it has layout {found}, and this version knows only layout {LAYOUT}")]
    Newer {
        /// Its layout.
        found: i64,
    },
    /// The file was written by an older version, and cannot be brought up to date.
    #[error(
        "it has layout {found} of an older version, and cannot be written to bring it up to date"
    )]
    Older {
        /// Its layout.
        found: i64,
    },
    /// The file was removed while it was open.
    #[error("its file was removed")]
    Gone,
    /// The file is another's, or was written by another process meanwhile.
    #[error("it holds changes that this gateway did not make: restart the gateway to take them up")]
    Foreign,
    /// SQLite, or the disk under it.
    #[error("{0}")]
    Database(#[from] rusqlite::Error),
    /// The file cannot be opened or made.
    #[error("{0}")]
    File(#[from] std::io::Error),
    /// What is in the file cannot be read as what it should be.
    #[error("it holds what it should not: {0}")]
    Content(#[from] serde_json::Error),
    /// The store at a path cannot be used.
    #[error("the store {} (`store` in [gateway]) cannot be used: {source}", path.display())]
    At {
        /// The path.
        path: PathBuf,
        /// Why.
        source: Box<StoreError>,
    },
}

/// The store of one gateway, open to be written.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
    /// The device and the number of the file, by which it is recognised.
    file: (u64, u64),
    key_is_new: bool,
    /// Held as long as the store is open.
    _lock: File,
}

/// What a store holds.
#[derive(Debug)]
pub struct Content {
    /// The key under which this installation hashes identities.
    pub key: Key,
    /// The latest revisions.
    pub history: History,
}

impl Store {
    /// Opens the store, or creates it.
    ///
    /// Only its owner may read it: with the key one can find out which identities are in the
    /// reports.
    ///
    /// # Errors
    /// If another gateway has it open, or it cannot be written.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::make(path).map_err(|error| error.at(path))
    }

    /// Opens the store to go on with `key`, after it could not be used for a while. A store that
    /// had to be created takes the key.
    ///
    /// # Errors
    /// As [`Store::open`]; and if the store has another key.
    pub fn reopen(path: &Path, key: &Key) -> Result<Self, StoreError> {
        let reopened = Self::make(path).and_then(|store| store.go_on_with(key).map(|()| store));
        reopened.map_err(|error| error.at(path))
    }

    /// Reads a store that cannot be written. `None` if there is none, or nothing is in it yet.
    ///
    /// # Errors
    /// If there is one that cannot be read: what it holds would be forgotten.
    pub fn read(path: &Path) -> Result<Option<Content>, StoreError> {
        read_only(path).map_err(|error| error.at(path))
    }

    /// Sees whether a gateway can start with the store at `path`, beside one that may have it open.
    /// Nothing is written, and nothing is made.
    ///
    /// # Errors
    /// If there is one that cannot be read.
    pub fn examine(path: &Path) -> Result<(), StoreError> {
        let examined = must_be_a_file(path).and_then(|()| examine(path));
        examined.map_err(|error| error.at(path))
    }

    /// Tells whether another process has the store at `path` open.
    pub fn is_in_use(path: &Path) -> bool {
        lock(path).is_err_and(|error| error.is_in_use())
    }

    fn make(path: &Path) -> Result<Self, StoreError> {
        must_be_a_file(path)?;
        let lock = lock(path)?;
        let file =
            OpenOptions::new().create(true).append(true).mode(0o600).open(path)?.metadata()?;
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        bring_up_to_date(&mut connection)?;
        let key_is_new = replace_key(&connection, Key::is_published)?;
        let file = (file.dev(), file.ino());
        Ok(Self { connection, path: path.to_owned(), file, key_is_new, _lock: lock })
    }

    /// Whether the file held a key that was published, and got a new one when it was opened.
    /// Fingerprints of before do not match those of today.
    pub fn key_is_new(&self) -> bool {
        self.key_is_new
    }

    fn go_on_with(&self, key: &Key) -> Result<(), StoreError> {
        if latest(&self.connection)?.is_none() {
            self.connection.execute("UPDATE secret SET key = ?1", [key.bytes()])?;
        }
        if read_key(&self.connection)?.bytes() == key.bytes() {
            Ok(())
        } else {
            Err(StoreError::Foreign)
        }
    }

    /// What it holds.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn content(&self) -> Result<Content, StoreError> {
        content(&self.connection).map_err(|error| error.at(&self.path))
    }

    /// Writes those of `records` that it does not have yet.
    ///
    /// # Errors
    /// If the file cannot be written, was removed, or holds what is not among the records.
    pub fn append(&mut self, records: &[Arc<Record>]) -> Result<(), StoreError> {
        let path = self.path.clone();
        self.write(records).map_err(|error| error.at(&path))
    }

    fn write(&mut self, records: &[Arc<Record>]) -> Result<(), StoreError> {
        let there = std::fs::metadata(&self.path).map_err(|_| StoreError::Gone)?;
        if (there.dev(), there.ino()) != self.file {
            return Err(StoreError::Gone);
        }
        let transaction =
            self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let kept = latest(&transaction)?;
        let is_ours = |(number, id): &(i64, String)| {
            records
                .iter()
                .any(|record| record.revision.revision == *number && record.revision.id == *id)
        };
        if kept.as_ref().is_some_and(|kept| !is_ours(kept)) {
            return Err(StoreError::Foreign);
        }
        let number = kept.map_or(0, |(number, _)| number);
        for record in records.iter().filter(|record| record.revision.revision > number) {
            keep(&transaction, record)?;
        }
        Ok(transaction.commit()?)
    }
}

impl StoreError {
    fn at(self, path: &Path) -> Self {
        Self::At { path: path.to_owned(), source: Box::new(self) }
    }

    /// Tells whether another gateway has the store open.
    pub fn is_in_use(&self) -> bool {
        match self {
            Self::At { source, .. } => source.is_in_use(),
            error => matches!(error, Self::InUse { .. }),
        }
    }

    /// Tells whether the file was removed while it was open.
    pub fn is_gone(&self) -> bool {
        match self {
            Self::At { source, .. } => source.is_gone(),
            error => matches!(error, Self::Gone),
        }
    }
}

/// The lock of the store at `path`: a file beside it, for SQLite has locks of its own on the file
/// itself.
fn lock(path: &Path) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push("-lock");
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(name)?;
    match file.try_lock() {
        Ok(()) => {
            // It only serves a message: a full disk is no reason not to go on.
            let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut process = String::new();
            let read = file.read_to_string(&mut process).is_ok() && process.parse::<u32>().is_ok();
            Err(StoreError::InUse { process: if read { process } else { "?".to_owned() } })
        }
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Makes a new key where the one in the file is `unusable`; true if it did.
fn replace_key(
    connection: &Connection,
    unusable: impl FnOnce(&Key) -> bool,
) -> Result<bool, StoreError> {
    let is_unusable = unusable(&read_key(connection)?);
    if is_unusable {
        connection.execute("UPDATE secret SET key = randomblob(32)", [])?;
    }
    Ok(is_unusable)
}

fn bring_up_to_date(connection: &mut Connection) -> Result<(), StoreError> {
    // A store that is up to date need not be locked, and opens also while another program has
    // locked it.
    if layout(connection)? == LAYOUT {
        return Ok(());
    }
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let missing: &[&str] = match layout(&transaction)? {
        0 => &[SCHEMA, TOP_NETWORK, CHANGE_ID],
        1 => &[TOP_NETWORK, CHANGE_ID],
        2 => &[CHANGE_ID],
        LAYOUT => &[],
        found => return Err(StoreError::Newer { found }),
    };
    missing.iter().try_for_each(|step| transaction.execute_batch(step))?;
    Ok(transaction.commit()?)
}

fn layout(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

/// A folder would be called a disk error, and a pipe would not answer.
fn must_be_a_file(path: &Path) -> Result<(), StoreError> {
    let what = match std::fs::metadata(path) {
        Ok(file) if file.is_file() => return Ok(()),
        Ok(file) if file.is_dir() => "it is a folder, and not a file",
        Ok(_) => "it is not a regular file",
        Err(error) if is_missing(&error) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    Err(std::io::Error::other(what).into())
}

fn examine(path: &Path) -> Result<(), StoreError> {
    match File::open(path) {
        Ok(file) if file.metadata()?.len() == 0 => return Ok(()),
        Err(error) if is_missing(&error) => return Ok(()),
        opened => opened.map(drop)?,
    }
    // SQLite makes files beside a store that it opens to read, unless the store is said not to
    // change.
    let connection = match open_unchanging(path) {
        Ok(connection) => connection,
        Err(_) => Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
    };
    match layout(&connection)? {
        found if found > LAYOUT => Err(StoreError::Newer { found }),
        // One of before is brought up to date at the start.
        found if found < LAYOUT => Ok(()),
        _ => content(&connection).map(drop),
    }
}

fn read_only(path: &Path) -> Result<Option<Content>, StoreError> {
    must_be_a_file(path)?;
    match std::fs::metadata(path) {
        Ok(file) if file.len() == 0 => return Ok(None),
        Err(error) if is_missing(&error) => return Ok(None),
        found => found?,
    };
    let connection = match Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY) {
        Ok(connection) if layout(&connection).is_ok() => connection,
        _ => open_unchanging(path)?,
    };
    match layout(&connection)? {
        0 => Ok(None),
        LAYOUT => content(&connection).map(Some),
        found if found > LAYOUT => Err(StoreError::Newer { found }),
        found => Err(StoreError::Older { found }),
    }
}

fn is_missing(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

/// Opens a store in a folder where SQLite can make no file beside it. Only if no change is in such
/// a file.
fn open_unchanging(path: &Path) -> Result<Connection, StoreError> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    if std::fs::metadata(log).is_ok_and(|log| log.len() > 0) {
        let what = "its latest changes are in the file ending in -wal, which cannot be read in a read-only folder";
        return Err(std::io::Error::other(what).into());
    }
    let mut name = String::new();
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
fn latest(connection: &Connection) -> Result<Option<(i64, String)>, StoreError> {
    let latest = "SELECT number, change_id FROM revision ORDER BY number DESC LIMIT 1";
    Ok(connection.query_row(latest, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

fn read_key(connection: &Connection) -> Result<Key, StoreError> {
    Ok(Key::new(connection.query_row("SELECT key FROM secret", [], |row| row.get(0))?))
}

fn content(connection: &Connection) -> Result<Content, StoreError> {
    let mut statement = connection.prepare(
        "SELECT number, change_id, at, actor, reason, action, rule, phase, until, undoes, before, state
         FROM revision ORDER BY number DESC LIMIT ?1",
    )?;
    let mut rows = statement.query([History::REMEMBERED.cast_signed()])?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        let (before, after): (String, String) = (row.get(10)?, row.get(11)?);
        let (before, after): (Overrides, Overrides) =
            (serde_json::from_str(&before)?, serde_json::from_str(&after)?);
        let revision = read_revision(row)?;
        let trip = trip_of(connection, revision.revision)?;
        records.push(Record { revision, before, after, trip });
    }
    records.reverse();
    Ok(Content { key: read_key(connection)?, history: History::of(records) })
}

fn trip_of(connection: &Connection, revision: i64) -> Result<Option<Trip>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT at, rule, seen, refused, refused_share, window, minimum, hit, top_network, top_refused
         FROM trip WHERE revision = ?1",
    )?;
    Ok(statement.query_row([revision], read_trip).optional()?)
}

fn keep(connection: &Connection, record: &Record) -> Result<(), StoreError> {
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
        Some(trip) => keep_trip(connection, revision.revision, trip),
        None => Ok(()),
    }
}

fn keep_trip(connection: &Connection, revision: i64, trip: &Trip) -> Result<(), StoreError> {
    let hit = trip.hit.iter().map(Fingerprint::to_string).collect::<Vec<_>>().join(" ");
    connection.execute(
        "INSERT INTO trip VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            revision,
            trip.at.to_string(),
            trip.rule.as_ref(),
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
    let phase: Option<String> = row.get(7)?;
    let until: Option<String> = row.get(8)?;
    Ok(Revision {
        revision: row.get(0)?,
        id: row.get(1)?,
        at: read_instant(row, 2)?,
        actor: row.get(3)?,
        reason: row.get(4)?,
        action: row.get(5)?,
        rule: row.get(6)?,
        phase: phase.as_deref().and_then(Imposed::parse),
        until: until.map(|_| read_instant(row, 8)).transpose()?,
        undoes: row.get(9)?,
    })
}

fn read_trip(row: &Row<'_>) -> rusqlite::Result<Trip> {
    let (rule, hit): (String, String) = (row.get(1)?, row.get(7)?);
    let hit = hit.split(' ').filter_map(|hex| u64::from_str_radix(hex, 16).ok());
    Ok(Trip {
        at: read_instant(row, 0)?,
        rule: rule.into(),
        seen: row.get::<_, i64>(2)?.cast_unsigned(),
        refused: row.get::<_, i64>(3)?.cast_unsigned(),
        limits: Limits {
            refused_share: row.get(4)?,
            window: row.get(5)?,
            minimum: row.get::<_, i64>(6)?.cast_unsigned(),
            ..Limits::default()
        },
        top: read_top(row)?,
        hit: hit.map(Fingerprint::from_bits).collect(),
    })
}

fn read_top(row: &Row<'_>) -> rusqlite::Result<Option<(Network, u64)>> {
    let (network, refused): (Option<String>, Option<i64>) = (row.get(8)?, row.get(9)?);
    let network = network.and_then(|text| text.split('/').next()?.parse().ok());
    Ok(network
        .zip(refused)
        .map(|(address, refused)| (Network::of(Some(address)), refused.cast_unsigned())))
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

/// A [`Timestamp`] in JSON: RFC 3339, in UTC.
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

/// The same, where there may be none.
pub(crate) mod instant_or_none {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(
        at: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        at.map(|at| at.to_string()).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        Option::<String>::deserialize(deserializer)?
            .map(|text| text.parse().map_err(D::Error::custom))
            .transpose()
    }
}

#[cfg(test)]
mod tests;
