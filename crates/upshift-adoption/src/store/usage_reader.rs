//! Reads usage from a store that another process may be writing.

use std::path::Path;

use rusqlite::Connection;
use upshift_core::Verdict;

use super::error::StoreError;
use super::ledger::read_counted_times;
use super::read_only::open_without_writing;
use super::refused_callers::read_callers;
use super::usage::{read_first_start, read_rows_since};
use crate::usage::{Dimension, RefusedCaller, RowKey, Span, Standing, StoredRow, UsageRow};

/// The weeks from which the decline of a rule is projected, and some that may be left out.
const PROJECTED_WEEKS: i64 = 20;
/// The longest time of a day without requests for which the gateway may have been stopped, in
/// seconds: an hour, for restarts and upgrades.
const MAX_GAP: i64 = 3_600;

/// A store that is open for reading.
pub struct UsageReader {
    pub(super) connection: Connection,
}

/// The usage of a period.
#[derive(Default)]
pub struct RecordedUsage {
    /// The first time that is recorded, in seconds since 1970; `None` if nothing was recorded.
    pub recording_since: Option<i64>,
    /// The rows of the period: days (for a long one), then the hours after the last day, then the
    /// minutes after the last hour. They do not overlap.
    pub rows: Vec<StoredRow>,
    /// The rows of the last 20 weeks by phase, also for a shorter period: days, then the hours and
    /// minutes of which no day is made yet. They do not overlap, except that each day on which the
    /// gateway counted has a row without requests.
    pub weeks: Vec<StoredRow>,
    /// All refused callers, those of each rule with the most refused first.
    pub refused: Vec<RefusedCaller>,
}

impl UsageReader {
    /// Opens the store at `path`. `None` if there is none, or it is empty.
    ///
    /// # Errors
    /// If there is one that cannot be read.
    pub fn open(path: &Path) -> Result<Option<Self>, StoreError> {
        match open_without_writing(path) {
            Ok(connection) => Ok(connection.map(|connection| Self { connection })),
            Err(error) => Err(error.reading(path)),
        }
    }

    /// All refused callers, those of each rule with the most refused first.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read_refused(&self) -> Result<Vec<RefusedCaller>, StoreError> {
        read_callers(&self.connection)
    }

    /// The usage from `from` to `now`, in seconds since 1970. It begins with the hour or the day of
    /// `from`.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read_period(&self, from: i64, now: i64) -> Result<RecordedUsage, StoreError> {
        let step = Span::of_period(from, now);
        Ok(RecordedUsage {
            recording_since: read_first_start(&self.connection)?,
            rows: read_rows_since(&self.connection, step.start_of(from), step, None)?,
            weeks: self.read_weeks(now)?,
            refused: read_callers(&self.connection)?,
        })
    }

    /// The rows of the last 20 weeks by phase.
    fn read_weeks(&self, now: i64) -> Result<Vec<StoredRow>, StoreError> {
        let midnight = Span::Day.start_of(now);
        let first_day = midnight - PROJECTED_WEEKS * 7 * Span::Day.seconds();
        // A day is made of its hours only some minutes after its end, and after a long stop even
        // later. Until then, its hours and minutes are read.
        let phase = Some(Dimension::Phase);
        let mut weeks = read_rows_since(&self.connection, first_day, Span::Day, phase)?;
        let counted = read_counted_times(&self.connection)?;
        let mut day = first_day;
        while day < midnight {
            let next = day + Span::Day.seconds();
            if counted.seconds_between(day, next) >= Span::Day.seconds() - MAX_GAP {
                weeks.push(counted_day(day));
            }
            day = next;
        }
        Ok(weeks)
    }
}

/// A row without requests of the gateway as a whole: requests were counted on this day, even if
/// none came.
fn counted_day(start: i64) -> StoredRow {
    let key = RowKey {
        rule: "".into(),
        dimension: Dimension::Phase,
        label: "".into(),
        verdict: Verdict::Admit,
        standing: Standing::Meets,
    };
    StoredRow { span: Span::Day, start, key, row: UsageRow::default() }
}
