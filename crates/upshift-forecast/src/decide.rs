//! From a line to the outcome of each rule, with a memo: most requests of a log are alike.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use foldhash::fast::RandomState;
use upshift_core::{Policy, Timestamp};

use crate::coverage::{Coverage, Recorded};
use crate::line::LogLine;
use crate::memo::{AddressFacts, Memo};
use crate::outcome::{Outcome, OutcomeId, RuleOutcomes};
use crate::recorded_exemptions::RecordedExemptions;
use crate::request::{LineClient, RequestReader};

/// The most sets of recorded facts for which the policy is compiled. The lines of a log in JSON
/// may differ in what they record.
const MOST_COVERAGES: usize = 256;

/// Decides the requests of one worker.
#[derive(Debug)]
pub(crate) struct Decider<'p> {
    policy: &'p Policy,
    reader: &'p RequestReader,
    now: Timestamp,
    coverages: HashMap<Recorded, Coverage, RandomState>,
    memo: Memo,
    known: Vec<RuleOutcomes>,
    /// The outcomes of all rules together, in the same order.
    totals: Vec<Outcome>,
    ids: HashMap<RuleOutcomes, OutcomeId, RandomState>,
    exemptions: RecordedExemptions<'p>,
    pub(crate) gaps: DecisionGaps,
}

/// The facts that decisions depended on and that the lines do not record.
#[derive(Debug, Default)]
pub(crate) struct DecisionGaps {
    /// For each rule, those that made its outcome unknown.
    pub(crate) rules: Vec<BTreeSet<String>>,
    /// For each rule, those that made the outcome of a step of its ramp unknown.
    pub(crate) ramps: Vec<BTreeSet<String>>,
    /// For each exemption that was left out, those that it depends on.
    pub(crate) exemptions: BTreeMap<String, BTreeSet<String>>,
}

impl DecisionGaps {
    /// The gaps of a policy with this number of rules, before any decision.
    pub(crate) fn of_rules(count: usize) -> Self {
        let none = vec![BTreeSet::new(); count];
        Self { rules: none.clone(), ramps: none, exemptions: BTreeMap::new() }
    }

    /// Adds those of another worker.
    pub(crate) fn merge(&mut self, other: Self) {
        for (all, some) in self.rules.iter_mut().zip(other.rules) {
            all.extend(some);
        }
        for (all, some) in self.ramps.iter_mut().zip(other.ramps) {
            all.extend(some);
        }
        for (exemption, facts) in other.exemptions {
            self.exemptions.entry(exemption).or_default().extend(facts);
        }
    }
}

impl<'p> Decider<'p> {
    pub(crate) fn new(policy: &'p Policy, reader: &'p RequestReader, now: Timestamp) -> Self {
        Self {
            policy,
            reader,
            now,
            coverages: HashMap::default(),
            memo: Memo::new(policy, reader),
            known: Vec::new(),
            totals: Vec::new(),
            ids: HashMap::default(),
            exemptions: RecordedExemptions::new(policy, now),
            gaps: DecisionGaps::of_rules(policy.rules().len()),
        }
    }

    /// The outcomes of a request, as if every rule were enforced.
    pub(crate) fn decide(&mut self, line: &LogLine<'_>, client: &LineClient) -> OutcomeId {
        let id = self.decide_by_facts(line, client);
        if line.decision.exempted.is_empty() {
            return id;
        }
        let facts = (&self.reader.wanted, client.recorded);
        let outcomes = &self.known[id.0 as usize];
        let applied = self.exemptions.apply(&line.decision, facts, outcomes, &mut self.gaps.rules);
        self.intern(applied)
    }

    /// The outcomes of a request by the facts that its line records.
    fn decide_by_facts(&mut self, line: &LogLine<'_>, client: &LineClient) -> OutcomeId {
        // It is no part of the memo's key, because hardly any log records it.
        if line.protocol.is_some() {
            let outcomes = self.decide_afresh(line, client);
            return self.intern(outcomes);
        }
        if let Some(id) = self.memo.find(line, client) {
            return id;
        }
        let outcomes = self.decide_afresh(line, client);
        let id = self.intern(outcomes);
        self.memo.keep(id);
        id
    }

    /// The facts about an address that decisions depend on; `None` if they depend on all of it.
    pub(crate) fn address_facts(&self, address: IpAddr) -> Option<AddressFacts> {
        self.memo.address_facts(address)
    }

    /// The number of these outcomes.
    pub(crate) fn intern(&mut self, outcomes: RuleOutcomes) -> OutcomeId {
        if let Some(id) = self.ids.get(&outcomes) {
            return *id;
        }
        let id = OutcomeId(self.known.len() as u32);
        self.totals.push(outcomes.total());
        self.known.push(outcomes.clone());
        self.ids.insert(outcomes, id);
        id
    }

    /// The outcomes of this number.
    pub(crate) fn outcomes(&self, id: OutcomeId) -> &RuleOutcomes {
        &self.known[id.0 as usize]
    }

    /// The rules that refuse a request with these outcomes.
    pub(crate) fn refusing_rules(&self, id: OutcomeId) -> impl Iterator<Item = usize> {
        let outcomes = self.outcomes(id).0.iter().enumerate();
        outcomes.filter(|(_, outcome)| **outcome == Outcome::Refused).map(|(rule, _)| rule)
    }

    /// The outcome of all rules together.
    pub(crate) fn total(&self, id: OutcomeId) -> Outcome {
        self.totals[id.0 as usize]
    }

    /// All outcomes, by their number, and the facts that the lines do not record.
    pub(crate) fn into_parts(self) -> (Vec<RuleOutcomes>, DecisionGaps) {
        (self.known, self.gaps)
    }

    fn decide_afresh(&mut self, line: &LogLine<'_>, client: &LineClient) -> RuleOutcomes {
        let texts = self.reader.read_texts(line);
        let facts = texts.facts(client);
        if self.coverages.len() >= MOST_COVERAGES && !self.coverages.contains_key(&client.recorded)
        {
            self.coverages.clear();
        }
        let (policy, wanted) = (self.policy, &self.reader.wanted);
        let coverage = self
            .coverages
            .entry(client.recorded)
            .or_insert_with(|| Coverage::new(policy, wanted, client.recorded).unwrap_or_default());
        // The policy's own record names every request that an exemption admitted.
        if !line.decision.is_of(policy.revision()) {
            coverage.note_hidden_exemptions(&mut self.gaps.exemptions);
        }
        coverage.decide(&facts, self.now, &mut self.gaps.rules)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use std::borrow::Cow;

    use proptest::prelude::*;
    use proptest::sample::select;
    use upshift_core::HttpVersion;
    use upshift_core::proxy::UndeclaredProxy;

    use super::*;
    use crate::line::Logged;
    use crate::request::Assumptions;

    const POLICY: &str = r#"
[gateway]
http = "127.0.0.1:0"
upstream = "http://127.0.0.1:1"
public = "https://api.example.com"

[[rule]]
id = "api"
hosts = ["api.example.com"]
paths = ["/api/**", "!/api/legacy/**"]
docs = "/docs/v2"
require = { api = { minimum = "2.0", read = ["path:/api/{version}/**", "query:v"] } }
on = { missing = "refuse", malformed = "refuse" }

[[rule]]
id = "apps"
methods = ["GET"]
peers = ["!192.0.2.0/24"]
require = { client = { minimum = { AcmeApp = "5.1" } } }
on = { missing = "refuse", unknown-client = "refuse" }

[[rule]]
id = "http2"
paths = ["/**", "!/old/*"]
require = { http = "2" }

[[exemption]]
id = "kiosk"
paths = ["/kiosk/**"]
clients = ["AcmeKiosk"]
reason = "r"
owner = "o"
expires = 2099-01-01
"#;

    fn any_line() -> impl Strategy<Value = LogLine<'static>> {
        let path = select(vec![
            "/api/1/x",
            "/api/2/x",
            "/api/2/y?v=1",
            "/api/legacy/x",
            "/API/1/x",
            "/old/a",
            "/old/b",
            "/old/a/b",
            "/healthz",
            "/.well-known/x",
            "/docs/v2",
            "/docs/v2/",
            "/kiosk/a",
            "/a//b",
            "/x/..%2fapi/1/x",
            "/",
            "*",
            "http://api.example.com/api/1/x",
        ]);
        let host = select(vec!["api.example.com", "API.example.com:80", "other.example", ""]);
        let peer = select(vec!["192.0.2.1", "198.51.100.1", "10.0.0.1", "::1", "-"]);
        let agent = select(vec!["AcmeApp/5.0", "AcmeApp/6", "AcmeKiosk/1", "kube-probe/1", "x"]);
        let method = select(vec!["GET", "HEAD", "POST", "OPTIONS"]);
        let http = select(vec![HttpVersion::V1_1, HttpVersion::V2]);
        (path, host, peer, agent, method, http, any::<bool>()).prop_map(
            |(path, host, peer, agent, method, http, has_host)| LogLine {
                method: Cow::Borrowed(method.as_bytes()),
                target: Cow::Borrowed(path.as_bytes()),
                host: match has_host {
                    true => Logged::Recorded(Cow::Borrowed(host.as_bytes())),
                    false => Logged::NotRecorded,
                },
                peer: Logged::Recorded(Cow::Borrowed(peer.as_bytes())),
                query: Logged::Absent,
                http: Logged::Recorded(http),
                fields: vec![(0, Cow::Borrowed(agent.as_bytes()))],
                recorded: {
                    let mut recorded = crate::line::FieldSet::default();
                    recorded.insert(0);
                    recorded
                },
                ..LogLine::default()
            },
        )
    }

    proptest! {
        /// A key that left out a fact would give one request the outcome of another.
        #[test]
        fn the_memo_changes_no_outcome(lines in proptest::collection::vec(any_line(), 1..60)) {
            let policy = upshift_config::load(POLICY, "upshift.toml").unwrap().file.policy;
            let undeclared = UndeclaredProxy::Unknown;
            let reader = RequestReader::new(&policy, Assumptions::default(), Vec::new(), undeclared);
            let now = "2026-12-01T00:00:00Z".parse().unwrap();
            let mut decider = Decider::new(&policy, &reader, now);
            for mut line in lines {
                let agent = reader.user_agent.unwrap();
                line.fields[0].0 = agent;
                line.recorded = crate::line::FieldSet::default();
                line.recorded.insert(agent);
                let client = reader.read_client(&line);
                let remembered = decider.decide(&line, &client);
                let afresh = decider.decide_afresh(&line, &client);
                prop_assert_eq!(decider.outcomes(remembered), &afresh);
            }
        }
    }
}
