//! Passive health checking: the rules by which failed requests eject an endpoint.
//!
//! 1. Failures in a row eject: one failed connection attempt, three broken, late or abandoned
//!    responses, five responses of 5xx.
//! 2. So does a failure rate that is clearly above that of the other endpoints, if there were
//!    enough requests.
//! 3. While an endpoint returns from an ejection, the rate counts from the first request on.
//! 4. At most half of the primaries, and half of the backups, that pass their health checks are
//!    ejected, unless the other group can take over. The last usable endpoint is never ejected.

use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;

use super::endpoint_health::{EndpointFailure, EndpointHealth};
use super::health::UpstreamHealth;

/// The number of requests below which a failure rate is not significant.
const MIN_REQUESTS: u64 = 10;
/// The failure rate, in per cent, up to which an endpoint is not an outlier.
const TOLERABLE_RATE: u64 = 30;

impl UpstreamHealth {
    /// Records a failed request, and ejects the endpoint if a rule says so.
    pub(crate) fn record_failure(&self, index: usize, failure: EndpointFailure) {
        let endpoint = &self.endpoints[index];
        endpoint.count_failure(failure);
        // Requests that were in flight when it was ejected say nothing about its state after.
        if endpoint.is_ejected() {
            return;
        }
        self.start_counting();
        endpoint.recent.add(endpoint.now_ms(), true);
        // An endpoint that serves one request per connection never fails twice in a row: each
        // retry on a new connection succeeds. Only its failure rate shows it.
        let in_a_row = match failure {
            EndpointFailure::Closed => 0,
            _ => endpoint.in_a_row.fetch_add(1, Relaxed) + 1,
        };
        if let Some(why) = self.reason_to_eject(index, failure, in_a_row) {
            self.eject(index, &why);
        }
    }

    fn reason_to_eject(
        &self,
        index: usize,
        failure: EndpointFailure,
        in_a_row: u32,
    ) -> Option<String> {
        let endpoint = &self.endpoints[index];
        if let Some(threshold) = failure.threshold()
            && in_a_row >= threshold
            && self.is_significant(index, failure)
        {
            return Some(format!("{}, {in_a_row} times in a row", failure.description()));
        }
        let recent = endpoint.recent.sum(endpoint.now_ms());
        let is_enough = recent.all >= MIN_REQUESTS || endpoint.is_returning();
        if !is_enough || !self.is_outlier(index) {
            return None;
        }
        Some(format!("it failed {} of its last {} requests", recent.failed, recent.all))
    }

    /// Returns true if the failure is the endpoint's own. Clients also give up on their own, or
    /// because every endpoint is slow: that counts only beside an endpoint that answers.
    fn is_significant(&self, index: usize, failure: EndpointFailure) -> bool {
        failure != EndpointFailure::Abandoned
            || (self.is_outlier(index) && self.others_answer(index))
    }

    /// Returns true if the endpoint's failure rate is clearly above the mean of the others.
    fn is_outlier(&self, index: usize) -> bool {
        let mut others = Vec::new();
        for (_, other) in self.usable_besides(index) {
            others.push(other.recent.sum(other.now_ms()).failed_share());
        }
        let Some(mean) = others.iter().sum::<u64>().checked_div(others.len() as u64) else {
            return false;
        };
        let endpoint = &self.endpoints[index];
        let share = endpoint.recent.sum(endpoint.now_ms()).failed_share();
        // Not simply `> mean`: two of three endpoints may be bad, and then each of them raises the
        // mean that the other is compared with.
        share > TOLERABLE_RATE.max(mean * 3 / 2 + 10)
    }

    fn others_answer(&self, index: usize) -> bool {
        self.usable_besides(index).any(|(other, endpoint)| {
            let recent = endpoint.recent.sum(endpoint.now_ms());
            // A backup has no requests, and so no successes, before it is needed.
            recent.all > recent.failed || (self.backups[other] && recent.all == 0)
        })
    }

    fn usable_besides(&self, index: usize) -> impl Iterator<Item = (usize, &EndpointHealth)> {
        let all = self.endpoints.iter().enumerate();
        let others = all.filter(move |(other, _)| *other != index && self.is_usable(*other));
        others.map(|(other, endpoint)| (other, &**endpoint))
    }

    fn eject(&self, index: usize, why: &str) {
        let _one_at_a_time = self.ejecting.lock().unwrap_or_else(PoisonError::into_inner);
        let endpoint = &self.endpoints[index];
        // Checked again under the lock: another core may have ejected it, or another endpoint.
        if endpoint.is_ejected() || !self.can_spare(index) {
            return;
        }
        let length = endpoint.eject();
        tracing::warn!(
            endpoint = %endpoint.name,
            "an upstream endpoint is left out for {length:?}: {why}"
        );
    }

    /// Returns true if the other endpoints can take over from this one.
    fn can_spare(&self, index: usize) -> bool {
        let is_backup = self.backups[index];
        if self.usable_besides(index).any(|(other, _)| self.backups[other] != is_backup) {
            return true;
        }
        let (mut alike, mut ejected) = (0, 0);
        for (other, endpoint) in self.endpoints.iter().enumerate() {
            if self.backups[other] == is_backup && self.passes_checks(other) {
                alike += 1;
                ejected += usize::from(endpoint.is_ejected());
            }
        }
        self.usable_besides(index).next().is_some() && (ejected + 1) * 2 <= alike
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::time::advance;
    use upshift_config::{Endpoint, HealthCheck, Upstream};

    use super::*;

    /// An upstream with this number of primaries and backups.
    fn upstream(primaries: u16, backups: u16) -> Arc<UpstreamHealth> {
        let endpoints = (0..primaries + backups).map(|port| {
            let mut endpoint =
                Endpoint::from(std::net::SocketAddr::from(([127, 0, 0, 1], 1 + port)));
            endpoint.backup = port >= primaries;
            endpoint
        });
        UpstreamHealth::for_upstreams(&[Upstream::with_endpoints(endpoints.collect())], &[])
            .remove(0)
    }

    fn ejected(upstream: &UpstreamHealth) -> Vec<usize> {
        let endpoints = upstream.endpoints.iter().enumerate();
        endpoints.filter(|(_, endpoint)| endpoint.is_ejected()).map(|(index, _)| index).collect()
    }

    /// Records `times` requests for each endpoint; `fails` returns true for those that fail.
    fn serve(upstream: &UpstreamHealth, times: usize, fails: impl Fn(usize, usize) -> bool) {
        for time in 0..times {
            for index in 0..upstream.endpoints.len() {
                if fails(index, time) {
                    upstream.record_failure(index, EndpointFailure::Status);
                } else {
                    upstream.record_success(index);
                }
            }
        }
    }

    /// Catches consecutive failures that do not eject, or a success that does not reset the count.
    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_eject() {
        for (failure, threshold) in [
            (EndpointFailure::Connect, 1),
            (EndpointFailure::Broken, 3),
            (EndpointFailure::Timeout, 3),
            (EndpointFailure::Status, 5),
        ] {
            let upstream = upstream(2, 0);
            for _ in 1..threshold {
                upstream.record_failure(0, failure);
            }
            upstream.record_success(0);
            for _ in 1..threshold {
                upstream.record_failure(0, failure);
            }
            assert!(ejected(&upstream).is_empty(), "{failure:?}: a success lies between");
            upstream.record_failure(0, failure);
            assert_eq!(ejected(&upstream), [0], "{failure:?}");
        }
    }

    /// Catches an endpoint that fails some of its requests, but never many in a row.
    #[tokio::test(start_paused = true)]
    async fn a_share_of_failures_above_the_others_ejects() {
        for (of, failing) in [(2, 1), (4, 3), (5, 2)] {
            let upstream = upstream(2, 0);
            serve(&upstream, 40, |index, time| index == 0 && time % of < failing);
            assert_eq!(ejected(&upstream), [0], "{failing} of {of}");
        }
        let three = upstream(3, 0);
        serve(&three, 100, |index, time| index < 2 && time % 2 == 0);
        assert_eq!(
            ejected(&three).len(),
            1,
            "two of three are bad, and one of them may be left out"
        );
        let upstream = upstream(2, 0);
        serve(&upstream, 200, |index, time| index == 0 && time % 5 == 0);
        assert!(ejected(&upstream).is_empty(), "a fifth is not clearly more");
    }

    /// Catches a bug of the application, shared by all endpoints, that ejects one of them.
    #[tokio::test(start_paused = true)]
    async fn endpoints_that_are_equally_bad_are_kept() {
        let upstream = upstream(4, 0);
        serve(&upstream, 200, |index, time| (time + index) % 2 == 0);
        assert!(ejected(&upstream).is_empty());
        // Two of four are ejected, one after the other.
        serve(&upstream, 200, |index, time| index < 2 && time % 3 > 0);
        assert!(ejected(&upstream).len() <= 2, "{:?}", ejected(&upstream));
    }

    /// Catches old failures that still count towards the failure rate.
    #[tokio::test(start_paused = true)]
    async fn a_share_is_that_of_ten_seconds() {
        let upstream = upstream(2, 0);
        for _ in 0..30 {
            serve(&upstream, 2, |index, time| index == 0 && time == 0);
            advance(Duration::from_secs(3)).await;
        }
        assert!(ejected(&upstream).is_empty(), "there are fewer than ten requests in ten seconds");
    }

    /// Catches an endpoint with rare failures that, once ejected, never regains its full share.
    #[tokio::test(start_paused = true)]
    async fn one_failure_of_many_does_not_end_a_return() {
        let upstream = upstream(2, 0);
        upstream.record_failure(0, EndpointFailure::Connect);
        advance(Duration::from_secs(2)).await;
        serve(&upstream, 100, |index, time| index == 0 && time == 50);
        assert!(ejected(&upstream).is_empty());
        upstream.record_failure(1, EndpointFailure::Connect);
        advance(Duration::from_secs(2)).await;
        upstream.record_failure(1, EndpointFailure::Status);
        assert_eq!(ejected(&upstream), [1], "the first request fails");
    }

    /// Catches an endpoint that hangs unnoticed because clients give up before the gateway does.
    #[tokio::test(start_paused = true)]
    async fn abandoned_requests_eject_only_beside_one_that_answers() {
        let alone = upstream(2, 0);
        for index in [0, 1, 0, 1, 0, 1, 0, 1] {
            alone.record_failure(index, EndpointFailure::Abandoned);
        }
        assert!(ejected(&alone).is_empty(), "all are slow");
        let upstream = upstream(2, 0);
        for _ in 0..3 {
            upstream.record_failure(0, EndpointFailure::Abandoned);
            upstream.record_success(1);
        }
        upstream.record_failure(0, EndpointFailure::Abandoned);
        assert_eq!(ejected(&upstream), [0]);
    }

    /// Catches backups that are counted as primaries.
    #[tokio::test(start_paused = true)]
    async fn at_most_half_is_ejected_unless_the_others_take_over() {
        for (primaries, backups, most) in
            [(1, 0, 0), (2, 0, 1), (3, 0, 1), (4, 0, 2), (5, 0, 2), (1, 1, 1), (2, 1, 2), (4, 1, 4)]
        {
            let upstream = upstream(primaries, backups);
            for index in 0..usize::from(primaries) {
                upstream.record_failure(index, EndpointFailure::Connect);
            }
            assert_eq!(ejected(&upstream).len(), most, "of {primaries} and {backups}");
            upstream.record_failure(usize::from(primaries + backups) - 1, EndpointFailure::Connect);
            assert_eq!(
                ejected(&upstream).len(),
                most,
                "the last one stays: {primaries} and {backups}"
            );
        }
    }

    /// Catches a misconfigured health check that also disables ejection.
    #[tokio::test(start_paused = true)]
    async fn where_no_check_passes_ejection_goes_on() {
        let upstream = upstream(2, 0);
        let failed = || Err("it answered 404".to_owned());
        upstream.endpoints[0].record_check(&HealthCheck::new("/"), failed());
        assert!(!upstream.is_usable(0) && upstream.is_usable(1));
        upstream.record_failure(1, EndpointFailure::Connect);
        assert!(upstream.is_usable(1), "it is the last one");
        upstream.endpoints[1].record_check(&HealthCheck::new("/"), failed());
        assert!(upstream.is_usable(0) && upstream.is_usable(1));
        upstream.record_failure(1, EndpointFailure::Connect);
        assert!(upstream.is_usable(0) && !upstream.is_usable(1));
    }

    /// Catches an idle connection, which a server may close, that counts as a failure; and an
    /// endpoint that closes every second reused connection and is not ejected.
    #[tokio::test(start_paused = true)]
    async fn a_connection_closed_after_a_rest_counts_if_it_recurs() {
        let (long, short) = (Duration::from_secs(5), Duration::from_millis(1));
        let upstream = upstream(2, 0);
        for _ in 0..100 {
            upstream.record_closed(0, long);
            upstream.endpoints[0].record_reuse();
            upstream.record_success(0);
        }
        assert!(ejected(&upstream).is_empty());
        for rested in [long, short] {
            let upstream = self::upstream(2, 0);
            for _ in 0..20 {
                upstream.record_closed(0, rested);
                upstream.record_success(0);
            }
            assert_eq!(ejected(&upstream), [0], "{rested:?}");
        }
    }
}
