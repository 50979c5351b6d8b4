//! `[breaker]`, and `breaker` of a rule.

use upshift_core::policy::{BreakerLimits, Counted};

use crate::origin::parse_origin;
use crate::span_diagnostic::SpanDiagnostic;
use crate::toml_table::TomlTable;
use crate::toml_value::TomlValue;

/// The breaker of a file without `[breaker]`.
const DEFAULT: BreakerLimits = BreakerLimits {
    refused_share: 0.05,
    window: 60,
    minimum: 200,
    counts: Counted::Seen,
    per_network: 50,
};
const COUNTS: [(&str, Counted); 2] = [("seen", Counted::Seen), ("accepted", Counted::Accepted)];

/// `[breaker]`.
pub(crate) struct BreakerSettings {
    /// The breaker of rules without one of their own; none: `breaker = false`.
    pub(crate) breaker: Option<BreakerLimits>,
    /// The URL that is notified by POST when a breaker trips.
    pub(crate) webhook: Option<String>,
}

/// Reads `[breaker]` or `breaker = false`.
pub(crate) fn read_breaker(root: &mut TomlTable<'_>) -> BreakerSettings {
    let mut settings = BreakerSettings { breaker: Some(DEFAULT), webhook: None };
    let Some(value) = root.get("breaker") else { return settings };
    if value.is_false() {
        settings.breaker = None;
        return settings;
    }
    if let Some(mut table) = value.read_table("Breaker") {
        if let Some(webhook) = table.get("webhook") {
            settings.webhook = webhook.read_webhook();
        }
        settings.breaker = Some(read_thresholds(&mut table, DEFAULT));
        table.report_unknown_keys();
    }
    settings
}

/// Reads `breaker` of a rule; a key that it leaves out is that of `inherited`.
pub(crate) fn read_rule_breaker(
    rule: &mut TomlTable<'_>,
    inherited: Option<BreakerLimits>,
) -> Option<BreakerLimits> {
    let Some(value) = rule.get("breaker") else { return inherited };
    if value.is_false() {
        return None;
    }
    // A table of its own turns the breaker on for this rule, even under `breaker = false`.
    let mut table = value.read_table("RuleBreaker")?;
    let breaker = read_thresholds(&mut table, inherited.unwrap_or(DEFAULT));
    table.report_unknown_keys();
    Some(breaker)
}

fn read_thresholds(table: &mut TomlTable<'_>, inherited: BreakerLimits) -> BreakerLimits {
    let refused_share = match table.get("refused-share") {
        Some(value) => read_refused_share(&value),
        None => None,
    };
    let window = match table.get("window") {
        Some(value) => read_window(&value),
        None => None,
    };
    let minimum = table.integer_at("minimum", 1..=u64::from(u32::MAX));
    let counts = table.word_at("counts", "kind of identities", &COUNTS);
    let per_network = table.integer_at("per-network", 1..=10_000);
    BreakerLimits {
        refused_share: refused_share.unwrap_or(inherited.refused_share),
        window: window.unwrap_or(inherited.window),
        minimum: minimum.unwrap_or(inherited.minimum),
        counts: counts.unwrap_or(inherited.counts),
        per_network: per_network.unwrap_or(inherited.per_network),
    }
}

fn read_refused_share(value: &TomlValue<'_>) -> Option<f64> {
    let share = value.read_share()?;
    // The refused share has to exceed the limit, and it is never more than 1.
    if share >= 1.0 {
        let warning = SpanDiagnostic::warning(value.span(), "the breaker can never trip");
        value.report(warning.with_label("no share is greater than 1").with_help(
            "write breaker = false for none, or a share such as 0.05, which stops a rule that \
             locks callers out",
        ));
    }
    Some(share)
}

/// The window in seconds.
fn read_window(value: &TomlValue<'_>) -> Option<u32> {
    let seconds = value.read_duration()?.as_secs();
    // Windows are counted in whole seconds: `500ms` would be a window of 0.
    if !(1..=86_400).contains(&seconds) {
        value.report_error("the window is out of range", "expected from 1s to 24h");
        return None;
    }
    u32::try_from(seconds).ok()
}

impl TomlValue<'_> {
    /// A URL that is notified by POST.
    fn read_webhook(&self) -> Option<String> {
        self.parse_with("a URL such as \"https://hooks.example.com/upshift\"", |text| {
            let Some((scheme, rest)) = text.split_once("://") else {
                return Err("a webhook starts with https:// or http://".to_owned());
            };
            // Only the origin is parsed: the path of a webhook is often a secret, in any form.
            let authority = rest.split('/').next().unwrap_or_default();
            parse_origin(&format!("{scheme}://{authority}"))?;
            Ok(text.to_owned())
        })
    }
}
