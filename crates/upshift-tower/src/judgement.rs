//! What a policy makes of a request, for logs and metrics.

use upshift_core::Ruling;
use upshift_core::{Decision, Phase, RequirementKind, Verdict, VerdictReason};

/// The judgement of one rule. That of the deciding rule is an extension of the response.
///
/// In a rule's phase `observe` the verdict is to admit, and `reason` says what a refusal would have
/// been for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// The rule.
    pub rule: String,
    /// What it requires.
    pub kind: RequirementKind,
    /// Its phase.
    pub phase: Phase,
    /// What the request lacked; [`VerdictReason::Meets`] if nothing.
    pub reason: VerdictReason,
}

impl Judgement {
    fn of(ruling: &Ruling<'_>) -> Self {
        Self {
            verdict: ruling.verdict,
            rule: ruling.rule.id.to_string(),
            kind: ruling.kind,
            phase: ruling.phase(),
            reason: ruling.reason,
        }
    }
}

/// The judgements of all rules that apply to a request, in the order of the policy; an extension of
/// the response.
///
/// A rule that is only observed never decides, so its judgement is here and not in the extension of
/// [`Judgement`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgements {
    all: Vec<Judgement>,
    deciding: Option<usize>,
}

impl Judgements {
    pub(crate) fn of(decision: &Decision<'_>) -> Self {
        let top = decision.top();
        let mut judgements = Self::default();
        for ruling in decision.matched() {
            if top.is_some_and(|top| std::ptr::eq(top, ruling)) {
                judgements.deciding = Some(judgements.all.len());
            }
            judgements.all.push(Judgement::of(ruling));
        }
        judgements
    }

    /// The judgements, one for each rule that applies.
    pub fn iter(&self) -> impl Iterator<Item = &Judgement> {
        self.all.iter()
    }

    /// That of the rule that decided: the strictest, among equals the first in the policy.
    pub fn deciding(&self) -> Option<&Judgement> {
        self.all.get(self.deciding?)
    }
}
