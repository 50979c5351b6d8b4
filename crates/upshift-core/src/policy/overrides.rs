//! What beats the file: what a person set, and what the breaker did.

use jiff::Timestamp;

use super::rollout::Phase;

/// A phase that was set for a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// The phase.
    pub phase: Phase,
    /// Until when; for good if `None`.
    pub until: Option<Timestamp>,
    /// Who set it.
    pub by: Actor,
    /// Why, in that one's words.
    pub reason: String,
}

/// Who set a phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A person, by name.
    Person(String),
    /// The breaker.
    Breaker,
    /// `--observe` on the command line.
    CommandLine,
}

/// The overrides of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// For every rule that has none of its own.
    pub all: Option<Override>,
    /// By the id of the rule. One for a rule that the policy lacks is kept: the file may bring it
    /// back.
    pub rules: std::collections::BTreeMap<String, Override>,
}

impl Overrides {
    /// The override of a rule.
    pub fn of(&self, rule: &str) -> Option<&Override> {
        self.rules.get(rule).or(self.all.as_ref())
    }
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Person(name) => f.write_str(name),
            Self::Breaker => f.write_str("breaker"),
            Self::CommandLine => f.write_str("command line"),
        }
    }
}
