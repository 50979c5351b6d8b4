//! The totals of all cores, and the metric families that show them.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;
use upshift_adoption::usage::Standing;
use upshift_core::policy::Rule;
use upshift_core::{Phase, Policy, Timestamp, Verdict, VerdictReason};

use crate::telemetry::counts::{CoreCounts, RulingCounts};
use crate::telemetry::durations::DurationMetrics;
use crate::telemetry::exchange_counts::{ExchangeCounts, VERDICTS};
use crate::telemetry::families::{FamilyHead, FamilyWriter, Labels};
use crate::telemetry::histogram::DurationHistogram;
use crate::telemetry::reason_series::{MOST_RULES_WITH_REASONS, possible_rulings};

/// The number of rules up to which every rule has its series from the start. In a larger policy,
/// which would make the scrape long, the series of a rule begin with its first request.
pub(crate) const MOST_RULES_AT_ZERO: usize = 1_000;

/// The totals of all cores since the start.
#[derive(Clone, Debug)]
pub(crate) struct MetricTotals {
    counts: CoreCounts,
    reloads: u64,
    failed_reloads: u64,
    /// The changes that reloads made, by kind of subject and kind of change.
    reload_changes: BTreeMap<(&'static str, &'static str), u64>,
    last_reload: Timestamp,
    last_reload_failed: bool,
}

impl MetricTotals {
    /// Totals of zero. `reload_changes` are the kinds of subject and of change that reloads count.
    pub(crate) fn new(
        reload_changes: impl IntoIterator<Item = (&'static str, &'static str)>,
    ) -> Self {
        let mut totals = Self {
            counts: CoreCounts::at_zero(),
            reloads: 0,
            failed_reloads: 0,
            reload_changes: BTreeMap::new(),
            last_reload: Timestamp::now(),
            last_reload_failed: false,
        };
        for change in reload_changes {
            totals.reload_changes.insert(change, 0);
        }
        totals
    }

    /// Adds the counters of one core.
    pub(crate) fn add_counts(&mut self, counts: CoreCounts) {
        self.counts.merge(counts);
    }

    /// The decided requests with this verdict.
    pub(crate) fn decided_requests(&self, verdict: Verdict) -> u64 {
        let mut requests = 0;
        for ((counted, _), count) in &self.counts.requests {
            if *counted == verdict {
                requests += count;
            }
        }
        requests
    }

    /// Counts a reload that succeeded, after which `policy` is in force. The counters of rules that
    /// it does not have are dropped, and those of upstream endpoints that are not among `endpoints`.
    pub(crate) fn count_reload(&mut self, policy: &Policy, endpoints: &HashSet<&str>) {
        self.reloads += 1;
        self.last_reload = Timestamp::now();
        self.last_reload_failed = false;
        self.counts.retain_rules(policy);
        self.counts.exchanges.retain_endpoints(endpoints);
    }

    /// The durations of exchanges, and of responses of these upstream endpoints.
    pub(crate) fn durations(&self, endpoints: &HashSet<&str>) -> DurationMetrics {
        let mut upstreams = Vec::new();
        for endpoint in endpoints {
            let mut total = DurationHistogram::default();
            if let Some(series) = self.counts.exchanges.upstream_durations.get(*endpoint) {
                for histogram in series.values() {
                    total.merge(histogram.clone());
                }
            }
            upstreams.push(((*endpoint).to_owned(), total));
        }
        upstreams.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let mut exchanges: BTreeMap<&'static str, DurationHistogram> = BTreeMap::new();
        for (series, histogram) in &self.counts.exchanges.durations {
            exchanges.entry(series.verdict).or_default().merge(histogram.clone());
        }
        DurationMetrics { exchanges: exchanges.into_iter().collect(), upstreams }
    }

    /// The counters of exchanges.
    pub(crate) fn exchange_counts(&self) -> &ExchangeCounts {
        &self.counts.exchanges
    }

    /// Counts a reload that failed.
    pub(crate) fn count_failed_reload(&mut self) {
        self.failed_reloads += 1;
        self.last_reload_failed = true;
    }

    /// Counts one change that a reload made.
    pub(crate) fn count_reload_change(&mut self, kind: &'static str, change: &'static str) {
        *self.reload_changes.entry((kind, change)).or_default() += 1;
    }
}

/// The totals at the time of a scrape.
#[derive(Debug)]
pub(crate) struct TotalMetrics {
    /// The totals.
    pub(crate) totals: MetricTotals,
    /// The effective policy, whose rules have series.
    pub(crate) policy: Arc<Policy>,
    /// The number of access records that were dropped.
    pub(crate) access_dropped: u64,
    /// The number of spans that were not exported.
    pub(crate) spans_dropped: u64,
    /// The number of exports that failed, by signal.
    pub(crate) export_failures: [(&'static str, u64); 2],
}

impl Collector for TotalMetrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut writer = FamilyWriter::new(encoder);
        self.write_program(&mut writer)?;
        self.write_reloads(&mut writer)?;
        self.write_connections(&mut writer)?;
        self.write_requests(&mut writer)?;
        self.write_transport(&mut writer)?;
        self.write_rules(&mut writer)
    }
}

impl TotalMetrics {
    fn write_program(&self, writer: &mut FamilyWriter<'_>) -> fmt::Result {
        let build = FamilyHead::new("build", "The version of Upshift");
        writer.write_info(&build, &[("version", env!("CARGO_PKG_VERSION"))])?;
        let revision =
            FamilyHead::new("policy_revision", "1 for the revision of the policy in force");
        writer.write_gauges(&revision, [([("revision", self.policy.revision())], 1_u64)])?;
        let dropped = FamilyHead::new(
            "access_records_dropped",
            "Access records that were dropped because the disk was full or too slow",
        );
        writer.write_counter(&dropped, self.access_dropped)?;
        let spans = FamilyHead::new(
            "otlp_spans_dropped",
            "Spans that were not exported: the queue was full, or the receiver did not take them",
        );
        writer.write_counter(&spans, self.spans_dropped)?;
        let failures = FamilyHead::new(
            "otlp_export_failures",
            "Exports that failed after all retries, by signal",
        );
        let series = self.export_failures.map(|(signal, count)| ([("signal", signal)], count));
        writer.write_counters(&failures, series)
    }

    fn write_reloads(&self, writer: &mut FamilyWriter<'_>) -> fmt::Result {
        let totals = &self.totals;
        let reloads = FamilyHead::new("reloads", "Reloads of the policy file, by outcome");
        let outcomes = [("ok", totals.reloads), ("failed", totals.failed_reloads)];
        writer
            .write_counters(&reloads, outcomes.map(|(name, count)| ([("outcome", name)], count)))?;
        let last = FamilyHead::new(
            "last_reload_timestamp",
            "The time of the start, or of the last reload that succeeded",
        );
        let last_reload = totals.last_reload.as_second() as f64;
        writer.write_gauge(&last.with_unit(Unit::Seconds), last_reload)?;
        let successful = FamilyHead::new(
            "last_reload_successful",
            "1 if the last attempt to reload succeeded, or there was none",
        );
        writer.write_gauge(&successful, u64::from(!totals.last_reload_failed))?;
        let changes = FamilyHead::new(
            "reload_changes",
            "Rules, exemptions, upstreams, settings and files that reloads added, removed or changed",
        );
        let mut series = Vec::new();
        for (&(kind, change), &count) in &totals.reload_changes {
            series.push(([("kind", kind), ("change", change)], count));
        }
        writer.write_counters(&changes, series)
    }

    fn write_connections(&self, writer: &mut FamilyWriter<'_>) -> fmt::Result {
        let counts = &self.totals.counts;
        let accepted = FamilyHead::new("connections", "Connections accepted, by listener");
        writer.write_counters(&accepted, counts.accepted.series("listener"))?;
        let open = FamilyHead::new("open_connections", "Open connections of clients, by listener");
        writer.write_gauges(&open, counts.open_connections.series("listener"))?;
        let errors = FamilyHead::new("connection_errors", "Connections that ended early, by cause");
        writer.write_counters(&errors, counts.disconnects.series("cause"))?;
        let handshakes = FamilyHead::new(
            "tls_handshakes",
            "TLS handshakes of clients that succeeded, by version of TLS",
        );
        writer.write_counters(&handshakes, counts.tls_handshakes.series("version"))?;
        let failures = FamilyHead::new(
            "tls_handshake_failures",
            "TLS handshakes of clients that failed, by cause",
        );
        writer.write_counters(&failures, counts.tls_failures.series("cause"))?;
        let transitions = FamilyHead::new("transitions", "Switches to another protocol");
        writer.write_counters(&transitions, counts.transitions.series("to"))?;
        let tunnels = FamilyHead::new("open_tunnels", "Open tunnels, WebSockets included");
        writer.write_gauge(&tunnels, counts.open_tunnels)
    }

    fn write_requests(&self, writer: &mut FamilyWriter<'_>) -> fmt::Result {
        let counts = &self.totals.counts;
        let requests = FamilyHead::new(
            "http_requests",
            "Decided requests, by verdict and by the version of HTTP on the connection",
        );
        let mut series = Vec::new();
        for (&(verdict, http), &count) in &counts.requests {
            let version = ("network_protocol_version", http.as_str());
            series.push(([("verdict", verdict.as_str()), version], count));
        }
        series.sort_unstable();
        writer.write_counters(&requests, series)?;
        let faults = FamilyHead::new(
            "faults",
            "Requests that the gateway answered itself because of an error, by cause",
        );
        writer.write_counters(&faults, counts.local_replies.series("cause"))?;
        self.write_exchanges(writer)?;
        let undeclared = FamilyHead::new(
            "undeclared_proxy_requests",
            "Requests from private peers that send X-Forwarded-Proto without being declared proxies",
        );
        writer.write_counter(&undeclared, counts.undeclared)?;
        let bare_426 = FamilyHead::new(
            "upstream_bare_426",
            "Upstream responses with status 426 and no protocol in Upgrade",
        );
        writer.write_counter(&bare_426, counts.bare_426)
    }

    fn write_exchanges(&self, writer: &mut FamilyWriter<'_>) -> fmt::Result {
        let counts = &self.totals.counts.exchanges;
        let in_flight = FamilyHead::new(
            "http_requests_in_flight",
            "Requests whose response has not ended, and tunnels",
        );
        writer.write_gauge(&in_flight, counts.total_in_flight())?;
        let responses = FamilyHead::new(
            "http_responses",
            "Ended exchanges, by the status code of the response",
        );
        writer.write_counters(&responses, counts.responses.series("code"))?;
        let aborts = FamilyHead::new("http_aborts", "Exchanges that were broken off, by cause");
        writer.write_counters(&aborts, counts.aborts.series("cause"))?;
        let received = FamilyHead::new("http_received", "Content that clients sent");
        writer.write_counter(&received.with_unit(Unit::Bytes), counts.bytes_in)?;
        let sent = FamilyHead::new("http_sent", "Content that clients were sent");
        writer.write_counter(&sent.with_unit(Unit::Bytes), counts.bytes_out)
    }

    fn write_rules(&self, writer: &mut FamilyWriter<'_>) -> fmt::Result {
        let rulings = &self.totals.counts.rulings;
        let all = self.policy.rules().len() <= MOST_RULES_AT_ZERO;
        let has_all_reasons = self.policy.rules().len() <= MOST_RULES_WITH_REASONS;
        let none = RulingCounts::default();
        let (mut by_verdict, mut by_reason, mut by_standing) = (Vec::new(), Vec::new(), Vec::new());
        for rule in self.policy.rules() {
            let counts = match rulings.get(&*rule.id) {
                Some(counts) => &**counts,
                None if all => &none,
                None => continue,
            };
            by_verdict.extend(verdict_series(&rule.id, counts));
            by_reason.extend(reason_series(rule, counts, has_all_reasons));
            by_standing.extend(standing_series(rule, counts, has_all_reasons));
        }
        let requests =
            FamilyHead::new("rule_requests", "Requests that a rule matched, by its verdict");
        writer.write_counters(&requests, by_verdict)?;
        let reasons = FamilyHead::new(
            "rule_reasons",
            "Requests that a rule matched, by the reason of its verdict and its phase",
        );
        writer.write_counters(&reasons, by_reason)?;
        let standings = FamilyHead::new(
            "rule_standing_requests",
            "Requests that a rule matched, by its verdict and by whether they meet it",
        );
        writer.write_counters(&standings, by_standing)
    }

    fn write_transport(&self, writer: &mut FamilyWriter<'_>) -> fmt::Result {
        let transport = FamilyHead::new(
            "transport_requests",
            "Decided requests, by the client's versions of HTTP and TLS and by standing",
        );
        let mut series = Vec::new();
        for (&(http, tls, standing), &count) in &self.totals.counts.transport {
            series.push(([("http", http), ("tls", tls), ("standing", standing.as_str())], count));
        }
        series.sort_unstable();
        writer.write_counters(&transport, series)
    }
}

fn verdict_series<'r>(rule: &'r str, counts: &RulingCounts) -> [(Labels<'r, 2>, u64); 4] {
    VERDICTS.map(|verdict| {
        let mut total = 0;
        for (&(counted, ..), count) in counts {
            if counted == verdict {
                total += count;
            }
        }
        ([("rule", rule), ("verdict", verdict.as_str())], total)
    })
}

/// The series of a rule by standing. With `has_all`, those that its present phase can have are
/// there from the start.
fn standing_series<'r>(
    rule: &'r Rule,
    counts: &RulingCounts,
    has_all: bool,
) -> Vec<(Labels<'r, 3>, u64)> {
    let mut totals: BTreeMap<(Verdict, Standing), u64> = BTreeMap::new();
    if has_all {
        let phase = rule.rollout_state(Timestamp::now()).phase;
        for (verdict, _, standing) in possible_rulings(rule, phase) {
            totals.insert((verdict, standing), 0);
        }
    }
    for (&(verdict, _, _, standing), &count) in counts {
        *totals.entry((verdict, standing)).or_default() += count;
    }
    let mut series = Vec::new();
    for ((verdict, standing), count) in totals {
        let labels =
            [("rule", &*rule.id), ("verdict", verdict.as_str()), ("standing", standing.as_str())];
        series.push((labels, count));
    }
    series.sort_unstable();
    series
}

/// The series of a rule by reason. With `has_all`, those that its present phase can have are there
/// from the start.
fn reason_series<'r>(
    rule: &'r Rule,
    counts: &RulingCounts,
    has_all: bool,
) -> Vec<(Labels<'r, 4>, u64)> {
    let mut totals: BTreeMap<(Verdict, VerdictReason, Phase), u64> = BTreeMap::new();
    if has_all {
        let phase = rule.rollout_state(Timestamp::now()).phase;
        for (verdict, reason, _) in possible_rulings(rule, phase) {
            totals.insert((verdict, reason, phase), 0);
        }
    }
    for (&(verdict, reason, phase, _), &count) in counts {
        *totals.entry((verdict, reason, phase)).or_default() += count;
    }
    let mut series = Vec::new();
    for ((verdict, reason, phase), count) in totals {
        let labels = [
            ("rule", &*rule.id),
            ("verdict", verdict.as_str()),
            ("reason", reason.as_str()),
            ("phase", phase.as_str()),
        ];
        series.push((labels, count));
    }
    series.sort_unstable();
    series
}
