//! The requirements of one rule, held against the facts.

use super::outcome::ObservedValues;
use super::requirements::evaluate_requirement;
use crate::facts::Facts;
use crate::policy::reading::PathReading;
use crate::policy::requirement::RequirementKind;
use crate::policy::rule::Rule;
use crate::verdict::VerdictReason;

/// The result of a rule's requirements together.
pub(super) struct RuleEvaluation<'p> {
    /// The kind of the requirement that decided.
    pub(super) kind: RequirementKind,
    pub(super) reason: VerdictReason,
    /// True if `enforce` refuses the request.
    pub(super) refused: bool,
    pub(super) observed: ObservedValues<'p>,
}

/// Evaluates the requirements of the rule until one is met.
pub(super) fn evaluate_rule<'p>(
    rule: &'p Rule,
    facts: &Facts<'_>,
    path: &PathReading<'_>,
) -> RuleEvaluation<'p> {
    let mut observed = ObservedValues::new();
    let mut unmet: Option<(RequirementKind, VerdictReason)> = None;
    for (requirement, readers) in rule.requirements() {
        let kind = requirement.kind();
        let reason = evaluate_requirement(requirement, readers, facts, path, &mut observed);
        // A list is met by any one requirement; the rest of it does not matter then.
        if reason == VerdictReason::Meets {
            return RuleEvaluation { kind, reason, refused: false, observed };
        }
        match unmet {
            // A requirement that is certainly unmet outranks an uncertain one, in either order.
            Some((_, earlier)) if earlier.is_certain() || !reason.is_certain() => {}
            _ => unmet = Some((kind, reason)),
        }
    }
    // `Policy::new` accepts no rule without requirements; one would be met by every request.
    let (kind, reason) = unmet.unwrap_or((RequirementKind::Protocol, VerdictReason::Meets));
    let refused = reason.is_certain() || rule.on.refuses(reason);
    RuleEvaluation { kind, reason, refused, observed }
}
