//! The outcome for one request: the verdict, and the ruling of each rule.

use std::fmt;
use std::ops::Deref;

use crate::inline_text::InlineText;
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
    pub value: ObservedValue<'p>,
    /// Its source: a reader as the policy file writes it, `connection` or `assume`.
    pub read: &'p str,
}

/// A value that was read.
#[derive(Clone)]
pub enum ObservedValue<'p> {
    /// A text of the policy or of Upshift itself.
    Known(&'p str),
    /// A text that was sent.
    Sent(InlineText),
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

impl ObservedValue<'_> {
    /// The value.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(value) => value,
            Self::Sent(value) => value,
        }
    }
}

impl<'p> From<&'p str> for ObservedValue<'p> {
    fn from(value: &'p str) -> Self {
        Self::Known(value)
    }
}

impl From<InlineText> for ObservedValue<'_> {
    fn from(value: InlineText) -> Self {
        Self::Sent(value)
    }
}

impl From<String> for ObservedValue<'_> {
    fn from(value: String) -> Self {
        Self::Sent(value.into())
    }
}

impl Deref for ObservedValue<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for ObservedValue<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for ObservedValue<'_> {}

impl fmt::Debug for ObservedValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for ObservedValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl<'p> Observed<'p> {
    pub(super) fn new(
        kind: RequirementKind,
        value: impl Into<ObservedValue<'p>>,
        read: &'p str,
    ) -> Self {
        Self { kind, value: value.into(), read }
    }
}
