//! The requests and responses of the admin API: changes of the overrides, and the status.
//!
//! Times are RFC 3339 in UTC; shares are from 0 to 1.

use serde::{Deserialize, Serialize};

use crate::adoption::RefusedCallerRecord;
use crate::canary::CanaryReport;

/// The body of `POST /api/pause`, `/api/resume`, `/api/set` and `/api/undo`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeRequest {
    /// The rule; `pause` and `resume` take either this or `all`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Every rule.
    #[serde(default)]
    pub all: bool,
    /// The phase, with `set`: `off`, `observe`, `warn`, `enforce` or `paused`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// With `set`: the end, from which on the rule follows the file again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// The name of the person who makes the change.
    pub actor: String,
    /// The reason.
    #[serde(default)]
    pub reason: String,
    /// Makes the change even if more callers would be refused than now, or with `resume` of a
    /// stopped rule, than before it was stopped.
    #[serde(default)]
    pub confirm: bool,
    /// Only reports the effect of the change.
    #[serde(default)]
    pub dry_run: bool,
    /// The id of the change, the same for every gateway of a fleet: 1 to 40 letters, digits and
    /// `-`. Left out, the gateway makes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// With `undo`: the id of the change to undo; left out, the latest of this gateway that is not
    /// undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
    /// Makes the change only if this is still the number of the latest revision; 0 is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
    /// Makes the change only until this time by the gateway's clock, which is `now` in every
    /// report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<String>,
}

impl ChangeRequest {
    /// Returns true if `id` is a valid id of a change: 1 to 40 ASCII letters, digits and `-`.
    pub fn is_id(id: &str) -> bool {
        // People type it after `upshift undo`, so that it needs no quoting in a shell.
        (1..=40).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    }
}

/// The effect of a change, made or with `dry_run`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeReport {
    /// The number of the change on this gateway; `null` for a dry run, and if nothing was changed.
    pub revision: Option<i64>,
    /// `pause`, `resume`, `set` or `undo`.
    pub action: String,
    /// The id of the change; `null` for a dry run, and if nothing was changed.
    pub change: Option<String>,
    /// The number of the latest change on this gateway, this one included; 0 is none.
    pub latest: i64,
    /// True if the rules are already as the change would leave them, so that nothing is changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unchanged: bool,
    /// The revision that was undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<i64>,
    /// The id of the change that was undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes_change: Option<String>,
    /// True if it is in the store, so that a restart does not forget it; left out for a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<bool>,
    /// The part that a restart will forget, and the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// The time by the gateway's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<String>,
    /// The effect on the callers of the last minutes; only of a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<CanaryReport>,
    /// The rules that it changes.
    pub rules: Vec<RuleChange>,
}

impl ChangeReport {
    /// The reason why nothing is changed, in words: `orders-v2 already follows the policy file`.
    pub fn unchanged_reason(&self) -> String {
        // Only the rule that a change names is listed, if none of them moves.
        let (rules, follows, is) = match self.rules.as_slice() {
            [only] => (only.rule.as_str(), "follows", "is"),
            _ => ("all rules", "follow", "are"),
        };
        match (self.action.as_str(), self.rules.first()) {
            ("set", Some(rule)) => {
                format!("{rules} {is} already set to {}, with the same end", rule.phase)
            }
            ("pause", _) => format!("{rules} {is} already paused"),
            _ => format!("{rules} already {follows} the policy file"),
        }
    }
}

/// One change of `GET /api/revisions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionReport {
    /// Its number on this gateway, from 1.
    pub revision: i64,
    /// The id of the change, the same on every gateway that made it.
    pub change: String,
    /// The time of the change.
    pub at: String,
    /// The name of the person, or `breaker`.
    pub actor: String,
    /// The reason.
    pub reason: String,
    /// `pause`, `resume`, `set`, `undo` or `trip`.
    pub action: String,
    /// The rule; `null` for all of them.
    pub rule: Option<String>,
    /// The phase that was set.
    pub phase: Option<String>,
    /// The end of the phase that was set.
    pub until: Option<String>,
    /// The revision that this one undoes.
    pub undoes: Option<i64>,
    /// True if this gateway can undo it now: a person made it, and no later change has undone or
    /// replaced it.
    #[serde(default)]
    pub can_undo: bool,
}

/// The outcome of a change on one gateway. `pause`, `resume`, `set` and `undo` print a list of
/// these with `--json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GatewayOutcome {
    /// Its address, as it was given.
    pub gateway: String,
    /// True if the change is in force there.
    pub obeyed: bool,
    /// `changed`; `nothing-to-change`: the rules were already as asked; `unchanged`: the change was
    /// not made; `unknown`: the change was sent, but the gateway did not report its
    /// outcome; `skipped`: it did not answer the dry run and was left out; `not-concerned`: it
    /// never made the change that is undone, or undid it before.
    pub outcome: String,
    /// The id of the change; `null` if no gateway changed anything.
    pub change: Option<String>,
    /// The effect of the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ChangeReport>,
    /// The effect that it would have had, if nothing was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub would: Option<ChangeReport>,
    /// The error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The effect of a change on one rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleChange {
    /// The rule's id.
    pub rule: String,
    /// The phase before the change.
    pub phase_before: String,
    /// The share of callers that was refused before the change; with `stopped`, before that time.
    pub share_before: f64,
    /// The phase after the change.
    pub phase: String,
    /// The share after the change.
    pub share: f64,
    /// With `resume` of a rule that is paused or tripped: the time at which it was stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
}

impl RuleChange {
    /// Returns true if more callers are refused after the change than before.
    pub fn refuses_more(&self) -> bool {
        self.share > self.share_before
    }

    /// The moment that `changes` that refuse more are compared with, in words.
    pub fn compared_moment<'c>(changes: impl IntoIterator<Item = &'c Self>) -> &'static str {
        for change in changes {
            if change.refuses_more() && change.stopped.is_none() {
                return "now";
            }
        }
        "when it was stopped"
    }
}

/// `GET /api/status`: the state of one gateway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RolloutStatus {
    /// The hash of the policy file in force.
    pub revision: String,
    /// The number of the latest revision of its overrides; `null` if there never was one.
    pub overrides: Option<i64>,
    /// The number of changes that are in force but not in the store, so that a restart would forget
    /// them.
    #[serde(default)]
    pub unsaved: u64,
    /// The rules, in the order of the file.
    pub rules: Vec<RuleStatus>,
    /// The exemptions, in the order of the file.
    pub exemptions: Vec<ExemptionStatus>,
}

/// The state of one rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleStatus {
    /// The rule's id.
    pub rule: String,
    /// Its phase.
    pub phase: String,
    /// The share of callers that is refused.
    pub share: f64,
    /// The end of that phase or window.
    pub until: Option<String>,
    /// The phase that the file plans for now. An override may have replaced it.
    pub planned_phase: String,
    /// The author of the override.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_by: Option<String>,
    /// The reason of the override.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its breaker, if it has one.
    pub breaker: Option<BreakerStatus>,
    /// The number of requests since the start that met a version requirement; 0: no compliant
    /// client has been seen.
    pub target_seen: u64,
    /// The number of requests since the start that were in no ramp because they had no identity.
    pub without_identity: u64,
}

/// The state of a rule's breaker on this gateway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BreakerStatus {
    /// `idle` (the rule cannot refuse yet, or the watch is over), `armed` or `tripped`.
    pub state: String,
    /// The distinct callers seen in the window.
    pub seen: u64,
    /// Those of them that were refused.
    pub refused: u64,
    /// `refused` over `seen`.
    pub share: f64,
    /// The share of the refused that come from one network.
    #[serde(default)]
    pub concentration: f64,
    /// That network: a /24 of IPv4 or a /48 of IPv6.
    #[serde(default)]
    pub top_network: Option<String>,
    /// The number of crossings since the start that did not trip because of one network: without
    /// it, the limit is not crossed, or too few callers are left to tell.
    #[serde(default)]
    pub withheld: u64,
    /// The greatest share that is allowed.
    pub refused_share: f64,
    /// The window, in seconds.
    pub window: u32,
    /// The number of callers that must be seen before it may trip.
    pub minimum: u64,
}

/// An exemption and its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExemptionStatus {
    /// Its id.
    pub exemption: String,
    /// The rules that it covers; all if the list is empty.
    #[serde(default)]
    pub rules: Vec<String>,
    /// The person or team that answers for it.
    pub owner: String,
    /// The reason for it.
    pub reason: String,
    /// The end.
    pub expires: String,
    /// True if it has ended.
    pub expired: bool,
}

/// One trip of `GET /api/trips`: the breaker demoted a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TripReport {
    /// The rule's id.
    pub rule: String,
    /// The time of the trip.
    pub at: String,
    /// The distinct callers seen in the window.
    pub seen: u64,
    /// Those of them that were refused.
    pub refused: u64,
    /// `refused` over `seen`.
    pub share: f64,
    /// The share of the refused that come from one network.
    #[serde(default)]
    pub concentration: f64,
    /// That network: a /24 of IPv4 or a /48 of IPv6.
    #[serde(default)]
    pub top_network: Option<String>,
    /// The trip in one sentence.
    pub message: String,
    /// The fingerprints of the refused callers, at most 1,000. `POST /api/fingerprint` gives that
    /// of an identity, for comparison.
    pub hit: Vec<String>,
    /// Details of those callers, the most refused first. Callers that are refused rarely may be
    /// missing.
    #[serde(default)]
    pub callers: Vec<RefusedCallerRecord>,
}

/// The body of `POST /api/explain`, which answers with a [`DecisionRecord`](crate::DecisionRecord).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExplainRequest {
    /// The method.
    #[serde(default = "default_method")]
    pub method: String,
    /// `http://host/path` or `https://host/path`.
    pub target: String,
    /// The version of HTTP.
    #[serde(default = "default_http_version")]
    pub http: String,
    /// The version of TLS; left out, 1.3 for https.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<String>,
    /// The address that the connection comes from; left out, a public address that no proxy has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// The field lines.
    #[serde(default)]
    pub fields: Vec<(String, String)>,
    /// The time of the request; left out, now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

fn default_method() -> String {
    "GET".to_owned()
}

fn default_http_version() -> String {
    "1.1".to_owned()
}
