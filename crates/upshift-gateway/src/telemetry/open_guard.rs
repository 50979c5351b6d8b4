//! Counts open connections and tunnels, from start to end.

use std::cell::RefCell;
use std::rc::Rc;

use crate::telemetry::counts::CoreCounts;

/// Counts something as open until it is dropped.
pub(crate) struct OpenGuard {
    counts: Rc<RefCell<CoreCounts>>,
    opened: Opened,
}

/// Something that opens and closes.
#[derive(Clone, Copy)]
pub(crate) enum Opened {
    /// A connection of a client, by its listener.
    Connection(&'static str),
    /// A tunnel.
    Tunnel,
}

impl OpenGuard {
    /// Counts `opened` in the counters of its core.
    pub(crate) fn new(counts: &Rc<RefCell<CoreCounts>>, opened: Opened) -> Self {
        let guard = Self { counts: Rc::clone(counts), opened };
        guard.count(1);
        guard
    }

    fn count(&self, change: i64) {
        let mut counts = self.counts.borrow_mut();
        match self.opened {
            Opened::Connection(listener) => counts.open_connections.add(listener, change),
            Opened::Tunnel => counts.open_tunnels += change,
        }
    }
}

impl Drop for OpenGuard {
    fn drop(&mut self) {
        self.count(-1);
    }
}
