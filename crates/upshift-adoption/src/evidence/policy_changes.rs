//! The differences between two policies in words.

use upshift_record::policy::{PolicyExemptionRecord, PolicyRecord, PolicyRuleRecord};

use super::words::requirement_text;

/// Lists what the second policy adds, removes and changes, each as a text.
pub(super) fn list_policy_changes(before: &PolicyRecord, after: &PolicyRecord) -> Vec<String> {
    let mut changes = Vec::new();
    for rule in &after.rules {
        match before.rules.iter().find(|old| old.id == rule.id) {
            Some(old) => changes.extend(rule_changes(old, rule)),
            None => {
                let requirement = requirement_text(&rule.require);
                changes.push(format!("rule {} added: {requirement}", rule.id));
            }
        }
    }
    for old in &before.rules {
        if !after.rules.iter().any(|rule| rule.id == old.id) {
            changes.push(format!("rule {} removed", old.id));
        }
    }
    changes.extend(exemption_changes(before, after));
    for builtin in &after.builtins {
        if !before.builtins.contains(builtin) {
            changes.push(format!("built-in exemption {builtin} added"));
        }
    }
    for builtin in &before.builtins {
        if !after.builtins.contains(builtin) {
            changes.push(format!("built-in exemption {builtin} removed"));
        }
    }
    changes
}

fn rule_changes(before: &PolicyRuleRecord, after: &PolicyRuleRecord) -> Vec<String> {
    let PolicyRuleRecord { id, require, applies_to, phase, stages, reads: _, refuses: _ } = after;
    let mut changes = Vec::new();
    if require != &before.require {
        let (old, new) = (requirement_text(&before.require), requirement_text(require));
        changes.push(format!("rule {id} requires {new} (before: {old})"));
    }
    if applies_to != &before.applies_to {
        let old = &before.applies_to;
        changes.push(format!("rule {id} applies to {applies_to} (before: {old})"));
    }
    if let Some((old, new)) = after.changed_reads(before) {
        changes.push(format!("rule {id} reads {new} (before: {old})"));
    }
    if let Some((old, new)) = after.changed_refuses(before) {
        let (old, new) = (reasons_text(old), reasons_text(new));
        changes.push(format!("rule {id} refuses {new} (before: {old})"));
    }
    if phase != &before.phase {
        let (old, new) = (phase_text(before), phase_text(after));
        changes.push(format!("the file gives rule {id} {new} (before: {old})"));
    }
    if stages != &before.stages {
        changes.push(format!("rule {id} has another calendar"));
    }
    changes
}

/// The reasons that `on` has a rule refuse.
fn reasons_text(reasons: &[String]) -> String {
    if reasons.is_empty() { "no uncertain requests".to_owned() } else { reasons.join(", ") }
}

fn phase_text(rule: &PolicyRuleRecord) -> String {
    match &rule.phase {
        Some(phase) => format!("the phase {phase}"),
        None => "no fixed phase".to_owned(),
    }
}

fn exemption_changes(before: &PolicyRecord, after: &PolicyRecord) -> Vec<String> {
    let mut changes = Vec::new();
    for exemption in &after.exemptions {
        let PolicyExemptionRecord { id, applies_to, expires, .. } = exemption;
        match before.exemptions.iter().find(|old| &old.id == id) {
            Some(old) if old == exemption => {}
            Some(_) => {
                changes.push(format!("exemption {id} changed: {applies_to}, until {expires}"));
            }
            None => changes.push(format!("exemption {id} added: {applies_to}, until {expires}")),
        }
    }
    for old in &before.exemptions {
        if !after.exemptions.iter().any(|exemption| exemption.id == old.id) {
            changes.push(format!("exemption {} removed", old.id));
        }
    }
    changes
}
