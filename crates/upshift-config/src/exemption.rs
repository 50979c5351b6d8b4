//! `[[exemption]]` and `[never-refused]`: requests that are admitted in spite of a rule.

use ipnet::IpNet;
use upshift_core::policy::{Builtin, Exemption};

use crate::matcher::read_matcher;
use crate::rule::{Sourced, read_id};
use crate::toml_table::TomlTable;

/// Reads every `[[exemption]]`.
pub(crate) fn read_exemptions<'d>(root: &mut TomlTable<'d>) -> Vec<Sourced<'d, Exemption>> {
    let mut exemptions = Vec::new();
    for (index, table) in root.tables_at("exemption", "Exemption").into_iter().enumerate() {
        exemptions.extend(read_exemption(table, index + 1));
    }
    exemptions
}

/// Reads one exemption; `number` is its position in the file, from 1.
fn read_exemption(mut table: TomlTable<'_>, number: usize) -> Option<Sourced<'_, Exemption>> {
    let id = match table.get("id") {
        Some(value) => read_id(&value).map(str::to_owned),
        // Logs and metrics name every exemption, so that one without an id needs a name.
        None => Some(format!("exemption-{number}")),
    };
    let matcher = read_matcher(&mut table);
    let mut rules = Vec::new();
    for value in table.values_at("rules") {
        rules.extend(value.read_text().map(Box::from));
    }
    let reason = read_required_text(&mut table, "reason", "why it is granted, in a few words");
    let owner = read_required_text(&mut table, "owner", "the person or team that answers for it");
    let expires = match table.require("expires", "a date, as no exemption is permanent") {
        // No rollout is involved whose zone could apply.
        Some(value) => value.read_date(None),
        None => None,
    };
    table.report_unknown_keys();
    // Every key is read before the first `?`, so that all errors of the table are reported.
    let value = Exemption {
        id: id?.into(),
        rules,
        matcher,
        reason: reason?,
        owner: owner?,
        expires: expires?,
    };
    Some(Sourced { value, table })
}

fn read_required_text(
    table: &mut TomlTable<'_>,
    key: &'static str,
    description: &str,
) -> Option<String> {
    let text = table.require(key, description)?.read_text()?;
    Some(text.to_owned())
}

/// `[never-refused]`.
#[derive(Default)]
pub(crate) struct NeverRefused {
    /// The built-in exemptions that the file removes.
    pub(crate) removed: Vec<Builtin>,
    /// The networks of health checkers.
    pub(crate) health_networks: Option<Vec<IpNet>>,
}

/// Reads `[never-refused]`.
pub(crate) fn read_never_refused(root: &mut TomlTable<'_>) -> NeverRefused {
    let mut never_refused = NeverRefused::default();
    let Some(mut table) = root.table_at("never-refused", "NeverRefused") else {
        return never_refused;
    };
    let words = Builtin::ALL.map(|builtin| (builtin.as_str(), builtin));
    for value in table.values_at("remove") {
        never_refused.removed.extend(value.read_word("built-in exemption", &words));
    }
    if let Some(value) = table.get("health-networks") {
        let mut networks = Vec::new();
        for member in value.one_or_more() {
            networks.extend(member.read_network());
        }
        // An empty list is kept: it replaces the private networks by none.
        never_refused.health_networks = Some(networks);
    }
    table.report_unknown_keys();
    never_refused
}
