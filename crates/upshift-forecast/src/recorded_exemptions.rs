//! The exemptions that the gateway applied, as its access record names them.
//!
//! Identities and most header fields are not part of the record, so an exemption that depends on
//! them cannot be applied again.

use std::collections::{BTreeSet, HashMap};

use foldhash::fast::RandomState;
use upshift_core::policy::{Builtin, Exemption, Rule};
use upshift_core::{Policy, Timestamp};

use crate::coverage::{Recorded, covers_rule, hidden_exemption_facts};
use crate::line::{RecordedDecision, WantedFields};
use crate::outcome::{Outcome, RuleOutcomes};

/// A policy, as the exemptions of recorded decisions refer to it.
#[derive(Debug)]
pub(crate) struct RecordedExemptions<'p> {
    policy: &'p Policy,
    rules: HashMap<&'p [u8], usize, RandomState>,
    /// The time at which exemptions expire.
    now: Timestamp,
}

impl<'p> RecordedExemptions<'p> {
    pub(crate) fn new(policy: &'p Policy, now: Timestamp) -> Self {
        let mut rules = HashMap::default();
        for (index, rule) in policy.rules().iter().enumerate() {
            rules.insert(rule.id.as_bytes(), index);
        }
        Self { policy, rules, now }
    }

    /// The outcomes of a request after its recorded exemptions. `outcomes` come from the facts of
    /// the line alone. Adds the facts that made a rule's outcome unknown to its set in `gaps`.
    pub(crate) fn apply(
        &self,
        decision: &RecordedDecision<'_>,
        (wanted, recorded): (&WantedFields, Recorded),
        outcomes: &RuleOutcomes,
        gaps: &mut [BTreeSet<String>],
    ) -> RuleOutcomes {
        let mut applied = outcomes.clone();
        for (rule_id, exemption_id) in &decision.exempted {
            let Some(index) = self.rules.get(&**rule_id).copied() else { continue };
            let Ok(id) = std::str::from_utf8(exemption_id) else { continue };
            let rule = &self.policy.rules()[index];
            let Some(exempting) = self.find_exemption(rule, id) else { continue };
            let outcome = &mut applied.0[index];
            if decision.is_of(self.policy.revision()) {
                if *outcome != Outcome::NotMatched {
                    *outcome = Outcome::Passes;
                }
            } else if *outcome == Outcome::Refused && exempting.is_hidden(rule, wanted, recorded) {
                // The exemption of this id may have covered others then.
                *outcome = Outcome::Unknown;
                gaps[index].insert(format!("the facts that the exemption {id} depends on"));
            }
        }
        applied
    }

    /// The exemption of this id, if it covers the rule and has not expired.
    fn find_exemption(&self, rule: &Rule, id: &str) -> Option<RecordedExemption<'p>> {
        for exemption in self.policy.exemptions() {
            if *exemption.id == *id && covers_rule(exemption, rule) && self.now < exemption.expires
            {
                return Some(RecordedExemption::Written(exemption));
            }
        }
        let builtin = Builtin::parse(id)?;
        if self.policy.builtins().contains(&builtin) {
            return Some(RecordedExemption::Builtin(builtin));
        }
        None
    }
}

/// An exemption that a record names.
enum RecordedExemption<'p> {
    Written(&'p Exemption),
    Builtin(Builtin),
}

impl RecordedExemption<'_> {
    /// Returns true if it depends on facts that the line does not record.
    fn is_hidden(&self, rule: &Rule, wanted: &WantedFields, recorded: Recorded) -> bool {
        match self {
            Self::Written(exemption) => {
                !hidden_exemption_facts(exemption, rule, wanted, recorded).is_empty()
            }
            // It depends on `Origin`, which no record has.
            Self::Builtin(builtin) => *builtin == Builtin::CorsPreflight,
        }
    }
}
