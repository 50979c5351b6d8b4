//! The connections of clients over TCP, on all cores: how many are open, and which of them makes
//! room for another.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::progress::activity::{IdleMark, idle_now};

/// The clients' connections over TCP, on all cores.
pub(crate) struct ClientConnections {
    open: AtomicUsize,
    /// Those of each core.
    cores: Vec<Mutex<IdleMarks>>,
    /// Wakes those that wait for a connection to end.
    pub(crate) closed: Notify,
}

/// Connections by their numbers on one core.
pub(crate) type IdleMarks = HashMap<u64, Arc<IdleMark>>;

impl ClientConnections {
    /// None yet, on so many cores.
    pub(crate) fn new(cores: usize) -> Self {
        let cores = (0..cores).map(|_| Mutex::default()).collect();
        Self { open: AtomicUsize::new(0), cores, closed: Notify::new() }
    }

    /// Takes the place of one more connection, if there are fewer than `most`. In one step: another
    /// core may accept at the same time.
    pub(crate) fn take_place(&self, most: usize) -> bool {
        let taken = self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| {
            (open < most).then_some(open + 1)
        });
        taken.is_ok()
    }

    pub(crate) fn add_place(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    /// Makes room for one more connection beside `most`, by the one that has been idle for longest.
    /// While no more than `leaving` connections are about to end, theirs is the time that this
    /// takes, and not that of the new one.
    pub(crate) fn make_room(&self, most: usize, leaving: usize) -> Room {
        let (mut oldest, mut ending, mut young): (Option<(u64, usize, u64)>, usize, bool) =
            (None, 0, false);
        let now = idle_now();
        for index in 0..self.cores.len() {
            for (number, mark) in self.core(index).iter() {
                ending += usize::from(mark.is_leaving());
                let Some(since) = mark.idle_since() else { continue };
                if now.saturating_sub(since) < REST {
                    young = true;
                } else if oldest.is_none_or(|(before, ..)| since < before) {
                    oldest = Some((since, index, *number));
                }
            }
        }
        let stays = self.open.load(Ordering::Relaxed).saturating_sub(ending);
        if stays < most {
            return if ending <= leaving { Room::Made } else { Room::Awaited };
        }
        let Some((since, index, number)) = oldest else {
            return if young { Room::Awaited } else { Room::None };
        };
        let at_once = ending >= leaving;
        match self.core(index).get(&number) {
            // A request may have come to it since, or another core may have chosen it.
            Some(mark) if !mark.evict(since, at_once) => Room::Lost,
            Some(_) if at_once => Room::Awaited,
            _ => Room::Made,
        }
    }

    pub(crate) fn core(&self, index: usize) -> MutexGuard<'_, IdleMarks> {
        self.cores[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection has ended.
    pub(crate) fn ended(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.closed.notify_waiters();
    }
}

/// How long a connection is idle before it makes room, in nanoseconds: the first request of a
/// connection that was just accepted may be on the way, and one that was just answered may be about
/// to become a tunnel.
pub(crate) const REST: u64 = 100_000_000;

/// Room for a new connection.
pub(crate) enum Room {
    /// It can be opened.
    Made,
    /// It can be opened soon: when a connection that is about to end has ended, or one that is idle
    /// has been so for long enough.
    Awaited,
    /// The connection that was to end is in use again.
    Lost,
    /// Every connection is busy.
    None,
}
