//! The refused callers in the store.

use rusqlite::{Connection, Row, Transaction, params};

use super::StoreError;
use super::usage::row_text;
use crate::usage::RefusedCaller;
use crate::{Fingerprint, Network};

/// The refused callers of a rule that are kept.
pub(super) const MAX_CALLERS: i64 = 1024;

/// Writes refused callers.
pub(super) fn write_callers(
    transaction: &Transaction<'_>,
    callers: &[RefusedCaller],
) -> Result<(), StoreError> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO refused_caller
            (rule, caller, requests, uncertainty, first_seen, last_seen, version, client, path,
             network)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT DO UPDATE SET
            requests = max(requests, excluded.requests), uncertainty = excluded.uncertainty,
            first_seen = min(first_seen, excluded.first_seen), last_seen = excluded.last_seen,
            version = excluded.version, client = excluded.client, path = excluded.path,
            network = excluded.network",
    )?;
    for caller in callers {
        statement.execute(params![
            &*caller.rule,
            caller.caller.to_string(),
            caller.requests.cast_signed(),
            caller.uncertainty.cast_signed(),
            caller.first_seen,
            caller.last_seen,
            &*caller.version,
            &*caller.client,
            &*caller.path,
            caller.network.to_string(),
        ])?;
    }
    if callers.is_empty() { Ok(()) } else { trim_callers(transaction) }
}

/// Deletes the callers of each rule that are refused least. Clients can invent any number of them.
fn trim_callers(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    let mut statement = transaction
        .prepare_cached("SELECT rule FROM refused_caller GROUP BY rule HAVING count(*) > 2 * ?1")?;
    let mut rules: Vec<String> = Vec::new();
    let mut rows = statement.query([MAX_CALLERS])?;
    while let Some(row) = rows.next()? {
        rules.push(row.get(0)?);
    }
    for rule in rules {
        transaction.execute(
            "DELETE FROM refused_caller WHERE rule = ?1 AND caller NOT IN
                (SELECT caller FROM refused_caller WHERE rule = ?1
                 ORDER BY requests DESC, last_seen DESC LIMIT ?2)",
            params![rule, MAX_CALLERS],
        )?;
    }
    Ok(())
}

/// All refused callers, those of each rule with the most refused first.
pub(super) fn read_callers(connection: &Connection) -> Result<Vec<RefusedCaller>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT rule, caller, requests, uncertainty, first_seen, last_seen, version, client, path,
                network
         FROM refused_caller ORDER BY rule, requests DESC, caller",
    )?;
    let mut rows = statement.query([])?;
    let mut callers = Vec::new();
    while let Some(row) = rows.next()? {
        callers.extend(decode_caller(row)?);
    }
    Ok(callers)
}

fn decode_caller(row: &Row<'_>) -> rusqlite::Result<Option<RefusedCaller>> {
    let Ok(bits) = u64::from_str_radix(&row_text(row, 1)?, 16) else { return Ok(None) };
    Ok(Some(RefusedCaller {
        rule: row_text(row, 0)?.into(),
        caller: Fingerprint::from_bits(bits),
        requests: row.get::<_, i64>(2)?.cast_unsigned(),
        uncertainty: row.get::<_, i64>(3)?.cast_unsigned(),
        first_seen: row.get(4)?,
        last_seen: row.get(5)?,
        version: row_text(row, 6)?.into(),
        client: row_text(row, 7)?.into(),
        path: row_text(row, 8)?.into(),
        network: Network::parse(&row_text(row, 9)?),
    }))
}
