//! The live feed of decisions, from the cores to the pages that watch.
//!
//! 1. While no page watches, a request loads one atomic, and nothing else is done.
//! 2. While one does, each core sends a few decisions of each verdict per second, so that many
//!    admitted requests do not hide the few that are refused. The others are counted.
//! 3. No core takes a lock or waits. Each watcher has a queue of its own with a limit; a decision
//!    that finds it full is dropped and counted.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use tokio::sync::mpsc;
use upshift_core::Verdict;

/// The most watchers at a time.
pub(crate) const MAX_WATCHERS: usize = 32;
/// The decisions that wait for one watcher.
const QUEUE: usize = 64;
/// The decisions of each verdict that one core sends per second.
const PER_SECOND: u32 = 4;

/// A decision as JSON, which all watchers share.
pub(crate) type FeedEvent = Arc<str>;

/// The part of the feed that cores and watchers share.
#[derive(Default)]
pub(crate) struct DecisionFeed {
    /// The number of watchers. Cores read only this while it is 0.
    watched: AtomicUsize,
    watchers: ArcSwap<Vec<WatcherQueue>>,
    /// Decisions that the cores did not send since the start.
    left_out: AtomicU64,
    next_number: AtomicU64,
}

/// The cores' end of a watcher's queue.
#[derive(Clone)]
struct WatcherQueue {
    number: u64,
    events: mpsc::Sender<FeedEvent>,
    dropped: Arc<AtomicU64>,
}

/// A page that watches, until it is dropped.
pub(crate) struct FeedWatcher {
    feed: Arc<DecisionFeed>,
    number: u64,
    events: mpsc::Receiver<FeedEvent>,
    /// Decisions that found the queue full.
    dropped: Arc<AtomicU64>,
    /// The decisions left out that the watcher was last informed of.
    reported: u64,
}

impl DecisionFeed {
    /// Returns true if a page watches.
    pub(crate) fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed) > 0
    }

    /// Adds a watcher; `None` if there are too many.
    pub(crate) fn watch(self: &Arc<Self>) -> Option<FeedWatcher> {
        if self.watched.fetch_add(1, Ordering::Relaxed) >= MAX_WATCHERS {
            self.watched.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let ((sender, events), dropped) = (mpsc::channel(QUEUE), Arc::<AtomicU64>::default());
        let queue = WatcherQueue { number, events: sender, dropped: Arc::clone(&dropped) };
        self.watchers.rcu(|watchers| {
            let mut watchers = Vec::clone(watchers);
            watchers.push(queue.clone());
            watchers
        });
        let reported = self.left_out.load(Ordering::Relaxed);
        Some(FeedWatcher { feed: Arc::clone(self), number, events, dropped, reported })
    }

    /// Sends a decision to every watcher.
    pub(crate) fn send(&self, event: &FeedEvent) {
        for watcher in self.watchers.load().iter() {
            if watcher.events.try_send(Arc::clone(event)).is_err() {
                watcher.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Counts decisions that a core did not send.
    pub(crate) fn add_left_out(&self, decisions: u64) {
        self.left_out.fetch_add(decisions, Ordering::Relaxed);
    }
}

impl FeedWatcher {
    /// Waits for the next decision.
    pub(crate) async fn next_event(&mut self) -> Option<FeedEvent> {
        self.events.recv().await
    }

    /// The decisions that were left out since the last call.
    pub(crate) fn take_left_out(&mut self) -> u64 {
        let left_out = self.feed.left_out.load(Ordering::Relaxed);
        let unsent = left_out - std::mem::replace(&mut self.reported, left_out);
        unsent + self.dropped.swap(0, Ordering::Relaxed)
    }
}

impl Drop for FeedWatcher {
    fn drop(&mut self) {
        self.feed.watchers.rcu(|watchers| {
            let mut watchers = Vec::clone(watchers);
            watchers.retain(|watcher| watcher.number != self.number);
            watchers
        });
        self.feed.watched.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The decisions that one core may still send in this second.
#[derive(Default)]
pub(crate) struct FeedAllowance {
    second: Cell<i64>,
    sent: RefCell<[u32; 4]>,
    left_out: Cell<u64>,
}

impl FeedAllowance {
    /// Returns true if a decision with this verdict may be sent in this second; if not, it is
    /// counted as left out.
    pub(crate) fn admit(&self, verdict: Verdict, second: i64) -> bool {
        let mut sent = self.sent.borrow_mut();
        if self.second.replace(second) != second {
            *sent = [0; 4];
        }
        let sent = match verdict {
            Verdict::Admit => &mut sent[0],
            Verdict::Warn => &mut sent[1],
            Verdict::Refuse => &mut sent[2],
            Verdict::Exempt => &mut sent[3],
        };
        *sent += 1;
        let admitted = *sent <= PER_SECOND;
        if !admitted {
            self.left_out.set(self.left_out.get() + 1);
        }
        admitted
    }

    /// The decisions that were left out since the last call.
    pub(crate) fn take_left_out(&self) -> u64 {
        self.left_out.take()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    fn event() -> FeedEvent {
        "{}".into()
    }

    #[tokio::test]
    async fn every_watcher_gets_every_decision_until_it_leaves() {
        let feed = Arc::<DecisionFeed>::default();
        assert!(!feed.is_watched());
        let (mut one, mut other) = (feed.watch().unwrap(), feed.watch().unwrap());
        feed.send(&event());
        assert_eq!(
            (one.next_event().await, other.next_event().await),
            (Some(event()), Some(event()))
        );
        drop(one);
        assert!(feed.is_watched());
        feed.send(&event());
        assert_eq!(other.next_event().await, Some(event()));
        drop(other);
        assert!(!feed.is_watched() && feed.watchers.load().is_empty());
    }

    #[tokio::test]
    async fn a_watcher_that_is_slow_loses_decisions_and_learns_how_many() {
        let feed = Arc::<DecisionFeed>::default();
        let mut watcher = feed.watch().unwrap();
        for _ in 0..QUEUE + 10 {
            feed.send(&event());
        }
        assert_eq!((watcher.take_left_out(), watcher.take_left_out()), (10, 0));
        assert_eq!(watcher.events.len(), QUEUE);
        feed.add_left_out(5);
        assert_eq!(watcher.take_left_out(), 5);
        // One that comes later does not learn of those that were left out before.
        assert_eq!(feed.watch().unwrap().take_left_out(), 0);
    }

    #[test]
    fn the_number_of_watchers_has_a_limit() {
        let feed = Arc::<DecisionFeed>::default();
        let mut watchers = Vec::new();
        while let Some(watcher) = feed.watch() {
            watchers.push(watcher);
            assert!(watchers.len() <= MAX_WATCHERS);
        }
        assert_eq!(watchers.len(), MAX_WATCHERS);
        watchers.pop();
        assert!(feed.watch().is_some());
    }

    /// Ten thousand admitted requests hid the one that was refused.
    #[test]
    fn a_flood_of_one_verdict_does_not_hide_another() {
        let allowance = FeedAllowance::default();
        let mut sent = 0;
        for _ in 0..10_000 {
            sent += u32::from(allowance.admit(Verdict::Admit, 7));
        }
        assert_eq!(sent, PER_SECOND);
        assert!(allowance.admit(Verdict::Refuse, 7));
        assert_eq!(allowance.take_left_out(), 10_000 - u64::from(PER_SECOND));
        assert_eq!(allowance.take_left_out(), 0);
        assert!(allowance.admit(Verdict::Admit, 8), "a new second has a new allowance");
    }
}
