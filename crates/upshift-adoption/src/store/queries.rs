//! The queries of a store: its rows, read and written.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::error::StoreError;
use super::ledger::read_last_seen;
use crate::breaker::{Trip, TripLimits};
use crate::history::{History, Record, Revision};
use crate::overrides::Imposed;
use crate::{Fingerprint, IdentityKey, Network};

/// The content of a store.
#[derive(Debug)]
pub struct StoreContent {
    /// The key that hashes the identities of this installation.
    pub key: IdentityKey,
    /// The latest revisions.
    pub history: History,
    /// The last time at which the previous process was seen, if it did not record its stop.
    pub last_seen: Option<Timestamp>,
}

/// Reads the key and the latest revisions, as many as a [`History`] remembers.
pub(super) fn read_content(connection: &Connection) -> Result<StoreContent, StoreError> {
    let mut statement = connection.prepare(
        "SELECT number, change_id, at, actor, reason, action, rule, phase, until, undoes, before,
             state
         FROM revision ORDER BY number DESC LIMIT ?1",
    )?;
    // Only the newest, in reverse: the others are not needed, and the start stays fast.
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
    Ok(StoreContent {
        key: read_key(connection)?,
        history: History::from_records(records),
        last_seen: read_last_seen(connection)?,
    })
}

/// Returns true if any usage is recorded.
pub(super) fn has_usage(connection: &Connection) -> Result<bool, StoreError> {
    Ok(connection.query_row("SELECT EXISTS (SELECT 1 FROM usage)", [], |row| row.get(0))?)
}

/// The number and the id of the latest revision.
pub(super) fn latest_revision(
    connection: &Connection,
) -> Result<Option<(i64, String)>, StoreError> {
    let query = "SELECT number, change_id FROM revision ORDER BY number DESC LIMIT 1";
    Ok(connection.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

/// Reads the key that hashes identities.
pub(super) fn read_key(connection: &Connection) -> Result<IdentityKey, StoreError> {
    Ok(IdentityKey::new(connection.query_row("SELECT key FROM secret", [], |row| row.get(0))?))
}

/// Replaces the key in the file by a random one if it is `unusable`. Returns true if it was.
pub(super) fn replace_key_if(
    connection: &Connection,
    unusable: impl FnOnce(&IdentityKey) -> bool,
) -> Result<bool, StoreError> {
    let is_unusable = unusable(&read_key(connection)?);
    if is_unusable {
        connection.execute("UPDATE secret SET key = randomblob(32)", [])?;
    }
    Ok(is_unusable)
}

/// Writes a revision and, if it is a trip, the trip.
pub(super) fn insert_record(connection: &Connection, record: &Record) -> Result<(), StoreError> {
    let revision = &record.revision;
    connection.execute(
        "INSERT INTO revision (number, change_id, at, actor, reason, action, rule, phase, until,
             undoes, before, state)
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
            // SQLite has only signed integers. The bits are preserved.
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

fn read_trip_of(connection: &Connection, revision: i64) -> Result<Option<Trip>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT at, rule, seen, refused, refused_share, window, minimum, hit, top_network,
             top_refused
         FROM trip WHERE revision = ?1",
    )?;
    Ok(statement.query_row([revision], read_trip).optional()?)
}

fn read_trip(row: &Row<'_>) -> rusqlite::Result<Trip> {
    let (rule, fingerprints): (String, String) = (row.get(1)?, row.get(7)?);
    let mut hit = Vec::new();
    // An empty list is stored as an empty text, which is not a number and is skipped.
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
