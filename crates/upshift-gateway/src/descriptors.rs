//! The descriptors that this process may open, and how they are shared out.
//!
//! Each client's connection takes one, and so does each connection to an upstream. Half of what is
//! left after a reserve is for either side, so that no number of clients keeps their own requests
//! from being forwarded. The reserve is for the admin listener, for connections that are being
//! turned away, and for files.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are not for connections, at most.
const RESERVE: usize = 64;

/// Descriptors of a worker, or of one of the other threads with a runtime of its own: its poll, its
/// timers, its waker.
const PER_THREAD: usize = 4;

/// Threads with a runtime beside the workers: main, admin, control, health.
const OTHER_THREADS: usize = 4;

/// Descriptors for the admin listener and for files however small the limit is.
const FEWEST_SPARE: usize = 12;

/// Connections that each side has however small the limit is.
const LEAST: usize = 4;

/// Raises the soft limit of descriptors to the hard one, and returns it; `None` if there is no
/// limit.
///
/// # Errors
/// If the system refuses.
pub fn raise_descriptor_limit() -> io::Result<Option<u64>> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    }
    Ok(maximum)
}

/// The share of each side.
#[derive(Debug)]
pub(crate) struct DescriptorBudget {
    /// The soft limit of the process.
    pub(crate) limit: usize,
    /// Connections of clients, at most.
    pub(crate) clients: usize,
    /// Connections of clients that end to make room, at most, beside the others. They are part of
    /// the reserve.
    pub(crate) leaving: usize,
    /// Connections to upstreams, at most.
    upstreams: usize,
    open_upstreams: AtomicUsize,
}

/// A limit that leaves too few descriptors to serve and to be watched.
#[derive(Debug, thiserror::Error)]
#[error(
    "the limit of {limit} file descriptors is too low: {needed} are needed at the least (ulimit -n, LimitNOFILE= of systemd)"
)]
pub struct TooFewDescriptors {
    /// The limit of the process.
    pub limit: usize,
    /// The lowest that will do.
    pub needed: usize,
}

impl DescriptorBudget {
    /// From the limit of now and the descriptors that are open, for so many workers.
    ///
    /// # Errors
    /// If a thread would have to do without its runtime: no admin listener, no breaker.
    pub(crate) fn measure_limit(workers: usize) -> Result<Self, TooFewDescriptors> {
        let limit = getrlimit(Resource::Nofile).current;
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        // Where /proc is not mounted, the reserve has to do.
        let open = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        let needed = open + (workers + OTHER_THREADS) * PER_THREAD + FEWEST_SPARE + 2 * LEAST;
        if limit < needed {
            return Err(TooFewDescriptors { limit, needed });
        }
        Ok(Self::share_out(limit, open, workers))
    }

    fn share_out(limit: usize, open: usize, workers: usize) -> Self {
        let spare = RESERVE.min(limit / 4);
        let reserve = spare + (workers + OTHER_THREADS) * PER_THREAD;
        let half = limit.saturating_sub(open + reserve) / 2;
        let half = half.max(LEAST);
        Self {
            limit,
            clients: half,
            leaving: spare / 2,
            upstreams: half,
            open_upstreams: AtomicUsize::new(0),
        }
    }

    /// Takes the descriptor of a connection to an upstream; `None` if none is left.
    pub(crate) fn take_descriptor(self: &Arc<Self>) -> Option<DescriptorPermit> {
        let open = self
            .open_upstreams
            .fetch_update(Relaxed, Relaxed, |open| (open < self.upstreams).then_some(open + 1));
        open.ok().map(|_| DescriptorPermit(Arc::clone(self)))
    }

    /// Tells whether so few are left for upstreams that none should be kept by a connection that
    /// rests.
    pub(crate) fn are_scarce(&self) -> bool {
        self.open_upstreams.load(Relaxed) > self.upstreams / 4 * 3
    }
}

/// The descriptor of one connection to an upstream, until it is dropped.
#[derive(Debug)]
pub(crate) struct DescriptorPermit(Arc<DescriptorBudget>);

impl Drop for DescriptorPermit {
    fn drop(&mut self) {
        self.0.open_upstreams.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_has_half_of_what_is_left() {
        let usual = DescriptorBudget::share_out(1_024, 20, 2);
        assert_eq!((usual.clients, usual.upstreams, usual.leaving), (458, 458, 32));
        let tiny = DescriptorBudget::share_out(32, 30, 8);
        assert_eq!(tiny.clients, LEAST);
        assert!(DescriptorBudget::share_out(usize::MAX, 20, 2).clients > 1 << 40);
    }

    #[test]
    fn what_is_dropped_can_be_taken_again() {
        let descriptors = Arc::new(DescriptorBudget::share_out(32, 30, 1));
        let taken: Vec<_> = std::iter::from_fn(|| descriptors.take_descriptor()).collect();
        assert_eq!(taken.len(), LEAST);
        assert!(descriptors.are_scarce());
        drop(taken);
        assert!(descriptors.take_descriptor().is_some() && !descriptors.are_scarce());
    }
}
