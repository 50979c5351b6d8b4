//! The rows of a period: without overlap, and as exact as they are stored.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, params};

use super::StoreError;
use super::usage::{UsageQuery, read_rows};
use crate::usage::{Dimension, Span, StoredRow};

/// The rows of a period, and the time that they cover. It is longer than the period if only the
/// whole hour or day at one of its ends is stored.
#[derive(Default)]
pub struct PeriodRows {
    /// The start, in seconds since 1970.
    pub from: i64,
    /// The end.
    pub to: i64,
    /// The rows, in no order.
    pub rows: Vec<StoredRow>,
}

/// The starts of spans whose rows are taken.
#[derive(Default)]
struct TakenSpans(BTreeSet<(Span, i64)>);

impl TakenSpans {
    /// Returns true if a longer span that includes this one is taken.
    fn include(&self, span: Span, start: i64) -> bool {
        [Span::Hour, Span::Day]
            .into_iter()
            .any(|longer| longer > span && self.0.contains(&(longer, longer.start_of(start))))
    }
}

/// The rows from `from` to `to`, in seconds since 1970, of these dimensions.
pub(super) fn read_period_rows(
    connection: &Connection,
    (from, to): (i64, i64),
    dimensions: &[Dimension],
) -> Result<PeriodRows, StoreError> {
    let mut period = PeriodRows { from, to, rows: Vec::new() };
    let mut taken = TakenSpans::default();
    for span in [Span::Day, Span::Hour, Span::Minute] {
        for (start, requests) in read_starts(connection, span, (from, to))? {
            let end = start + span.seconds();
            let is_inside = from <= start && end <= to;
            if taken.include(span, start) {
                continue;
            }
            // At the ends of the period, shorter rows are exact if all of them are still stored.
            if !is_inside && has_shorter_rows(connection, span, (start, requests))? {
                continue;
            }
            period.from = period.from.min(start);
            period.to = period.to.max(end);
            taken.0.insert((span, start));
            for dimension in dimensions {
                let query = UsageQuery {
                    span,
                    from: start,
                    to: start + 1,
                    rule: None,
                    dimension: Some(*dimension),
                };
                period.rows.append(&mut read_rows(connection, query)?);
            }
        }
    }
    Ok(period)
}

/// The starts of the rows that overlap the period, with the number of all requests.
fn read_starts(
    connection: &Connection,
    span: Span,
    (from, to): (i64, i64),
) -> Result<BTreeMap<i64, i64>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT start, sum(requests) FILTER (WHERE rule = '' AND dimension = 'phase') FROM usage
         WHERE span = ?1 AND start > ?2 AND start < ?3 GROUP BY start",
    )?;
    let mut rows = statement.query(params![span.seconds(), from - span.seconds(), to])?;
    let mut starts = BTreeMap::new();
    while let Some(row) = rows.next()? {
        starts.insert(row.get(0)?, row.get::<_, Option<i64>>(1)?.unwrap_or(0));
    }
    Ok(starts)
}

/// Returns true if shorter rows count all the requests of this one.
fn has_shorter_rows(
    connection: &Connection,
    span: Span,
    (start, requests): (i64, i64),
) -> Result<bool, StoreError> {
    let shorter = match span {
        Span::Minute => return Ok(false),
        Span::Hour => Span::Minute,
        Span::Day => Span::Hour,
    };
    let end = start + span.seconds();
    // Old rows are deleted individually, so the first row of a span may be missing.
    let kept: i64 = connection.query_row(
        "SELECT coalesce(sum(requests), 0) FROM usage
         WHERE span = ?1 AND start >= ?2 AND start < ?3 AND rule = '' AND dimension = 'phase'",
        params![shorter.seconds(), start, end],
        |row| row.get(0),
    )?;
    Ok(kept == requests)
}
