//! What the admin API takes and gives: pausing, resuming, setting, undoing, and how things stand.
//!
//! Times are RFC 3339 in UTC, shares are 0 to 1.

use serde::{Deserialize, Serialize};

/// The body of `POST /api/pause`, `/api/resume`, `/api/set` and `/api/undo`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeRequest {
    /// The rule; with `pause` and `resume` either this or `all`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Every rule.
    #[serde(default)]
    pub all: bool,
    /// The phase, with `set`: `off`, `observe`, `warn`, `enforce` or `paused`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// With `set`: when the file holds again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Who wants it.
    pub actor: String,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// Also where more callers would be refused than now, or with `resume` of a stopped rule than
    /// when it was stopped.
    #[serde(default)]
    pub confirm: bool,
    /// Only report what would happen.
    #[serde(default)]
    pub dry_run: bool,
    /// The id of the change, the same for every gateway of a fleet: 1 to 40 letters, digits and
    /// `-`. Left out, the gateway makes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// With `undo`: the id of the change to take back; left out, the latest of this gateway that
    /// still stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
    /// Make the change only if this is still the number of the latest revision; 0 is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
    /// Make the change only until this time by the gateway's clock, which every report tells
    /// (`now`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<String>,
}

impl ChangeRequest {
    /// Tells whether `id` can be that of a change.
    pub fn is_id(id: &str) -> bool {
        (1..=40).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    }
}

/// What a change did, or with `dry_run` would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeReport {
    /// The number of the new revision; `null` for a dry run.
    pub revision: Option<i64>,
    /// `pause`, `resume`, `set` or `undo`.
    pub action: String,
    /// The id of the change; `null` for a dry run.
    pub change: Option<String>,
    /// The number of the latest revision, this change included; 0 is none.
    pub latest: i64,
    /// The revision that was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<i64>,
    /// The id of the change that was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes_change: Option<String>,
    /// Whether it is in the store, so that a restart does not forget it; left out for a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<bool>,
    /// What a restart will forget, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// The time by the gateway's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<String>,
    /// The rules that stand otherwise than before.
    pub rules: Vec<RuleChange>,
}

/// One of `GET /api/revisions`: who changed what and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionReport {
    /// Its number on this gateway, from 1.
    pub revision: i64,
    /// The id of the change, the same on every gateway that made it.
    pub change: String,
    /// When.
    pub at: String,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// `pause`, `resume`, `set`, `undo` or `trip`.
    pub action: String,
    /// The rule; `null` for all of them.
    pub rule: Option<String>,
    /// The phase that was set.
    pub phase: Option<String>,
    /// Until when it was set.
    pub until: Option<String>,
    /// The revision that this one takes back.
    pub undoes: Option<i64>,
}

/// What became of a change on one gateway: `pause`, `resume`, `set` and `undo` print a list of
/// these with `--json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GatewayOutcome {
    /// Its address, as it was given.
    pub gateway: String,
    /// Whether the change is in force there.
    pub obeyed: bool,
    /// `changed`; `unchanged`; `unknown`: it was sent the change, and did not say what came of it;
    /// `skipped`: it did not answer the dry run, and was left out; `not-concerned`: it never made
    /// the change that is undone, or undid it before.
    pub outcome: String,
    /// The id of the change; `null` where nothing was changed anywhere.
    pub change: Option<String>,
    /// What it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ChangeReport>,
    /// What it would have done, where nothing was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub would: Option<ChangeReport>,
    /// What stood in the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How a change moves one rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleChange {
    /// The rule's id.
    pub rule: String,
    /// The phase until now.
    pub phase_before: String,
    /// The share of callers that was refused: until now, or where `stopped` is there, until then.
    pub share_before: f64,
    /// The phase from now on.
    pub phase: String,
    /// The share from now on.
    pub share: f64,
    /// With `resume` of a rule that is paused or tripped: when it was stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
}

impl RuleChange {
    /// Tells whether more callers will be refused than before.
    pub fn rises(&self) -> bool {
        self.share > self.share_before
    }

    /// The moment that a rise of `changes` is held against, in words.
    pub fn than<'c>(changes: impl IntoIterator<Item = &'c Self>) -> &'static str {
        let mut risen = changes.into_iter().filter(|change| change.rises());
        if risen.all(|change| change.stopped.is_some()) { "when it was stopped" } else { "now" }
    }
}

/// `GET /api/status`: how one replica stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The hash of the policy file in force.
    pub revision: String,
    /// The latest revision of what was imposed over it; `null` if nothing ever was.
    pub overrides: Option<i64>,
    /// Changes that are in force but not in the store: a restart would forget them.
    #[serde(default)]
    pub unsaved: u64,
    /// The rules, in the order of the file.
    pub rules: Vec<RuleStatus>,
    /// The exemptions, in the order of the file.
    pub exemptions: Vec<ExemptionStatus>,
}

/// How one rule stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleStatus {
    /// The rule's id.
    pub rule: String,
    /// Its phase.
    pub phase: String,
    /// The share of callers that is refused.
    pub share: f64,
    /// When that phase or window ends.
    pub until: Option<String>,
    /// The phase that the file plans for now; another than `phase` where something is imposed.
    pub planned_phase: String,
    /// Who imposed the phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_by: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its breaker, if it has one.
    pub breaker: Option<BreakerStatus>,
    /// Requests since the start that met a version requirement: 0 says that nobody was seen on the
    /// target yet.
    pub target_seen: u64,
    /// Requests since the start that would have been in a ramp but for a missing identity.
    pub without_identity: u64,
}

/// How a rule's breaker stands, on this replica.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BreakerStatus {
    /// `idle` (nothing can be refused yet, or the watch is over), `armed` or `tripped`.
    pub state: String,
    /// Different callers seen in the window.
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
    /// Crossings since the start that one network alone made, and that did not trip.
    #[serde(default)]
    pub withheld: u64,
    /// The greatest share that is allowed.
    pub refused_share: f64,
    /// The window, in seconds.
    pub window: u32,
    /// So many callers must be seen before it may trip.
    pub minimum: u64,
}

/// An exemption and its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExemptionStatus {
    /// Its id.
    pub exemption: String,
    /// Who answers for it.
    pub owner: String,
    /// Why it is there.
    pub reason: String,
    /// When it ends.
    pub expires: String,
    /// Whether it has.
    pub expired: bool,
}

/// `GET /api/trips`: when the breaker demoted a rule, and who was hit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TripReport {
    /// The rule's id.
    pub rule: String,
    /// When.
    pub at: String,
    /// Different callers seen in the window.
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
    /// The same in a sentence.
    pub message: String,
    /// Who was refused, hashed (`POST /api/fingerprint` hashes an identity for comparison); at most
    /// 1,000.
    pub hit: Vec<String>,
}

/// The body of `POST /api/explain`, which answers with a [`DecisionRecord`](crate::DecisionRecord).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExplainRequest {
    /// The method.
    #[serde(default = "get")]
    pub method: String,
    /// `http://host/path` or `https://host/path`.
    pub target: String,
    /// The version of HTTP.
    #[serde(default = "http11")]
    pub http: String,
    /// The version of TLS; left out, 1.3 for https.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<String>,
    /// Where the connection comes from; left out, a public address that no proxy has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// The field lines.
    #[serde(default)]
    pub fields: Vec<(String, String)>,
    /// When; left out, now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

fn get() -> String {
    "GET".to_owned()
}

fn http11() -> String {
    "1.1".to_owned()
}
