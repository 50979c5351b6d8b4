//! The rules by which failed requests eject an endpoint.
//!
//! 1. Failures in a row eject: one to connect, three broken, late or abandoned answers, five
//!    answers of 5xx.
//! 2. So does a share of failures that is clearly above that of the other endpoints, if there were
//!    enough requests.
//! 3. While an endpoint returns, its share decides from the first request on.
//! 4. At most half of the endpoints that are not left out by a check are ejected, save where the
//!    others of them, primaries or backups, can take over; the last one never is.

use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;

use super::health::{EndpointHealth, Failure, UpstreamHealth};

/// As many requests have to be counted for their share of failures to mean anything.
const ENOUGH: u64 = 10;
/// The share of failures, in per cent, up to which an endpoint is not worse than others.
const TOLERABLE: u64 = 30;

impl UpstreamHealth {
    /// Counts a failed request, and ejects the endpoint if it was one too many.
    pub(crate) fn failed(&self, index: usize, failure: Failure) {
        let endpoint = &self.endpoints[index];
        endpoint.count_failure(failure);
        // Cores had requests under way when it was ejected: they say nothing of the time after.
        if endpoint.is_ejected() {
            return;
        }
        self.start_counting();
        endpoint.recent.add(endpoint.now(), true);
        // One that serves each connection once never fails twice in a row: its share tells.
        let in_a_row = match failure {
            Failure::Closed => 0,
            _ => endpoint.in_a_row.fetch_add(1, Relaxed) + 1,
        };
        if let Some(why) = self.reason_to_eject(index, failure, in_a_row) {
            self.eject(index, &why);
        }
    }

    fn reason_to_eject(&self, index: usize, failure: Failure, in_a_row: u32) -> Option<String> {
        let endpoint = &self.endpoints[index];
        let is_long = failure.threshold().is_some_and(|threshold| in_a_row >= threshold);
        // Clients leave by themselves, too: only beside another endpoint that answers does it tell
        // anything.
        let is_told =
            failure != Failure::Abandoned || (self.is_worse(index) && self.others_answer(index));
        if is_long && is_told {
            return Some(format!("{}, {in_a_row} times in a row", failure.description()));
        }
        let recent = endpoint.recent.sum(endpoint.now());
        let is_enough = recent.all >= ENOUGH || endpoint.is_returning();
        (is_enough && self.is_worse(index))
            .then(|| format!("it failed {} of its last {} requests", recent.failed, recent.all))
    }

    /// Tells whether it fails clearly more than the others do on average.
    fn is_worse(&self, index: usize) -> bool {
        let mut others = Vec::new();
        for (_, other) in self.usable_besides(index) {
            others.push(other.recent.sum(other.now()).failed_share());
        }
        let Some(mean) = others.iter().sum::<u64>().checked_div(others.len() as u64) else {
            return false;
        };
        let endpoint = &self.endpoints[index];
        let share = endpoint.recent.sum(endpoint.now()).failed_share();
        // Of three endpoints two may be bad: each then has the other in its mean.
        share > TOLERABLE.max(mean * 3 / 2 + 10)
    }

    fn others_answer(&self, index: usize) -> bool {
        self.usable_besides(index).any(|(other, endpoint)| {
            let recent = endpoint.recent.sum(endpoint.now());
            // A backup is asked nothing before it is needed.
            recent.all > recent.failed || (self.backups[other] && recent.all == 0)
        })
    }

    fn usable_besides(&self, index: usize) -> impl Iterator<Item = (usize, &EndpointHealth)> {
        let others = self
            .endpoints
            .iter()
            .enumerate()
            .filter(move |(other, _)| *other != index && self.is_usable(*other));
        others.map(|(other, endpoint)| (other, &**endpoint))
    }

    fn eject(&self, index: usize, why: &str) {
        let _one_at_a_time = self.ejecting.lock().unwrap_or_else(PoisonError::into_inner);
        let endpoint = &self.endpoints[index];
        // Other cores had requests under way when it was ejected.
        if endpoint.is_ejected() || !self.can_do_without(index) {
            return;
        }
        let length = endpoint.eject();
        tracing::warn!(endpoint = %endpoint.name, "an upstream endpoint is left out for {length:?}: {why}");
    }

    /// Tells whether the others can take over from the endpoint.
    fn can_do_without(&self, index: usize) -> bool {
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

    /// So many primaries and backups.
    fn upstream(primaries: u16, backups: u16) -> Arc<UpstreamHealth> {
        let endpoints = (0..primaries + backups).map(|port| {
            let mut endpoint =
                Endpoint::from(std::net::SocketAddr::from(([127, 0, 0, 1], 1 + port)));
            endpoint.backup = port >= primaries;
            endpoint
        });
        UpstreamHealth::of_all(&[Upstream::of(endpoints.collect())], &[]).remove(0)
    }

    fn ejected(upstream: &UpstreamHealth) -> Vec<usize> {
        let endpoints = upstream.endpoints.iter().enumerate();
        endpoints.filter(|(_, endpoint)| endpoint.is_ejected()).map(|(index, _)| index).collect()
    }

    /// One answer of the endpoint, then one of each other, `times` times; `fails` says which of its
    /// own fail.
    fn serve(upstream: &UpstreamHealth, times: usize, fails: impl Fn(usize, usize) -> bool) {
        for time in 0..times {
            for index in 0..upstream.endpoints.len() {
                if fails(index, time) {
                    upstream.failed(index, Failure::Status);
                } else {
                    upstream.succeeded(index);
                }
            }
        }
    }

    /// KIND: a rule for failures in a row, which one success resets.
    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_eject() {
        for (failure, threshold) in [
            (Failure::Connect, 1),
            (Failure::Broken, 3),
            (Failure::Timeout, 3),
            (Failure::Status, 5),
        ] {
            let upstream = upstream(2, 0);
            for _ in 1..threshold {
                upstream.failed(0, failure);
            }
            upstream.succeeded(0);
            for _ in 1..threshold {
                upstream.failed(0, failure);
            }
            assert!(ejected(&upstream).is_empty(), "{failure:?}: a success lies between");
            upstream.failed(0, failure);
            assert_eq!(ejected(&upstream), [0], "{failure:?}");
        }
    }

    /// KIND: a replica that fails a part of its requests, never many in a row.
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

    /// KIND: an application's fault that all replicas share, taken for that of one.
    #[tokio::test(start_paused = true)]
    async fn endpoints_that_are_equally_bad_are_kept() {
        let upstream = upstream(4, 0);
        serve(&upstream, 200, |index, time| (time + index) % 2 == 0);
        assert!(ejected(&upstream).is_empty());
        // Two of four are ejected, one after the other.
        serve(&upstream, 200, |index, time| index < 2 && time % 3 > 0);
        assert!(ejected(&upstream).len() <= 2, "{:?}", ejected(&upstream));
    }

    /// KIND: a few failures long ago, added up to a share.
    #[tokio::test(start_paused = true)]
    async fn a_share_is_that_of_ten_seconds() {
        let upstream = upstream(2, 0);
        for _ in 0..30 {
            serve(&upstream, 2, |index, time| index == 0 && time == 0);
            advance(Duration::from_secs(3)).await;
        }
        assert!(ejected(&upstream).is_empty(), "there are fewer than ten requests in ten seconds");
    }

    /// KIND: an endpoint with a rare fault that, once ejected, never returns to its full share.
    #[tokio::test(start_paused = true)]
    async fn one_failure_of_many_does_not_end_a_return() {
        let upstream = upstream(2, 0);
        upstream.failed(0, Failure::Connect);
        advance(Duration::from_secs(2)).await;
        serve(&upstream, 100, |index, time| index == 0 && time == 50);
        assert!(ejected(&upstream).is_empty());
        upstream.failed(1, Failure::Connect);
        advance(Duration::from_secs(2)).await;
        upstream.failed(1, Failure::Status);
        assert_eq!(ejected(&upstream), [1], "the first request fails");
    }

    /// KIND: clients that give up before the gateway does, and hide a replica that hangs.
    #[tokio::test(start_paused = true)]
    async fn abandoned_requests_eject_only_beside_one_that_answers() {
        let alone = upstream(2, 0);
        for index in [0, 1, 0, 1, 0, 1, 0, 1] {
            alone.failed(index, Failure::Abandoned);
        }
        assert!(ejected(&alone).is_empty(), "all are slow");
        let upstream = upstream(2, 0);
        for _ in 0..3 {
            upstream.failed(0, Failure::Abandoned);
            upstream.succeeded(1);
        }
        upstream.failed(0, Failure::Abandoned);
        assert_eq!(ejected(&upstream), [0]);
    }

    /// KIND: a count of the cluster that takes a backup for one of those that serve.
    #[tokio::test(start_paused = true)]
    async fn at_most_half_is_ejected_unless_the_others_take_over() {
        for (primaries, backups, most) in
            [(1, 0, 0), (2, 0, 1), (3, 0, 1), (4, 0, 2), (5, 0, 2), (1, 1, 1), (2, 1, 2), (4, 1, 4)]
        {
            let upstream = upstream(primaries, backups);
            for index in 0..usize::from(primaries) {
                upstream.failed(index, Failure::Connect);
            }
            assert_eq!(ejected(&upstream).len(), most, "of {primaries} and {backups}");
            upstream.failed(usize::from(primaries + backups) - 1, Failure::Connect);
            assert_eq!(
                ejected(&upstream).len(),
                most,
                "the last one stays: {primaries} and {backups}"
            );
        }
    }

    /// KIND: a health check that is wrong, and takes ejection with it.
    #[tokio::test(start_paused = true)]
    async fn where_no_check_passes_ejection_goes_on() {
        let upstream = upstream(2, 0);
        let failed = || Err("it answered 404".to_owned());
        upstream.endpoints[0].checked(&HealthCheck::of("/"), failed());
        assert!(!upstream.is_usable(0) && upstream.is_usable(1));
        upstream.failed(1, Failure::Connect);
        assert!(upstream.is_usable(1), "it is the last one");
        upstream.endpoints[1].checked(&HealthCheck::of("/"), failed());
        assert!(upstream.is_usable(0) && upstream.is_usable(1));
        upstream.failed(1, Failure::Connect);
        assert!(upstream.is_usable(0) && !upstream.is_usable(1));
    }

    /// KIND: a connection that was closed after a rest, as any server may, taken for a fault; and
    /// the excuse for it, taken by a replica that closes every second time.
    #[tokio::test(start_paused = true)]
    async fn a_connection_closed_after_a_rest_counts_if_it_recurs() {
        let (long, short) = (Duration::from_secs(5), Duration::from_millis(1));
        let upstream = upstream(2, 0);
        for _ in 0..100 {
            upstream.closed(0, long);
            upstream.endpoints[0].reused();
            upstream.succeeded(0);
        }
        assert!(ejected(&upstream).is_empty());
        for rested in [long, short] {
            let upstream = self::upstream(2, 0);
            for _ in 0..20 {
                upstream.closed(0, rested);
                upstream.succeeded(0);
            }
            assert_eq!(ejected(&upstream), [0], "{rested:?}");
        }
    }
}
