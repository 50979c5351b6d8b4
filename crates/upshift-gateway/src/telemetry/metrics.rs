//! What all cores counted, as Prometheus reads it.

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::telemetry::counts::Counts;

/// Counters by the values of `N` labels.
type Labelled<const N: usize> = Family<[(&'static str, String); N], Counter>;

/// The totals.
pub(crate) struct Metrics {
    registry: Registry,
    connections: Counter,
    requests: Labelled<2>,
    rulings: Labelled<4>,
    local_replies: Labelled<1>,
    disconnects: Labelled<1>,
    transitions: Labelled<1>,
    undeclared: Counter,
    bare_426: Counter,
    reloads: Labelled<1>,
    reload_changes: Labelled<2>,
    access_dropped: Counter,
    revision: Family<[(&'static str, String); 1], Gauge>,
}

impl Metrics {
    /// All zero.
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("upshift"),
            connections: Counter::default(),
            requests: Labelled::default(),
            rulings: Labelled::default(),
            local_replies: Labelled::default(),
            disconnects: Labelled::default(),
            transitions: Labelled::default(),
            undeclared: Counter::default(),
            bare_426: Counter::default(),
            reloads: Labelled::default(),
            reload_changes: Labelled::default(),
            access_dropped: Counter::default(),
            revision: Family::default(),
        };
        metrics.register();
        // `increase()` sees nothing of a series that begins at 1.
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
            "Requests decided, by verdict and version of HTTP",
            self.requests.clone(),
        );
        registry.register(
            "rule_requests",
            "What each rule said of the requests it applied to",
            self.rulings.clone(),
        );
        registry.register(
            "faults",
            "Requests answered by the gateway because of a fault",
            self.local_replies.clone(),
        );
        registry.register(
            "connection_errors",
            "Connections that ended in bad order",
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
            "426 of upstreams that named no protocol",
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
            "Access records that were not written because the disk was behind",
            self.access_dropped.clone(),
        );
        registry.register(
            "policy_revision",
            "The policy in force: 1 for its revision",
            self.revision.clone(),
        );
    }

    /// Adds what one core counted.
    pub(crate) fn absorb(&mut self, counts: Counts) {
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

    /// The exposition format of OpenMetrics, with what `further` has.
    pub(crate) fn render(&self, revision: &str, access_dropped: u64, further: &Registry) -> String {
        self.revision.clear();
        self.revision.get_or_create(&[("revision", revision.to_owned())]).set(1);
        self.access_dropped.inner().store(access_dropped, std::sync::atomic::Ordering::Relaxed);
        let mut text = String::new();
        // Writing into a string cannot fail.
        let _ = encode_registry(&mut text, &self.registry)
            .and_then(|()| encode_registry(&mut text, further))
            .and_then(|()| encode_eof(&mut text));
        text
    }
}
