//! The totals of all cores, in the text format of OpenMetrics.

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::telemetry::counts::CoreCounts;

/// Counters by the values of `N` labels.
type LabelledCounters<const N: usize> = Family<[(&'static str, String); N], Counter>;

/// The totals since the start.
pub(crate) struct Metrics {
    registry: Registry,
    connections: Counter,
    requests: LabelledCounters<2>,
    rulings: LabelledCounters<4>,
    local_replies: LabelledCounters<1>,
    disconnects: LabelledCounters<1>,
    transitions: LabelledCounters<1>,
    undeclared: Counter,
    bare_426: Counter,
    reloads: LabelledCounters<1>,
    reload_changes: LabelledCounters<2>,
    access_dropped: Counter,
    revision: Family<[(&'static str, String); 1], Gauge>,
}

impl Metrics {
    /// Totals of zero.
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("upshift"),
            connections: Counter::default(),
            requests: LabelledCounters::default(),
            rulings: LabelledCounters::default(),
            local_replies: LabelledCounters::default(),
            disconnects: LabelledCounters::default(),
            transitions: LabelledCounters::default(),
            undeclared: Counter::default(),
            bare_426: Counter::default(),
            reloads: LabelledCounters::default(),
            reload_changes: LabelledCounters::default(),
            access_dropped: Counter::default(),
            revision: Family::default(),
        };
        metrics.register();
        // Made at the start, because `increase()` ignores the first value of a series: a first failure
        // would not be seen.
        for outcome in ["ok", "failed"] {
            drop(metrics.reloads.get_or_create(&[("outcome", outcome.to_owned())]));
        }
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("connections", "Connections accepted", self.connections.clone());
        registry.register(
            "http_requests",
            "Decided requests, by verdict and HTTP version",
            self.requests.clone(),
        );
        registry.register(
            "rule_requests",
            "Rulings of each rule on the requests that it matched",
            self.rulings.clone(),
        );
        registry.register(
            "faults",
            "Requests that the gateway answered itself because of an error, by cause",
            self.local_replies.clone(),
        );
        registry.register(
            "connection_errors",
            "Connections that ended early, by cause",
            self.disconnects.clone(),
        );
        registry.register("transitions", "Switches to another protocol", self.transitions.clone());
        registry.register(
            "undeclared_proxy_requests",
            "Requests from private peers that send X-Forwarded-Proto without being declared proxies",
            self.undeclared.clone(),
        );
        registry.register(
            "upstream_bare_426",
            "Upstream responses with status 426 and no protocol in Upgrade",
            self.bare_426.clone(),
        );
        registry.register(
            "reloads",
            "Reloads of the policy file, by outcome",
            self.reloads.clone(),
        );
        registry.register(
            "reload_changes",
            "Rules, exemptions, upstreams, settings and files that reloads added, removed or changed",
            self.reload_changes.clone(),
        );
        registry.register(
            "access_records_dropped",
            "Access records that were dropped because the disk was full or too slow",
            self.access_dropped.clone(),
        );
        registry.register(
            "policy_revision",
            "1 for the revision of the policy in force",
            self.revision.clone(),
        );
    }

    /// Adds the counters of one core.
    pub(crate) fn add_counts(&mut self, counts: CoreCounts) {
        self.connections.inc_by(counts.connections);
        self.undeclared.inc_by(counts.undeclared);
        self.bare_426.inc_by(counts.bare_426);
        for ((verdict, http), count) in counts.requests {
            let labels = [("verdict", verdict.to_string()), ("http", http.as_str().to_owned())];
            self.requests.get_or_create(&labels).inc_by(count);
        }
        for (rule, counts) in counts.rulings {
            for ((verdict, reason, phase), count) in counts {
                let labels = [
                    ("rule", rule.to_string()),
                    ("verdict", verdict.to_string()),
                    ("reason", reason.to_string()),
                    ("phase", phase.as_str().to_owned()),
                ];
                self.rulings.get_or_create(&labels).inc_by(count);
            }
        }
        for (cause, count) in counts.local_replies {
            self.local_replies.get_or_create(&[("cause", cause.to_owned())]).inc_by(count);
        }
        for (cause, count) in counts.disconnects {
            self.disconnects.get_or_create(&[("cause", cause.to_owned())]).inc_by(count);
        }
        for (to, count) in counts.transitions {
            self.transitions.get_or_create(&[("to", to.to_owned())]).inc_by(count);
        }
    }

    /// Counts a reload.
    pub(crate) fn count_reload(&mut self, succeeded: bool) {
        let outcome = if succeeded { "ok" } else { "failed" };
        self.reloads.get_or_create(&[("outcome", outcome.to_owned())]).inc();
    }

    /// Counts one change that a reload made.
    pub(crate) fn count_reload_change(&mut self, kind: &str, change: &str) {
        let labels = [("kind", kind.to_owned()), ("change", change.to_owned())];
        self.reload_changes.get_or_create(&labels).inc();
    }

    /// The metrics in the text format of OpenMetrics, with those of `further`.
    pub(crate) fn render(&self, revision: &str, access_dropped: u64, further: &Registry) -> String {
        self.revision.clear();
        self.revision.get_or_create(&[("revision", revision.to_owned())]).set(1);
        self.access_dropped.inner().store(access_dropped, std::sync::atomic::Ordering::Relaxed);
        let mut text = String::new();
        // Writing into a string cannot fail.
        let _ = encode_registry(&mut text, &self.registry);
        let _ = encode_registry(&mut text, further);
        let _ = encode_eof(&mut text);
        text
    }
}
