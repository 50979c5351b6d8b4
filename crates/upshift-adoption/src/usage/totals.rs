//! The usage of all cores: rows of the current minute, and the refused callers.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rustc_hash::FxBuildHasher;
use upshift_core::Verdict;

use super::cells::UsageCell;
use super::exempted::ExemptedRequests;
use super::labels::{LabelSet, OTHER};
use super::refused::{RefusedCaller, RefusedCallers};
use super::row::{Dimension, RowKey, Span, Standing, UsageRow};
use super::tally::UsageBatch;
use crate::Fingerprint;

/// The most labels of one rule and dimension.
const MAX_LABELS: usize = 64;
/// The most rows of one minute. Requests of further ones are counted as lost.
pub(super) const MAX_ROWS: usize = 50_000;
/// The most rows of ended minutes, and the most callers, that wait for the store.
const MAX_WAITING: usize = MAX_ROWS;
/// The longest step back of the clock, in seconds, that does not begin another minute.
const MAX_STEP_BACK: i64 = 300;
/// The label of the one row that counts all requests.
const ALL_REQUESTS: &str = "all";

/// The usage of all cores.
#[derive(Default)]
pub struct UsageTotals {
    /// The start of the current minute, in seconds since 1970.
    minute: i64,
    rows: HashMap<RowKey, UsageRow, FxBuildHasher>,
    labels: HashMap<(Arc<str>, Dimension), LabelSet, FxBuildHasher>,
    refused: RefusedCallers,
    changed_rows: HashSet<RowKey, FxBuildHasher>,
    changed_callers: HashSet<(Arc<str>, Fingerprint), FxBuildHasher>,
    /// The rows of minutes that ended since the last [`UsageTotals::take_changes`].
    ended: Vec<StoredRow>,
    lost: u64,
}

/// A row, and the time that it counts.
#[derive(Clone)]
pub struct StoredRow {
    /// The length of that time.
    pub span: Span,
    /// Its start, in seconds since 1970.
    pub start: i64,
    /// The labels.
    pub key: RowKey,
    /// The counts. They replace those of an earlier row with the same labels and time.
    pub row: UsageRow,
}

/// The changes that the store does not have yet.
#[derive(Default)]
pub struct UsageChanges {
    /// The rows that changed.
    pub rows: Vec<StoredRow>,
    /// The refused callers that changed.
    pub refused: Vec<RefusedCaller>,
}

impl UsageTotals {
    /// The totals of a process that starts at `second`, with what the store has of that minute and
    /// of refused callers.
    pub fn resume(second: i64, rows: Vec<StoredRow>, refused: Vec<RefusedCaller>) -> Self {
        let mut totals = Self { minute: Span::Minute.start_of(second), ..Self::default() };
        for stored in rows {
            if stored.span == Span::Minute && stored.start == totals.minute {
                let key = stored.key;
                let label = totals.place_label(&key.rule, key.dimension, &key.label, 1);
                totals.row_mut(RowKey { label, ..key }, |row| row.merge_row(&stored.row));
            }
        }
        for caller in refused {
            totals.refused.add_refusals(caller);
        }
        totals.changed_rows.clear();
        totals
    }

    /// Adds what a core has counted until `second`.
    pub fn merge_batch(&mut self, batch: UsageBatch, second: i64) {
        let minute = Span::Minute.start_of(second);
        // A clock that goes back a little continues the minute, so that no row is counted twice. One
        // that was far ahead has been corrected.
        if minute > self.minute || minute < self.minute - MAX_STEP_BACK {
            self.end_minute();
            self.minute = minute;
        }
        for cell in batch.cells {
            self.merge_cell(&cell);
        }
        self.merge_exempted(&batch.exempted);
        for caller in batch.refused {
            if self.changed_callers.len() < MAX_WAITING {
                self.changed_callers.insert((Arc::clone(&caller.rule), caller.caller));
            }
            self.refused.add_refusals(caller);
        }
    }

    /// Returns what changed since the last call.
    pub fn take_changes(&mut self) -> UsageChanges {
        let mut rows = std::mem::take(&mut self.ended);
        for key in std::mem::take(&mut self.changed_rows) {
            rows.extend(self.stored_row(key));
        }
        let callers: Vec<_> = std::mem::take(&mut self.changed_callers).into_iter().collect();
        UsageChanges { rows, refused: self.refused.details_of(&callers) }
    }

    /// The most refused callers of each rule.
    pub fn refused(&self) -> &RefusedCallers {
        &self.refused
    }

    /// The requests that were not counted in all their rows, because a minute had too many.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    fn end_minute(&mut self) {
        for key in std::mem::take(&mut self.changed_rows) {
            let ended = self.stored_row(key);
            self.ended.extend(ended);
        }
        self.rows.clear();
        // While the disk hangs, nobody takes them.
        if self.ended.len() > MAX_WAITING {
            let too_many = self.ended.len() - MAX_WAITING;
            self.ended.drain(..too_many);
            self.lost += too_many as u64;
        }
        for labels in self.labels.values_mut() {
            labels.sweep();
        }
    }

    fn stored_row(&self, key: RowKey) -> Option<StoredRow> {
        let row = self.rows.get(&key)?.clone();
        Some(StoredRow { span: Span::Minute, start: self.minute, key, row })
    }

    /// Adds a cell to the row of each of its labels.
    fn merge_cell(&mut self, cell: &UsageCell) {
        let key = &cell.key;
        let mut labels: Vec<(Dimension, Arc<str>)> = vec![
            (Dimension::Http, key.http.into()),
            (Dimension::Tls, key.tls.into()),
            (Dimension::Client, Arc::clone(&key.client)),
        ];
        let rule: Arc<str> = match &key.ruling {
            Some(ruling) => {
                labels.push((Dimension::Phase, ruling.phase.as_str().into()));
                labels.push((Dimension::Version, Arc::clone(&ruling.version)));
                Arc::clone(&ruling.rule)
            }
            None => {
                labels.push((Dimension::Phase, ALL_REQUESTS.into()));
                "".into()
            }
        };
        for (dimension, label) in labels {
            let label = self.place_label(&rule, dimension, &label, cell.requests);
            let (rule, verdict, standing) = (Arc::clone(&rule), key.verdict, key.standing);
            self.row_mut(RowKey { rule, dimension, label, verdict, standing }, |row| {
                row.requests += cell.requests;
                for caller in &cell.callers {
                    row.callers.insert_caller(*caller);
                }
            });
        }
    }

    fn merge_exempted(&mut self, exempted: &ExemptedRequests) {
        for (exemption, count) in exempted.iter() {
            // The policy names them, so that they need no place in a set of labels.
            let key = RowKey {
                rule: "".into(),
                dimension: Dimension::Exemption,
                label: Arc::clone(exemption),
                verdict: Verdict::Exempt,
                standing: Standing::Behind,
            };
            self.row_mut(key, |row| {
                row.requests += count.requests;
                for caller in &count.callers {
                    row.callers.insert_caller(*caller);
                }
            });
        }
    }

    fn place_label(
        &mut self,
        rule: &Arc<str>,
        dimension: Dimension,
        label: &Arc<str>,
        times: u64,
    ) -> Arc<str> {
        // It stands for labels that have no place, and needs none itself.
        if **label == *OTHER {
            return Arc::clone(label);
        }
        let key = (Arc::clone(rule), dimension);
        let labels = self.labels.entry(key).or_insert_with(|| LabelSet::new(MAX_LABELS));
        labels.admit_label(label, times)
    }

    fn row_mut(&mut self, key: RowKey, change: impl FnOnce(&mut UsageRow)) {
        if self.rows.len() >= MAX_ROWS && !self.rows.contains_key(&key) {
            self.lost += 1;
            return;
        }
        change(self.rows.entry(key.clone()).or_default());
        self.changed_rows.insert(key);
    }
}

#[cfg(test)]
mod tests {
    use upshift_core::Phase;

    use super::super::cells::{CellKey, RulingLabels};
    use super::*;
    use crate::sketch::CallerHasher;

    fn cell(version: &str, requests: u64, callers: std::ops::Range<u32>) -> UsageCell {
        let hasher = CallerHasher::new([1; 16]);
        let ruling =
            RulingLabels { rule: "orders".into(), phase: Phase::Enforce, version: version.into() };
        UsageCell {
            key: CellKey {
                ruling: Some(ruling),
                verdict: Verdict::Refuse,
                standing: Standing::Behind,
                http: "1.1",
                tls: "1.3",
                client: "App/1".into(),
            },
            requests,
            callers: callers.map(|caller| hasher.hash_caller(caller)).collect(),
        }
    }

    fn batch(cells: Vec<UsageCell>) -> UsageBatch {
        UsageBatch { cells, ..UsageBatch::default() }
    }

    fn row_of<'r>(changes: &'r UsageChanges, label: &str, start: i64) -> &'r UsageRow {
        let mut rows = changes.rows.iter();
        let found = rows.find(|stored| &*stored.key.label == label && stored.start == start);
        &found.expect("a row with this label and start").row
    }

    #[test]
    fn batches_of_a_minute_are_merged_and_the_next_minute_starts_anew() {
        let mut totals = UsageTotals::default();
        totals.merge_batch(batch(vec![cell("1.4", 10, 0..5)]), 6_000);
        totals.merge_batch(batch(vec![cell("1.4", 10, 3..8), cell("1.5", 1, 0..1)]), 6_059);
        let changes = totals.take_changes();
        let row = row_of(&changes, "1.4", 6_000);
        assert_eq!((row.requests, row.callers.estimate()), (20, 8));
        // All versions are in the row of the phase, each caller once.
        let row = row_of(&changes, "enforce", 6_000);
        assert_eq!((row.requests, row.callers.estimate()), (21, 8));
        assert!(totals.take_changes().rows.is_empty());

        totals.merge_batch(batch(vec![cell("1.4", 1, 0..1)]), 6_059);
        totals.merge_batch(batch(vec![cell("1.4", 2, 0..2)]), 6_061);
        let changes = totals.take_changes();
        // The end of the last minute is not lost.
        assert_eq!(row_of(&changes, "1.4", 6_000).requests, 21);
        assert_eq!(row_of(&changes, "1.4", 6_060).requests, 2);
    }

    #[test]
    fn a_restart_within_a_minute_continues_its_rows() {
        let mut totals = UsageTotals::default();
        totals.merge_batch(batch(vec![cell("1.4", 10, 0..5)]), 6_000);
        let rows = totals.take_changes().rows;
        let mut resumed = UsageTotals::resume(6_030, rows, Vec::new());
        assert!(resumed.take_changes().rows.is_empty());
        resumed.merge_batch(batch(vec![cell("1.4", 1, 4..6)]), 6_031);
        let changes = resumed.take_changes();
        let row = row_of(&changes, "1.4", 6_000);
        assert_eq!((row.requests, row.callers.estimate()), (11, 6));
    }

    #[test]
    fn a_flood_of_versions_stays_bounded_and_is_counted_as_other() {
        let mut totals = UsageTotals::default();
        for second in 0..50 {
            let mut cells = vec![cell("1.4", 100, 0..5)];
            for invented in 0..1_000 {
                cells.push(cell(&format!("x{second}-{invented}"), 1, 0..1));
            }
            totals.merge_batch(batch(cells), 6_000 + second);
        }
        let changes = totals.take_changes();
        assert!(changes.rows.len() < 200, "{} rows", changes.rows.len());
        assert_eq!(row_of(&changes, "1.4", 6_000).requests, 5_000);
        assert!(row_of(&changes, OTHER, 6_000).requests > 49_000);
    }
}
