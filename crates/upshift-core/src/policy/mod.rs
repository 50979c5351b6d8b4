//! The policy: rules, who is excused, and the way from facts to a decision.
//!
//! 1. Every rule that applies is decided; the strictest verdict wins (refuse over warn over admit).
//! 2. A list of requirements is met by any one. It is refused if none is met and one is surely
//!    unmet.
//! 3. What is uncertain is admitted, unless the rule's `on` says otherwise.
//! 4. Who is excused is still decided, so that it is counted and, unless excused always, warned.

mod browser;
mod canonical;
mod client;
mod decide;
mod evaluate;
mod exemption;
mod identity;
mod matcher;
mod overrides;
mod path;
mod query;
mod reading;
mod requirement;
mod rollout;
mod rule;
mod segments;
mod user_agent;

use std::collections::BTreeSet;
use std::fmt;

pub use canonical::{Ambiguity, ambiguity, canonical, has_nul, is_too_ambiguous, why_undecidable};
pub use client::{ClientReader, has_product};
pub use evaluate::offers;
pub use exemption::{Builtin, ExemptedBy, Exemption, Served, is_private};
pub use identity::{IdentityReader, identity};
pub use matcher::{ClientPattern, HeaderPattern, HostPattern, Matcher, MatcherValues};
pub use overrides::{Actor, Override, Overrides};
pub use path::{Comparison, PathError, PathPattern, PathTemplate};
pub use reading::{PathReading, path_readings};
pub use requirement::{
    ApiReader, ApiRequirement, ClientRequirement, FieldName, Requirement, WebSocketRequirement,
};
pub use rollout::{
    Phase, PlanError, RampPlan, RefusedShare, Rollout, RolloutPlan, RolloutStage, RolloutState,
    bucket,
};
pub use rule::{AnswerStyle, BreakerLimits, Counted, Rule, RuleSpec, Uncertain, UpgradeUrl};
pub use segments::Case;
pub use user_agent::NAME_WORDS;

/// A policy as it is written.
#[derive(Clone, Debug, Default)]
pub struct PolicySpec {
    /// The rules, in the order of the file.
    pub rules: Vec<RuleSpec>,
    /// Who is excused.
    pub exemptions: Vec<Exemption>,
    /// The built-in exemptions that are taken away.
    pub removed: Vec<Builtin>,
    /// How paths and patterns are compared.
    pub comparison: Comparison,
    /// What the built-in exemptions know of the site.
    pub served: Served,
    /// What tells this policy from another: `sha256:` and the hash of its text.
    pub revision: String,
}

/// A valid policy.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    rules: Vec<Rule>,
    exemptions: Vec<Exemption>,
    builtins: Vec<Builtin>,
    comparison: Comparison,
    served: Served,
    revision: Box<str>,
}

/// What keeps a [`PolicySpec`] from being a [`Policy`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    /// The index of the rule or exemption at fault.
    pub at: PolicyItem,
    /// What is wrong with it.
    pub fault: PolicyErrorKind,
}

/// Where a fault lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyItem {
    /// In the rule of this index.
    Rule(usize),
    /// In the exemption of this index.
    Exemption(usize),
}

/// What is wrong with a rule or an exemption.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyErrorKind {
    /// Another one before it has the same id.
    DuplicateId(Box<str>),
    /// It requires nothing.
    NoRequirement,
    /// It requires versions of clients and names none, neither a minimum nor a blocked build.
    NoClient,
    /// It reads a version and says nowhere where.
    NoReader,
    /// It ramps and does not say who a caller is.
    RampWithoutIdentity,
    /// It redirects to `https` and does not require TLS.
    RedirectWithoutTls,
    /// Its answer is no status from 400 to 599.
    Status(u16),
    /// It names a rule that is not there.
    UnknownRule(Box<str>),
    /// A phase that cannot be pinned: a ramp has no share without its plan.
    PinnedRamp,
}

impl Policy {
    /// From what is written.
    ///
    /// # Errors
    /// All faults at once.
    pub fn new(spec: PolicySpec) -> Result<Self, Vec<PolicyError>> {
        let faults = faults(&spec);
        if !faults.is_empty() {
            return Err(faults);
        }
        let builtins =
            Builtin::ALL.into_iter().filter(|builtin| !spec.removed.contains(builtin)).collect();
        let rules = spec.rules.iter().cloned().map(Rule::new).collect();
        let PolicySpec { exemptions, comparison, served, revision, .. } = spec;
        Ok(Self { rules, exemptions, builtins, comparison, served, revision: revision.into() })
    }

    /// The same policy with these overrides and no others.
    #[must_use]
    pub fn with(&self, overrides: &Overrides) -> Self {
        let mut policy = self.clone();
        for rule in &mut policy.rules {
            rule.overridden = overrides.of(&rule.id).cloned();
        }
        policy
    }

    /// The rules, in the order of the file.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule of this id.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| *rule.id == *id)
    }

    /// Who is excused by the operator.
    pub fn exemptions(&self) -> &[Exemption] {
        &self.exemptions
    }

    /// The built-in exemptions that hold.
    pub fn builtins(&self) -> &[Builtin] {
        &self.builtins
    }

    /// The fields, in lower case, on which a verdict may rest: those that a rule, an exemption or
    /// an identity reads.
    pub fn fields(&self) -> BTreeSet<&str> {
        let rules = self.rules.iter().flat_map(Rule::fields);
        let exemptions = self.exemptions.iter().flat_map(|exemption| exemption.matcher.fields());
        let builtins = self.builtins.iter().flat_map(|builtin| builtin.all_fields()).copied();
        rules.chain(exemptions).chain(builtins).collect()
    }

    /// All that it holds beside its rules and exemptions, as text under the keys of the policy
    /// file: two policies with the same rules and exemptions decide alike if these texts are equal.
    pub fn settings(&self) -> [(&'static str, String); 5] {
        // A field that is added does not compile until it stands here.
        let Self { rules: _, exemptions: _, builtins, comparison, served, revision: _ } = self;
        let Comparison { case, ignore_trailing_slash } = comparison;
        let Served { hosts, health_networks } = served;
        [
            ("never-refused.remove", format!("{builtins:?}")),
            ("never-refused.health-networks", format!("{health_networks:?}")),
            ("gateway.case", format!("{case:?}")),
            ("gateway.trailing-slash", format!("{ignore_trailing_slash:?}")),
            ("the hosts that are served here", format!("{hosts:?}")),
        ]
    }

    /// What tells this policy from another.
    pub fn revision(&self) -> &str {
        &self.revision
    }
}

fn faults(spec: &PolicySpec) -> Vec<PolicyError> {
    let mut faults = Vec::new();
    for (index, rule) in spec.rules.iter().enumerate() {
        let before = &spec.rules[..index];
        let found = rule_faults(rule, before).into_iter();
        faults.extend(found.map(|fault| PolicyError { at: PolicyItem::Rule(index), fault }));
    }
    for (index, exemption) in spec.exemptions.iter().enumerate() {
        let known = |id: &str| spec.rules.iter().any(|rule| *rule.id == *id);
        let unknown = exemption.rules.iter().filter(|id| !known(id));
        faults.extend(unknown.map(|id| PolicyError {
            at: PolicyItem::Exemption(index),
            fault: PolicyErrorKind::UnknownRule(id.clone()),
        }));
        if spec.exemptions[..index].iter().any(|before| before.id == exemption.id) {
            faults.push(PolicyError {
                at: PolicyItem::Exemption(index),
                fault: PolicyErrorKind::DuplicateId(exemption.id.clone()),
            });
        }
    }
    faults
}

fn rule_faults(rule: &RuleSpec, before: &[RuleSpec]) -> Vec<PolicyErrorKind> {
    let ramps = rule.rollout.as_ref().is_some_and(|rollout| rollout.plan().ramp.is_some());
    let unnamed = |requirement: &Requirement| matches!(requirement, Requirement::Client(client) if client.minimum.is_empty() && client.blocked.is_empty());
    let unread = |requirement: &Requirement| match requirement {
        Requirement::Client(client) => client.read.is_empty(),
        Requirement::Api(api) => api.read.is_empty(),
        _ => false,
    };
    let tls = rule.require.iter().any(|requirement| matches!(requirement, Requirement::Tls(_)));
    let checks = [
        (
            before.iter().any(|other| other.id == rule.id),
            PolicyErrorKind::DuplicateId(rule.id.clone()),
        ),
        (rule.require.is_empty(), PolicyErrorKind::NoRequirement),
        (rule.require.iter().any(unnamed), PolicyErrorKind::NoClient),
        (rule.require.iter().any(unread), PolicyErrorKind::NoReader),
        (ramps && rule.identity.is_empty(), PolicyErrorKind::RampWithoutIdentity),
        (rule.answer == AnswerStyle::Redirect && !tls, PolicyErrorKind::RedirectWithoutTls),
        (
            rule.phase.is_some_and(|phase| !Phase::PINNABLE.contains(&phase)),
            PolicyErrorKind::PinnedRamp,
        ),
    ];
    let mut faults: Vec<_> =
        checks.into_iter().filter(|(wrong, _)| *wrong).map(|(_, fault)| fault).collect();
    if let AnswerStyle::Status(status) = rule.answer
        && !(400..=599).contains(&status)
    {
        faults.push(PolicyErrorKind::Status(status));
    }
    faults
}

impl fmt::Display for PolicyErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateId(id) => write!(f, "the id \"{id}\" is taken by one before it"),
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
                write!(f, "an answer is a status from 400 to 599, and not {status}")
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
            PolicyItem::Rule(index) => write!(f, "rule {}: {}", index + 1, self.fault),
            PolicyItem::Exemption(index) => write!(f, "exemption {}: {}", index + 1, self.fault),
        }
    }
}

impl std::error::Error for PolicyError {}
