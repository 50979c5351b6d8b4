//! The outcome for one request: the verdict, and the ruling of each rule.

use std::borrow::Cow;

use crate::inline_vec::InlineVec;
use crate::policy::exemption::ExemptedBy;
use crate::policy::field_set::{FieldId, FieldSet};
use crate::policy::phase::Phase;
use crate::policy::requirement::RequirementKind;
use crate::policy::rollout::RolloutState;
use crate::policy::rule::Rule;
use crate::verdict::{Verdict, VerdictReason};

/// A value that was read, and its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed<'p> {
    /// The kind of requirement that it was read for.
    pub kind: RequirementKind,
    /// The value as it was sent.
    pub value: Cow<'p, str>,
    /// Its source: a reader as the policy file writes it, `connection` or `assume`.
    pub read: &'p str,
}

/// The values that were read for one rule; nearly always one.
pub type ObservedValues<'p> = InlineVec<Observed<'p>, 1>;

/// The ruling of one rule on one request. It borrows the policy, and nothing of the request.
#[derive(Clone, Debug)]
pub struct Ruling<'p> {
    /// The rule.
    pub rule: &'p Rule,
    /// The matcher key that did not fit; `None` if the rule applies.
    pub mismatch: Option<&'static str>,
    /// The verdict; `Admit` if the rule does not apply.
    pub verdict: Verdict,
    /// The state of the rule's rollout.
    pub rollout: RolloutState,
    /// The kind of the requirement that decided: the first that is met, or the first that is
    /// certainly not met.
    pub kind: RequirementKind,
    /// The reason for the verdict; `Meets` if the rule does not apply.
    pub reason: VerdictReason,
    /// The reason for the refusal that `enforce` would bring, if it would bring one. It differs
    /// from `reason` only for requests that a ramp does not include yet.
    pub cause: Option<VerdictReason>,
    /// The values that were read.
    pub observed: ObservedValues<'p>,
    /// The exemption that excused the request.
    pub exempted: Option<ExemptedBy<'p>>,
    /// True if a ramp would refuse the request but cannot, because it carries no identity.
    pub without_identity: bool,
}

/// The rulings of a decision. Few requests come under more rules than fit without an allocation.
pub type Rulings<'p> = InlineVec<Ruling<'p>, 4>;

/// The outcome for one request. It borrows the policy, and nothing of the request.
#[derive(Clone, Debug)]
pub struct Decision<'p> {
    /// The strictest verdict of all rules.
    pub verdict: Verdict,
    /// The rulings of the rules that apply, in the order of the file (of all rules from
    /// [`Policy::explain`](crate::Policy::explain)).
    pub rulings: Rulings<'p>,
    top: Option<usize>,
    fields: InlineVec<&'p str, 8>,
    noted: FieldSet,
}

impl<'p> Decision<'p> {
    /// The ruling that decided: the strictest, and among equals the first in the file; `None` if no
    /// rule applied.
    pub fn top(&self) -> Option<&Ruling<'p>> {
        self.rulings.get(self.top?)
    }

    /// The rulings of the rules that apply.
    pub fn matched(&self) -> impl Iterator<Item = &Ruling<'p>> {
        self.rulings.iter().filter(|ruling| ruling.matched())
    }

    /// The rulings that refuse.
    pub fn refusing(&self) -> impl Iterator<Item = &Ruling<'p>> {
        self.matched().filter(|ruling| ruling.verdict == Verdict::Refuse)
    }

    /// The fields on which the verdict rests, in the usual capitalisation: all that were looked at,
    /// present or not.
    pub fn fields(&self) -> &[&'p str] {
        &self.fields
    }

    /// The decision of a policy without rules.
    pub(super) fn admitted() -> Self {
        Self {
            verdict: Verdict::Admit,
            rulings: Rulings::new(),
            top: None,
            fields: InlineVec::new(),
            noted: FieldSet::default(),
        }
    }

    /// Adds the ruling of the next rule of the file.
    pub(super) fn push_ruling(&mut self, ruling: Ruling<'p>) {
        // Only a stricter ruling replaces: of equals the first in the file decides.
        if ruling.matched() && (self.top.is_none() || ruling.verdict > self.verdict) {
            self.verdict = ruling.verdict;
            self.top = Some(self.rulings.len());
        }
        self.rulings.push(ruling);
    }

    /// Adds a field on which the verdict rests.
    pub(super) fn note_field(&mut self, id: FieldId, written: &'p str) {
        if self.noted.insert(id) {
            self.fields.push(written);
        }
    }
}

impl Ruling<'_> {
    /// Returns true if the rule applies to the request.
    pub fn matched(&self) -> bool {
        self.mismatch.is_none()
    }

    /// The phase of the rule's rollout.
    pub fn phase(&self) -> Phase {
        self.rollout.phase
    }
}

impl<'p> Observed<'p> {
    pub(super) fn new(
        kind: RequirementKind,
        value: impl Into<Cow<'p, str>>,
        read: &'p str,
    ) -> Self {
        Self { kind, value: value.into(), read }
    }
}
