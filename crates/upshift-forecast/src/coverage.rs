//! The part of a policy that a line's recorded facts can decide.
//!
//! 1. A rule is decided as the gateway decides it, if the line records all that it depends on.
//! 2. Otherwise its requirements are decided one by one. A match on facts that are not recorded is
//!    left out, which makes the rule's refusals unknown.
//! 3. A fact that could only make a refused request pass, such as an exemption or another version,
//!    changes nothing: the request counts as refused.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use upshift_core::decision::Ruling;
use upshift_core::policy::{
    AnswerStyle, ApiReader, ClientReader, Exemption, HeaderPattern, IdentityReader, Matcher,
    MatcherValues, PolicyError, Requirement, RequirementKind, Rule, RuleSpec,
};
use upshift_core::{Facts, HttpVersion, Phase, Policy, VerdictReason};

use crate::line::{FieldSet, WantedFields};
use crate::outcome::{Outcome, RuleOutcomes};

/// The facts that a line records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Recorded {
    pub(crate) fields: FieldSet,
    pub(crate) host: bool,
    pub(crate) peer: bool,
    pub(crate) query: bool,
    pub(crate) http: bool,
    pub(crate) tls: bool,
    /// True if the status shows a protocol switch, or its absence does not matter.
    pub(crate) switch: bool,
}

/// A policy, compiled for the lines that record the same facts.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    /// A rule for each requirement, or for each whole rule that is decided as the gateway does.
    policy: Policy,
    rules: Vec<CoveredRule>,
    /// For each exemption that cannot be applied, the facts that it depends on.
    hidden_exemptions: BTreeMap<String, BTreeSet<String>>,
}

/// A rule, and the facts that the lines do not record for it.
#[derive(Debug)]
struct CoveredRule {
    parts: Vec<CoveredRequirement>,
    /// The facts that its match depends on.
    match_gaps: Vec<String>,
    /// The facts that its requirements depend on.
    gaps: BTreeSet<String>,
}

/// One requirement. It is decided by one rule of the policy.
#[derive(Debug)]
enum CoveredRequirement {
    /// All of it is recorded.
    Whole,
    /// TLS or the version of HTTP, which is not recorded.
    Transport,
    /// A protocol that the request offers in fields that are not recorded.
    Switch(SwitchGaps),
    /// Some of the places where a version of the API is read are not recorded.
    Api,
    /// Some of the places where a client is read are not recorded: for each place, its text and
    /// whether it is recorded.
    Client(Vec<(String, bool)>),
}

/// The parts of an offer that are not recorded.
#[derive(Clone, Copy, Debug)]
struct SwitchGaps {
    /// The offer itself.
    offer: bool,
    /// The version or the subprotocols of a WebSocket.
    details: bool,
    /// True if only GET and CONNECT can be a handshake.
    is_websocket: bool,
}

impl Coverage {
    /// Compiles a policy for lines that record these facts.
    ///
    /// # Errors
    /// If the derived policy is not valid, which a valid policy never leads to.
    pub(crate) fn new(
        policy: &Policy,
        wanted: &WantedFields,
        recorded: Recorded,
    ) -> Result<Self, Vec<PolicyError>> {
        let seen = SeenFacts { wanted, recorded };
        let hidden_exemptions = seen.hidden_exemptions(policy);
        let mut spec = policy.to_spec();
        let mut covered = Vec::new();
        let mut parts: Vec<RuleSpec> = Vec::new();
        let mut part_ids = Vec::new();
        for rule in &spec.rules {
            let (specs, rule) = seen.cover_rule(rule);
            part_ids.push((rule_id(&specs), specs.iter().map(|spec| spec.id.clone()).collect()));
            parts.extend(specs);
            covered.push(rule);
        }
        let hidden = seen.hidden_callers(&spec.rules);
        spec.rules = parts;
        spec.exemptions.retain(|exemption| seen.can_exempt(exemption, hidden));
        for exemption in &mut spec.exemptions {
            rename_rules(exemption, &part_ids);
        }
        Ok(Self { policy: Policy::new(spec)?, rules: covered, hidden_exemptions })
    }

    /// Adds the exemptions that cannot be applied, with the facts that they depend on.
    pub(crate) fn note_hidden_exemptions(&self, gaps: &mut BTreeMap<String, BTreeSet<String>>) {
        for (exemption, facts) in &self.hidden_exemptions {
            gaps.entry(exemption.clone()).or_default().extend(facts.iter().cloned());
        }
    }

    /// Decides a request, as if every rule were enforced. The facts that are not recorded are absent
    /// from `facts`. Adds those that made a rule's outcome unknown to the rule's set in `gaps`.
    pub(crate) fn decide(
        &self,
        facts: &Facts<'_>,
        now: Timestamp,
        gaps: &mut [BTreeSet<String>],
    ) -> RuleOutcomes {
        let decision = self.policy.explain(facts, now);
        let mut rulings = decision.rulings.as_slice();
        let mut outcomes = Vec::with_capacity(self.rules.len());
        for (rule, gaps) in self.rules.iter().zip(gaps) {
            let (own, rest) = rulings.split_at(rule.parts.len());
            rulings = rest;
            let outcome = rule.outcome(own, facts);
            if outcome == Outcome::Unknown {
                gaps.extend(rule.match_gaps.iter().cloned());
                gaps.extend(rule.gaps.iter().cloned());
                gaps.extend(rule.facts_behind_proxies(own));
            }
            outcomes.push(outcome);
        }
        RuleOutcomes(outcomes.into())
    }
}

/// The id of the rule that the parts come from: the first part keeps it.
fn rule_id(parts: &[RuleSpec]) -> Box<str> {
    match parts.first() {
        Some(first) => first.id.clone(),
        None => Box::default(),
    }
}

/// Lets the exemption cover all parts of each rule that it covers.
fn rename_rules(exemption: &mut Exemption, part_ids: &[(Box<str>, Vec<Box<str>>)]) {
    let mut renamed = Vec::new();
    for id in &exemption.rules {
        for (rule, parts) in part_ids {
            if rule == id {
                renamed.extend(parts.iter().cloned());
            }
        }
    }
    exemption.rules = renamed;
}

impl CoveredRule {
    /// The outcome of the rule, from the rulings on its parts.
    fn outcome(&self, rulings: &[Ruling<'_>], facts: &Facts<'_>) -> Outcome {
        // All parts have the same match.
        if rulings.first().is_none_or(|ruling| !ruling.matched()) {
            return Outcome::NotMatched;
        }
        let mut is_unknown = false;
        let mut deciding: Option<&Ruling<'_>> = None;
        for (part, ruling) in self.parts.iter().zip(rulings) {
            match part.standing(ruling, facts) {
                Standing::Meets => return Outcome::Passes,
                Standing::Unknown => is_unknown = true,
                Standing::Known => {}
            }
            // As in the core: a requirement that is certainly unmet outranks an uncertain one.
            match deciding {
                Some(earlier) if is_certain(earlier) || !is_certain(ruling) => {}
                _ => deciding = Some(ruling),
            }
        }
        if is_unknown {
            return Outcome::Unknown;
        }
        match deciding {
            Some(Ruling { cause: Some(_), exempted: None, .. }) if self.match_gaps.is_empty() => {
                Outcome::Refused
            }
            Some(Ruling { cause: Some(_), exempted: None, .. }) => Outcome::Unknown,
            _ => Outcome::Passes,
        }
    }
}

impl CoveredRule {
    /// The facts that the lines would record, and that a proxy did not tell their writer.
    fn facts_behind_proxies(&self, rulings: &[Ruling<'_>]) -> Vec<String> {
        let mut facts = Vec::new();
        for (part, ruling) in self.parts.iter().zip(rulings) {
            let is_hidden = reason_of(ruling) == VerdictReason::Unknown;
            if !is_hidden || !matches!(part, CoveredRequirement::Whole) {
                continue;
            }
            match ruling.kind {
                RequirementKind::Tls => facts.push("TLS version behind a proxy".to_owned()),
                RequirementKind::Http => facts.push("HTTP version behind a proxy".to_owned()),
                _ => {}
            }
        }
        facts
    }
}

/// The standing of a request under one requirement.
enum Standing {
    Meets,
    /// It is not met; whether it refuses stands in the ruling.
    Known,
    Unknown,
}

impl CoveredRequirement {
    fn standing(&self, ruling: &Ruling<'_>, facts: &Facts<'_>) -> Standing {
        let is_unknown = match self {
            Self::Whole => false,
            Self::Transport => true,
            Self::Switch(gaps) => gaps.hide(ruling, facts),
            Self::Api => is_api_hidden(ruling),
            Self::Client(readers) => is_client_hidden(ruling, readers),
        };
        match reason_of(ruling) {
            _ if is_unknown => Standing::Unknown,
            VerdictReason::Meets => Standing::Meets,
            // A proxy hid the version from the gateway, too. It admits such a request, and nothing
            // is known of the client.
            VerdictReason::Unknown => Standing::Unknown,
            _ => Standing::Known,
        }
    }
}

impl SwitchGaps {
    /// Returns true if what is not recorded decides.
    fn hide(self, ruling: &Ruling<'_>, facts: &Facts<'_>) -> bool {
        if self.offer {
            return can_offer(facts, self.is_websocket);
        }
        let has_offer = facts.fields.has("upgrade");
        self.details && has_offer && reason_of(ruling) != VerdictReason::Meets
    }
}

/// Returns true if the request may offer a protocol, by its version and method.
fn can_offer(facts: &Facts<'_>, is_websocket: bool) -> bool {
    match facts.hop {
        // RFC 9110 §7.8: `Upgrade` is ignored in HTTP/1.0.
        HttpVersion::V0_9 | HttpVersion::V1_0 => false,
        HttpVersion::V1_1 => !is_websocket || matches!(facts.method, "GET" | "CONNECT"),
        // RFC 8441 §4: the offer is an extended CONNECT.
        HttpVersion::V2 | HttpVersion::V3 => facts.method == "CONNECT",
    }
}

/// Returns true if a version in a place that is not recorded could turn an admitted request into a
/// refused one.
fn is_api_hidden(ruling: &Ruling<'_>) -> bool {
    let is_assumed = ruling.observed.iter().any(|observed| observed.read == "assume");
    if is_assumed || reason_of(ruling) == VerdictReason::Missing {
        return true;
    }
    let on = &ruling.rule.on;
    // Beside one that was sent, another version makes the request ambiguous or malformed.
    let may_refuse = on.refuses(VerdictReason::Ambiguous) || on.refuses(VerdictReason::Malformed);
    ruling.cause.is_none() && may_refuse
}

/// Returns true if a place before the one that named the client is not recorded, and could turn an
/// admitted request into a refused one.
fn is_client_hidden(ruling: &Ruling<'_>, readers: &[(String, bool)]) -> bool {
    let Some(observed) = ruling.observed.last() else {
        // No client was found in any place, or in none that is recorded.
        return true;
    };
    if ruling.cause.is_some() {
        return false;
    }
    for (reader, is_recorded) in readers {
        if reader == observed.read {
            return false;
        }
        if !is_recorded {
            return true;
        }
    }
    false
}

fn reason_of(ruling: &Ruling<'_>) -> VerdictReason {
    ruling.cause.unwrap_or(ruling.reason)
}

fn is_certain(ruling: &Ruling<'_>) -> bool {
    reason_of(ruling).is_certain()
}

/// The facts about callers that some rule reads and lines do not record.
#[derive(Clone, Copy)]
struct HiddenCallers {
    clients: bool,
    identities: bool,
}

/// The facts that the keys of a matcher depend on and that are not recorded.
#[derive(Default)]
struct MatcherGaps {
    hosts: Vec<String>,
    headers: Vec<String>,
    peers: Vec<String>,
    clients: Vec<String>,
    identities: Vec<String>,
}

impl MatcherGaps {
    fn into_facts(self) -> Vec<String> {
        [self.hosts, self.headers, self.peers, self.clients, self.identities].concat()
    }
}

/// The facts that lines record, asked for by what reads them.
struct SeenFacts<'w> {
    wanted: &'w WantedFields,
    recorded: Recorded,
}

impl SeenFacts<'_> {
    /// The parts of a rule, with what is not recorded for them.
    fn cover_rule(&self, rule: &RuleSpec) -> (Vec<RuleSpec>, CoveredRule) {
        let mut spec = enforced(rule);
        let match_gaps = self.drop_hidden_keys(&mut spec);
        let mut gaps = BTreeSet::new();
        let mut parts = Vec::new();
        for requirement in &rule.require {
            parts.push(self.cover_requirement(requirement, &mut gaps));
        }
        if match_gaps.is_empty() && gaps.is_empty() {
            let parts = vec![CoveredRequirement::Whole];
            return (vec![spec], CoveredRule { parts, match_gaps, gaps });
        }
        let mut specs = Vec::new();
        for (index, requirement) in rule.require.iter().enumerate() {
            let mut part = spec.clone();
            part.require = vec![requirement.clone()];
            if index > 0 {
                // A space, which no id in a file has, keeps it apart from all others.
                part.id = format!("{} {index}", rule.id).into();
            }
            specs.push(part);
        }
        (specs, CoveredRule { parts, match_gaps, gaps })
    }

    /// Removes the keys that depend on facts that are not recorded, and returns these facts.
    fn drop_hidden_keys(&self, spec: &mut RuleSpec) -> Vec<String> {
        let gaps = self.matcher_gaps(&spec.matcher, spec);
        let Matcher { hosts, headers, peers, clients, identities, .. } = &mut spec.matcher;
        if !gaps.hosts.is_empty() {
            *hosts = MatcherValues::default();
        }
        if !gaps.headers.is_empty() {
            *headers = MatcherValues::default();
        }
        if !gaps.peers.is_empty() {
            *peers = MatcherValues::default();
        }
        if !gaps.clients.is_empty() {
            *clients = MatcherValues::default();
        }
        if !gaps.identities.is_empty() {
            *identities = MatcherValues::default();
        }
        gaps.into_facts()
    }

    /// The facts that a matcher depends on for this rule and that are not recorded.
    fn matcher_gaps(&self, matcher: &Matcher, rule: &RuleSpec) -> MatcherGaps {
        let mut gaps = MatcherGaps::default();
        if !matcher.hosts.is_empty() && !self.recorded.host {
            gaps.hosts.push("host".to_owned());
        }
        gaps.headers = self.header_gaps(&matcher.headers);
        if !matcher.peers.is_empty() && !self.recorded.peer {
            gaps.peers.push("client address".to_owned());
        }
        if !matcher.clients.is_empty() {
            gaps.clients = self.client_gaps(rule.client_readers());
        }
        if !matcher.identities.is_empty() {
            gaps.identities = self.identity_gaps(&rule.identity);
        }
        gaps
    }

    fn cover_requirement(
        &self,
        requirement: &Requirement,
        gaps: &mut BTreeSet<String>,
    ) -> CoveredRequirement {
        match requirement {
            Requirement::Tls(_) if self.recorded.tls => CoveredRequirement::Whole,
            Requirement::Http(_) if self.recorded.http => CoveredRequirement::Whole,
            Requirement::Tls(_) => {
                gaps.insert("TLS version".to_owned());
                CoveredRequirement::Transport
            }
            Requirement::Http(_) => {
                gaps.insert("HTTP version".to_owned());
                CoveredRequirement::Transport
            }
            Requirement::WebSocket(_) => self.cover_switch(true, true, gaps),
            Requirement::NoWebSocket => self.cover_switch(false, false, gaps),
            Requirement::Protocol(_) => self.cover_switch(false, false, gaps),
            Requirement::Api(api) => {
                let hidden = self.api_gaps(&api.read);
                if hidden.is_empty() {
                    return CoveredRequirement::Whole;
                }
                gaps.extend(hidden);
                CoveredRequirement::Api
            }
            Requirement::Client(client) => self.cover_client(&client.read, gaps),
        }
    }

    fn cover_switch(
        &self,
        is_websocket: bool,
        has_details: bool,
        gaps: &mut BTreeSet<String>,
    ) -> CoveredRequirement {
        let offer = !self.recorded.switch && !self.has_field("upgrade");
        let details = has_details
            && !(self.has_field("sec-websocket-version")
                && self.has_field("sec-websocket-protocol"));
        if !offer && !details {
            return CoveredRequirement::Whole;
        }
        gaps.insert(field_gap(if offer { "upgrade" } else { "sec-websocket-protocol" }));
        CoveredRequirement::Switch(SwitchGaps { offer, details, is_websocket })
    }

    fn cover_client(
        &self,
        readers: &[ClientReader],
        gaps: &mut BTreeSet<String>,
    ) -> CoveredRequirement {
        let hidden = self.client_gaps(readers);
        if hidden.is_empty() {
            return CoveredRequirement::Whole;
        }
        gaps.extend(hidden);
        let mut places = Vec::new();
        for reader in readers {
            places.push((reader.to_string(), self.has_field(reader.field())));
        }
        CoveredRequirement::Client(places)
    }

    fn api_gaps(&self, readers: &[ApiReader]) -> Vec<String> {
        let mut gaps = Vec::new();
        for reader in readers {
            match reader {
                ApiReader::Header(name) => gaps.extend(self.gap_of(name.lower())),
                ApiReader::Query(_) if self.recorded.query => {}
                ApiReader::Query(_) => gaps.push("query".to_owned()),
                ApiReader::Path(_) => {}
                ApiReader::MediaTypeParameter(_) | ApiReader::MediaTypeTemplate { .. } => {
                    gaps.extend(self.gap_of("content-type"));
                    gaps.extend(self.gap_of("accept"));
                }
            }
        }
        gaps
    }

    fn client_gaps(&self, readers: &[ClientReader]) -> Vec<String> {
        let mut gaps = Vec::new();
        for reader in readers {
            gaps.extend(self.gap_of(reader.field()));
        }
        gaps
    }

    fn identity_gaps(&self, readers: &[IdentityReader]) -> Vec<String> {
        let mut gaps = Vec::new();
        for reader in readers {
            match reader.field() {
                Some(field) => gaps.extend(self.gap_of(field)),
                None if self.recorded.peer => {}
                None => gaps.push("client address".to_owned()),
            }
        }
        gaps
    }

    fn header_gaps(&self, headers: &MatcherValues<HeaderPattern>) -> Vec<String> {
        let mut gaps = Vec::new();
        for header in headers.include.iter().chain(&headers.exclude) {
            gaps.extend(self.gap_of(header.field()));
        }
        gaps
    }

    fn hidden_callers(&self, rules: &[RuleSpec]) -> HiddenCallers {
        let mut hidden = HiddenCallers {
            // A client is also looked for here, whatever a rule reads.
            clients: !self.has_field("user-agent"),
            identities: false,
        };
        for rule in rules {
            hidden.clients |= !self.client_gaps(rule.client_readers()).is_empty();
            hidden.identities |= !self.identity_gaps(&rule.identity).is_empty();
        }
        hidden
    }

    /// Returns false if the exemption could cover a request only because the log does not record
    /// what it excludes.
    fn can_exempt(&self, exemption: &Exemption, hidden: HiddenCallers) -> bool {
        // A key that includes fits no absent fact, and to the core an unknown address is exempt
        // from nothing.
        let Matcher { hosts, headers, clients, identities, .. } = &exemption.matcher;
        let has_hidden_host = !self.recorded.host && !hosts.exclude.is_empty();
        let has_hidden_header =
            headers.exclude.iter().any(|header| !self.has_field(header.field()));
        let has_hidden_client = hidden.clients && !clients.exclude.is_empty();
        let has_hidden_identity = hidden.identities && !identities.exclude.is_empty();
        !(has_hidden_host || has_hidden_header || has_hidden_client || has_hidden_identity)
    }

    /// The exemptions that depend on facts which are not recorded, with these facts.
    fn hidden_exemptions(&self, policy: &Policy) -> BTreeMap<String, BTreeSet<String>> {
        let mut hidden = BTreeMap::new();
        for exemption in policy.exemptions() {
            let mut facts = BTreeSet::new();
            for rule in policy.rules() {
                if covers_rule(exemption, rule) {
                    facts.extend(self.matcher_gaps(&exemption.matcher, rule).into_facts());
                }
            }
            if !facts.is_empty() {
                hidden.insert(exemption.id.to_string(), facts);
            }
        }
        hidden
    }

    fn gap_of(&self, field: &str) -> Option<String> {
        if self.has_field(field) { None } else { Some(field_gap(field)) }
    }

    fn has_field(&self, name: &str) -> bool {
        match self.wanted.index_of(name) {
            Some(index) => self.recorded.fields.contains(index),
            None => false,
        }
    }
}

fn field_gap(name: &str) -> String {
    format!("header:{name}")
}

/// The rule as it is once it is enforced.
fn enforced(rule: &RuleSpec) -> RuleSpec {
    RuleSpec {
        phase: Some(Phase::Enforce),
        rollout: None,
        breaker: None,
        // Redirects are for rules that require TLS, which a part may not.
        answer: AnswerStyle::Upgrade,
        ..rule.clone()
    }
}

/// The facts that the rule's identity is read from, and that lines which record these facts do not
/// have.
pub(crate) fn hidden_identity_facts(
    rule: &Rule,
    wanted: &WantedFields,
    recorded: Recorded,
) -> Vec<String> {
    SeenFacts { wanted, recorded }.identity_gaps(&rule.identity)
}

/// The facts that the exemption depends on for this rule, and that lines which record these facts
/// do not have.
pub(crate) fn hidden_exemption_facts(
    exemption: &Exemption,
    rule: &Rule,
    wanted: &WantedFields,
    recorded: Recorded,
) -> Vec<String> {
    let seen = SeenFacts { wanted, recorded };
    seen.matcher_gaps(&exemption.matcher, rule).into_facts()
}

/// Returns true if the exemption covers the rule.
pub(crate) fn covers_rule(exemption: &Exemption, rule: &Rule) -> bool {
    exemption.rules.is_empty() || exemption.rules.contains(&rule.id)
}
