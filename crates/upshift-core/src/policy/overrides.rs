//! Overrides: phases set while the gateway runs, by a person or by the breaker. They take precedence
//! over the policy file.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

use super::phase::Phase;

/// A phase that was set for a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// The phase.
    pub phase: Phase,
    /// The end of the override; `None` if it has none.
    pub until: Option<Timestamp>,
    /// The actor that set it.
    pub by: Actor,
    /// The reason, in the actor's words.
    pub reason: String,
}

/// The actor that set a phase.
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
    /// The override of every rule that has none of its own.
    pub all: Option<Override>,
    /// The overrides by the id of the rule. One for a rule that the policy lacks is kept: the file
    /// may bring the rule back.
    pub rules: BTreeMap<String, Override>,
}

impl Overrides {
    /// The override of a rule.
    pub fn override_of(&self, rule: &str) -> Option<&Override> {
        self.rules.get(rule).or(self.all.as_ref())
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(name) => f.write_str(name),
            Self::Breaker => f.write_str("breaker"),
            Self::CommandLine => f.write_str("command line"),
        }
    }
}
