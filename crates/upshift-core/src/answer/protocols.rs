//! The protocols that an answer names, the preferred one first.

use super::context::AnswerContext;
use super::kinds::protocols_of;
use crate::field::{Protocol, UpgradeList};
use crate::{Facts, Ruling};

/// The rule's requirements as an `Upgrade` list.
pub(super) fn upgrade_list(
    top: &Ruling<'_>,
    facts: &Facts<'_>,
    context: &AnswerContext<'_>,
) -> UpgradeList {
    // The texts of a rule may contain no valid token, but a 426 must name something.
    match UpgradeList::new(required_protocols(top, facts, context)) {
        Some(list) => list,
        None => UpgradeList::http11(),
    }
}

/// The rule's requirements as protocols.
pub(super) fn required_protocols(
    top: &Ruling<'_>,
    facts: &Facts<'_>,
    context: &AnswerContext<'_>,
) -> Vec<Protocol> {
    let mut protocols = Vec::new();
    for requirement in &top.rule.require {
        protocols.extend(protocols_of(requirement, top, facts, context));
    }
    protocols
}

/// The required protocols as texts.
pub(super) fn protocol_texts(
    top: &Ruling<'_>,
    facts: &Facts<'_>,
    context: &AnswerContext<'_>,
) -> Vec<String> {
    required_protocols(top, facts, context).iter().map(ToString::to_string).collect()
}
