//! The embedded store: one SQLite file (WAL) with the numbered revisions of what was imposed, the trips of the breaker,
//! and the key under which identities are hashed.
//!
//! A change is on the disk before it is acted upon, so what a gateway obeys survives its end. No identity is in it, only
//! fingerprints.

use crate::breaker::{Limits, Trip};
use crate::overrides::{Before, Change, Imposed, Overrides};
use crate::{Fingerprint, Key, Network};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;
use std::path::Path;
use std::time::Duration;

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
    ALTER TABLE trip ADD COLUMN top_refused INTEGER;
    PRAGMA user_version = 2;";

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no change of a person left to take back.
    #[error("there is nothing to undo")]
    NothingToUndo,
    /// The file was written by a newer version of this program.
    #[error("the store has layout {found}, and this version knows only layout 2")]
    Newer {
        /// Its layout.
        found: i64,
    },
    /// SQLite, or the disk under it.
    #[error("the store failed: {0}")]
    Database(#[from] rusqlite::Error),
    /// The file cannot be opened or made.
    #[error("the store cannot be opened: {0}")]
    File(#[from] std::io::Error),
    /// What is in the file cannot be read as what it should be.
    #[error("the store holds what it should not: {0}")]
    Content(#[from] serde_json::Error),
}

/// One numbered change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Revision {
    /// Its number, from 1.
    pub revision: i64,
    /// When.
    #[serde(with = "instant")]
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// `pause`, `resume`, `set`, `undo` or `trip`.
    pub action: String,
    /// The rule; `None` for all of them.
    pub rule: Option<String>,
    /// The phase that was set.
    pub phase: Option<Imposed>,
    /// Until when it was set.
    #[serde(with = "instant_or_none")]
    pub until: Option<Timestamp>,
    /// The revision that this one takes back.
    pub undoes: Option<i64>,
}

/// The store of one gateway.
pub struct Store {
    connection: Connection,
    key_is_new: bool,
}

impl Store {
    /// Opens the store, or creates it.
    ///
    /// Only its owner may read it: whoever has the key can find out which identities are in the reports.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        keep_private(path)?;
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        Self::with(connection)
    }

    /// A store that is forgotten at the end: for a demo, and for tests.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::with(Connection::open_in_memory()?)
    }

    fn with(connection: Connection) -> Result<Self, StoreError> {
        Self::set_up(connection, Key::is_published)
    }

    /// Brings the file to the layout of today, with a key that is not `unusable`.
    fn set_up(mut connection: Connection, unusable: impl FnOnce(&Key) -> bool) -> Result<Self, StoreError> {
        connection.busy_timeout(Duration::from_secs(5))?;
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        match transaction.query_row("PRAGMA user_version", [], |row| row.get(0))? {
            0 => {
                transaction.execute_batch(SCHEMA)?;
                transaction.execute_batch(TOP_NETWORK)?;
            }
            1 => transaction.execute_batch(TOP_NETWORK)?,
            2 => {}
            found => return Err(StoreError::Newer { found }),
        }
        let key_is_new = replace_key(&transaction, unusable)?;
        transaction.commit()?;
        Ok(Self { connection, key_is_new })
    }

    /// The key under which this installation hashes identities.
    pub fn key(&self) -> Result<Key, StoreError> {
        read_key(&self.connection)
    }

    /// Whether the file held a key that was published, and got a new one when it was opened. Fingerprints of before do
    /// not match those of today.
    pub fn key_is_new(&self) -> bool {
        self.key_is_new
    }

    /// What is imposed now.
    pub fn overrides(&self) -> Result<Overrides, StoreError> {
        latest_state(&self.connection)
    }

    /// Makes a change, as a new revision, and returns it with all that is imposed from now on.
    pub fn change(
        &mut self,
        change: &Change,
        at: Timestamp,
        actor: &str,
        reason: &str,
    ) -> Result<(Revision, Overrides), StoreError> {
        self.write(change, at, actor, reason, None)
    }

    /// What would be imposed after a change that is not made.
    pub fn preview(&mut self, change: &Change, at: Timestamp) -> Result<Overrides, StoreError> {
        let mut state = self.overrides()?;
        match change {
            Change::Undo => {
                let (_, before) = latest_of_a_person(&self.connection)?.ok_or(StoreError::NothingToUndo)?;
                state.restore(before);
            }
            _ => {
                state.apply(change, at, "", "");
            }
        }
        Ok(state)
    }

    /// Makes the breaker's change, and keeps who was hit.
    pub fn trip(&mut self, trip: &Trip) -> Result<(Revision, Overrides), StoreError> {
        let change = Change::Trip { rule: trip.rule.to_string() };
        self.write(&change, trip.at, "breaker", &trip.sentence(), Some(trip))
    }

    /// The latest `limit` revisions, the newest first.
    pub fn revisions(&self, limit: u32) -> Result<Vec<Revision>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT number, at, actor, reason, action, rule, phase, until, undoes
             FROM revision ORDER BY number DESC LIMIT ?1",
        )?;
        Ok(statement.query_map([limit], read_revision)?.collect::<Result<_, _>>()?)
    }

    /// The latest `limit` trips of the breaker, the newest first.
    pub fn trips(&self, limit: u32) -> Result<Vec<Trip>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT at, rule, seen, refused, refused_share, window, minimum, hit, top_network, top_refused
             FROM trip ORDER BY revision DESC LIMIT ?1",
        )?;
        Ok(statement.query_map([limit], read_trip)?.collect::<Result<_, _>>()?)
    }

    fn write(
        &mut self,
        change: &Change,
        at: Timestamp,
        actor: &str,
        reason: &str,
        trip: Option<&Trip>,
    ) -> Result<(Revision, Overrides), StoreError> {
        let transaction = self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let mut state = latest_state(&transaction)?;
        let (undoes, before) = match change {
            Change::Undo => {
                let (number, before) = latest_of_a_person(&transaction)?.ok_or(StoreError::NothingToUndo)?;
                state.restore(before.clone());
                (Some(number), before)
            }
            _ => (None, state.apply(change, at, actor, reason)),
        };
        let (phase, until) = match change {
            Change::Set { imposed, until, .. } => (Some(*imposed), *until),
            _ => (None, None),
        };
        transaction.execute(
            "INSERT INTO revision (at, actor, reason, action, rule, phase, until, undoes, before, state)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                at.to_string(),
                actor,
                reason,
                change.action(),
                change.rule(),
                phase.map(Imposed::as_str),
                until.map(|until| until.to_string()),
                undoes,
                serde_json::to_string(&before)?,
                serde_json::to_string(&state)?,
            ],
        )?;
        let number = transaction.last_insert_rowid();
        if let Some(trip) = trip {
            keep_trip(&transaction, number, trip)?;
        }
        transaction.commit()?;
        let revision = Revision {
            revision: number,
            at,
            actor: actor.into(),
            reason: reason.into(),
            action: change.action().into(),
            rule: change.rule().map(Into::into),
            phase,
            until,
            undoes,
        };
        Ok((revision, state))
    }
}

/// SQLite gives the files beside it the same permissions.
fn keep_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path).map(drop)
}

fn read_key(connection: &Connection) -> Result<Key, StoreError> {
    Ok(Key::new(connection.query_row("SELECT key FROM secret", [], |row| row.get(0))?))
}

/// Makes a new key where the one in the file is `unusable`; true if it did.
fn replace_key(connection: &Connection, unusable: impl FnOnce(&Key) -> bool) -> Result<bool, StoreError> {
    let is_unusable = unusable(&read_key(connection)?);
    if is_unusable {
        connection.execute("UPDATE secret SET key = randomblob(32)", [])?;
    }
    Ok(is_unusable)
}

fn latest_state(connection: &Connection) -> Result<Overrides, StoreError> {
    let latest = "SELECT state FROM revision ORDER BY number DESC LIMIT 1";
    let state: Option<String> = connection.query_row(latest, [], |row| row.get(0)).optional()?;
    Ok(state.map(|state| serde_json::from_str(&state)).transpose()?.unwrap_or_default())
}

fn latest_of_a_person(connection: &Connection) -> Result<Option<(i64, Before)>, StoreError> {
    let row: Option<(i64, String)> = connection
        .query_row(
            "SELECT number, before FROM revision
             WHERE action NOT IN ('undo', 'trip')
               AND number NOT IN (SELECT undoes FROM revision WHERE undoes IS NOT NULL)
             ORDER BY number DESC LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    row.map(|(number, before)| Ok((number, serde_json::from_str(&before)?))).transpose()
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
    let phase: Option<String> = row.get(6)?;
    let until: Option<String> = row.get(7)?;
    Ok(Revision {
        revision: row.get(0)?,
        at: read_instant(row, 1)?,
        actor: row.get(2)?,
        reason: row.get(3)?,
        action: row.get(4)?,
        rule: row.get(5)?,
        phase: phase.as_deref().and_then(Imposed::parse),
        until: until.map(|_| read_instant(row, 7)).transpose()?,
        undoes: row.get(8)?,
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
    Ok(network.zip(refused).map(|(address, refused)| (Network::of(Some(address)), refused.cast_unsigned())))
}

fn read_instant(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let text: String = row.get(column)?;
    text.parse().map_err(|error: jiff::Error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error.to_string().into())
    })
}

/// A [`Timestamp`] in JSON: RFC 3339, in UTC.
pub(crate) mod instant {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(at)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The same, where there may be none.
pub(crate) mod instant_or_none {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        at.map(|at| at.to_string()).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        Option::<String>::deserialize(deserializer)?.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}

#[cfg(test)]
mod tests;
