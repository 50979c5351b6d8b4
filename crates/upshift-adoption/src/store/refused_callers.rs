//! The refused callers in the store.
//!
//! The row of a caller is written when it is new, when its details change, and once a minute. In
//! between, only the counts of the callers that were refused again are written, as one value per
//! rule: two thousand rows a second would cost ten times as much. A reader adds these counts to the
//! rows.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use rusqlite::{Connection, Row, Transaction, params};

use super::StoreError;
use super::refusal_counts::{RefusalCount, decode_counts, encode_counts};
use crate::usage::{RefusedCaller, Span};
use crate::{Fingerprint, Network};

/// The refused callers of a rule that are kept.
pub(super) const MAX_CALLERS: i64 = 1024;
/// The most rows that are remembered as written. If there are more, all are written again.
const MAX_WRITTEN: usize = 16 * 1024;

/// The writer of refused callers, which remembers the rows that it has written.
#[derive(Debug, Default)]
pub(super) struct CallerWriter {
    /// The counts left by an earlier process have been added to the rows.
    has_settled: bool,
    /// The start of the minute in which rows were written last, in seconds since 1970.
    minute: i64,
    /// The hashes of the details in the rows of this minute.
    written: HashMap<(Arc<str>, Fingerprint), u64>,
    /// The callers, by rule, whose counts are newer than their rows.
    ahead: HashMap<Arc<str>, HashMap<Fingerprint, RefusedCaller>>,
}

/// The parts of a write.
#[derive(Default)]
struct ToWrite<'c> {
    /// The callers whose rows are written.
    rows: Vec<&'c RefusedCaller>,
    /// The rules whose numbers are written.
    rules: HashSet<&'c Arc<str>>,
}

impl CallerWriter {
    /// Writes the callers that were refused until `now`, in seconds since 1970.
    ///
    /// # Errors
    /// If the file cannot be written. The writer must not be used then.
    pub(super) fn write_callers(
        &mut self,
        transaction: &Transaction<'_>,
        callers: &[RefusedCaller],
        now: i64,
    ) -> Result<(), StoreError> {
        if callers.is_empty() {
            return Ok(());
        }
        if !self.has_settled {
            settle_counts(transaction)?;
            self.has_settled = true;
        }
        let minute = Span::Minute.start_of(now);
        if minute != self.minute || self.written.len() > MAX_WRITTEN {
            self.complete_rows(transaction)?;
            self.minute = minute;
        }
        let ToWrite { rows, rules } = self.sort_callers(callers);
        write_rows(transaction, rows)?;
        for rule in rules {
            let counts = encode_counts(self.ahead[rule].values());
            transaction
                .prepare_cached("INSERT OR REPLACE INTO refusal_counts VALUES (?1, ?2)")?
                .execute(params![&**rule, counts])?;
        }
        self.trim_rows(transaction)
    }

    /// Chooses the callers whose rows have to be written, and remembers the numbers of the others.
    fn sort_callers<'c>(&mut self, callers: &'c [RefusedCaller]) -> ToWrite<'c> {
        let mut to_write = ToWrite::default();
        for caller in callers {
            let details = hash_details(caller);
            let place = (Arc::clone(&caller.rule), caller.caller);
            let ahead = self.ahead.entry(Arc::clone(&caller.rule)).or_default();
            if self.written.insert(place, details) == Some(details) {
                ahead.insert(caller.caller, caller.clone());
                to_write.rules.insert(&caller.rule);
            } else {
                to_write.rows.push(caller);
                if ahead.remove(&caller.caller).is_some() {
                    to_write.rules.insert(&caller.rule);
                }
            }
        }
        to_write
    }

    /// Writes the rows of all callers whose counts are newer than their rows.
    fn complete_rows(&mut self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        for callers in self.ahead.values() {
            write_rows(transaction, callers.values())?;
        }
        transaction.execute("DELETE FROM refusal_counts", [])?;
        self.ahead.clear();
        self.written.clear();
        Ok(())
    }

    /// Deletes the callers that are refused least, of each rule that has too many.
    fn trim_rows(&mut self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        let crowded = crowded_rules(transaction)?;
        if crowded.is_empty() {
            return Ok(());
        }
        // The least refused are known only from complete rows.
        self.complete_rows(transaction)?;
        trim_callers(transaction, crowded)
    }
}

/// The hash of the parts of a row that are not counts.
fn hash_details(caller: &RefusedCaller) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&caller.version, &caller.client, &caller.path, caller.network).hash(&mut hasher);
    hasher.finish()
}

/// Writes the rows of callers.
fn write_rows<'c>(
    transaction: &Transaction<'_>,
    callers: impl IntoIterator<Item = &'c RefusedCaller>,
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
    Ok(())
}

/// Adds the counts left by an earlier process to the rows.
fn settle_counts(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    let mut update = transaction.prepare(
        "UPDATE refused_caller SET
            requests = max(requests, ?3), uncertainty = ?4, last_seen = max(last_seen, ?5)
         WHERE rule = ?1 AND caller = ?2",
    )?;
    for (rule, counts) in read_counts(transaction)? {
        for count in counts {
            update.execute(params![
                rule,
                count.caller.to_string(),
                count.requests.cast_signed(),
                count.uncertainty.cast_signed(),
                count.last_seen,
            ])?;
        }
    }
    transaction.execute("DELETE FROM refusal_counts", [])?;
    Ok(())
}

/// The rules with more callers in the store than are kept. Clients can invent any number.
fn crowded_rules(transaction: &Transaction<'_>) -> Result<Vec<String>, StoreError> {
    let mut statement = transaction
        .prepare_cached("SELECT rule FROM refused_caller GROUP BY rule HAVING count(*) > 2 * ?1")?;
    let mut rules = Vec::new();
    let mut rows = statement.query([MAX_CALLERS])?;
    while let Some(row) = rows.next()? {
        rules.push(row.get(0)?);
    }
    Ok(rules)
}

/// Deletes the callers of these rules that are refused least.
fn trim_callers(transaction: &Transaction<'_>, rules: Vec<String>) -> Result<(), StoreError> {
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

/// The counts of callers that are newer than their rows, by rule.
fn read_counts(connection: &Connection) -> Result<Vec<(String, Vec<RefusalCount>)>, StoreError> {
    let mut statement = connection.prepare("SELECT rule, counts FROM refusal_counts")?;
    let mut rows = statement.query([])?;
    let mut counts = Vec::new();
    while let Some(row) = rows.next()? {
        counts.push((row.get::<_, String>(0)?, decode_counts(&row.get::<_, Vec<u8>>(1)?)));
    }
    Ok(counts)
}

/// All refused callers, those of each rule with the most refused first.
pub(super) fn read_callers(connection: &Connection) -> Result<Vec<RefusedCaller>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT rule, caller, requests, uncertainty, first_seen, last_seen, version, client, path,
                network
         FROM refused_caller",
    )?;
    let mut rows = statement.query([])?;
    let mut callers = Vec::new();
    while let Some(row) = rows.next()? {
        callers.extend(decode_caller(row)?);
    }
    add_counts(&mut callers, read_counts(connection)?);
    callers.sort_by(|a, b| {
        let by_requests = a.rule.cmp(&b.rule).then(b.requests.cmp(&a.requests));
        by_requests.then(a.caller.cmp(&b.caller))
    });
    Ok(callers)
}

/// Adds the counts that are newer than the rows.
fn add_counts(callers: &mut [RefusedCaller], counts: Vec<(String, Vec<RefusalCount>)>) {
    let mut ahead: HashMap<(&str, Fingerprint), &RefusalCount> = HashMap::new();
    for (rule, counts) in &counts {
        ahead.extend(counts.iter().map(|count| ((&**rule, count.caller), count)));
    }
    for caller in callers {
        if let Some(count) = ahead.get(&(&*caller.rule, caller.caller)) {
            caller.requests = caller.requests.max(count.requests);
            caller.uncertainty = count.uncertainty;
            caller.last_seen = caller.last_seen.max(count.last_seen);
        }
    }
}

fn decode_caller(row: &Row<'_>) -> rusqlite::Result<Option<RefusedCaller>> {
    let Ok(bits) = u64::from_str_radix(&row.get::<_, String>(1)?, 16) else { return Ok(None) };
    Ok(Some(RefusedCaller {
        rule: row.get::<_, String>(0)?.into(),
        caller: Fingerprint::from_bits(bits),
        requests: row.get::<_, i64>(2)?.cast_unsigned(),
        uncertainty: row.get::<_, i64>(3)?.cast_unsigned(),
        first_seen: row.get(4)?,
        last_seen: row.get(5)?,
        version: row.get::<_, String>(6)?.into(),
        client: row.get::<_, String>(7)?.into(),
        path: row.get::<_, String>(8)?.into(),
        network: Network::parse(&row.get::<_, String>(9)?),
    }))
}
