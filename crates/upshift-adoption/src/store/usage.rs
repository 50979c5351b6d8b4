//! Usage in the store: rows of minutes, from which hours and days are made, and refused callers.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, Row, Transaction, TransactionBehavior, named_params, params};

use super::ledger::{mark_alive, prune_entries};
use super::refused_callers::read_callers;
use super::{Store, StoreError};
use crate::sketch::DistinctCallers;
use crate::usage::row::parse_verdict;
use crate::usage::{
    Dimension, OTHER, RefusedCaller, RowKey, Span, Standing, StoredRow, UsageChanges, UsageRow,
};

/// The time after which the rows of a minute are complete in the store, in seconds.
pub const SETTLING_TIME: i64 = 300;

/// The most labels of a rule and dimension in an hour or a day. Each minute has at most as many,
/// but they can differ from minute to minute if clients invent them.
const MAX_LABELS: usize = 64;

/// The retention of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Minutes, in seconds.
    pub minutes: u64,
    /// Hours, in seconds.
    pub hours: u64,
    /// Days and refused callers, in seconds.
    pub days: u64,
}

/// The rows that a query selects.
#[derive(Clone, Copy, Debug)]
pub struct UsageQuery<'a> {
    /// The length of time of a row.
    pub span: Span,
    /// The first start, in seconds since 1970.
    pub from: i64,
    /// The end (exclusive).
    pub to: i64,
    /// The rule, or empty for all requests; `None` for all rules.
    pub rule: Option<&'a str>,
    /// The dimension; `None` for all.
    pub dimension: Option<Dimension>,
}

impl Store {
    /// Writes what changed until `now`, in seconds since 1970. Rows with the same labels and time
    /// are replaced.
    ///
    /// # Errors
    /// If the file cannot be written, or was removed. Nothing is written then.
    pub fn write_usage(&mut self, changes: &UsageChanges, now: i64) -> Result<(), StoreError> {
        self.require_present()?;
        let mut callers = std::mem::take(&mut self.callers);
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        write_rows(&transaction, &changes.rows)?;
        callers.write_callers(&transaction, &changes.refused, now)?;
        mark_alive(&transaction, now)?;
        transaction.commit()?;
        // Only after the commit: on a failure, it would remember rows that were not written.
        self.callers = callers;
        Ok(())
    }

    /// Makes the hours and days that have ended by `now` (in seconds since 1970) from the minutes,
    /// and deletes what is older than `retention`. Policy revisions are kept as long as days.
    ///
    /// # Errors
    /// If the file cannot be written. Nothing is changed then.
    pub fn maintain_usage(&mut self, now: i64, retention: Retention) -> Result<(), StoreError> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // The last rows of a minute are written after its end.
        let written = now - SETTLING_TIME;
        roll_up(&transaction, Span::Minute, Span::Hour, written)?;
        roll_up(&transaction, Span::Hour, Span::Day, written)?;
        for (span, kept) in [
            (Span::Minute, retention.minutes),
            (Span::Hour, retention.hours),
            (Span::Day, retention.days),
        ] {
            let oldest = now.saturating_sub_unsigned(kept);
            transaction.execute(
                "DELETE FROM usage WHERE span = ?1 AND start < ?2",
                params![span.seconds(), oldest],
            )?;
        }
        let oldest = now.saturating_sub_unsigned(retention.days);
        transaction.execute("DELETE FROM refused_caller WHERE last_seen < ?1", [oldest])?;
        let times = (instant(now), instant(oldest));
        let head = prune_entries(&transaction, &self.head, times)?;
        transaction.commit()?;
        self.head = head;
        Ok(())
    }

    /// The rows that `query` selects, in the order of their starts.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read_usage(&self, query: UsageQuery<'_>) -> Result<Vec<StoredRow>, StoreError> {
        read_rows(&self.connection, query)
    }

    /// All refused callers, those of each rule with the most refused first.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read_refused_callers(&self) -> Result<Vec<RefusedCaller>, StoreError> {
        read_callers(&self.connection)
    }
}

/// A second since 1970 as a timestamp; the earliest timestamp if it is out of range.
fn instant(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(Timestamp::MIN)
}

fn write_rows(transaction: &Transaction<'_>, rows: &[StoredRow]) -> Result<(), StoreError> {
    let mut statement = transaction.prepare_cached(
        "INSERT OR REPLACE INTO usage
            (span, start, rule, dimension, label, verdict, standing, requests, callers)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    for StoredRow { span, start, key, row } in rows {
        statement.execute(params![
            span.seconds(),
            start,
            &*key.rule,
            key.dimension.as_str(),
            &*key.label,
            key.verdict.as_str(),
            key.standing.as_str(),
            row.requests.cast_signed(),
            row.callers.to_bytes(),
        ])?;
    }
    Ok(())
}

/// Merges the rows of `from` into the `to` spans that have ended and do not exist yet.
fn roll_up(
    transaction: &Transaction<'_>,
    from: Span,
    to: Span,
    now: i64,
) -> Result<(), StoreError> {
    let end = to.start_of(now);
    let newest: Option<i64> = transaction.query_row(
        "SELECT max(start) FROM usage WHERE span = ?1",
        [to.seconds()],
        |row| row.get(0),
    )?;
    // The latest span was complete when it was made.
    let begin = match newest {
        Some(newest) => newest + to.seconds(),
        None => i64::MIN,
    };
    // One span at a time, so that a gateway does not read everything at once after a long stop.
    let mut start = first_start(transaction, from, begin)?;
    while let Some(first) = start {
        let start_of_span = to.start_of(first);
        if start_of_span >= end {
            break;
        }
        let next = start_of_span + to.seconds();
        merge_span(transaction, (from, to), start_of_span, next)?;
        start = first_start(transaction, from, next)?;
    }
    Ok(())
}

/// The first start of a row of `span` at or after `begin`.
fn first_start(
    transaction: &Transaction<'_>,
    span: Span,
    begin: i64,
) -> Result<Option<i64>, StoreError> {
    Ok(transaction.query_row(
        "SELECT min(start) FROM usage WHERE span = ?1 AND start >= ?2",
        params![span.seconds(), begin],
        |row| row.get(0),
    )?)
}

/// Merges the rows from `start` to `end` into one row for each label. Of each rule and dimension,
/// the most frequent labels are kept; the others become one.
fn merge_span(
    transaction: &Transaction<'_>,
    (from, to): (Span, Span),
    start: i64,
    end: i64,
) -> Result<(), StoreError> {
    let mut statement = transaction.prepare_cached(
        "SELECT span, start, rule, dimension, label, verdict, standing, requests, callers
         FROM usage WHERE span = ?1 AND start >= ?2 AND start < ?3
         ORDER BY rule, dimension",
    )?;
    let mut rows = statement.query(params![from.seconds(), start, end])?;
    // One rule and dimension at a time, so that few sketches are in memory.
    let mut group = MergedRows::default();
    while let Some(row) = rows.next()? {
        let Some(part) = decode_row(row)? else { continue };
        if !group.includes(&part.key) {
            write_rows(transaction, &std::mem::take(&mut group).into_rows(to, start))?;
        }
        group.add_row(part);
    }
    write_rows(transaction, &group.into_rows(to, start))
}

/// The merged rows of one rule and dimension.
#[derive(Default)]
struct MergedRows {
    rows: BTreeMap<RowKey, UsageRow>,
    requests: BTreeMap<Arc<str>, u64>,
}

impl MergedRows {
    fn includes(&self, key: &RowKey) -> bool {
        match self.rows.keys().next() {
            Some(own) => own.rule == key.rule && own.dimension == key.dimension,
            None => true,
        }
    }

    fn add_row(&mut self, part: StoredRow) {
        *self.requests.entry(Arc::clone(&part.key.label)).or_default() += part.row.requests;
        self.rows.entry(part.key).or_default().merge_row(&part.row);
    }

    /// The rows, with all labels but the most frequent ones as `other`.
    fn into_rows(self, span: Span, start: i64) -> Vec<StoredRow> {
        let mut labels: Vec<_> = self.requests.into_iter().collect();
        // It stands for the other labels, and does not count towards the limit.
        labels.retain(|(label, _)| **label != *OTHER);
        labels.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let is_named_by_policy =
            self.rows.keys().next().is_some_and(|key| key.dimension == Dimension::Exemption);
        if !is_named_by_policy {
            labels.truncate(MAX_LABELS);
        }
        let mut merged: BTreeMap<RowKey, UsageRow> = BTreeMap::new();
        for (mut key, row) in self.rows {
            if !labels.iter().any(|(label, _)| *label == key.label) {
                key.label = OTHER.into();
            }
            merged.entry(key).or_default().merge_row(&row);
        }
        let mut rows = Vec::with_capacity(merged.len());
        for (key, row) in merged {
            rows.push(StoredRow { span, start, key, row });
        }
        rows
    }
}

/// The rows from `from` on, without overlap: first those of the longest span up to `longest`. With
/// a dimension, only its rows.
pub(super) fn read_rows_since(
    connection: &Connection,
    mut from: i64,
    longest: Span,
    dimension: Option<Dimension>,
) -> Result<Vec<StoredRow>, StoreError> {
    let mut rows = Vec::new();
    for span in [Span::Day, Span::Hour, Span::Minute] {
        if span > longest {
            continue;
        }
        let query = UsageQuery { span, from, to: i64::MAX, rule: None, dimension };
        let mut found = read_rows(connection, query)?;
        if let Some(last) = found.last() {
            from = last.start + span.seconds();
        }
        rows.append(&mut found);
    }
    Ok(rows)
}

/// The first time that is recorded.
pub(super) fn read_first_start(connection: &Connection) -> Result<Option<i64>, StoreError> {
    Ok(connection.query_row("SELECT min(start) FROM usage", [], |row| row.get(0))?)
}

/// The rows that `query` selects.
pub(super) fn read_rows(
    connection: &Connection,
    query: UsageQuery<'_>,
) -> Result<Vec<StoredRow>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT span, start, rule, dimension, label, verdict, standing, requests, callers
         FROM usage
         WHERE span = :span AND start >= :from AND start < :to
           AND (:rule IS NULL OR rule = :rule)
           AND (:dimension IS NULL OR dimension = :dimension)
         ORDER BY start, rule, dimension, label, verdict, standing",
    )?;
    let mut rows = statement.query(named_params! {
        ":span": query.span.seconds(),
        ":from": query.from,
        ":to": query.to,
        ":rule": query.rule,
        ":dimension": query.dimension.map(Dimension::as_str),
    })?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.extend(decode_row(row)?);
    }
    Ok(found)
}

fn row_text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    row.get(column)
}

/// Returns `None` for a row with an unknown word, which a newer version may have written.
fn decode_row(row: &Row<'_>) -> Result<Option<StoredRow>, StoreError> {
    let (span, dimension) = (Span::from_seconds(row.get(0)?), Dimension::parse(&row_text(row, 3)?));
    let (verdict, standing) =
        (parse_verdict(&row_text(row, 5)?), Standing::parse(&row_text(row, 6)?));
    let callers = DistinctCallers::from_bytes(row.get_ref(8)?.as_blob().unwrap_or_default());
    let (Some(span), Some(dimension), Some(verdict), Some(standing), Some(callers)) =
        (span, dimension, verdict, standing, callers)
    else {
        return Ok(None);
    };
    let key = RowKey {
        rule: row_text(row, 2)?.into(),
        dimension,
        label: row_text(row, 4)?.into(),
        verdict,
        standing,
    };
    let counts = UsageRow { requests: row.get::<_, i64>(7)?.cast_unsigned(), callers };
    Ok(Some(StoredRow { span, start: row.get(1)?, key, row: counts }))
}

#[cfg(test)]
mod tests;
