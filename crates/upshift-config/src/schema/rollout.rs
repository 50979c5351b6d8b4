//! `[rule.rollout]` and `[breaker]`.

use schemars::JsonSchema;

use super::values::{DateValue, DurationValue, OneOrMore, ShareValue};

/// The plan of phases in time.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Rollout")]
pub(super) struct RolloutTable {
    /// The identity of a client for the ramp: `header:NAME`, `cookie:NAME`, `jwt-unverified:CLAIM`,
    /// `peer`.
    identity: Option<OneOrMore<String>>,
    /// From when requests are decided and counted.
    observe: Option<DateValue>,
    /// From when people are told.
    warn: Option<DateValue>,
    /// Windows in which the rule enforces, so that people notice.
    #[serde(default)]
    brownout: Vec<BrownoutTable>,
    /// From when a growing share is refused: a date (linear until `enforce`), or steps.
    ramp: Option<RampValue>,
    /// From when all are refused.
    enforce: Option<DateValue>,
    /// The time zone in which dates begin; left out, UTC.
    zone: Option<String>,
}

/// A window of a brownout.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Window")]
pub(super) struct BrownoutTable {
    /// The beginning.
    at: DateValue,
    /// The duration.
    r#for: DurationValue,
}

/// From when a growing share is refused.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum RampValue {
    /// Linear from here until `enforce`.
    From(DateValue),
    /// In steps.
    Steps(Vec<RampStepTable>),
}

/// A step of a ramp.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Step")]
pub(super) struct RampStepTable {
    /// From when.
    at: DateValue,
    /// The share that is refused.
    share: ShareValue,
}

/// Stops a rollout that refuses more people than was thought: the rule falls back to `warn` until a
/// person resets it.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Breaker")]
pub(super) struct BreakerTable {
    /// The share of the distinct identities seen in the window that may be refused.
    refused_share: Option<ShareValue>,
    /// The period that it looks back on.
    window: Option<DurationValue>,
    /// Identities that must have been seen before it may trip.
    #[schemars(range(min = 1))]
    minimum: Option<u64>,
    /// The identities that count: all that were seen, or those that an upstream has answered with
    /// 2xx before.
    counts: Option<CountsWord>,
    /// As many identities of one network (/24 of IPv4, /48 of IPv6) count in a window.
    #[schemars(range(min = 1, max = 10_000))]
    per_network: Option<u64>,
    /// The address that is told of a tripped breaker by POST.
    webhook: Option<String>,
}

/// A rule's own breaker; what is left out stands in `[breaker]`.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "RuleBreaker")]
pub(super) struct RuleBreakerTable {
    /// The share of the distinct identities seen in the window that may be refused.
    refused_share: Option<ShareValue>,
    /// The period that it looks back on.
    window: Option<DurationValue>,
    /// Identities that must have been seen before it may trip.
    #[schemars(range(min = 1))]
    minimum: Option<u64>,
    /// The identities that count: all that were seen, or those that an upstream has answered with
    /// 2xx before.
    counts: Option<CountsWord>,
    /// As many identities of one network (/24 of IPv4, /48 of IPv6) count in a window.
    #[schemars(range(min = 1, max = 10_000))]
    per_network: Option<u64>,
}

/// The identities that a breaker counts.
#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum CountsWord {
    /// All that were seen.
    Seen,
    /// Those that an upstream has answered with 2xx before.
    Accepted,
}
