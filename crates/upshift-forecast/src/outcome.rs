//! The outcome of a request under a policy, as far as a log can tell.

/// The outcome for one request, of one rule or of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Outcome {
    /// The rule does not apply.
    NotMatched,
    /// The request passes.
    Passes,
    /// The log does not record a fact on which it depends.
    Unknown,
    /// The request would be refused.
    Refused,
}

/// The outcome of each rule for one request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RuleOutcomes(pub(crate) Box<[Outcome]>);

/// A number that stands for [`RuleOutcomes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct OutcomeId(pub(crate) u32);

impl RuleOutcomes {
    /// The outcome of all rules together: refused if any rule refuses, else unknown if any is.
    pub(crate) fn total(&self) -> Outcome {
        let strictest = self.0.iter().copied().max().unwrap_or(Outcome::Passes);
        strictest.max(Outcome::Passes)
    }
}
