//! The health of one endpoint: its ejections, its health checks and its counters.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;
use upshift_config::{Address, Endpoint, HealthCheck, UpstreamHttp};

use super::recent::RecentOutcomes;

/// The duration of an endpoint's first ejection.
const FIRST_EJECTION: Duration = Duration::from_secs(1);
/// The longest duration of an ejection.
const LONGEST_EJECTION: Duration = Duration::from_secs(60);
/// The time in which a returning endpoint regains its full share.
const RETURN_TIME: Duration = Duration::from_secs(10);
/// All of an endpoint's requests; shares are in thousandths.
pub(super) const FULL_SHARE: u64 = 1_000;
/// The share of an endpoint at the start of its return.
const FIRST_SHARE: u64 = 100;

/// The way in which an endpoint failed a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndpointFailure {
    /// No connection could be opened.
    Connect,
    /// It closed or reset the connection, or sent something that is not HTTP.
    Broken,
    /// It sent nothing for too long.
    Timeout,
    /// It answered 5xx.
    Status,
    /// It closed a reused connection while a request was in flight.
    Closed,
    /// The client gave up before it answered.
    Abandoned,
}

impl EndpointFailure {
    /// All failures.
    pub(crate) const ALL: [Self; 6] =
        [Self::Connect, Self::Broken, Self::Timeout, Self::Status, Self::Closed, Self::Abandoned];

    /// A short, stable name: the value of a metrics label.
    pub(crate) fn cause(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Broken => "broken",
            Self::Timeout => "timeout",
            Self::Status => "status",
            Self::Closed => "closed",
            Self::Abandoned => "abandoned",
        }
    }

    pub(super) fn description(self) -> &'static str {
        match self {
            Self::Connect => "it cannot be connected to",
            Self::Broken => "it broke off its response",
            Self::Timeout => "it took too long",
            Self::Status => "it answered 5xx",
            Self::Closed => "it closed a connection in use",
            Self::Abandoned => "it did not answer before the client gave up",
        }
    }

    /// The number of failures in a row that ejects an endpoint; `None` if only their share counts.
    pub(super) fn threshold(self) -> Option<u32> {
        match self {
            // The next request would spend the connect timeout once more.
            Self::Connect => Some(1),
            Self::Broken | Self::Timeout | Self::Abandoned => Some(3),
            // A single client can provoke these in an application that has a bug.
            Self::Status => Some(5),
            Self::Closed => None,
        }
    }
}

/// The health of one endpoint.
pub(crate) struct EndpointHealth {
    /// Its origin, for logs and metrics.
    pub(crate) name: String,
    /// The address that it listens on.
    pub(crate) address: Address,
    /// The version of HTTP towards it.
    pub(crate) http: UpstreamHttp,
    /// The epoch of the times below, which are in milliseconds.
    start: Instant,
    /// Its requests and tunnels on all cores; counted only if it has a limit.
    in_flight: AtomicUsize,
    /// Open connections of all cores to it.
    connections: AtomicU64,
    /// Failures since the last success.
    pub(super) in_a_row: AtomicU32,
    /// The recent outcomes of its requests.
    pub(super) recent: RecentOutcomes,
    /// The last request on a reused connection was lost.
    reuse_fails: AtomicBool,
    ejected_until: AtomicU64,
    /// Ejections since it last regained its full share.
    relapses: AtomicU32,
    /// An ejection was logged, and no recovery yet.
    ejection_logged: AtomicBool,
    /// Health checks in a row with the same result.
    checks_in_a_row: AtomicU32,
    last_check_passed: AtomicBool,
    fails_checks: AtomicBool,
    next_check: AtomicU64,
    /// Its counters.
    pub(crate) totals: EndpointTotals,
}

/// The counters of one endpoint since the start of the process.
#[derive(Default)]
pub(crate) struct EndpointTotals {
    /// Requests that were sent to it. Cores add theirs once a second.
    pub(crate) requests: AtomicU64,
    failures: [AtomicU64; EndpointFailure::ALL.len()],
    /// Ejections.
    pub(crate) ejections: AtomicU64,
    /// Requests that were sent again because this endpoint failed them.
    pub(crate) retries: AtomicU64,
    /// Health checks that passed.
    pub(crate) checks_passed: AtomicU64,
    /// Health checks that failed.
    pub(crate) checks_failed: AtomicU64,
}

impl EndpointTotals {
    /// The number of requests that failed in this way.
    pub(crate) fn failure_count(&self, failure: EndpointFailure) -> u64 {
        self.failures[failure as usize].load(Relaxed)
    }
}

impl EndpointHealth {
    pub(super) fn new(endpoint: &Endpoint, http: UpstreamHttp) -> Self {
        Self {
            name: endpoint.address.to_string(),
            address: endpoint.address.clone(),
            http,
            start: Instant::now(),
            in_flight: AtomicUsize::new(0),
            connections: AtomicU64::new(0),
            in_a_row: AtomicU32::new(0),
            recent: RecentOutcomes::default(),
            reuse_fails: AtomicBool::new(false),
            ejected_until: AtomicU64::new(0),
            relapses: AtomicU32::new(0),
            ejection_logged: AtomicBool::new(false),
            checks_in_a_row: AtomicU32::new(0),
            last_check_passed: AtomicBool::new(true),
            fails_checks: AtomicBool::new(false),
            next_check: AtomicU64::new(0),
            totals: EndpointTotals::default(),
        }
    }

    pub(super) fn is_same_server(&self, endpoint: &Endpoint, http: UpstreamHttp) -> bool {
        self.address == endpoint.address && self.http == http
    }

    pub(super) fn now_ms(&self) -> u64 {
        as_millis(self.start.elapsed())
    }

    pub(super) fn count_failure(&self, failure: EndpointFailure) {
        self.totals.failures[failure as usize].fetch_add(1, Relaxed);
    }

    /// Records a response on a reused connection.
    pub(crate) fn record_reuse(&self) {
        // Read first: a store would take the cache line from the other cores on every request.
        if self.reuse_fails.load(Relaxed) {
            self.reuse_fails.store(false, Relaxed);
        }
    }

    /// Records a request that was lost on a reused connection. Returns true if the one before was,
    /// too.
    pub(super) fn record_lost_reuse(&self) -> bool {
        self.reuse_fails.swap(true, Relaxed)
    }

    /// Returns true if it fails its health checks.
    pub(super) fn fails_checks(&self) -> bool {
        self.fails_checks.load(Relaxed)
    }

    /// Returns true if it is ejected at the moment.
    pub(crate) fn is_ejected(&self) -> bool {
        // Most endpoints never failed: the clock is not read for them.
        let until = self.ejected_until.load(Relaxed);
        until > 0 && until > self.now_ms()
    }

    /// Returns true if it is not ejected and passes its health checks.
    pub(crate) fn is_available(&self) -> bool {
        !self.fails_checks.load(Relaxed) && !self.is_ejected()
    }

    /// Returns true if it was ejected and has not regained its full share.
    pub(super) fn is_returning(&self) -> bool {
        self.relapses.load(Relaxed) > 0 && self.share() < FULL_SHARE
    }

    /// Its share of its usual requests, in thousandths: less than [`FULL_SHARE`] while it returns.
    pub(crate) fn share(&self) -> u64 {
        let until = self.ejected_until.load(Relaxed);
        if until == 0 || self.relapses.load(Relaxed) == 0 {
            return FULL_SHARE;
        }
        let since = self.now_ms().saturating_sub(until);
        (since * FULL_SHARE / as_millis(RETURN_TIME)).clamp(FIRST_SHARE, FULL_SHARE)
    }

    /// Records a request that succeeded: resets the failures in a row, and ends a return.
    pub(super) fn record_success(&self) {
        // Read first, as in `record_reuse`.
        if self.in_a_row.load(Relaxed) > 0 {
            self.in_a_row.store(0, Relaxed);
        }
        if self.relapses.load(Relaxed) == 0 {
            return;
        }
        if !self.is_ejected() && self.ejection_logged.swap(false, Relaxed) {
            tracing::info!(endpoint = %self.name, "an upstream endpoint answers again");
        }
        if self.share() == FULL_SHARE {
            self.relapses.store(0, Relaxed);
        }
    }

    /// Ejects it and returns the duration.
    pub(super) fn eject(&self) -> Duration {
        if !self.is_returning() {
            self.relapses.store(0, Relaxed);
        }
        let relapses = self.relapses.fetch_add(1, Relaxed);
        // The shift is bounded: 1 s × 2^8 is beyond the longest ejection.
        let length = FIRST_EJECTION.saturating_mul(1 << relapses.min(8)).min(LONGEST_EJECTION);
        self.ejected_until.store(self.now_ms().saturating_add(as_millis(length)), Relaxed);
        // Otherwise the failures before the ejection would end its return at once.
        self.in_a_row.store(0, Relaxed);
        self.recent.clear();
        self.ejection_logged.store(true, Relaxed);
        self.totals.ejections.fetch_add(1, Relaxed);
        length
    }

    /// Counts a request if fewer than `limit` are in flight; false otherwise.
    pub(crate) fn take_slot(&self, limit: usize) -> bool {
        // In one step: another core may take the last slot between a check and an increment.
        let updated = self.in_flight.fetch_update(Relaxed, Relaxed, |count| {
            if count < limit { Some(count + 1) } else { None }
        });
        updated.is_ok()
    }

    /// Counts down for a request that took a slot.
    pub(crate) fn release_slot(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
    }

    /// Returns true if `limit` requests are in flight.
    pub(crate) fn is_full(&self, limit: usize) -> bool {
        self.in_flight.load(Relaxed) >= limit
    }

    /// Counts a connection until the guard is dropped.
    pub(super) fn count_connection(self: &Arc<Self>) -> ConnectionGuard {
        self.connections.fetch_add(1, Relaxed);
        ConnectionGuard(Arc::clone(self))
    }

    /// The number of open connections to it.
    pub(super) fn open_connections(&self) -> u64 {
        self.connections.load(Relaxed)
    }

    /// Returns true if a health check is due, and schedules the next one if so.
    pub(crate) fn take_due_check(&self, interval: Duration) -> bool {
        let now = self.now_ms();
        let due = self.next_check.load(Relaxed) <= now;
        if due {
            self.next_check.store(now.saturating_add(as_millis(interval)), Relaxed);
        }
        due
    }

    /// Records the result of a health check, and logs it if it changes the endpoint's state.
    pub(crate) fn record_check(&self, check: &HealthCheck, result: Result<(), String>) {
        let passed = result.is_ok();
        let total = if passed { &self.totals.checks_passed } else { &self.totals.checks_failed };
        // The first check decides at once, without a threshold: there is no earlier state to keep.
        let first = total.fetch_add(1, Relaxed) == 0 && self.checks_in_a_row.load(Relaxed) == 0;
        let same = self.last_check_passed.swap(passed, Relaxed) == passed;
        let in_a_row = if same { self.checks_in_a_row.load(Relaxed).saturating_add(1) } else { 1 };
        self.checks_in_a_row.store(in_a_row, Relaxed);
        let threshold = if passed { check.healthy } else { check.unhealthy };
        if (in_a_row < threshold && !first) || self.fails_checks.load(Relaxed) != passed {
            return;
        }
        self.fails_checks.store(!passed, Relaxed);
        match result {
            Ok(()) => {
                tracing::info!(
                    endpoint = %self.name,
                    "an upstream endpoint passes its health checks again"
                );
            }
            Err(why) => {
                tracing::warn!(
                    endpoint = %self.name,
                    "an upstream endpoint is left out: it fails its health checks: {why}"
                );
            }
        }
    }

    /// Forgets the results of health checks: an endpoint that is no longer checked must not stay
    /// excluded.
    pub(super) fn forget_checks(&self) {
        self.fails_checks.store(false, Relaxed);
        self.checks_in_a_row.store(0, Relaxed);
    }
}

/// An open connection to an endpoint.
pub(super) struct ConnectionGuard(Arc<EndpointHealth>);

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Relaxed);
    }
}

pub(super) fn as_millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
