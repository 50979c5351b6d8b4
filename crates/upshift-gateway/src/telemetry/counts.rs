//! The counters of one core, which need no lock. They are merged into the totals once a second.

use std::collections::HashSet;
use std::hash::Hash;
use std::ops::AddAssign;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use upshift_adoption::usage::{Standing, http_label, tls_label};
use upshift_core::{
    Decision, Facts, HttpVersion, Phase, Policy, TlsVersion, Verdict, VerdictReason,
};

use crate::local_reply::LocalReply;
use crate::telemetry::disconnect::DisconnectReason;
use crate::telemetry::exchange_counts::{ExchangeCounts, VERDICTS};
use crate::telemetry::handshake::HandshakeFailure;
use crate::telemetry::label_totals::LabelTotals;

/// The versions of TLS that a handshake can settle on.
const TLS_VERSIONS: [TlsVersion; 2] = [TlsVersion::V1_2, TlsVersion::V1_3];

/// The values of the label `listener`.
const LISTENERS: [&str; 3] = ["http", "https", "http3"];

/// The rulings of one rule, with the number of each.
pub(crate) type RulingCounts = FxHashMap<(Verdict, VerdictReason, Phase, Standing), u64>;

/// The counters since they were last merged.
///
/// No client chooses a key of a map, so a hash without a secret is safe.
#[derive(Clone, Debug, Default)]
pub(crate) struct CoreCounts {
    /// Connections accepted, by listener.
    pub(crate) accepted: LabelTotals,
    /// Connections opened less those closed, by listener.
    pub(crate) open_connections: LabelTotals<i64>,
    /// Tunnels opened less those closed.
    pub(crate) open_tunnels: i64,
    /// Decided requests, by verdict and HTTP version on this hop.
    pub(crate) requests: FxHashMap<(Verdict, HttpVersion), u64>,
    /// Decided requests, by the client's versions of HTTP and TLS, and by standing.
    pub(crate) transport: FxHashMap<(&'static str, &'static str, Standing), u64>,
    /// The rulings of the rules that matched, by rule. Shared, so that a copy of many is cheap.
    pub(crate) rulings: FxHashMap<Arc<str>, Arc<RulingCounts>>,
    /// Upstream responses with status 426 and no protocol in `Upgrade`.
    pub(crate) bare_426: u64,
    /// Local replies, by cause.
    pub(crate) local_replies: LabelTotals,
    /// Connections that ended early, by reason.
    pub(crate) disconnects: LabelTotals,
    /// Connections and streams that switched protocols, by the new protocol.
    pub(crate) transitions: LabelTotals,
    /// TLS handshakes of clients that succeeded, by version.
    pub(crate) tls_handshakes: LabelTotals,
    /// TLS handshakes of clients that failed, by cause.
    pub(crate) tls_failures: LabelTotals,
    /// Requests from peers that look like undeclared proxies.
    pub(crate) undeclared: u64,
    /// Exchanges, from their reports.
    pub(crate) exchanges: ExchangeCounts,
}

impl CoreCounts {
    /// Counters of zero for every value of a label that is a constant of the program. A series has to
    /// be there before its first event: `increase()` ignores the first value of a series.
    pub(crate) fn at_zero() -> Self {
        let (mut requests, mut transport) = (FxHashMap::default(), FxHashMap::default());
        for http in [HttpVersion::V1_0, HttpVersion::V1_1, HttpVersion::V2, HttpVersion::V3] {
            for verdict in VERDICTS {
                requests.insert((verdict, http), 0);
            }
            // Those that a listener has; only proxies report others.
            for tls in ["none", TlsVersion::V1_2.as_str(), TlsVersion::V1_3.as_str()] {
                for standing in Standing::ALL {
                    transport.insert((http.as_str(), tls, standing), 0);
                }
            }
        }
        Self {
            accepted: LabelTotals::at_zero(LISTENERS),
            open_connections: LabelTotals::at_zero(LISTENERS),
            requests,
            transport,
            local_replies: LabelTotals::at_zero(LocalReply::CAUSE_LABELS),
            disconnects: LabelTotals::at_zero(DisconnectReason::ALL.map(DisconnectReason::as_str)),
            transitions: LabelTotals::at_zero(["h2c", "tls", "tunnel"]),
            tls_handshakes: LabelTotals::at_zero(TLS_VERSIONS.map(TlsVersion::as_str)),
            tls_failures: LabelTotals::at_zero(HandshakeFailure::ALL.map(HandshakeFailure::cause)),
            exchanges: ExchangeCounts::at_zero(),
            ..Self::default()
        }
    }

    /// Counts a decision.
    pub(crate) fn count_decision(&mut self, decision: &Decision<'_>, facts: &Facts<'_>) {
        *self.requests.entry((decision.verdict, facts.hop)).or_default() += 1;
        let standing = Standing::of_decision(decision);
        let transport = (http_label(facts), tls_label(facts), standing);
        *self.transport.entry(transport).or_default() += 1;
        for ruling in decision.matched() {
            let standing = Standing::of_ruling(ruling);
            let key = (ruling.verdict, ruling.reason, ruling.phase(), standing);
            // The common case needs no copy of the id.
            let counts = match self.rulings.get_mut(&*ruling.rule.id) {
                Some(counts) => counts,
                None => self.rulings.entry((*ruling.rule.id).into()).or_default(),
            };
            *Arc::make_mut(counts).entry(key).or_default() += 1;
        }
    }

    /// Drops the counters of rules that `policy` does not have.
    pub(crate) fn retain_rules(&mut self, policy: &Policy) {
        let mut ids = HashSet::new();
        for rule in policy.rules() {
            ids.insert(&*rule.id);
        }
        self.rulings.retain(|rule, _| ids.contains(&**rule));
    }

    /// Adds the counters of `other`.
    pub(crate) fn merge(&mut self, other: Self) {
        let Self {
            accepted,
            open_connections,
            open_tunnels,
            requests,
            transport,
            rulings,
            bare_426,
            local_replies,
            disconnects,
            transitions,
            tls_handshakes,
            tls_failures,
            undeclared,
            exchanges,
        } = other;
        self.accepted.merge(&accepted);
        self.open_connections.merge(&open_connections);
        self.open_tunnels += open_tunnels;
        merge_map(&mut self.requests, requests);
        merge_map(&mut self.transport, transport);
        for (rule, counts) in rulings {
            let totals = Arc::make_mut(self.rulings.entry(rule).or_default());
            merge_map(totals, Arc::unwrap_or_clone(counts));
        }
        self.bare_426 += bare_426;
        self.local_replies.merge(&local_replies);
        self.disconnects.merge(&disconnects);
        self.transitions.merge(&transitions);
        self.tls_handshakes.merge(&tls_handshakes);
        self.tls_failures.merge(&tls_failures);
        self.undeclared += undeclared;
        self.exchanges.merge(exchanges);
    }
}

fn merge_map<K: Eq + Hash, N: Default + AddAssign>(
    into: &mut FxHashMap<K, N>,
    from: FxHashMap<K, N>,
) {
    for (key, count) in from {
        *into.entry(key).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names that the body of a function in `source` returns, one per match arm.
    fn returned_names<'s>(source: &'s str, function: &str) -> Vec<&'s str> {
        let (_, body) = source.split_once(function).unwrap_or_default();
        let (body, _) = body.split_once("\n    }\n").unwrap_or_default();
        let arms = body.split("=> \"").skip(1);
        arms.filter_map(|arm| Some(arm.split_once('"')?.0)).collect()
    }

    /// A cause that the list lacks would have no series before its first event.
    #[test]
    fn every_cause_is_in_its_list() {
        let source = include_str!("../local_reply.rs");
        let names = returned_names(source, "fn cause_label");
        assert_eq!(names, LocalReply::CAUSE_LABELS);
        let names = returned_names(include_str!("disconnect.rs"), "fn as_str");
        assert!(names.len() >= 20, "{names:?}");
        let listed = DisconnectReason::ALL.map(DisconnectReason::as_str);
        for name in names {
            assert!(listed.contains(&name), "{name}");
        }
        let names = returned_names(include_str!("handshake.rs"), "fn cause");
        assert_eq!(names, HandshakeFailure::ALL.map(HandshakeFailure::cause));
    }
}
