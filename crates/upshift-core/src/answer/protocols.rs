//! The protocols that an answer names, the preferred one first.

use super::kinds::protocols_of;
use super::shaped_rule::ShapedRule;
use crate::field::{Protocol, UpgradeList};

/// The rule's requirements as an `Upgrade` list.
pub(super) fn upgrade_list(shaped: ShapedRule<'_>) -> UpgradeList {
    // A rule may contain no valid token, but a 426 must name a protocol.
    match UpgradeList::new(required_protocols(shaped)) {
        Some(list) => list,
        None => UpgradeList::http11(),
    }
}

/// The rule's requirements as protocols.
pub(super) fn required_protocols(shaped: ShapedRule<'_>) -> Vec<Protocol> {
    let mut protocols = Vec::new();
    for requirement in &shaped.rule.require {
        protocols.extend(protocols_of(requirement, shaped));
    }
    protocols
}

/// The required protocols as texts.
pub(super) fn protocol_texts(shaped: ShapedRule<'_>) -> Vec<String> {
    required_protocols(shaped).iter().map(ToString::to_string).collect()
}
