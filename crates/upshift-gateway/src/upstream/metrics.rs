//! The metrics of upstream endpoints. The endpoints in the policy file bound their labels.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::endpoint_health::{EndpointFailure, EndpointHealth};
use super::health::UpstreamHealth;
use crate::telemetry::families::{FamilyHead, FamilyWriter, Labels};

/// The state of all endpoints at the time of a scrape, by name: an endpoint that is listed more than
/// once has one series. Series without events are there, at 0, so that `rate()` sees the first one.
#[derive(Debug, Default)]
pub(crate) struct UpstreamMetrics(BTreeMap<String, EndpointState>);

/// The state of the endpoints of one name.
#[derive(Debug)]
struct EndpointState {
    available: bool,
    ejected: bool,
    /// `None` without active health checks.
    passes_checks: Option<bool>,
    connections: u64,
    requests: u64,
    failures: [u64; EndpointFailure::ALL.len()],
    ejections: u64,
    retries: u64,
    checks_passed: u64,
    checks_failed: u64,
}

impl UpstreamMetrics {
    /// The state of the endpoints of `upstreams`.
    pub(crate) fn read(upstreams: &[Arc<UpstreamHealth>]) -> Self {
        let mut metrics = Self::default();
        for upstream in upstreams {
            for endpoint in &upstream.endpoints {
                let state = metrics.0.entry(endpoint.name.clone()).or_default();
                state.add_endpoint(endpoint, upstream.check.is_some());
            }
        }
        metrics
    }
}

/// The names of all endpoints of `upstreams`.
pub(crate) fn endpoint_names(upstreams: &[Arc<UpstreamHealth>]) -> HashSet<&str> {
    let mut names = HashSet::new();
    for upstream in upstreams {
        for endpoint in &upstream.endpoints {
            names.insert(endpoint.name.as_str());
        }
    }
    names
}

impl Default for EndpointState {
    fn default() -> Self {
        Self {
            available: true,
            ejected: false,
            passes_checks: None,
            connections: 0,
            requests: 0,
            failures: [0; EndpointFailure::ALL.len()],
            ejections: 0,
            retries: 0,
            checks_passed: 0,
            checks_failed: 0,
        }
    }
}

impl EndpointState {
    fn add_endpoint(&mut self, endpoint: &EndpointHealth, is_checked: bool) {
        let totals = &endpoint.totals;
        self.available &= endpoint.is_available();
        self.ejected |= endpoint.is_ejected();
        if is_checked {
            self.passes_checks =
                Some(self.passes_checks != Some(false) && !endpoint.fails_checks());
        }
        self.connections += endpoint.open_connections();
        self.requests += totals.requests.load(Relaxed);
        for (total, failure) in self.failures.iter_mut().zip(EndpointFailure::ALL) {
            *total += totals.failure_count(failure);
        }
        self.ejections += totals.ejections.load(Relaxed);
        self.retries += totals.retries.load(Relaxed);
        self.checks_passed += totals.checks_passed.load(Relaxed);
        self.checks_failed += totals.checks_failed.load(Relaxed);
    }
}

impl Collector for UpstreamMetrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut writer = FamilyWriter::new(encoder);
        self.write_health(&mut writer)?;
        self.write_checks(&mut writer)?;
        self.write_requests(&mut writer)
    }
}

impl UpstreamMetrics {
    fn write_health(&self, writer: &mut FamilyWriter<'_>) -> fmt::Result {
        let available = FamilyHead::new(
            "upstream_endpoint_available",
            "1 for a healthy upstream endpoint, 0 for one that is ejected or fails its health checks",
        );
        writer.write_gauges(&available, self.series(|state| u64::from(state.available)))?;
        let ejected = FamilyHead::new(
            "upstream_endpoint_ejected",
            "1 for an upstream endpoint that is ejected because of failed requests",
        );
        writer.write_gauges(&ejected, self.series(|state| u64::from(state.ejected)))?;
        let ejections = FamilyHead::new(
            "upstream_endpoint_ejections",
            "Ejections of an upstream endpoint because of failed requests",
        );
        writer.write_counters(&ejections, self.series(|state| state.ejections))
    }

    fn write_checks(&self, writer: &mut FamilyWriter<'_>) -> fmt::Result {
        let (mut passing, mut outcomes) = (Vec::new(), Vec::new());
        for (name, state) in &self.0 {
            let Some(passes) = state.passes_checks else { continue };
            passing.push(([("endpoint", name.as_str())], u64::from(passes)));
            for (outcome, count) in
                [("passed", state.checks_passed), ("failed", state.checks_failed)]
            {
                outcomes.push(([("endpoint", name.as_str()), ("outcome", outcome)], count));
            }
        }
        let state = FamilyHead::new(
            "upstream_endpoint_passes_checks",
            "1 for an upstream endpoint that passes its health checks",
        );
        writer.write_gauges(&state, passing)?;
        let checks = FamilyHead::new(
            "upstream_health_checks",
            "Health checks of an upstream endpoint, by outcome",
        );
        writer.write_counters(&checks, outcomes)
    }

    fn write_requests(&self, writer: &mut FamilyWriter<'_>) -> fmt::Result {
        let requests = FamilyHead::new(
            "upstream_endpoint_requests",
            "Requests that were sent to an upstream endpoint, retries and upgrades included",
        );
        writer.write_counters(&requests, self.series(|state| state.requests))?;
        let mut by_cause = Vec::new();
        for (name, state) in &self.0 {
            for (failure, count) in EndpointFailure::ALL.into_iter().zip(state.failures) {
                by_cause.push(([("endpoint", name.as_str()), ("cause", failure.cause())], count));
            }
        }
        let failures = FamilyHead::new(
            "upstream_endpoint_failures",
            "Requests that an upstream endpoint failed, by cause",
        );
        writer.write_counters(&failures, by_cause)?;
        let retries = FamilyHead::new(
            "upstream_endpoint_retries",
            "Requests that were sent again because an upstream endpoint failed them",
        );
        writer.write_counters(&retries, self.series(|state| state.retries))?;
        let connections = FamilyHead::new(
            "upstream_endpoint_connections",
            "Open connections to an upstream endpoint, idle ones included",
        );
        writer.write_gauges(&connections, self.series(|state| state.connections))
    }

    /// One series for each endpoint, with the value that `read` returns.
    fn series(
        &self,
        read: impl Fn(&EndpointState) -> u64,
    ) -> impl Iterator<Item = (Labels<'_, 1>, u64)> {
        self.0.iter().map(move |(name, state)| ([("endpoint", name.as_str())], read(state)))
    }
}
