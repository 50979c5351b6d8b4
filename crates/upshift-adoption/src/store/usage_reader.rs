//! Reads usage from a store that another process may be writing.

use std::path::Path;

use rusqlite::Connection;

use super::error::StoreError;
use super::read_only::open_without_writing;
use super::usage::{read_callers, read_first_start, read_rows_since};
use crate::usage::{RefusedCaller, StoredRow};

/// A store that is open for reading.
pub struct UsageReader {
    connection: Connection,
}

/// The usage of a period.
#[derive(Default)]
pub struct RecordedUsage {
    /// The first time that is recorded, in seconds since 1970; `None` if nothing is.
    pub recording_since: Option<i64>,
    /// The rows from the day of the period's start on: days, then the hours after the last day, then
    /// the minutes after the last hour. No time is in two of them.
    pub rows: Vec<StoredRow>,
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
            Err(error) => Err(error.with_path(path)),
        }
    }

    /// All refused callers, those of each rule with the most refused first.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read_refused(&self) -> Result<Vec<RefusedCaller>, StoreError> {
        read_callers(&self.connection)
    }

    /// The usage since `from`, in seconds since 1970.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read_since(&self, from: i64) -> Result<RecordedUsage, StoreError> {
        Ok(RecordedUsage {
            recording_since: read_first_start(&self.connection)?,
            rows: read_rows_since(&self.connection, from)?,
            refused: read_callers(&self.connection)?,
        })
    }
}
