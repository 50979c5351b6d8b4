//! A valid policy.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::exemption::{Builtin, Exemption, Served};
use super::field_set::{FieldIds, NumberedField};
use super::overrides::Overrides;
use super::reading::Comparison;
use super::rule::Rule;
use super::rule_index::RuleIndex;
use super::rule_spec::RuleSpec;
use super::spec::{PolicyError, PolicySpec};
use crate::field::FieldName;
use crate::prepared::PreparedBudget;

/// A valid policy. A copy shares its rules and exemptions.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    rules: Vec<Rule>,
    index: Arc<RuleIndex>,
    exemptions: Arc<[Exemption]>,
    /// The fields that the exemptions read.
    exemption_fields: Arc<[NumberedField]>,
    field_ids: Arc<FieldIds>,
    builtins: Vec<Builtin>,
    comparison: Comparison,
    served: Arc<Served>,
    revision: Arc<str>,
}

impl Policy {
    /// From a policy as it is written.
    ///
    /// # Errors
    /// All faults at once.
    pub fn new(spec: PolicySpec) -> Result<Self, Vec<PolicyError>> {
        // Checked as a whole before anything is compiled, so that all faults are reported at once.
        let errors = spec.find_errors();
        if !errors.is_empty() {
            return Err(errors);
        }
        let PolicySpec { rules: specs, exemptions, removed, comparison, served, revision } = spec;
        let mut builtins = Builtin::ALL.to_vec();
        builtins.retain(|builtin| !removed.contains(builtin));
        let mut field_ids = FieldIds::default();
        let budget = PreparedBudget::default();
        let mut rules = Vec::with_capacity(specs.len());
        for spec in specs {
            rules.push(Rule::compile(spec, &mut field_ids, &budget));
        }
        let exemption_fields = number_fields(&builtins, &exemptions, &mut field_ids);
        Ok(Self {
            index: Arc::new(RuleIndex::of_rules(&rules, comparison)),
            rules,
            exemptions: exemptions.into(),
            exemption_fields: exemption_fields.into(),
            field_ids: Arc::new(field_ids),
            builtins,
            comparison,
            served: Arc::new(served),
            revision: revision.into(),
        })
    }

    /// The same policy with these overrides and no others.
    #[must_use]
    pub fn with_overrides(&self, overrides: &Overrides) -> Self {
        // Cheap: the copy shares everything but the overrides.
        let mut policy = self.clone();
        for rule in &mut policy.rules {
            *rule = rule.with_override(overrides.override_of(&rule.id).cloned());
        }
        policy
    }

    /// The policy as it was written, without overrides. A program that decides on fewer facts than
    /// a gateway has derives its own policy from it.
    pub fn to_spec(&self) -> PolicySpec {
        let mut removed = Builtin::ALL.to_vec();
        removed.retain(|builtin| !self.builtins.contains(builtin));
        PolicySpec {
            rules: self.rules.iter().map(|rule| RuleSpec::clone(rule)).collect(),
            exemptions: self.exemptions.to_vec(),
            removed,
            comparison: self.comparison,
            served: Served::clone(&self.served),
            revision: self.revision.to_string(),
        }
    }

    /// The rules, in the order of the file.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule at a position that the index found.
    pub(crate) fn rule_at(&self, position: u32) -> &Rule {
        // The index was made from these rules.
        &self.rules[position as usize]
    }

    /// The rule of this id.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| *rule.id == *id)
    }

    /// The exemptions that the operator wrote.
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
        let mut fields = BTreeSet::new();
        for rule in &self.rules {
            fields.extend(rule.field_names().map(FieldName::lower));
        }
        fields.extend(self.exemption_fields.iter().map(|field| field.name.lower()));
        for builtin in &self.builtins {
            fields.extend(builtin.fields().iter().map(|field| field.lower));
        }
        fields
    }

    /// The settings beside the rules and exemptions, as text under the keys of the policy file. Two
    /// policies with the same rules and exemptions decide alike if these texts are equal.
    pub fn settings(&self) -> [(&'static str, String); 5] {
        // A new field does not compile until it is named here, so none can be forgotten.
        let Self {
            rules: _,
            index: _,
            exemptions: _,
            exemption_fields: _,
            field_ids: _,
            builtins,
            comparison,
            served,
            revision: _,
        } = self;
        let Comparison { case, ignore_trailing_slash } = comparison;
        let Served { hosts, health_networks } = &**served;
        [
            ("never-refused.remove", format!("{builtins:?}")),
            ("never-refused.health-networks", format!("{health_networks:?}")),
            ("gateway.case", format!("{case:?}")),
            ("gateway.trailing-slash", format!("{ignore_trailing_slash:?}")),
            ("the hosts that are served here", format!("{hosts:?}")),
        ]
    }

    /// The identifier of the policy.
    pub fn revision(&self) -> &str {
        &self.revision
    }

    pub(crate) fn comparison(&self) -> Comparison {
        self.comparison
    }

    pub(crate) fn served(&self) -> &Served {
        &self.served
    }

    pub(crate) fn exemption_fields(&self) -> &[NumberedField] {
        &self.exemption_fields
    }

    pub(crate) fn field_ids(&self) -> &FieldIds {
        &self.field_ids
    }

    pub(crate) fn index(&self) -> &RuleIndex {
        &self.index
    }
}

/// The fields that the exemptions read. Those of the built-in ones are numbered, too.
fn number_fields(
    builtins: &[Builtin],
    exemptions: &[Exemption],
    ids: &mut FieldIds,
) -> Vec<NumberedField> {
    for builtin in builtins {
        for field in builtin.fields() {
            ids.add(field.lower);
        }
    }
    let mut fields = Vec::new();
    for exemption in exemptions {
        for field in exemption.matcher.fields() {
            fields.push(ids.number_field(field));
        }
    }
    fields
}
