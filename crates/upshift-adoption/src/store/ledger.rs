//! The ledger in the store: appends and reads revisions, and removes old ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use serde_json::Value;
use upshift_record::evidence::ChangeEvidence;

use super::StoreError;
use crate::ledger::{
    ChainHead, CountedTimes, LedgerEntry, NewEntry, RevisionCause, StoredChain, StoredChange,
    StoredEntry, sha256_hex,
};

/// The revisions to append.
#[derive(Clone, Copy, Debug, Default)]
pub struct LedgerWrite<'a> {
    /// The revisions that the store does not have yet.
    pub pending: &'a [Arc<NewEntry>],
    /// The latest revision that it should have. A removed and recreated store begins with it.
    pub latest: Option<&'a NewEntry>,
}

/// Appends revisions to the chain that ends at `head`, and returns its new end.
pub(super) fn append_entries(
    transaction: &Transaction<'_>,
    head: &ChainHead,
    write: LedgerWrite<'_>,
) -> Result<ChainHead, StoreError> {
    let mut end = head.clone();
    if end.number == 0
        && write.pending.is_empty()
        && let Some(latest) = write.latest
    {
        end = append_entry(transaction, &end, &restored(latest))?;
    }
    for entry in write.pending {
        end = append_entry(transaction, &end, entry)?;
    }
    if end != *head {
        transaction.execute(
            "UPDATE chain SET head_number = ?1, head_hash = ?2",
            params![end.number.cast_signed(), end.hash],
        )?;
    }
    Ok(end)
}

/// The first revision in the chain of a store that was removed and recreated.
fn restored(latest: &NewEntry) -> NewEntry {
    let mut restored = latest.clone();
    let reason = "the store was removed while the gateway ran, and earlier revisions with it";
    let LedgerEntry { actor, in_force, .. } = &latest.entry;
    restored.entry = LedgerEntry {
        in_force: in_force.clone(),
        ..LedgerEntry::new(Timestamp::now(), RevisionCause::Restored, actor, reason)
    };
    restored
}

fn append_entry(
    transaction: &Transaction<'_>,
    head: &ChainHead,
    new: &NewEntry,
) -> Result<ChainHead, StoreError> {
    let mut entry = match head.number {
        0 => new.to_first(&read_origin(transaction)?),
        _ => new.entry.clone(),
    };
    if let Some(change) = &mut entry.change {
        // The row is written before, in the same transaction.
        change.digest = change_digest(transaction, change.number)?.unwrap_or_default();
    }
    if let Some((_, policy)) = &new.whole {
        transaction.execute(
            "INSERT OR IGNORE INTO policy_text VALUES (?1, ?2)",
            params![policy.digest, policy.json],
        )?;
    }
    let content = serde_json::to_string(&entry)?;
    let next = head.next(&content);
    transaction.execute(
        // OR REPLACE: another program may have inserted this number, which must not stop ours.
        "INSERT OR REPLACE INTO policy_revision VALUES (?1, ?2, ?3)",
        params![next.number.cast_signed(), content, next.hash],
    )?;
    Ok(next)
}

/// Removes the revisions that ended before `oldest`, and appends one that records this. The last
/// earlier one that lists all rules is kept, because later ones build on it.
pub(super) fn prune_entries(
    transaction: &Transaction<'_>,
    head: &ChainHead,
    (now, oldest): (Timestamp, Timestamp),
) -> Result<ChainHead, StoreError> {
    let Some(last) = last_removable(transaction, oldest)? else { return Ok(head.clone()) };
    let number = last.number.cast_signed();
    transaction.execute("DELETE FROM policy_revision WHERE number <= ?1", [number])?;
    transaction.execute(
        "DELETE FROM policy_text WHERE digest NOT IN
            (SELECT json_extract(content, '$.in_force.policy') FROM policy_revision
             WHERE json_extract(content, '$.in_force.policy') IS NOT NULL)",
        [],
    )?;
    transaction.execute(
        "UPDATE chain SET anchor_number = ?1, anchor_hash = ?2",
        params![number, last.hash],
    )?;
    let reason = format!(
        "the revisions up to {number} are older than `days` of [adoption], and were removed"
    );
    let entry = LedgerEntry {
        removed: Some(last),
        ..LedgerEntry::new(now, RevisionCause::Pruned, "retention", &reason)
    };
    let pruned = Arc::new(NewEntry { entry, whole: None });
    append_entries(transaction, head, LedgerWrite { pending: &[pruned], latest: None })
}

/// The last revision that can be removed: the one before the last that lists all rules and is older
/// than `oldest`.
fn last_removable(
    transaction: &Transaction<'_>,
    oldest: Timestamp,
) -> Result<Option<ChainHead>, StoreError> {
    let mut statement =
        transaction.prepare("SELECT number, content, hash FROM policy_revision ORDER BY number")?;
    let mut rows = statement.query([])?;
    let (mut before, mut removable): (Option<ChainHead>, Option<ChainHead>) = (None, None);
    while let Some(row) = rows.next()? {
        let StoredEntry { number, hash, entry, .. } = read_entry(row)?;
        let Some(entry) = entry else { break };
        if entry.at >= oldest {
            break;
        }
        if entry.in_force.is_some_and(|in_force| in_force.complete) {
            removable = before.or(removable);
        }
        before = Some(ChainHead { number, hash });
    }
    Ok(removable)
}

/// Records that a process has the store open at `now`, in seconds since 1970.
pub(super) fn mark_alive(connection: &Connection, now: i64) -> Result<(), StoreError> {
    connection.execute("UPDATE chain SET alive = ?1", [now])?;
    Ok(())
}

/// The end of the chain, as last written.
pub(super) fn read_head(connection: &Connection) -> Result<ChainHead, StoreError> {
    match read_ends(connection)? {
        Some((_, head)) => Ok(head),
        // The row was deleted: continue with the existing rows, so that the fault stays visible.
        None => {
            connection.execute(
                "INSERT INTO chain SELECT 'unknown', 0, ?1, coalesce(max(number), 0),
                     coalesce((SELECT hash FROM policy_revision ORDER BY number DESC LIMIT 1), ?1),
                     NULL
                 FROM policy_revision",
                [ChainHead::before_first().hash],
            )?;
            Ok(read_ends(connection)?.map_or_else(ChainHead::before_first, |(_, head)| head))
        }
    }
}

/// The last time at which the previous process was seen, if it did not record its stop.
pub(super) fn read_last_seen(connection: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let alive: Option<i64> =
        connection.query_row("SELECT max(alive) FROM chain", [], |row| row.get(0))?;
    let last = connection
        .query_row(
            "SELECT number, content, hash FROM policy_revision ORDER BY number DESC LIMIT 1",
            [],
            read_entry,
        )
        .optional()?;
    let entry = last.and_then(|stored| stored.entry);
    match (alive, entry) {
        (Some(alive), Some(entry)) if entry.cause != RevisionCause::Stop => {
            // A change may be recorded after the last sign of life.
            Ok(Timestamp::from_second(alive).ok().map(|alive| alive.max(entry.at)))
        }
        _ => Ok(None),
    }
}

/// The whole chain, with everything that it names.
pub(super) fn read_chain(connection: &Connection) -> Result<StoredChain, StoreError> {
    let mut chain = StoredChain {
        ends: read_ends(connection)?,
        origin: read_origin(connection)?,
        alive: connection.query_row("SELECT max(alive) FROM chain", [], |row| row.get(0))?,
        ..StoredChain::default()
    };
    let mut statement =
        connection.prepare("SELECT number, content, hash FROM policy_revision ORDER BY number")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        chain.entries.push(read_entry(row)?);
    }
    let mut statement = connection.prepare("SELECT digest, content FROM policy_text")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        chain.policies.insert(row.get(0)?, row.get(1)?);
    }
    chain.changes = read_changes(connection)?;
    Ok(chain)
}

/// The times in which a gateway ran and counted requests.
pub(super) fn read_counted_times(connection: &Connection) -> Result<CountedTimes, StoreError> {
    let mut statement =
        connection.prepare("SELECT number, content, hash FROM policy_revision ORDER BY number")?;
    let mut rows = statement.query([])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.extend(read_entry(row)?.entry);
    }
    let alive = connection.query_row("SELECT max(alive) FROM chain", [], |row| row.get(0))?;
    Ok(CountedTimes::of_entries(&entries, alive))
}

fn read_changes(connection: &Connection) -> Result<BTreeMap<i64, StoredChange>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT made.number, made.actor, made.change_id, made.action, made.rule, made.phase,
             undone.change_id
         FROM revision made LEFT JOIN revision undone ON undone.number = made.undoes
         ORDER BY made.number",
    )?;
    let mut rows = statement.query([])?;
    let mut changes = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let number = row.get(0)?;
        let change = ChangeEvidence {
            id: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
            action: row.get(3)?,
            rule: row.get(4)?,
            phase: row.get(5)?,
            undoes: row.get(6)?,
        };
        let digest = change_digest(connection, number)?.unwrap_or_default();
        changes.insert(number, StoredChange { digest, change, actor: row.get(1)? });
    }
    Ok(changes)
}

fn read_ends(connection: &Connection) -> Result<Option<(ChainHead, ChainHead)>, StoreError> {
    let query = "SELECT anchor_number, anchor_hash, head_number, head_hash FROM chain LIMIT 1";
    let ends = connection.query_row(query, [], |row| {
        let place = |number: usize, hash: usize| -> rusqlite::Result<ChainHead> {
            let number: i64 = row.get(number)?;
            Ok(ChainHead { number: number.max(0).cast_unsigned(), hash: row.get(hash)? })
        };
        Ok((place(0, 1)?, place(2, 3)?))
    });
    Ok(ends.optional()?)
}

fn read_origin(connection: &Connection) -> Result<String, StoreError> {
    let origin = connection.query_row("SELECT origin FROM chain LIMIT 1", [], |row| row.get(0));
    Ok(origin.optional()?.unwrap_or_default())
}

fn read_entry(row: &rusqlite::Row<'_>) -> rusqlite::Result<StoredEntry> {
    let number: i64 = row.get(0)?;
    let content: String = row.get(1)?;
    // A manipulated content may be unreadable. The verification reports that.
    let entry = serde_json::from_str(&content).ok();
    Ok(StoredEntry { number: number.max(0).cast_unsigned(), content, hash: row.get(2)?, entry })
}

/// The digest of the row of a change, and of the row of its trip; `None` if there is no such
/// change.
fn change_digest(connection: &Connection, number: i64) -> Result<Option<String>, StoreError> {
    let query = "SELECT number, change_id, at, actor, reason, action, rule, phase, until, undoes,
                     before, state
                 FROM revision WHERE number = ?1";
    let Some(change) = read_row_values(connection, query, number)? else { return Ok(None) };
    let query = "SELECT at, rule, seen, refused, refused_share, window, minimum, hit, top_network,
                     top_refused
                 FROM trip WHERE revision = ?1";
    let trip = read_row_values(connection, query, number)?;
    let text = serde_json::to_string(&(change, trip))?;
    Ok(Some(format!("sha256:{}", sha256_hex(text.as_bytes()))))
}

fn read_row_values(
    connection: &Connection,
    query: &str,
    number: i64,
) -> Result<Option<Vec<Value>>, StoreError> {
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query([number])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let mut values = Vec::new();
    for column in 0..row.as_ref().column_count() {
        values.push(match row.get_ref(column)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => number.into(),
            ValueRef::Real(number) => number.into(),
            ValueRef::Text(text) | ValueRef::Blob(text) => String::from_utf8_lossy(text).into(),
        });
    }
    Ok(Some(values))
}

#[cfg(test)]
mod tests;
