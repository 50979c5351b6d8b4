//! The health of upstream endpoints, shared by all cores and kept across reloads.
//!
//! 1. Failed requests eject an endpoint, by the rules of [`ejection`](super::ejection).
//! 2. The first ejection lasts a second; each further one lasts twice as long as the last.
//! 3. An endpoint that returns from an ejection gets a growing share of its requests.
//! 4. An endpoint that fails its health checks gets no requests until it passes them again. If no
//!    endpoint passes, the checks are probably misconfigured, and are ignored.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;
use upshift_config::{HealthCheck, Upstream};

use super::endpoint_health::{EndpointFailure, EndpointHealth, as_millis};
use super::recent::SECONDS;

/// The idle time after which a server may close a connection without being at fault. The idle
/// timeouts of servers are longer: a second or more, as a rule.
const LONG_IDLE: Duration = Duration::from_millis(500);

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
        let recurs = self.endpoints[index].record_lost_reuse();
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
        !self.endpoints[index].fails_checks()
            || self.endpoints.iter().all(|endpoint| endpoint.fails_checks())
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;
    use upshift_config::{Endpoint, UpstreamHttp};

    use super::*;

    fn upstream(count: u16) -> Arc<UpstreamHealth> {
        let endpoints = (0..count)
            .map(|port| Endpoint::from(std::net::SocketAddr::from(([127, 0, 0, 1], 1 + port))));
        UpstreamHealth::for_upstreams(&[Upstream::with_endpoints(endpoints.collect())], &[])
            .remove(0)
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
        let check = HealthCheck::new("/");
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
            .record_check(&HealthCheck::new("/"), Err("it answered 503".to_owned()));
        assert!(!upstream.endpoints[0].is_available());
    }

    #[tokio::test(start_paused = true)]
    async fn a_reload_keeps_the_health_of_what_stays() {
        let before = upstream(2);
        before.record_failure(0, EndpointFailure::Connect);
        let endpoints =
            before.endpoints.iter().map(|endpoint| Endpoint::from(endpoint.address.clone()));
        let mut after = Upstream::with_endpoints(endpoints.collect());
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
