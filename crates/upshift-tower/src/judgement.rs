//! The judgements of a policy on a request, for logs and metrics.

use upshift_core::{Decision, Phase, RequirementKind, Ruling, Verdict, VerdictReason};

/// The judgement of one rule. The deciding rule's judgement is an extension of the response.
///
/// In a rule's phase `observe` the verdict is `Admit`, and `reason` gives the cause of the refusal
/// that would have followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// The id of the rule.
    pub rule: String,
    /// The subject of its requirement.
    pub kind: RequirementKind,
    /// Its phase.
    pub phase: Phase,
    /// The reason for the verdict; [`VerdictReason::Meets`] if the requirement is met.
    pub reason: VerdictReason,
}

impl Judgement {
    fn of_ruling(ruling: &Ruling<'_>) -> Self {
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
/// A rule in the phase `observe` admits, so a stricter rule, or an admitting one before it, decides
/// in its place. Count the judgements here rather than the extension [`Judgement`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgements {
    all: Vec<Judgement>,
    deciding: Option<usize>,
}

impl Judgements {
    pub(crate) fn of_decision(decision: &Decision<'_>) -> Self {
        let top = decision.top();
        let mut judgements = Self::default();
        for ruling in decision.matched() {
            if let Some(deciding) = top
                // The deciding ruling is one of those that matched, so it is found by its address.
                && std::ptr::eq(deciding, ruling)
            {
                judgements.deciding = Some(judgements.all.len());
            }
            judgements.all.push(Judgement::of_ruling(ruling));
        }
        judgements
    }

    /// The judgements, one for each rule that applies.
    pub fn iter(&self) -> impl Iterator<Item = &Judgement> {
        self.all.iter()
    }

    /// The judgement of the deciding rule: the strictest one, and among equals the first in the
    /// policy.
    pub fn deciding(&self) -> Option<&Judgement> {
        self.all.get(self.deciding?)
    }
}
