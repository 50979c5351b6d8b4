//! The rows of the current minute.

use std::collections::HashMap;
use std::sync::Arc;

use rustc_hash::FxBuildHasher;

use super::labels::{LabelSet, OTHER};
use super::row::{Dimension, RowKey, Span, StoredRow, UsageRow};
use crate::sketch::CallerHash;

/// The most labels of one rule and dimension that have a place at a time.
const MAX_LABELS: usize = 64;
/// The most rows of one minute. Requests for further rows are counted as lost.
pub(super) const MAX_ROWS: usize = 50_000;
/// The most rows of ended minutes that wait for the store.
const MAX_WAITING: usize = MAX_ROWS;
/// The longest step back of the clock, in seconds, that does not begin another minute.
const MAX_STEP_BACK: i64 = 300;

/// The rows of the current minute, and those of ended minutes that wait for the store.
#[derive(Default)]
pub(super) struct MinuteRows {
    /// The start of the minute, in seconds since 1970.
    start: i64,
    /// The minutes that have begun.
    epoch: u64,
    rows: HashMap<RowKey, CurrentRow, FxBuildHasher>,
    labels: HashMap<(Arc<str>, Dimension), LabelSet, FxBuildHasher>,
    /// The rows of minutes that ended since the last [`MinuteRows::take_changes`].
    ended: Vec<StoredRow>,
    lost: u64,
}

/// A row of the current minute.
#[derive(Default)]
struct CurrentRow {
    row: UsageRow,
    /// It changed since the last [`MinuteRows::take_changes`].
    is_changed: bool,
}

impl MinuteRows {
    /// The rows of the minute of `second`, including those already in the store.
    pub(super) fn resume(second: i64, rows: Vec<StoredRow>) -> Self {
        let mut minute = Self { start: Span::Minute.start_of(second), ..Self::default() };
        for stored in rows {
            if stored.span == Span::Minute && stored.start == minute.start {
                let StoredRow { mut key, row, .. } = stored;
                if matches!(key.dimension, Dimension::Version | Dimension::Client) {
                    key.label = minute.place_label(&key.rule, key.dimension, &key.label, 1);
                }
                minute.rows.entry(key).or_default().row.merge_row(&row);
            }
        }
        minute
    }

    /// Begins the minute of `second`, unless it is the current one.
    pub(super) fn begin_minute(&mut self, second: i64) {
        let start = Span::Minute.start_of(second);
        // If the clock goes back a little, the minute continues, so that no row is counted twice.
        // If it goes back further, it was ahead and has been corrected.
        if start > self.start || start < self.start - MAX_STEP_BACK {
            self.end_minute();
            self.start = start;
            self.epoch += 1;
        }
    }

    /// A number that differs from minute to minute.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The label to count `label` under, after `times` requests with it.
    pub(super) fn place_label(
        &mut self,
        rule: &Arc<str>,
        dimension: Dimension,
        label: &Arc<str>,
        times: u64,
    ) -> Arc<str> {
        // It stands for the labels without a place, and needs none itself.
        if **label == *OTHER {
            return Arc::clone(label);
        }
        let key = (Arc::clone(rule), dimension);
        let labels = self.labels.entry(key).or_insert_with(|| LabelSet::new(MAX_LABELS));
        labels.admit_label(label, times)
    }

    /// Adds requests and their callers to a row.
    pub(super) fn add_requests(&mut self, key: &RowKey, requests: u64, callers: &[CallerHash]) {
        let is_full = self.rows.len() >= MAX_ROWS;
        let current = match self.rows.get_mut(key) {
            Some(current) => current,
            None if is_full => {
                self.lost += 1;
                return;
            }
            None => self.rows.entry(key.clone()).or_default(),
        };
        current.is_changed = true;
        current.row.requests += requests;
        for caller in callers {
            current.row.callers.insert_caller(*caller);
        }
    }

    /// Returns the rows that changed since the last call.
    pub(super) fn take_changes(&mut self) -> Vec<StoredRow> {
        let mut changed = std::mem::take(&mut self.ended);
        self.move_changed(&mut changed);
        changed
    }

    /// The requests that were not counted in all their rows, because a minute had too many rows.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// Counts a part of a batch that cannot be counted.
    pub(super) fn add_lost(&mut self) {
        self.lost += 1;
    }

    fn end_minute(&mut self) {
        let mut ended = std::mem::take(&mut self.ended);
        self.move_changed(&mut ended);
        self.rows.clear();
        // They wait here while the disk hangs.
        if ended.len() > MAX_WAITING {
            let too_many = ended.len() - MAX_WAITING;
            ended.drain(..too_many);
            self.lost += too_many as u64;
        }
        self.ended = ended;
        for labels in self.labels.values_mut() {
            labels.sweep();
        }
    }

    /// Copies the rows that changed to `changed`.
    fn move_changed(&mut self, changed: &mut Vec<StoredRow>) {
        for (key, current) in &mut self.rows {
            if std::mem::take(&mut current.is_changed) {
                let (key, row) = (key.clone(), current.row.clone());
                changed.push(StoredRow { span: Span::Minute, start: self.start, key, row });
            }
        }
    }
}
