//! The TCP connections of clients on all cores: their number, and the choice of one that is closed
//! to make room for another.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::progress::activity::{IdleMark, idle_now};

/// The time for which a connection is idle before it makes room, in nanoseconds. The first request
/// of a connection that was just accepted may be on the way, and one that was just answered may be
/// about to become a tunnel.
pub(crate) const MIN_IDLE_NANOS: u64 = 100_000_000;

/// The TCP connections of clients on all cores.
pub(crate) struct ClientConnections {
    open: AtomicUsize,
    /// The connections of each core.
    cores: Vec<Mutex<IdleMarks>>,
    /// Wakes the accept loops that wait for a connection to end.
    pub(crate) closed: Notify,
}

/// The connections of one core, by number.
pub(crate) type IdleMarks = HashMap<u64, Arc<IdleMark>>;

/// The outcome of an attempt to make room for a new connection.
pub(crate) enum Room {
    /// It can be opened.
    Made,
    /// It can be opened soon: when a connection that is closing has closed, or an idle one has been
    /// idle for long enough.
    Awaited,
    /// The connection that was chosen is in use again.
    Lost,
    /// Every connection is busy.
    None,
}

impl ClientConnections {
    /// No connections, on this number of cores.
    pub(crate) fn new(cores: usize) -> Self {
        let cores = (0..cores).map(|_| Mutex::default()).collect();
        Self { open: AtomicUsize::new(0), cores, closed: Notify::new() }
    }

    /// Counts one more connection, unless there are `most` already.
    pub(crate) fn try_add(&self, most: usize) -> bool {
        // In one step: another core may accept between a check and an increment.
        let added = self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| {
            if open < most { Some(open + 1) } else { None }
        });
        added.is_ok()
    }

    /// Counts one more connection, over any limit.
    pub(crate) fn add(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one connection less, and wakes the accept loops.
    pub(crate) fn remove(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.closed.notify_waiters();
    }

    /// Makes room for one more connection than `most`, by closing the one that has been idle for
    /// longest. While no more than `leaving` connections are closing, the new one does not wait for
    /// them.
    pub(crate) fn make_room(&self, most: usize, leaving: usize) -> Room {
        let census = self.count_idle();
        let staying = self.open.load(Ordering::Relaxed).saturating_sub(census.closing);
        if staying < most {
            return if census.closing <= leaving { Room::Made } else { Room::Awaited };
        }
        let Some(oldest) = census.oldest else {
            return if census.some_too_young { Room::Awaited } else { Room::None };
        };
        let at_once = census.closing >= leaving;
        match self.marks_of_core(oldest.core).get(&oldest.number) {
            // A request may have arrived on it since, or another core may have chosen it.
            Some(mark) if !mark.evict(oldest.since, at_once) => Room::Lost,
            Some(_) if at_once => Room::Awaited,
            _ => Room::Made,
        }
    }

    fn count_idle(&self) -> IdleCensus {
        let mut census = IdleCensus::default();
        let now = idle_now();
        for core in 0..self.cores.len() {
            for (&number, mark) in self.marks_of_core(core).iter() {
                census.closing += usize::from(mark.is_leaving());
                if let Some(since) = mark.idle_since() {
                    census.add_idle(IdleConnection { since, core, number }, now);
                }
            }
        }
        census
    }

    /// The connections of one core.
    pub(crate) fn marks_of_core(&self, core: usize) -> MutexGuard<'_, IdleMarks> {
        self.cores[core].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The idle connections of all cores.
#[derive(Default)]
struct IdleCensus {
    oldest: Option<IdleConnection>,
    closing: usize,
    /// There are idle connections that have not been idle for long enough.
    some_too_young: bool,
}

struct IdleConnection {
    /// On the clock of [`idle_now`].
    since: u64,
    core: usize,
    number: u64,
}

impl IdleCensus {
    fn add_idle(&mut self, idle: IdleConnection, now: u64) {
        if now.saturating_sub(idle.since) < MIN_IDLE_NANOS {
            self.some_too_young = true;
            return;
        }
        match &self.oldest {
            Some(oldest) if oldest.since <= idle.since => {}
            _ => self.oldest = Some(idle),
        }
    }
}
