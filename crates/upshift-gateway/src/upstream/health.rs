//! The health of endpoints. All cores share it, and it outlives a reload.
//!
//! 1. Failed requests eject an endpoint, by the rules of [`ejection`](super::ejection).
//! 2. The first ejection lasts a second, and each further one twice as long as the one before.
//! 3. An endpoint that returns gets a growing share of its requests.
//! 4. An endpoint that fails its health checks is left out until it passes them again. Where none
//!    passes, the checks are wrong, or of no help: they are ignored.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;
use upshift_config::{Address, Endpoint, HealthCheck, Upstream, UpstreamHttp};

use super::recent::{Recent, SECONDS};

/// The length of an endpoint's first ejection.
const FIRST_EJECTION: Duration = Duration::from_secs(1);
/// The length that an ejection does not exceed.
const LONGEST_EJECTION: Duration = Duration::from_secs(60);
/// The time in which an endpoint returns to its full share.
const RETURN: Duration = Duration::from_secs(10);
/// The share of an endpoint at the start of its return, in thousandths.
const FIRST_SHARE: u64 = 100;
/// The rest after which a server may close a connection without being at fault. Those of servers
/// last longer; from a second on, as a rule.
const LONG_REST: Duration = Duration::from_millis(500);

/// How an endpoint failed a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No connection came about.
    Connect,
    /// It closed or reset the connection, or sent something that is not HTTP.
    Broken,
    /// It was silent for too long.
    Timeout,
    /// It answered 5xx.
    Status,
    /// It closed a connection that had served before, while the request was under way.
    Closed,
    /// It was silent until the client gave up.
    Abandoned,
}

impl Failure {
    /// All of them.
    pub(crate) const ALL: [Self; 6] =
        [Self::Connect, Self::Broken, Self::Timeout, Self::Status, Self::Closed, Self::Abandoned];

    /// A short stable name, for counting.
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

    /// The number in a row that ejects an endpoint; none if only their share does.
    pub(super) fn threshold(self) -> Option<u32> {
        match self {
            // The request was not sent, and the next one would wait for the connection again.
            Self::Connect => Some(1),
            Self::Broken | Self::Timeout | Self::Abandoned => Some(3),
            // A client can provoke these, where the application has a fault.
            Self::Status => Some(5),
            Self::Closed => None,
        }
    }
}

/// The health of one upstream's endpoints.
pub(crate) struct UpstreamHealth {
    /// Its endpoints, in the order of the file.
    pub(crate) endpoints: Vec<Arc<EndpointHealth>>,
    /// What is asked of them; none: only requests tell.
    pub(crate) check: Option<HealthCheck>,
    /// Those that are backups.
    pub(super) backups: Vec<bool>,
    /// Held while it is decided whether one more is ejected.
    pub(super) ejecting: Mutex<()>,
    /// The zero of the time below, which is in milliseconds.
    start: Instant,
    /// Successes are counted until then, to compare the endpoints; 0 if none failed lately.
    counts_until: AtomicU64,
}

/// The health of one endpoint.
pub(crate) struct EndpointHealth {
    /// Its origin.
    pub(crate) name: String,
    /// Where it listens.
    pub(crate) address: Address,
    /// What is spoken to it.
    pub(crate) http: UpstreamHttp,
    /// The zero of the times below, which are in milliseconds.
    start: Instant,
    /// Requests and tunnels that it serves; counted where it has a limit.
    under_way: AtomicUsize,
    /// Failures since the last success.
    pub(super) in_a_row: AtomicU32,
    /// The outcomes of requests while they are counted.
    pub(super) recent: Recent,
    /// The last request on a connection that had served before was lost.
    reuse_fails: AtomicBool,
    ejected_until: AtomicU64,
    /// Ejections since it last returned to its full share.
    relapses: AtomicU32,
    /// An ejection was logged, and no success after it.
    ejection_logged: AtomicBool,
    /// Results of health checks, the same in a row.
    checks_in_a_row: AtomicU32,
    last_check_passed: AtomicBool,
    fails_checks: AtomicBool,
    next_check: AtomicU64,
    /// What was counted.
    pub(crate) totals: EndpointTotals,
}

/// What happened to one endpoint since the start of the process.
#[derive(Default)]
pub(crate) struct EndpointTotals {
    failures: [AtomicU64; 6],
    /// Times that it was ejected.
    pub(crate) ejections: AtomicU64,
    /// Requests that it failed, and that were sent once more.
    pub(crate) retries: AtomicU64,
    /// Health checks that passed.
    pub(crate) checks_passed: AtomicU64,
    /// Health checks that failed.
    pub(crate) checks_failed: AtomicU64,
}

impl EndpointTotals {
    /// Requests that failed in this way.
    pub(crate) fn failures(&self, failure: Failure) -> u64 {
        self.failures[failure as usize].load(Relaxed)
    }
}

impl UpstreamHealth {
    /// The health of each of `upstreams`. Endpoints that are in `previous` keep theirs.
    pub(crate) fn of_all(upstreams: &[Upstream], previous: &[Arc<Self>]) -> Vec<Arc<Self>> {
        let mut known = Vec::new();
        for upstream in previous {
            known.extend(upstream.endpoints.iter().cloned());
        }
        upstreams.iter().map(|upstream| Arc::new(Self::of(upstream, &mut known))).collect()
    }

    fn of(upstream: &Upstream, known: &mut Vec<Arc<EndpointHealth>>) -> Self {
        let mut endpoints = Vec::new();
        for endpoint in &upstream.endpoints {
            // An address that is listed twice has two of them.
            let index = known.iter().position(|known| known.is_of(endpoint, upstream.http));
            let Some(index) = index else {
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

    /// Counts a request that succeeded. Where none failed lately, this only reads.
    pub(crate) fn succeeded(&self, index: usize) {
        let endpoint = &self.endpoints[index];
        endpoint.succeeded();
        let until = self.counts_until.load(Relaxed);
        if until > 0 && until > milliseconds(self.start.elapsed()) && !endpoint.is_ejected() {
            endpoint.recent.add(endpoint.now(), false);
        }
    }

    /// Counts a request that was lost because a connection was closed that had served before and
    /// rested so long. After a long rest any server may do that (RFC 9112 §9.3.1), but not every
    /// time.
    pub(crate) fn closed(&self, index: usize, rested: Duration) {
        let recurs = self.endpoints[index].reuse_fails.swap(true, Relaxed);
        if recurs || rested < LONG_REST {
            self.failed(index, Failure::Closed);
        }
    }

    /// Counts successes, too, for a while.
    pub(super) fn start_counting(&self) {
        let until = milliseconds(self.start.elapsed()) + SECONDS * 1_000;
        self.counts_until.fetch_max(until, Relaxed);
    }

    /// Tells whether it is neither ejected nor kept out by its health checks.
    pub(crate) fn is_usable(&self, index: usize) -> bool {
        !self.endpoints[index].is_ejected() && self.passes_checks(index)
    }

    /// Tells whether its health checks do not keep it out. Where no endpoint passes, they keep out
    /// none.
    pub(super) fn passes_checks(&self, index: usize) -> bool {
        !self.endpoints[index].fails_checks.load(Relaxed)
            || self.endpoints.iter().all(|endpoint| endpoint.fails_checks.load(Relaxed))
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl EndpointHealth {
    fn new(endpoint: &Endpoint, http: UpstreamHttp) -> Self {
        Self {
            name: endpoint.address.to_string(),
            address: endpoint.address.clone(),
            http,
            start: Instant::now(),
            under_way: AtomicUsize::new(0),
            in_a_row: AtomicU32::new(0),
            recent: Recent::default(),
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

    fn is_of(&self, endpoint: &Endpoint, http: UpstreamHttp) -> bool {
        self.address == endpoint.address && self.http == http
    }

    pub(super) fn now(&self) -> u64 {
        milliseconds(self.start.elapsed())
    }

    pub(super) fn count_failure(&self, failure: Failure) {
        self.totals.failures[failure as usize].fetch_add(1, Relaxed);
    }

    /// Notes that it answered on a connection that had served before.
    pub(crate) fn reused(&self) {
        if self.reuse_fails.load(Relaxed) {
            self.reuse_fails.store(false, Relaxed);
        }
    }

    /// Tells whether failed requests keep it out.
    pub(crate) fn is_ejected(&self) -> bool {
        // Most endpoints never failed: no clock is read for them.
        let until = self.ejected_until.load(Relaxed);
        until > 0 && until > self.now()
    }

    /// Tells whether neither failed requests nor its health checks speak against it.
    pub(crate) fn is_available(&self) -> bool {
        !self.fails_checks.load(Relaxed) && !self.is_ejected()
    }

    /// Tells whether it was ejected, and is not back at its full share.
    pub(super) fn is_returning(&self) -> bool {
        self.relapses.load(Relaxed) > 0 && self.share() < 1_000
    }

    /// Its share of the requests it would have, in thousandths: less while it returns.
    pub(crate) fn share(&self) -> u64 {
        let until = self.ejected_until.load(Relaxed);
        if until == 0 || self.relapses.load(Relaxed) == 0 {
            return 1_000;
        }
        let length = milliseconds(RETURN);
        let since = self.now().saturating_sub(until);
        (since * 1_000 / length).clamp(FIRST_SHARE, 1_000)
    }

    fn succeeded(&self) {
        if self.in_a_row.load(Relaxed) > 0 {
            self.in_a_row.store(0, Relaxed);
        }
        if self.relapses.load(Relaxed) == 0 {
            return;
        }
        if !self.is_ejected() && self.ejection_logged.swap(false, Relaxed) {
            tracing::info!(endpoint = %self.name, "an upstream endpoint answers again");
        }
        if self.share() == 1_000 {
            self.relapses.store(0, Relaxed);
        }
    }

    /// Ejects it, and returns for how long.
    pub(super) fn eject(&self) -> Duration {
        if !self.is_returning() {
            self.relapses.store(0, Relaxed);
        }
        let relapses = self.relapses.fetch_add(1, Relaxed);
        let length = FIRST_EJECTION.saturating_mul(1 << relapses.min(8)).min(LONGEST_EJECTION);
        self.ejected_until.store(self.now().saturating_add(milliseconds(length)), Relaxed);
        self.in_a_row.store(0, Relaxed);
        self.recent.clear();
        self.ejection_logged.store(true, Relaxed);
        self.totals.ejections.fetch_add(1, Relaxed);
        length
    }

    /// Takes one of `limit` places; false if none is free.
    pub(crate) fn take_place(&self, limit: usize) -> bool {
        let taken = self
            .under_way
            .fetch_update(Relaxed, Relaxed, |count| (count < limit).then_some(count + 1));
        taken.is_ok()
    }

    /// Frees a place that was taken.
    pub(crate) fn free_place(&self) {
        self.under_way.fetch_sub(1, Relaxed);
    }

    /// Tells whether all of `limit` places are taken.
    pub(crate) fn is_full(&self, limit: usize) -> bool {
        self.under_way.load(Relaxed) >= limit
    }

    /// Tells whether a health check is due, and sets the time of the next one if so.
    pub(crate) fn take_check(&self, interval: Duration) -> bool {
        let now = self.now();
        let due = self.next_check.load(Relaxed) <= now;
        if due {
            self.next_check.store(now.saturating_add(milliseconds(interval)), Relaxed);
        }
        due
    }

    /// Counts the result of a health check, and logs it if the endpoint is left out or used from
    /// now on.
    pub(crate) fn checked(&self, check: &HealthCheck, result: Result<(), String>) {
        let passed = result.is_ok();
        let total = if passed { &self.totals.checks_passed } else { &self.totals.checks_failed };
        // The first check of all decides at once: there is no earlier state to keep.
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
                tracing::info!(endpoint = %self.name, "an upstream endpoint passes its health checks again")
            }
            Err(why) => {
                tracing::warn!(endpoint = %self.name, "an upstream endpoint is left out: it fails its health checks: {why}");
            }
        }
    }

    /// It is no longer checked, so no check may keep it out.
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
        UpstreamHealth::of_all(&[Upstream::of(endpoints.collect())], &[]).remove(0)
    }

    fn ejected(upstream: &UpstreamHealth) -> Vec<usize> {
        let endpoints = upstream.endpoints.iter().enumerate();
        endpoints.filter(|(_, endpoint)| endpoint.is_ejected()).map(|(index, _)| index).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn an_ejection_grows_and_the_return_is_slow() {
        let upstream = upstream(2);
        let endpoint = &upstream.endpoints[0];
        upstream.failed(0, Failure::Connect);
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            advance(Duration::from_secs(seconds) - Duration::from_millis(1)).await;
            assert!(endpoint.is_ejected(), "{seconds}");
            advance(Duration::from_millis(1)).await;
            assert!(endpoint.is_available(), "{seconds}");
            assert_eq!(endpoint.share(), 100);
            upstream.failed(0, Failure::Status);
        }
        advance(Duration::from_secs(65)).await;
        assert_eq!(endpoint.share(), 500);
        upstream.succeeded(0);
        advance(Duration::from_secs(5)).await;
        assert_eq!(endpoint.share(), 1_000);
        upstream.succeeded(0);
        upstream.failed(0, Failure::Status);
        assert!(endpoint.is_available(), "it has returned: one failure is not enough");
    }

    #[tokio::test(start_paused = true)]
    async fn checks_leave_out_and_take_back_at_their_thresholds() {
        let upstream = upstream(1);
        let endpoint = &upstream.endpoints[0];
        let check = HealthCheck::of("/");
        let failed = || Err("it answered 503".to_owned());
        endpoint.checked(&check, Ok(()));
        for available in [true, true, false] {
            endpoint.checked(&check, failed());
            assert_eq!(endpoint.is_available(), available);
        }
        endpoint.checked(&check, Ok(()));
        endpoint.checked(&check, failed());
        endpoint.checked(&check, Ok(()));
        assert!(!endpoint.is_available());
        endpoint.checked(&check, Ok(()));
        assert!(endpoint.is_available());
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_check_decides_at_once() {
        let upstream = upstream(1);
        upstream.endpoints[0].checked(&HealthCheck::of("/"), Err("it answered 503".to_owned()));
        assert!(!upstream.endpoints[0].is_available());
    }

    #[tokio::test(start_paused = true)]
    async fn a_reload_keeps_the_health_of_what_stays() {
        let before = upstream(2);
        before.failed(0, Failure::Connect);
        let endpoints =
            before.endpoints.iter().map(|endpoint| Endpoint::from(endpoint.address.clone()));
        let mut after = Upstream::of(endpoints.collect());
        after.endpoints.reverse();
        let reloaded =
            UpstreamHealth::of_all(std::slice::from_ref(&after), std::slice::from_ref(&before));
        assert_eq!(ejected(&reloaded[0]), [1]);
        after.http = UpstreamHttp::V2;
        let reloaded = UpstreamHealth::of_all(&[after], &[before]);
        assert!(ejected(&reloaded[0]).is_empty(), "it is another server");
    }
}
