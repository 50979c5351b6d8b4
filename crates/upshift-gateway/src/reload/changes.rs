//! The differences between the settings in force and those that a reload puts in their place.

use std::fmt::{Display, Formatter};

use upshift_config::Upstream;
use upshift_core::Policy;
use upshift_core::policy::Exemption;

use super::values::{
    KeyValues, changed_keys, exemption_values, rule_values, setting_values, upstream_values,
};
use crate::settings::Settings;
use crate::tls::identity::LoadedFiles;

/// One thing that a reload adds, removes or changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReloadChange {
    /// `rule`, `exemption`, `upstream`, `setting`, `certificate` or `authorities`.
    pub subject: &'static str,
    /// Its id or its key, the addresses of an upstream, or the subject of a certificate.
    pub name: String,
    /// The kind of change.
    pub kind: ChangeKind,
}

/// The kind of change that a reload makes to a rule, an exemption, an upstream, a setting or a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// Its value changed; for a rule, an exemption or an upstream, the values of these keys.
    Changed(Vec<&'static str>),
    /// The same ones are there, in another order.
    Reordered,
    /// The content of its file changed.
    ContentChanged,
}

impl ChangeKind {
    /// The value of the metric label `change`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed(_) => "changed",
            Self::Reordered => "reordered",
            Self::ContentChanged => "taken-up",
        }
    }
}

impl ReloadChange {
    fn new(subject: &'static str, name: impl Into<String>, kind: ChangeKind) -> Self {
        Self { subject, name: name.into(), kind }
    }

    fn reordered(subject: &'static str) -> Self {
        Self::new(subject, "", ChangeKind::Reordered)
    }
}

impl Display for ReloadChange {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { subject, name, kind } = self;
        match kind {
            ChangeKind::Reordered => write!(f, "the order of the {subject}s changed"),
            ChangeKind::ContentChanged => write!(f, "{subject} changed: {name}"),
            ChangeKind::Changed(keys) if keys.is_empty() => write!(f, "{name} changed"),
            ChangeKind::Changed(keys) => {
                write!(f, "{subject} {name}: changed ({})", keys.join(", "))
            }
            ChangeKind::Added | ChangeKind::Removed => {
                write!(f, "{subject} {name}: {}", kind.as_str())
            }
        }
    }
}

/// All pairs of subject and change that a reload can make, as their metric has them.
pub(crate) fn possible_changes() -> Vec<(&'static str, &'static str)> {
    let mut pairs = vec![
        ("setting", ChangeKind::Changed(Vec::new())),
        ("certificate", ChangeKind::ContentChanged),
        ("authorities", ChangeKind::ContentChanged),
    ];
    for subject in ["rule", "exemption", "upstream"] {
        let changed = ChangeKind::Changed(Vec::new());
        for kind in [ChangeKind::Added, ChangeKind::Removed, changed, ChangeKind::Reordered] {
            pairs.push((subject, kind));
        }
    }
    pairs.iter().map(|(subject, kind)| (*subject, kind.as_str())).collect()
}

/// Lists the differences between two settings, except for the keys that only a restart applies.
pub(crate) fn setting_changes(before: &Settings, after: &Settings) -> Vec<ReloadChange> {
    let (old, new) = (&before.file, &after.file);
    let mut changes = rule_changes(&old.policy, &new.policy);
    changes.extend(exemption_changes(old.policy.exemptions(), new.policy.exemptions()));
    changes.extend(upstream_changes(&old.upstreams, &new.upstreams));
    for key in changed_keys(&setting_values(before), &setting_values(after)) {
        changes.push(ReloadChange::new("setting", key, ChangeKind::Changed(Vec::new())));
    }
    changes
}

/// Lists the files whose contents differ. A certificate that moved to another file unchanged is not
/// listed.
pub(crate) fn file_changes(before: &LoadedFiles, after: &LoadedFiles) -> Vec<ReloadChange> {
    let LoadedFiles { identity, authorities } = after;
    let mut changes = Vec::new();
    if let Some(identity) = identity {
        let same = match &before.identity {
            Some(old) => old.chain == identity.chain,
            None => false,
        };
        if !same {
            let name = identity.describe();
            changes.push(ReloadChange::new("certificate", name, ChangeKind::ContentChanged));
        }
    }
    for (path, certificates) in authorities {
        if let Some(old) = before.authorities.get(path)
            && old != certificates
        {
            let name = path.display().to_string();
            changes.push(ReloadChange::new("authorities", name, ChangeKind::ContentChanged));
        }
    }
    changes
}

fn rule_changes(before: &Policy, after: &Policy) -> Vec<ReloadChange> {
    let mut changes = Vec::new();
    for rule in after.rules() {
        let old_values = before.rule(&rule.id).map(|old| rule_values(old));
        if let Some(kind) = change_kind(old_values, &rule_values(rule)) {
            changes.push(ReloadChange::new("rule", &*rule.id, kind));
        }
    }
    for rule in before.rules() {
        if after.rule(&rule.id).is_none() {
            changes.push(ReloadChange::new("rule", &*rule.id, ChangeKind::Removed));
        }
    }
    // Among verdicts that are equally strict, the first rule of the file answers.
    if is_reordered(&rule_ids(before), &rule_ids(after)) {
        changes.push(ReloadChange::reordered("rule"));
    }
    changes
}

fn rule_ids(policy: &Policy) -> Vec<&str> {
    policy.rules().iter().map(|rule| &*rule.id).collect()
}

fn exemption_changes(before: &[Exemption], after: &[Exemption]) -> Vec<ReloadChange> {
    let mut changes = Vec::new();
    for exemption in after {
        let old_values = before.iter().find(|old| old.id == exemption.id).map(exemption_values);
        if let Some(kind) = change_kind(old_values, &exemption_values(exemption)) {
            changes.push(ReloadChange::new("exemption", &*exemption.id, kind));
        }
    }
    for exemption in before {
        if !after.iter().any(|new| new.id == exemption.id) {
            changes.push(ReloadChange::new("exemption", &*exemption.id, ChangeKind::Removed));
        }
    }
    if is_reordered(&exemption_ids(before), &exemption_ids(after)) {
        changes.push(ReloadChange::reordered("exemption"));
    }
    changes
}

fn exemption_ids(exemptions: &[Exemption]) -> Vec<&str> {
    exemptions.iter().map(|exemption| &*exemption.id).collect()
}

/// An upstream has no id, so its addresses identify it.
fn upstream_changes(before: &[Upstream], after: &[Upstream]) -> Vec<ReloadChange> {
    let old_values: Vec<KeyValues> = before.iter().map(upstream_values).collect();
    let new_values: Vec<KeyValues> = after.iter().map(upstream_values).collect();
    let mut matches = match_upstreams(before, after, &old_values, &new_values);
    let mut changes = Vec::new();
    for (index, upstream) in after.iter().enumerate() {
        let old = matches[index].map(|old| old_values[old].clone());
        if let Some(kind) = change_kind(old, &new_values[index]) {
            changes.push(ReloadChange::new("upstream", address_list(upstream), kind));
        }
    }
    for (index, upstream) in before.iter().enumerate() {
        if !matches.contains(&Some(index)) {
            let name = address_list(upstream);
            changes.push(ReloadChange::new("upstream", name, ChangeKind::Removed));
        }
    }
    // A request goes to the first upstream that matches it.
    matches.retain(Option::is_some);
    if !matches.is_sorted() {
        changes.push(ReloadChange::reordered("upstream"));
    }
    changes
}

/// For each upstream of `after`, the index in `before` of the one with the same addresses.
fn match_upstreams(
    before: &[Upstream],
    after: &[Upstream],
    old_values: &[KeyValues],
    new_values: &[KeyValues],
) -> Vec<Option<usize>> {
    let mut matches: Vec<Option<usize>> = vec![None; after.len()];
    // Several upstreams may have the same addresses, for different hosts. Those that did not change
    // are matched first, so that a change of one is not reported for all of them.
    for must_be_equal in [true, false] {
        for index in 0..after.len() {
            if matches[index].is_some() {
                continue;
            }
            let name = address_list(&after[index]);
            matches[index] = (0..before.len()).find(|old| {
                address_list(&before[*old]) == name
                    && (!must_be_equal || old_values[*old] == new_values[index])
                    && !matches.contains(&Some(*old))
            });
        }
    }
    matches
}

/// The change from `old`, if there was one before, to `new`; `None` if they are equal.
fn change_kind(old: Option<KeyValues>, new: &KeyValues) -> Option<ChangeKind> {
    let Some(old) = old else { return Some(ChangeKind::Added) };
    let keys = changed_keys(&old, new);
    if keys.is_empty() { None } else { Some(ChangeKind::Changed(keys)) }
}

/// Returns true if the ids that are in both lists come in another order.
fn is_reordered(before: &[&str], after: &[&str]) -> bool {
    let kept = before.iter().filter(|id| after.contains(id));
    kept.ne(after.iter().filter(|id| before.contains(id)))
}

fn address_list(upstream: &Upstream) -> String {
    let mut addresses = Vec::new();
    for endpoint in &upstream.endpoints {
        addresses.push(endpoint.address.to_string());
    }
    addresses.join(", ")
}
