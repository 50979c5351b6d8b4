//! `[[rule]]`, `[[exemption]]` and `[never-refused]`.

use std::collections::BTreeMap;

use schemars::JsonSchema;

use super::matching::matching;
use super::requirement::RequirementTable;
use super::rollout::{RolloutTable, RuleBreakerTable};
use super::values::{DateValue, OneOrMore, OrFalse};

matching! {
    /// The requirement, or a list of which any one has to be met.
    #[schemars(rename = "Rule")]
    pub(super) struct RuleTable {
        /// Its name in records, metrics and commands. It does not change: the ramp hashes it.
        #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"))]
        id: String,
        /// The requirement, or a list of which any one suffices, in order of preference.
        require: OneOrMore<RequirementTable>,
        /// Treatment of requests of which too little is known; each is admitted and counted by
        /// default.
        on: Option<OnTable>,
        /// The kind of answer to a refused request.
        answer: Option<AnswerValue>,
        /// The message for people, in one sentence.
        message: Option<String>,
        /// A page that says what to do.
        docs: Option<String>,
        /// The address of the replacement.
        successor: Option<String>,
        /// The address of the newer client: one for all, or one by client and `default`.
        upgrade_url: Option<UpgradeUrlValue>,
        /// The name in `Upgrade`; left out, the rule's id for an API, the client's name for a
        /// client.
        token: Option<String>,
        /// Since when this is deprecated; left out, `rollout.warn`.
        deprecated: Option<DateValue>,
        /// The date on which it stops working; left out, `rollout.enforce`.
        sunset: Option<DateValue>,
        /// Pins a phase; it beats the rollout.
        phase: Option<PhaseWord>,
        /// The plan of phases in time; left out, the rule enforces at once.
        rollout: Option<RolloutTable>,
        /// The rule's own breaker, or false for none.
        breaker: Option<OrFalse<RuleBreakerTable>>,
    }
}

/// Treatment of requests of which too little is known.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "On")]
pub(super) struct OnTable {
    /// No version was sent.
    missing: Option<ActionWord>,
    /// The value that was sent is no version.
    malformed: Option<ActionWord>,
    /// Two readers gave different versions.
    ambiguous: Option<ActionWord>,
    /// Newer than the greatest supported version.
    too_new: Option<ActionWord>,
    /// A client that the rule does not name.
    unknown_client: Option<ActionWord>,
    /// A transport fact that no proxy told.
    unknown: Option<ActionWord>,
}

/// A treatment.
#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum ActionWord {
    /// Let through, and counted.
    Admit,
    /// Refused.
    Refuse,
}

/// The kind of answer to a refused request.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum AnswerValue {
    /// A way.
    Named(AnswerWord),
    /// A status.
    Status(#[schemars(range(min = 400, max = 599))] u16),
}

/// A way to answer.
#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum AnswerWord {
    /// 426 with `Upgrade`.
    Upgrade,
    /// 426 for protocols only; 400, 403 or 410 for versions.
    Strict,
    /// 308 to https for a browser's navigation, 426 for the rest.
    Redirect,
}

/// A page, or one by client.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum UpgradeUrlValue {
    /// For everybody.
    One(String),
    /// By the client's name; `default` is for all others.
    ByClient(BTreeMap<String, String>),
}

/// A phase.
#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum PhaseWord {
    /// Nothing happens.
    Off,
    /// Requests are decided and counted; nobody is told.
    Observe,
    /// Requests that would be refused are admitted, with a warning.
    Warn,
    /// As `enforce`, and called a brownout.
    Brownout,
    /// Requests that do not meet the requirement are refused.
    Enforce,
    /// Warns and refuses nobody, whatever the rollout says.
    Paused,
}

matching! {
    /// Requests that are admitted in spite of a rule, until a date.
    #[schemars(rename = "Exemption")]
    pub(super) struct ExemptionTable {
        /// Its name in records; left out, `exemption-1` and so on.
        id: Option<String>,
        /// The rules it is from; left out, all.
        rules: Option<OneOrMore<String>>,
        /// Why.
        reason: String,
        /// The person or team that is responsible for it.
        owner: String,
        /// Until when. There is no exemption for ever.
        expires: DateValue,
    }
}

/// Requests that no rule refuses unless its paths name them.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "NeverRefused")]
pub(super) struct NeverRefusedTable {
    /// Built-in exemptions that do not hold here, by their ids.
    remove: Option<OneOrMore<String>>,
    /// The networks of health checkers; left out, private, loopback and link-local addresses.
    health_networks: Option<OneOrMore<String>>,
}
