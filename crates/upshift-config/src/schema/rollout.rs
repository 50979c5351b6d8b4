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
    /// The start of evaluating and counting.
    observe: Option<DateValue>,
    /// The start of warning.
    warn: Option<DateValue>,
    /// Windows in which the rule enforces, so that clients notice.
    #[serde(default)]
    brownout: Vec<BrownoutTable>,
    /// The start of refusing a growing share: a date (linear until `enforce`), or steps.
    ramp: Option<RampValue>,
    /// The start of refusing all.
    enforce: Option<DateValue>,
    /// The time zone of dates; left out: UTC.
    zone: Option<String>,
}

/// A window of a brownout.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Window")]
pub(super) struct BrownoutTable {
    /// The start of the window.
    at: DateValue,
    /// The length of the window.
    r#for: DurationValue,
}

/// The start of refusing a growing share.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum RampValue {
    /// Linear from this date until `enforce`.
    From(DateValue),
    /// In steps.
    Steps(Vec<RampStepTable>),
}

/// A step of a ramp.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Step")]
pub(super) struct RampStepTable {
    /// The start of the step.
    at: DateValue,
    /// The share that is refused.
    share: ShareValue,
}

/// Stops a rollout that refuses too many callers: the rule falls back to `warn` until a person
/// resumes it.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Breaker")]
pub(super) struct BreakerTable {
    /// The share of the distinct identities seen in the window that may be refused.
    refused_share: Option<ShareValue>,
    /// The period that it looks back at.
    window: Option<DurationValue>,
    /// The number of identities that must be seen before it may trip.
    #[schemars(range(min = 1))]
    minimum: Option<u64>,
    /// The identities that count: all that were seen, or those that an upstream has answered with
    /// 2xx before.
    counts: Option<CountsWord>,
    /// The most identities of one network (/24 of IPv4, /48 of IPv6) that count in a window.
    #[schemars(range(min = 1, max = 10_000))]
    per_network: Option<u64>,
    /// The URL that is notified by POST when the breaker trips.
    webhook: Option<String>,
}

/// A rule's own breaker; keys that are left out are taken from `[breaker]`.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "RuleBreaker")]
pub(super) struct RuleBreakerTable {
    /// The share of the distinct identities seen in the window that may be refused.
    refused_share: Option<ShareValue>,
    /// The period that it looks back at.
    window: Option<DurationValue>,
    /// The number of identities that must be seen before it may trip.
    #[schemars(range(min = 1))]
    minimum: Option<u64>,
    /// The identities that count: all that were seen, or those that an upstream has answered with
    /// 2xx before.
    counts: Option<CountsWord>,
    /// The most identities of one network (/24 of IPv4, /48 of IPv6) that count in a window.
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
