//! Usage that is not in the store yet, because the disk is full or slow.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::refused::RefusedCaller;
use super::row::{RowKey, Span, StoredRow, UsageRow};
use super::totals::UsageChanges;
use crate::Fingerprint;

/// The most rows that wait for the store: more than those of one minute. If there are more, the
/// oldest are lost.
const MAX_ROWS: usize = super::minute::MAX_ROWS + 10_000;
/// The most refused callers that wait for the store. Further ones are written when they are
/// refused again.
const MAX_CALLERS: usize = 20_000;

/// Usage that the store does not have yet.
#[derive(Default)]
pub struct PendingUsage {
    /// By start, so that the oldest rows come first. The latest counts of a row replace earlier
    /// ones.
    rows: BTreeMap<(i64, RowKey), UsageRow>,
    refused: HashMap<(Arc<str>, Fingerprint), RefusedCaller>,
    /// The usage before this process, if it started without it.
    earlier: EarlierUsage,
    lost: u64,
}

/// The usage that an earlier process has stored and this one continues.
#[derive(Default)]
struct EarlierUsage {
    rows: BTreeMap<(i64, RowKey), UsageRow>,
    refused: HashMap<(Arc<str>, Fingerprint), RefusedCaller>,
}

impl PendingUsage {
    /// Adds what changed.
    pub fn add_changes(&mut self, changes: UsageChanges) {
        for StoredRow { span: _, start, key, row } in changes.rows {
            self.rows.insert((start, key), row);
        }
        while self.rows.len() > MAX_ROWS {
            self.rows.pop_first();
            self.lost += 1;
        }
        for caller in changes.refused {
            let key = (Arc::clone(&caller.rule), caller.caller);
            if self.refused.len() < MAX_CALLERS || self.refused.contains_key(&key) {
                self.refused.insert(key, caller);
            }
        }
    }

    /// Adds `earlier` to all waiting and future rows: a process that starts without its store
    /// counts from zero, and would overwrite the rows in the store once it is available again.
    pub fn continue_from(&mut self, earlier: UsageChanges) {
        for StoredRow { span: _, start, key, row } in earlier.rows {
            self.earlier.rows.insert((start, key), row);
        }
        for caller in earlier.refused {
            self.earlier.refused.insert((Arc::clone(&caller.rule), caller.caller), caller);
        }
    }

    /// All waiting usage.
    pub fn to_changes(&self) -> UsageChanges {
        let mut rows = Vec::with_capacity(self.rows.len());
        for (place, row) in &self.rows {
            let mut row = row.clone();
            if let Some(earlier) = self.earlier.rows.get(place) {
                row.merge_row(earlier);
            }
            let (start, key) = place.clone();
            rows.push(StoredRow { span: Span::Minute, start, key, row });
        }
        let mut refused = Vec::with_capacity(self.refused.len());
        for (place, caller) in &self.refused {
            let mut caller = caller.clone();
            if let Some(earlier) = self.earlier.refused.get(place) {
                caller.continue_from(earlier);
            }
            refused.push(caller);
        }
        UsageChanges { rows, refused }
    }

    /// Forgets the waiting usage, because it has been stored.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.refused.clear();
    }

    /// Returns true if nothing waits.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.refused.is_empty()
    }

    /// The rows that were lost.
    pub fn lost(&self) -> u64 {
        self.lost
    }
}

#[cfg(test)]
mod tests {
    use upshift_core::Verdict;

    use super::super::row::{Dimension, Standing};
    use super::*;

    #[test]
    fn the_latest_counts_wait_and_the_oldest_rows_are_lost() {
        let row = |start: i64, requests| StoredRow {
            span: Span::Minute,
            start,
            key: RowKey {
                rule: "orders".into(),
                dimension: Dimension::Version,
                label: "1.4".into(),
                verdict: Verdict::Warn,
                standing: Standing::Behind,
            },
            row: UsageRow { requests, ..UsageRow::default() },
        };
        let mut pending = PendingUsage::default();
        assert!(pending.is_empty());
        for minute in 0..=MAX_ROWS as i64 {
            let rows = vec![row(minute * 60, 1), row(minute * 60, 2)];
            pending.add_changes(UsageChanges { rows, refused: Vec::new() });
        }
        let rows = pending.to_changes().rows;
        assert_eq!((rows.len(), pending.lost()), (MAX_ROWS, 1));
        assert_eq!((rows[0].start, rows[0].row.requests), (60, 2));
        pending.clear();
        assert!(pending.is_empty());
        // The counts of an earlier process in the same minute are added each time.
        let earlier = UsageChanges { rows: vec![row(120, 40)], refused: Vec::new() };
        pending.continue_from(earlier);
        for requests in [3, 5] {
            pending
                .add_changes(UsageChanges { rows: vec![row(120, requests)], refused: Vec::new() });
            assert_eq!(pending.to_changes().rows[0].row.requests, 40 + requests);
            pending.clear();
        }
    }
}
