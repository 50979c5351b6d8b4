//! The usage of all cores: rows of the current minute, and the refused callers.

use std::collections::HashMap;

use rustc_hash::FxBuildHasher;

use super::batch::UsageBatch;
use super::minute::MinuteRows;
use super::refused::{RefusedCaller, RefusedCallers};
use super::roster::SenderRoster;
use super::row::StoredRow;

/// The usage of all cores.
#[derive(Default)]
pub struct UsageTotals {
    minute: MinuteRows,
    /// The senders of each tally.
    rosters: HashMap<u64, SenderRoster, FxBuildHasher>,
    refused: RefusedCallers,
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
    /// The totals of a process that starts at `second`, including the stored rows of that minute
    /// and the stored refused callers.
    pub fn resume(second: i64, rows: Vec<StoredRow>, refused: Vec<RefusedCaller>) -> Self {
        let minute = MinuteRows::resume(second, rows);
        let mut totals = Self { minute, ..Self::default() };
        for caller in refused {
            totals.refused.add_refusals(caller);
        }
        // They are already in the store.
        totals.refused.forget_changed();
        totals
    }

    /// Adds the usage that a core has counted until `second`. The batches of a tally have to be
    /// merged in order; if one is left out, the tally has to
    /// [forget](super::UsageTally::forget_senders) its senders.
    pub fn merge_batch(&mut self, mut batch: UsageBatch, second: i64) {
        self.minute.begin_minute(second);
        let roster = self.rosters.entry(batch.tally).or_default();
        roster.merge_batch(&mut batch, &mut self.minute);
        for caller in roster.refused_callers(&batch.counts) {
            self.refused.add_refusals(caller);
        }
    }

    /// Returns what changed since the last call.
    pub fn take_changes(&mut self) -> UsageChanges {
        UsageChanges { rows: self.minute.take_changes(), refused: self.refused.take_changed() }
    }

    /// The most refused callers of each rule.
    pub fn refused(&self) -> &RefusedCallers {
        &self.refused
    }

    /// The requests that were not counted in all their rows, because a minute had too many rows.
    pub fn lost(&self) -> u64 {
        self.minute.lost()
    }
}

/// The callers that a batch of a new tally has refused, by caller and rule.
pub(crate) fn refused_in_batch(mut batch: UsageBatch) -> Vec<RefusedCaller> {
    let mut roster = SenderRoster::default();
    roster.define_senders(&mut batch);
    roster.refused_callers(&batch.counts).collect()
}

#[cfg(test)]
mod tests {
    use upshift_core::{Phase, Verdict};

    use super::super::batch::{NewSenders, SenderRecord};
    use super::super::cells::{CellKey, CellLabels, RulingLabels};
    use super::super::combinations::CountedCell;
    use super::super::labels::OTHER;
    use super::super::row::{Standing, UsageRow};
    use super::super::senders::SenderCount;
    use super::*;
    use crate::sketch::CallerHasher;

    /// Requests with a version, and the callers that sent them.
    struct Counted {
        version: String,
        requests: u32,
        callers: std::ops::Range<u32>,
    }

    fn counted(version: &str, requests: u32, callers: std::ops::Range<u32>) -> Counted {
        Counted { version: version.to_owned(), requests, callers }
    }

    fn cell(version: &str) -> CellKey {
        let ruling =
            RulingLabels { rule: "orders".into(), phase: Phase::Enforce, version: version.into() };
        CellKey::Labelled(CellLabels {
            ruling: Some(ruling),
            verdict: Verdict::Refuse,
            standing: Standing::Behind,
            http: "1.1",
            tls: "1.3",
            client: "App/1".into(),
        })
    }

    /// A batch that defines all its senders, each in a cell of its version.
    fn batch(parts: Vec<Counted>) -> UsageBatch {
        let hasher = CallerHasher::new([1; 16]);
        let mut batch = UsageBatch { begins: true, ..UsageBatch::default() };
        for (number, part) in parts.into_iter().enumerate() {
            let counted = CountedCell { cell: number as u32, caller: 0 };
            batch.new.cells.push(cell(&part.version));
            batch.new.combinations.push([counted].into());
            let rest = part.requests - part.callers.len() as u32;
            for caller in part.callers.clone() {
                let sender = batch.new.senders.len() as u32;
                let record = SenderRecord {
                    combination: number as u32,
                    callers: 1,
                    refusals: 0,
                    first_seen: 0,
                };
                batch.new.senders.push(record);
                batch.new.callers.push(Some(hasher.hash_caller(caller)));
                // The first sends all that are left.
                let requests = if caller == part.callers.start { 1 + rest } else { 1 };
                batch.counts.push(SenderCount { sender, requests, last_seen: 0 });
            }
        }
        batch
    }

    /// A batch that defines nothing.
    fn later_batch(counts: &[(u32, u32)]) -> UsageBatch {
        let mut batch = UsageBatch { new: NewSenders::default(), ..UsageBatch::default() };
        for (sender, requests) in counts {
            batch.counts.push(SenderCount { sender: *sender, requests: *requests, last_seen: 0 });
        }
        batch
    }

    fn row_of<'r>(changes: &'r UsageChanges, label: &str, start: i64) -> &'r UsageRow {
        let mut rows = changes.rows.iter();
        let found = rows.find(|stored| &*stored.key.label == label && stored.start == start);
        &found.expect("a row with this label and start").row
    }

    #[test]
    fn batches_of_a_minute_are_merged_and_the_next_minute_starts_anew() {
        let mut totals = UsageTotals::default();
        totals.merge_batch(batch(vec![counted("1.4", 10, 0..5)]), 6_000);
        totals.merge_batch(batch(vec![counted("1.4", 10, 3..8), counted("1.5", 1, 0..1)]), 6_059);
        let changes = totals.take_changes();
        let row = row_of(&changes, "1.4", 6_000);
        assert_eq!((row.requests, row.callers.estimate()), (20, 8));
        // All versions are in the row of the phase, each caller once.
        let row = row_of(&changes, "enforce", 6_000);
        assert_eq!((row.requests, row.callers.estimate()), (21, 8));
        assert!(totals.take_changes().rows.is_empty());

        totals.merge_batch(batch(vec![counted("1.4", 1, 0..1)]), 6_059);
        totals.merge_batch(batch(vec![counted("1.4", 2, 0..2)]), 6_061);
        let changes = totals.take_changes();
        // The end of the last minute is not lost.
        assert_eq!(row_of(&changes, "1.4", 6_000).requests, 21);
        assert_eq!(row_of(&changes, "1.4", 6_060).requests, 2);
    }

    #[test]
    fn known_senders_are_counted_by_number_in_each_minute() {
        let mut totals = UsageTotals::default();
        totals.merge_batch(batch(vec![counted("1.4", 5, 0..5)]), 6_000);
        totals.merge_batch(later_batch(&[(0, 7), (3, 1)]), 6_001);
        let changes = totals.take_changes();
        let row = row_of(&changes, "1.4", 6_000);
        assert_eq!((row.requests, row.callers.estimate()), (13, 5));
        // The rows of the next minute have only the callers that sent requests in it.
        totals.merge_batch(later_batch(&[(1, 2), (3, 2)]), 6_060);
        totals.merge_batch(later_batch(&[(1, 2), (4, 1)]), 6_061);
        let changes = totals.take_changes();
        let row = row_of(&changes, "1.4", 6_060);
        assert_eq!((row.requests, row.callers.estimate()), (7, 3));
        // A number that was never defined is a part of a batch that was lost.
        totals.merge_batch(later_batch(&[(9, 2)]), 6_061);
        assert_eq!(totals.lost(), 1);
        // Numbers that begin again belong to other senders.
        totals.merge_batch(batch(vec![counted("1.5", 1, 0..1)]), 6_062);
        totals.merge_batch(later_batch(&[(0, 3)]), 6_063);
        let changes = totals.take_changes();
        assert_eq!(row_of(&changes, "1.5", 6_060).requests, 4);
    }

    /// A late label takes the place of another within the minute. Its row includes the callers that
    /// were counted as `other` before.
    #[test]
    fn callers_follow_their_label_to_its_own_row() {
        let mut totals = UsageTotals::default();
        let mut parts = Vec::new();
        for taken in 0..64 {
            parts.push(counted(&format!("9.{taken}"), 6, 100..101));
        }
        parts.push(counted("1.4", 5, 0..5));
        totals.merge_batch(batch(parts), 6_000);
        let row = row_of(&totals.take_changes(), OTHER, 6_000).clone();
        assert_eq!((row.requests, row.callers.estimate()), (5, 5));
        let senders: Vec<(u32, u32)> = (64..69).map(|sender| (sender, 2)).collect();
        totals.merge_batch(later_batch(&senders), 6_001);
        let changes = totals.take_changes();
        let row = row_of(&changes, "1.4", 6_000);
        assert_eq!((row.requests, row.callers.estimate()), (10, 5));
    }

    #[test]
    fn a_restart_within_a_minute_continues_its_rows() {
        let mut totals = UsageTotals::default();
        totals.merge_batch(batch(vec![counted("1.4", 10, 0..5)]), 6_000);
        let rows = totals.take_changes().rows;
        let mut resumed = UsageTotals::resume(6_030, rows, Vec::new());
        assert!(resumed.take_changes().rows.is_empty());
        resumed.merge_batch(batch(vec![counted("1.4", 2, 4..6)]), 6_031);
        let changes = resumed.take_changes();
        let row = row_of(&changes, "1.4", 6_000);
        assert_eq!((row.requests, row.callers.estimate()), (12, 6));
    }

    #[test]
    fn a_flood_of_versions_stays_bounded_and_is_counted_as_other() {
        let mut totals = UsageTotals::default();
        for second in 0..50 {
            let mut parts = vec![counted("1.4", 100, 0..5)];
            for invented in 0..1_000 {
                parts.push(counted(&format!("x{second}-{invented}"), 1, 0..1));
            }
            totals.merge_batch(batch(parts), 6_000 + second);
        }
        let changes = totals.take_changes();
        assert!(changes.rows.len() < 200, "{} rows", changes.rows.len());
        assert_eq!(row_of(&changes, "1.4", 6_000).requests, 5_000);
        assert!(row_of(&changes, OTHER, 6_000).requests > 49_000);
    }
}
