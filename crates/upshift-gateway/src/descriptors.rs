//! The file descriptors of this process, and their division between clients and upstreams.
//!
//! Each connection of a client takes one, and so does each connection to an upstream. After a
//! reserve, each side gets half of the rest, so that no number of clients can keep requests from
//! being forwarded. The reserve is for the admin listener, for connections that are closing, and
//! for files.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The number of descriptors that are not for connections, at most.
const RESERVE: usize = 64;

/// The descriptors of each thread with a runtime: for its poll, its timers and its waker.
const PER_THREAD: usize = 4;

/// The threads with a runtime other than the workers: main, admin, control, health.
const OTHER_THREADS: usize = 4;

/// The descriptors for the admin listener and for files at the lowest limit.
const MIN_SPARE: usize = 12;

/// The connections of each side at the lowest limit.
const MIN_CONNECTIONS: usize = 4;

/// Raises the soft limit of file descriptors to the hard limit, and returns it; `None` if there is
/// no limit.
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

/// The number of descriptors for each side.
#[derive(Debug)]
pub(crate) struct DescriptorBudget {
    /// The soft limit of the process.
    pub(crate) limit: usize,
    /// The number of client connections, at most.
    pub(crate) clients: usize,
    /// The number of further client connections that may be closing to make room, at most. They
    /// use the reserve.
    pub(crate) leaving: usize,
    /// The number of upstream connections, at most.
    upstreams: usize,
    open_upstreams: AtomicUsize,
}

/// A limit of file descriptors that is too low to serve and to be monitored.
#[derive(Debug, thiserror::Error)]
#[error(
    "the limit of {limit} file descriptors is too low: at least {needed} are needed \
     (ulimit -n, LimitNOFILE= of systemd)"
)]
pub struct TooFewDescriptors {
    /// The limit of the process.
    pub limit: usize,
    /// The lowest that will do.
    pub needed: usize,
}

impl DescriptorBudget {
    /// Divides the descriptors of this process, which are those below the limit that are not open
    /// yet.
    ///
    /// # Errors
    /// If there are too few for the runtimes of all threads: without them there would be no admin
    /// listener and no breaker.
    pub(crate) fn measure_limit(workers: usize) -> Result<Self, TooFewDescriptors> {
        let limit = match getrlimit(Resource::Nofile).current {
            Some(limit) => usize::try_from(limit).unwrap_or(usize::MAX),
            None => usize::MAX,
        };
        // Without /proc, open descriptors are taken out of the reserve.
        let open = match std::fs::read_dir("/proc/self/fd") {
            Ok(entries) => entries.count(),
            Err(_) => 0,
        };
        let needed =
            open + (workers + OTHER_THREADS) * PER_THREAD + MIN_SPARE + 2 * MIN_CONNECTIONS;
        if limit < needed {
            return Err(TooFewDescriptors { limit, needed });
        }
        Ok(Self::share_out(limit, open, workers))
    }

    fn share_out(limit: usize, open: usize, workers: usize) -> Self {
        let spare = RESERVE.min(limit / 4);
        let reserve = spare + (workers + OTHER_THREADS) * PER_THREAD;
        let half = (limit.saturating_sub(open + reserve) / 2).max(MIN_CONNECTIONS);
        Self {
            limit,
            clients: half,
            leaving: spare / 2,
            upstreams: half,
            open_upstreams: AtomicUsize::new(0),
        }
    }

    /// Takes the descriptor for a connection to an upstream; `None` if there is none left.
    pub(crate) fn take_descriptor(self: &Arc<Self>) -> Option<DescriptorPermit> {
        // In one step: another core may take the last one between a check and an increment.
        let updated = self.open_upstreams.fetch_update(Relaxed, Relaxed, |open| {
            if open < self.upstreams { Some(open + 1) } else { None }
        });
        match updated {
            Ok(_) => Some(DescriptorPermit(Arc::clone(self))),
            Err(_) => None,
        }
    }

    /// Warns if fewer client connections than `wanted` are possible. Up to a twentieth fewer is the
    /// reserve: a warning for that would greet most machines with the default.
    pub(crate) fn warn_if_fewer(&self, wanted: usize) {
        let possible = self.clients;
        if wanted - wanted / 20 > possible {
            tracing::warn!(
                limit = self.limit,
                "limits.connections is {wanted}, and this process may have {possible}: each takes \
                 up to two descriptors. Raise the hard limit (ulimit -Hn, LimitNOFILE= of systemd)"
            );
        }
    }

    /// Returns true if so few are left for upstreams that idle connections should not keep any.
    pub(crate) fn are_scarce(&self) -> bool {
        self.open_upstreams.load(Relaxed) > self.upstreams / 4 * 3
    }
}

/// The descriptor of one upstream connection. It is free again when this is dropped.
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
        assert_eq!(tiny.clients, MIN_CONNECTIONS);
        assert!(DescriptorBudget::share_out(usize::MAX, 20, 2).clients > 1 << 40);
    }

    #[test]
    fn what_is_dropped_can_be_taken_again() {
        let descriptors = Arc::new(DescriptorBudget::share_out(32, 30, 1));
        let taken: Vec<_> = std::iter::from_fn(|| descriptors.take_descriptor()).collect();
        assert_eq!(taken.len(), MIN_CONNECTIONS);
        assert!(descriptors.are_scarce());
        drop(taken);
        assert!(descriptors.take_descriptor().is_some() && !descriptors.are_scarce());
    }
}
