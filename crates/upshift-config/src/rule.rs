//! `[[rule]]`.

use toml::de::DeValue;
use upshift_core::VerdictReason;
use upshift_core::policy::{AnswerStyle, BreakerLimits, Phase, RuleSpec, Uncertain, UpgradeUrl};

use crate::breaker::read_rule_breaker;
use crate::matcher::read_matcher;
use crate::requirement::read_requirements;
use crate::rollout::{RolloutParts, read_rollout};
use crate::toml_table::TomlTable;
use crate::toml_value::TomlValue;

/// A value of the policy, and the table that it was read from.
pub(crate) struct Sourced<'d, T> {
    pub(crate) value: T,
    pub(crate) table: TomlTable<'d>,
}

const ACTIONS: [(&str, bool); 2] = [("admit", false), ("refuse", true)];

/// Reads one rule; `None` if it has no valid id or no valid requirement, which is then reported.
pub(crate) fn read_rule(
    mut table: TomlTable<'_>,
    inherited_breaker: Option<BreakerLimits>,
) -> Option<Sourced<'_, RuleSpec>> {
    let id = match table.require("id", "a name that does not change") {
        Some(value) => read_id(&value),
        None => None,
    };
    let require = match table.require("require", "the requirement, such as { tls = \"1.2\" }") {
        Some(value) => read_requirements(&value),
        None => Vec::new(),
    };
    // Before the other dates of the rule, which are in the zone of its rollout.
    let rollout = match table.table_at("rollout", "Rollout") {
        Some(rollout) => read_rollout(rollout),
        None => RolloutParts::default(),
    };
    // A rule without an id is read to its end for its other errors, and then dropped.
    let mut spec = RuleSpec::new(id.unwrap_or_default(), require);
    spec.matcher = read_matcher(&mut table);
    read_answer_keys(&mut spec, &mut table);
    spec.deprecated = table.date_at("deprecated", rollout.zone.as_ref());
    spec.sunset = table.date_at("sunset", rollout.zone.as_ref());
    if let Some(value) = table.get("phase") {
        spec.phase = read_phase(&value);
    }
    spec.breaker = read_rule_breaker(&mut table, inherited_breaker);
    spec.rollout = rollout.rollout;
    spec.identity = rollout.identity;
    table.report_unknown_keys();
    if id.is_none() || spec.require.is_empty() {
        return None;
    }
    Some(Sourced { value: spec, table })
}

/// Reads an id, which appears in commands, in metrics and in `Upgrade`.
pub(crate) fn read_id<'d>(value: &TomlValue<'d>) -> Option<&'d str> {
    let id = value.read_string("a string such as \"orders-v2\"")?;
    // A leading `-` would look like a flag: `upshift pause -x`.
    let starts_well = id.starts_with(|first: char| first.is_ascii_alphanumeric());
    if starts_well && id.len() <= 64 && id.bytes().all(is_id_byte) {
        return Some(id);
    }
    value.report_error(
        format!("`{id}` is not an id"),
        "expected up to 64 letters, digits and - . _, a letter or digit first",
    );
    None
}

fn is_id_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._".contains(&byte)
}

/// Reads the keys that describe the answer to a refused request.
fn read_answer_keys(spec: &mut RuleSpec, table: &mut TomlTable<'_>) {
    if let Some(on) = table.table_at("on", "On") {
        spec.on = read_uncertain(on);
    }
    if let Some(value) = table.get("answer") {
        // The error is reported, and the file with it is not used.
        spec.answer = read_answer_style(&value).unwrap_or_default();
    }
    spec.message = table.text_at("message");
    spec.docs = read_link_at(table, "docs");
    spec.successor = read_link_at(table, "successor");
    if let Some(value) = table.get("upgrade-url") {
        spec.upgrade_url = read_upgrade_url(&value);
    }
    if let Some(value) = table.get("token") {
        spec.token = value.read_token().map(Box::from);
    }
}

fn read_phase(value: &TomlValue<'_>) -> Option<Phase> {
    if value.as_str() == Some(Phase::Ramp.as_str()) {
        value.report_error("`phase` cannot pin a ramp", "its share comes from `rollout.ramp`");
        return None;
    }
    value.read_word("phase", &Phase::PINNABLE.map(|phase| (phase.as_str(), phase)))
}

/// Reads `on`: the uncertain cases that are refused.
fn read_uncertain(mut table: TomlTable<'_>) -> Uncertain {
    let mut refused: Vec<VerdictReason> = Vec::new();
    // Every reason is asked for, so that all of them are known keys. To admit is the default.
    for reason in Uncertain::REASONS {
        if table.word_at(reason.as_str(), "action", &ACTIONS) == Some(true) {
            refused.push(reason);
        }
    }
    table.report_unknown_keys();
    Uncertain::refusing(refused)
}

fn read_answer_style(value: &TomlValue<'_>) -> Option<AnswerStyle> {
    const WORDS: [(&str, AnswerStyle); 3] = [
        ("upgrade", AnswerStyle::Upgrade),
        ("strict", AnswerStyle::Strict),
        ("redirect", AnswerStyle::Redirect),
    ];
    match value.as_toml() {
        DeValue::Integer(_) => {
            // `read_integer` has checked the range, so that the conversion cannot fail.
            let status = u16::try_from(value.read_integer(400..=599)?).ok()?;
            Some(AnswerStyle::Status(status))
        }
        DeValue::String(_) => value.read_word("answer", &WORDS),
        _ => {
            value.report_type("`upgrade`, `strict`, `redirect` or a status from 400 to 599");
            None
        }
    }
}

fn read_upgrade_url(value: &TomlValue<'_>) -> UpgradeUrl {
    let mut urls = UpgradeUrl::default();
    if !value.is_table() {
        urls.default = value.read_link();
        return urls;
    }
    for entry in value.read_entries("a table").unwrap_or_default() {
        let link = entry.value.read_link();
        // The link of clients that the table does not name.
        if entry.key == "default" {
            urls.default = link;
        } else if let Some(link) = link {
            urls.clients.insert(entry.key.into(), link);
        }
    }
    urls
}

fn read_link_at(table: &mut TomlTable<'_>, key: &'static str) -> Option<String> {
    table.get(key)?.read_link()
}

impl TomlValue<'_> {
    /// A link for people: `http://…`, `https://…`, or a path on this site.
    fn read_link(&self) -> Option<String> {
        self.parse_with("a link such as \"https://docs.example.com/\"", parse_link)
    }
}

fn parse_link(text: &str) -> Result<String, String> {
    // RFC 3986 §2: none of these can be part of a URI.
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || "<>\"\\^`{|}".contains(c)) {
        return Err("a link has no white space and no <>\"\\^`{|}".to_owned());
    }
    // No other scheme: the link becomes a button of an HTML page, where `javascript:` would run.
    for scheme in ["https://", "http://"] {
        if text.len() > scheme.len() && text.starts_with(scheme) {
            return Ok(text.to_owned());
        }
    }
    // `//host` is a link to another site.
    if text.starts_with('/') && !text.starts_with("//") {
        return Ok(text.to_owned());
    }
    Err("a link starts with https://, http:// or /".to_owned())
}
