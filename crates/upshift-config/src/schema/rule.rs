//! `[[rule]]`, `[[exemption]]` and `[never-refused]`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::json;
use upshift_core::Phase;

use super::matching::matching;
use super::requirement::RequirementTable;
use super::rollout::{RolloutTable, RuleBreakerTable};
use super::values::{DateValue, OneOrMore, OrFalse};

matching! {
    /// A requirement, and the requests that have to meet it.
    #[schemars(rename = "Rule")]
    pub(super) struct RuleTable {
        /// Its name in records, metrics and commands. It must not change, because the ramp hashes it.
        #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"))]
        id: String,
        /// The requirement, or a list of which any one suffices, in order of preference.
        require: OneOrMore<RequirementTable>,
        /// Treatment of uncertain requests, which are admitted and counted by default.
        on: Option<OnTable>,
        /// The kind of response to a refused request.
        answer: Option<AnswerValue>,
        /// A message for people, in one sentence.
        message: Option<String>,
        /// A page with instructions.
        docs: Option<String>,
        /// The URL of the replacement.
        successor: Option<String>,
        /// The URL of the newer client: one for all, or one for each client and `default`.
        upgrade_url: Option<UpgradeUrlValue>,
        /// The name in `Upgrade`; left out: the rule's id for an API, the client's name for a
        /// client.
        token: Option<String>,
        /// The date of the deprecation; left out: `rollout.warn`.
        deprecated: Option<DateValue>,
        /// The date on which it stops working; left out: `rollout.enforce`.
        sunset: Option<DateValue>,
        /// Pins a phase, over the rollout.
        phase: Option<PhaseWord>,
        /// The plan of phases in time; left out: the rule enforces at once.
        rollout: Option<RolloutTable>,
        /// The rule's own breaker, or false for none.
        breaker: Option<OrFalse<RuleBreakerTable>>,
    }
}

/// Treatment of uncertain requests.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "On")]
pub(super) struct OnTable {
    /// The request names no version.
    missing: Option<ActionWord>,
    /// The value is not a version.
    malformed: Option<ActionWord>,
    /// Two readers yield different versions.
    ambiguous: Option<ActionWord>,
    /// Newer than the greatest supported version.
    too_new: Option<ActionWord>,
    /// A client that the rule does not name.
    unknown_client: Option<ActionWord>,
    /// A fact about the transport that no proxy reported.
    unknown: Option<ActionWord>,
}

/// A treatment.
#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum ActionWord {
    /// The request is admitted and counted.
    Admit,
    /// The request is refused.
    Refuse,
}

/// The kind of response to a refused request.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum AnswerValue {
    /// A named kind.
    Named(AnswerWord),
    /// A status.
    Status(#[schemars(range(min = 400, max = 599))] u16),
}

/// A kind of response.
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

/// A URL, or one for each client.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum UpgradeUrlValue {
    /// One for all clients.
    One(String),
    /// One for each client by its name; `default` is for all others.
    ByClient(BTreeMap<String, String>),
}

/// A phase that a rule can be pinned to.
pub(super) struct PhaseWord;

impl JsonSchema for PhaseWord {
    fn schema_name() -> Cow<'static, str> {
        "Phase".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words = Phase::PINNABLE.map(|phase| {
            json!({ "description": phase.description(), "type": "string", "const": phase.as_str() })
        });
        json_schema!({ "description": "A phase.", "oneOf": words })
    }
}

matching! {
    /// Requests that are admitted in spite of a rule, until a date.
    #[schemars(rename = "Exemption")]
    pub(super) struct ExemptionTable {
        /// Its name in records; left out: `exemption-1` and so on.
        id: Option<String>,
        /// The rules that it exempts from; left out: all.
        rules: Option<OneOrMore<String>>,
        /// The reason for it.
        reason: String,
        /// The person or team that is responsible for it.
        owner: String,
        /// Its end. No exemption is permanent.
        expires: DateValue,
    }
}

/// Requests that a rule refuses only if its paths name them.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "NeverRefused")]
pub(super) struct NeverRefusedTable {
    /// The ids of built-in exemptions to remove.
    remove: Option<OneOrMore<String>>,
    /// The networks of health checkers; left out: private, loopback and link-local addresses.
    health_networks: Option<OneOrMore<String>>,
}
