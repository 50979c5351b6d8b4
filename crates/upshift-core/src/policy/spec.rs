//! A policy as it is written, and the faults that keep it from being valid.

use std::collections::HashSet;
use std::fmt;

use super::exemption::{Builtin, Exemption, Served};
use super::phase::Phase;
use super::reading::Comparison;
use super::requirement::{Requirement, RequirementKind};
use super::rule_spec::{AnswerStyle, RuleSpec};

/// A policy as it is written.
#[derive(Clone, Debug, Default)]
pub struct PolicySpec {
    /// The rules, in the order of the file.
    pub rules: Vec<RuleSpec>,
    /// The exemptions that the operator wrote.
    pub exemptions: Vec<Exemption>,
    /// The built-in exemptions that are removed.
    pub removed: Vec<Builtin>,
    /// The comparison of paths with patterns.
    pub comparison: Comparison,
    /// The facts about the site that the built-in exemptions depend on.
    pub served: Served,
    /// An identifier of the policy: `sha256:` and the hash of its text.
    pub revision: String,
}

/// A fault that keeps a [`PolicySpec`] from being a [`Policy`](super::Policy).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    /// The rule or exemption at fault.
    pub at: PolicyItem,
    /// The fault.
    pub kind: PolicyErrorKind,
}

/// A part of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyItem {
    /// The rule of this index.
    Rule(usize),
    /// The exemption of this index.
    Exemption(usize),
}

/// The fault of a rule or an exemption.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyErrorKind {
    /// Another one before it has the same id.
    DuplicateId(Box<str>),
    /// The rule requires nothing.
    NoRequirement,
    /// The rule requires versions of clients and names no client, neither with a minimum nor with a
    /// blocked build.
    NoClient,
    /// The rule reads a version, and does not say where.
    NoReader,
    /// The rule ramps, and does not say what identifies a caller.
    RampWithoutIdentity,
    /// The rule redirects to `https`, and does not require TLS.
    RedirectWithoutTls,
    /// The rule's answer is not a status from 400 to 599.
    Status(u16),
    /// The exemption names a rule that does not exist.
    UnknownRule(Box<str>),
    /// The rule is pinned to a ramp, which has no share without its plan.
    PinnedRamp,
}

impl PolicySpec {
    /// All faults of the policy.
    pub(super) fn find_errors(&self) -> Vec<PolicyError> {
        let mut errors = Vec::new();
        let mut rule_ids: HashSet<&str> = HashSet::with_capacity(self.rules.len());
        for (index, rule) in self.rules.iter().enumerate() {
            let mut kinds = Vec::new();
            // The first of two equal ids keeps it; the later one is at fault.
            if !rule_ids.insert(&rule.id) {
                kinds.push(PolicyErrorKind::DuplicateId(rule.id.clone()));
            }
            kinds.extend(rule_errors(rule));
            for kind in kinds {
                errors.push(PolicyError { at: PolicyItem::Rule(index), kind });
            }
        }
        errors.extend(self.exemption_errors(&rule_ids));
        errors
    }

    fn exemption_errors(&self, rule_ids: &HashSet<&str>) -> Vec<PolicyError> {
        let mut errors = Vec::new();
        let mut ids: HashSet<&str> = HashSet::with_capacity(self.exemptions.len());
        for (index, exemption) in self.exemptions.iter().enumerate() {
            let at = PolicyItem::Exemption(index);
            for id in &exemption.rules {
                if !rule_ids.contains(&**id) {
                    errors.push(PolicyError { at, kind: PolicyErrorKind::UnknownRule(id.clone()) });
                }
            }
            if !ids.insert(&exemption.id) {
                let kind = PolicyErrorKind::DuplicateId(exemption.id.clone());
                errors.push(PolicyError { at, kind });
            }
        }
        errors
    }
}

/// The faults of a rule that do not depend on other rules.
fn rule_errors(rule: &RuleSpec) -> Vec<PolicyErrorKind> {
    let mut errors = Vec::new();
    if rule.require.is_empty() {
        errors.push(PolicyErrorKind::NoRequirement);
    }
    if rule.require.iter().any(Requirement::lacks_client) {
        errors.push(PolicyErrorKind::NoClient);
    }
    if rule.require.iter().any(Requirement::lacks_reader) {
        errors.push(PolicyErrorKind::NoReader);
    }
    // A ramp refuses a share of identities, and without readers finds none.
    if has_ramp(rule) && rule.identity.is_empty() {
        errors.push(PolicyErrorKind::RampWithoutIdentity);
    }
    if rule.answer == AnswerStyle::Redirect && !rule.requires(RequirementKind::Tls) {
        errors.push(PolicyErrorKind::RedirectWithoutTls);
    }
    if let Some(phase) = rule.phase
        && !Phase::PINNABLE.contains(&phase)
    {
        errors.push(PolicyErrorKind::PinnedRamp);
    }
    if let AnswerStyle::Status(status) = rule.answer
        && !(400..=599).contains(&status)
    {
        errors.push(PolicyErrorKind::Status(status));
    }
    errors
}

fn has_ramp(rule: &RuleSpec) -> bool {
    match &rule.rollout {
        Some(rollout) => rollout.plan().ramp.is_some(),
        None => false,
    }
}

impl fmt::Display for PolicyErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateId(id) => write!(f, "the id \"{id}\" is already taken"),
            Self::NoRequirement => f.write_str("it requires nothing"),
            Self::NoClient => {
                f.write_str("it names no client: it needs a minimum or a blocked build")
            }
            Self::NoReader => f.write_str("it does not say where the version is read"),
            Self::RampWithoutIdentity => {
                f.write_str("a ramp needs rollout.identity, to tell callers apart")
            }
            Self::RedirectWithoutTls => f.write_str(
                "answer = \"redirect\" leads to https, and the rule does not require tls",
            ),
            Self::Status(status) => {
                write!(f, "an answer is a status from 400 to 599, not {status}")
            }
            Self::UnknownRule(id) => write!(f, "there is no rule \"{id}\""),
            Self::PinnedRamp => {
                f.write_str("a ramp cannot be pinned: its share comes from rollout.ramp")
            }
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            PolicyItem::Rule(index) => write!(f, "rule {}: {}", index + 1, self.kind),
            PolicyItem::Exemption(index) => write!(f, "exemption {}: {}", index + 1, self.kind),
        }
    }
}

impl std::error::Error for PolicyError {}
