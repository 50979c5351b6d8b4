//! A valid rule, with everything about it that depends on the policy alone.

use std::hash::BuildHasher as _;
use std::ops::Deref;
use std::sync::Arc;

use jiff::Timestamp;
use rustc_hash::FxBuildHasher;

use super::field_set::{FieldIds, NumberedField};
use super::host::HostPattern;
use super::identity::IdentityReader;
use super::overrides::Override;
use super::path::PathPattern;
use super::phase::Phase;
use super::reading::PathReading;
use super::requirement::Requirement;
use super::rollout::RolloutState;
use super::rule_notice::RuleNotice;
use super::rule_spec::{BreakerLimits, RuleSpec};
use crate::facts::Facts;
use crate::field::{FieldName, Protocol};
use crate::prepared::{PreparedAnswers, PreparedBudget};

/// A valid rule. It dereferences to its [`RuleSpec`].
#[derive(Clone, Debug)]
pub struct Rule {
    compiled: Arc<CompiledRule>,
    overridden: Option<Override>,
}

/// The part of a rule that no override changes.
#[derive(Debug)]
struct CompiledRule {
    spec: RuleSpec,
    id_hash: u64,
    /// The fields that the rule may read, in the usual capitalisation.
    fields: Box<[NumberedField]>,
    /// For each requirement the texts of its readers.
    reader_texts: Box<[Box<[Box<str>]>]>,
    links: Box<[RuleLink]>,
    notice: RuleNotice,
    answers: PreparedAnswers,
}

/// An address that a rule sends people to.
#[derive(Clone, Debug)]
struct RuleLink {
    /// Its host; `None`: a path on this site.
    host: Option<Box<str>>,
    path: PathPattern,
}

impl Rule {
    /// Compiles a rule that is known to be valid.
    pub(super) fn compile(spec: RuleSpec, ids: &mut FieldIds, budget: &PreparedBudget) -> Self {
        let compiled = CompiledRule {
            fields: fields_of(&spec, ids),
            reader_texts: spec.require.iter().map(Requirement::reader_texts).collect(),
            links: links_of(&spec),
            notice: RuleNotice::of_rule(&spec),
            answers: PreparedAnswers::new(budget.clone()),
            id_hash: FxBuildHasher.hash_one(&spec.id),
            spec,
        };
        Self { compiled: Arc::new(compiled), overridden: None }
    }

    /// The same rule with this override, or with none.
    pub(super) fn with_override(&self, overridden: Option<Override>) -> Self {
        // Every change of an override makes a new policy, while requests are decided by the old
        // one: neither texts nor patterns are copied for it.
        Self { compiled: Arc::clone(&self.compiled), overridden }
    }

    /// A hash of its id, for keys of tables. The same in all policies, and not keyed: no client
    /// chooses an id.
    pub fn id_hash(&self) -> u64 {
        self.compiled.id_hash
    }

    /// The state of the rule at `now`: that of the override, else the pinned phase, else the
    /// rollout.
    pub fn rollout_state(&self, now: Timestamp) -> RolloutState {
        if let Some(set) = &self.overridden {
            // The end is not part of the override, as for all intervals here.
            let is_over = matches!(set.until, Some(until) if until <= now);
            if !is_over {
                return pinned_state(set.phase, set.until);
            }
        }
        self.planned_state(now)
    }

    /// The state of the rule at `now` by the policy file, without overrides.
    pub fn planned_state(&self, now: Timestamp) -> RolloutState {
        match (self.phase, &self.rollout) {
            (Some(phase), _) => pinned_state(phase, None),
            (None, Some(rollout)) => rollout.state_at(now),
            (None, None) => pinned_state(Phase::Enforce, None),
        }
    }

    /// The override that a person or the breaker set.
    pub fn overridden(&self) -> Option<&Override> {
        self.overridden.as_ref()
    }

    /// The end of the breaker's watch by the calendar; `None` for a rule that has no breaker, or
    /// that does not enforce by a calendar.
    pub fn watch_end(&self) -> Option<Timestamp> {
        // A pinned phase has no date from which seven days could be counted.
        if self.breaker.is_none() || self.phase.is_some() {
            return None;
        }
        let enforce = self.rollout.as_ref()?.plan().enforce?;
        // jiff refuses only calendar units here, which a duration does not have.
        Some(enforce.saturating_add(BreakerLimits::AFTER_ENFORCEMENT).unwrap_or(enforce))
    }

    /// The fields that the rule may read.
    pub fn field_names(&self) -> impl Iterator<Item = &FieldName> {
        self.compiled.fields.iter().map(|field| &field.name)
    }

    /// The same with their numbers.
    pub(crate) fn numbered_fields(&self) -> &[NumberedField] {
        &self.compiled.fields
    }

    /// The requirements, each with the texts of its readers.
    pub(crate) fn requirements(&self) -> impl Iterator<Item = (&Requirement, &[Box<str>])> {
        let texts = self.compiled.reader_texts.iter().map(AsRef::as_ref);
        self.require.iter().zip(texts)
    }

    /// The field values by which responses announce the rule.
    pub(crate) fn notice(&self) -> &RuleNotice {
        &self.compiled.notice
    }

    /// The answers that were prepared for the requests that it refuses.
    pub(crate) fn prepared_answers(&self) -> &PreparedAnswers {
        &self.compiled.answers
    }

    /// The protocol that stands for a version of the API or of a client called `name`.
    pub(crate) fn version_protocol(&self, name: &str, version: Option<&str>) -> Option<Protocol> {
        let name = self.token.as_deref().unwrap_or(name);
        let mut token = String::with_capacity(name.len());
        for character in name.chars() {
            // The rest of `tchar` (RFC 9110 §5.6.2) is legal, too, but hard to read in a token.
            let is_allowed = character.is_ascii_alphanumeric() || "-._~+".contains(character);
            token.push(if is_allowed { character } else { '-' });
        }
        // A version that is not a token, such as one with spaces, is left out.
        let named = Protocol::new(&token, version).or_else(|_| Protocol::new(&token, None));
        named.ok()
    }

    /// Returns true if one of the rule's links leads to this path on this host.
    ///
    /// A link to a host counts only where that host is served here, as the rule or the policy says:
    /// an upstream that ignores `Host` would otherwise serve the path of a foreign one, too.
    pub(super) fn links_to(
        &self,
        host: &str,
        path: &PathReading<'_>,
        served: &[HostPattern],
    ) -> bool {
        for link in &self.compiled.links {
            let is_here = match &link.host {
                None => true,
                Some(linked) => linked.eq_ignore_ascii_case(host) && self.serves_host(host, served),
            };
            if is_here && link.path.matches(path) {
                return true;
            }
        }
        false
    }

    fn serves_host(&self, host: &str, served: &[HostPattern]) -> bool {
        let own = &self.matcher.hosts.include;
        own.iter().chain(served).any(|pattern| pattern.fits(host))
    }
}

impl RuleLink {
    /// Parses an address; `None` if its path cannot be compared.
    fn parse(link: &str) -> Option<Self> {
        let Some((_, rest)) = link.split_once("://") else {
            return Some(Self { host: None, path: PathPattern::literal(link)? });
        };
        // The authority ends at the first of these (RFC 3986 §3.2).
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let path = PathPattern::literal(Facts::split_target(link).0)?;
        Some(Self { host: Some(Facts::host_of(authority).into()), path })
    }
}

impl Deref for Rule {
    type Target = RuleSpec;

    fn deref(&self) -> &RuleSpec {
        &self.compiled.spec
    }
}

fn pinned_state(phase: Phase, until: Option<Timestamp>) -> RolloutState {
    RolloutState { phase, share: phase.pinned_share(), until }
}

/// The fields that a rule may read, each once.
fn fields_of(spec: &RuleSpec, ids: &mut FieldIds) -> Box<[NumberedField]> {
    let mut read = spec.matcher.fields();
    for requirement in &spec.require {
        read.extend(requirement.fields());
    }
    read.extend(spec.identity.iter().filter_map(IdentityReader::field));
    let mut fields: Vec<NumberedField> = Vec::new();
    for lower in read {
        if !fields.iter().any(|field| field.name.lower() == lower) {
            fields.push(ids.number_field(lower));
        }
    }
    fields.into()
}

fn links_of(spec: &RuleSpec) -> Box<[RuleLink]> {
    let mut links = Vec::new();
    for link in [&spec.docs, &spec.successor, &spec.upgrade_url.default].into_iter().flatten() {
        links.extend(RuleLink::parse(link));
    }
    for link in spec.upgrade_url.clients.values() {
        links.extend(RuleLink::parse(link));
    }
    links.into()
}
