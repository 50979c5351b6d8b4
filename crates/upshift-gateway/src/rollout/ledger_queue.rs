//! The policy revisions that the store does not have yet.

use std::sync::Arc;

use upshift_adoption::ledger::{LedgerEntry, NewEntry, RevisionCause};
use upshift_core::Timestamp;

/// The most revisions that wait for the store. Beyond it, the oldest are lost.
const MOST_PENDING: usize = 10_000;

/// The policy revisions that the store does not have yet.
#[derive(Default)]
pub(super) struct LedgerQueue {
    pub(super) pending: Vec<Arc<NewEntry>>,
    /// The latest one that the store has and that lists a policy. A store that was removed begins
    /// with it again.
    pub(super) latest: Option<Arc<NewEntry>>,
    /// The rows of usage that were lost, and since when the store has not been written.
    lost: u64,
    failing_since: Option<Timestamp>,
}

impl LedgerQueue {
    /// Queues a revision.
    pub(super) fn push(&mut self, revision: Arc<NewEntry>) {
        if self.pending.len() >= MOST_PENDING {
            self.pending.remove(0);
            tracing::error!("a policy revision is lost: too many wait for the store");
        }
        self.pending.push(revision);
    }

    /// Takes note that the store has all revisions.
    pub(super) fn mark_written(&mut self) {
        for revision in self.pending.drain(..) {
            if revision.whole.is_some() {
                self.latest = Some(revision);
            }
        }
    }

    /// Takes note of rows of usage that were lost. When the store is written again, that becomes a
    /// revision.
    pub(super) fn note_lost(&mut self, rows: u64, written: bool, now: Timestamp) {
        self.lost += rows;
        if !written {
            self.failing_since.get_or_insert(now);
            return;
        }
        let since = self.failing_since.take();
        let lost = std::mem::take(&mut self.lost);
        if lost == 0 {
            return;
        }
        let reason = format!("{lost} rows of counted requests could not be written, and were lost");
        let entry = LedgerEntry::new(now, RevisionCause::UsageLost, "store", &reason);
        let entry = LedgerEntry { last_seen: since, ..entry };
        self.push(Arc::new(NewEntry { entry, whole: None }));
    }
}
