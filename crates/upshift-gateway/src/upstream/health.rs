//! The health of upstream endpoints, shared by all cores and kept across reloads.
//!
//! 1. Failed requests eject an endpoint, by the rules of [`ejection`](super::ejection).
//! 2. The first ejection lasts a second; each further one lasts twice as long as the last.
//! 3. An endpoint that returns from an ejection gets a growing share of its requests.
//! 4. An endpoint that fails its health checks gets no requests until it passes them again. If no
//!    endpoint passes, the checks are probably misconfigured, and are ignored.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;
use upshift_config::{Address, Endpoint, HealthCheck, Upstream, UpstreamHttp};

use super::recent::{RecentOutcomes, SECONDS};

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
/// The idle time after which a server may close a connection without being at fault. The idle
/// timeouts of servers are longer: a second or more, as a rule.
const LONG_IDLE: Duration = Duration::from_millis(500);

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
            Self::Broken => "it broke off its answer",
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

/// The health of one upstream's endpoints.
pub(crate) struct UpstreamHealth {
    /// Its endpoints, in the order of the file.
    pub(crate) endpoints: Vec<Arc<EndpointHealth>>,
    /// The active health check, if there is one.
    pub(crate) check: Option<HealthCheck>,
    /// The endpoints that are backups, by index.
    pub(super) backups: Vec<bool>,
    /// Serializes ejections, so that two cores cannot eject the last two endpoints at once.
    pub(super) ejecting: Mutex<()>,
    /// The epoch of the time below, which is in milliseconds.
    start: Instant,
    /// Successes are counted until this time, to compare the endpoints; 0 if none failed lately.
    counts_until: AtomicU64,
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
    failures: [AtomicU64; 6],
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

impl UpstreamHealth {
    /// Creates the health of each of `upstreams`. Endpoints that are in `previous` keep theirs.
    pub(crate) fn for_upstreams(upstreams: &[Upstream], previous: &[Arc<Self>]) -> Vec<Arc<Self>> {
        let mut known = Vec::new();
        for upstream in previous {
            known.extend(upstream.endpoints.iter().cloned());
        }
        upstreams
            .iter()
            .map(|upstream| Arc::new(Self::for_upstream(upstream, &mut known)))
            .collect()
    }

    fn for_upstream(upstream: &Upstream, known: &mut Vec<Arc<EndpointHealth>>) -> Self {
        let mut endpoints = Vec::new();
        for endpoint in &upstream.endpoints {
            // Taken out of `known`, so that an address that is listed twice gets two of them.
            let known_at =
                known.iter().position(|known| known.is_same_server(endpoint, upstream.http));
            let Some(index) = known_at else {
                endpoints.push(Arc::new(EndpointHealth::new(endpoint, upstream.http)));
                continue;
            };
            let kept = known.remove(index);
            if upstream.health.is_none() {
                kept.forget_checks();
            }
            endpoints.push(kept);
        }
        Self {
            endpoints,
            check: upstream.health.clone(),
            backups: upstream.endpoints.iter().map(|endpoint| endpoint.backup).collect(),
            ejecting: Mutex::new(()),
            start: Instant::now(),
            counts_until: AtomicU64::new(0),
        }
    }

    /// Records a request that succeeded. Unless an endpoint failed lately, this writes nothing
    /// that cores share.
    pub(crate) fn record_success(&self, index: usize) {
        let endpoint = &self.endpoints[index];
        endpoint.record_success();
        // Successes matter only in comparison with failures: without recent ones they are not counted.
        let until = self.counts_until.load(Relaxed);
        if until > 0 && until > as_millis(self.start.elapsed()) && !endpoint.is_ejected() {
            endpoint.recent.add(endpoint.now_ms(), false);
        }
    }

    /// Records a request that was lost because the endpoint closed a reused connection that had
    /// been idle for `idle`. After a long idle time any server may do that (RFC 9112 §9.3.1), but
    /// not every time.
    pub(crate) fn record_closed(&self, index: usize, idle: Duration) {
        let recurs = self.endpoints[index].reuse_fails.swap(true, Relaxed);
        if recurs || idle < LONG_IDLE {
            self.record_failure(index, EndpointFailure::Closed);
        }
    }

    /// Counts successes for a while, as well as failures.
    pub(super) fn start_counting(&self) {
        let until = as_millis(self.start.elapsed()) + SECONDS * 1_000;
        self.counts_until.fetch_max(until, Relaxed);
    }

    /// Returns true if the endpoint is neither ejected nor excluded by its health checks.
    pub(crate) fn is_usable(&self, index: usize) -> bool {
        !self.endpoints[index].is_ejected() && self.passes_checks(index)
    }

    /// Returns true if the endpoint is not excluded by its health checks. If no endpoint passes,
    /// none is excluded.
    pub(super) fn passes_checks(&self, index: usize) -> bool {
        !self.endpoints[index].fails_checks.load(Relaxed)
            || self.endpoints.iter().all(|endpoint| endpoint.fails_checks.load(Relaxed))
    }
}

fn as_millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl EndpointHealth {
    fn new(endpoint: &Endpoint, http: UpstreamHttp) -> Self {
        Self {
            name: endpoint.address.to_string(),
            address: endpoint.address.clone(),
            http,
            start: Instant::now(),
            in_flight: AtomicUsize::new(0),
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

    fn is_same_server(&self, endpoint: &Endpoint, http: UpstreamHttp) -> bool {
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

    fn record_success(&self) {
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
    fn forget_checks(&self) {
        self.fails_checks.store(false, Relaxed);
        self.checks_in_a_row.store(0, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn upstream(count: u16) -> Arc<UpstreamHealth> {
        let endpoints = (0..count)
            .map(|port| Endpoint::from(std::net::SocketAddr::from(([127, 0, 0, 1], 1 + port))));
        UpstreamHealth::for_upstreams(&[Upstream::of(endpoints.collect())], &[]).remove(0)
    }

    fn ejected(upstream: &UpstreamHealth) -> Vec<usize> {
        let endpoints = upstream.endpoints.iter().enumerate();
        endpoints.filter(|(_, endpoint)| endpoint.is_ejected()).map(|(index, _)| index).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn an_ejection_grows_and_the_return_is_slow() {
        let upstream = upstream(2);
        let endpoint = &upstream.endpoints[0];
        upstream.record_failure(0, EndpointFailure::Connect);
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            advance(Duration::from_secs(seconds) - Duration::from_millis(1)).await;
            assert!(endpoint.is_ejected(), "{seconds}");
            advance(Duration::from_millis(1)).await;
            assert!(endpoint.is_available(), "{seconds}");
            assert_eq!(endpoint.share(), 100);
            upstream.record_failure(0, EndpointFailure::Status);
        }
        advance(Duration::from_secs(65)).await;
        assert_eq!(endpoint.share(), 500);
        upstream.record_success(0);
        advance(Duration::from_secs(5)).await;
        assert_eq!(endpoint.share(), 1_000);
        upstream.record_success(0);
        upstream.record_failure(0, EndpointFailure::Status);
        assert!(endpoint.is_available(), "it has returned: one failure is not enough");
    }

    #[tokio::test(start_paused = true)]
    async fn checks_leave_out_and_take_back_at_their_thresholds() {
        let upstream = upstream(1);
        let endpoint = &upstream.endpoints[0];
        let check = HealthCheck::of("/");
        let failed = || Err("it answered 503".to_owned());
        endpoint.record_check(&check, Ok(()));
        for available in [true, true, false] {
            endpoint.record_check(&check, failed());
            assert_eq!(endpoint.is_available(), available);
        }
        endpoint.record_check(&check, Ok(()));
        endpoint.record_check(&check, failed());
        endpoint.record_check(&check, Ok(()));
        assert!(!endpoint.is_available());
        endpoint.record_check(&check, Ok(()));
        assert!(endpoint.is_available());
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_check_decides_at_once() {
        let upstream = upstream(1);
        upstream.endpoints[0]
            .record_check(&HealthCheck::of("/"), Err("it answered 503".to_owned()));
        assert!(!upstream.endpoints[0].is_available());
    }

    #[tokio::test(start_paused = true)]
    async fn a_reload_keeps_the_health_of_what_stays() {
        let before = upstream(2);
        before.record_failure(0, EndpointFailure::Connect);
        let endpoints =
            before.endpoints.iter().map(|endpoint| Endpoint::from(endpoint.address.clone()));
        let mut after = Upstream::of(endpoints.collect());
        after.endpoints.reverse();
        let reloaded = UpstreamHealth::for_upstreams(
            std::slice::from_ref(&after),
            std::slice::from_ref(&before),
        );
        assert_eq!(ejected(&reloaded[0]), [1]);
        after.http = UpstreamHttp::V2;
        let reloaded = UpstreamHealth::for_upstreams(&[after], &[before]);
        assert!(ejected(&reloaded[0]).is_empty(), "it is another server");
    }
}
