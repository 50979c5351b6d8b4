//! What all cores counted, as Prometheus reads it.

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::counts::Counts;

type ByCause = Family<[(&'static str, &'static str); 1], Counter>;

/// The totals.
pub(crate) struct Metrics {
    registry: Registry,
    connections: Counter,
    requests: Counter,
    faults: ByCause,
    endings: ByCause,
    transitions: ByCause,
    undeclared: Counter,
}

impl Metrics {
    /// All zero.
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("upshift");
        let (connections, requests, undeclared) = (Counter::default(), Counter::default(), Counter::default());
        let (faults, endings, transitions) = (ByCause::default(), ByCause::default(), ByCause::default());
        registry.register("connections", "Connections accepted", connections.clone());
        registry.register("http_requests", "Requests received", requests.clone());
        registry.register("faults", "Requests answered by the gateway because something was wrong", faults.clone());
        registry.register("connection_errors", "Connections that ended otherwise than in good order", endings.clone());
        registry.register("transitions", "Switches to another protocol on a connection or stream", transitions.clone());
        registry.register(
            "undeclared_proxy_requests",
            "Requests from private peers that send X-Forwarded-Proto without being declared proxies",
            undeclared.clone(),
        );
        Self { registry, connections, requests, faults, endings, transitions, undeclared }
    }

    /// Adds what one core counted.
    pub(crate) fn absorb(&mut self, counts: Counts) {
        self.connections.inc_by(counts.connections);
        self.requests.inc_by(counts.requests);
        self.undeclared.inc_by(counts.undeclared);
        for (cause, count) in counts.faults {
            self.faults.get_or_create(&[("cause", cause)]).inc_by(count);
        }
        for (cause, count) in counts.endings {
            self.endings.get_or_create(&[("cause", cause)]).inc_by(count);
        }
        for (to, count) in counts.transitions {
            self.transitions.get_or_create(&[("to", to)]).inc_by(count);
        }
    }

    /// The exposition format of OpenMetrics.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        // Writing into a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
