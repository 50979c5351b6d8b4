//! Reads usage from a store that another process may be writing.

use std::path::Path;

use rusqlite::Connection;

use super::error::StoreError;
use super::read_only::open_without_writing;
use super::refused_callers::read_callers;
use super::usage::{UsageQuery, read_first_start, read_rows, read_rows_since};
use crate::usage::{Dimension, RefusedCaller, Span, StoredRow};

/// The weeks from which the decline of a rule is projected, and some that may be left out.
const PROJECTED_WEEKS: i64 = 20;

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
    /// The days of the last 20 weeks by phase, also for a shorter period.
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
        let first_day = Span::Day.start_of(now) - PROJECTED_WEEKS * 7 * Span::Day.seconds();
        let weeks = UsageQuery {
            span: Span::Day,
            from: first_day,
            to: now,
            rule: None,
            dimension: Some(Dimension::Phase),
        };
        Ok(RecordedUsage {
            recording_since: read_first_start(&self.connection)?,
            rows: read_rows_since(&self.connection, step.start_of(from), step)?,
            weeks: read_rows(&self.connection, weeks)?,
            refused: read_callers(&self.connection)?,
        })
    }
}
