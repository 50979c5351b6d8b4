//! The events of `GET /events` on the admin listener: decisions as they are made, and the state of
//! the rules.
//!
//! | event | data |
//! |---|---|
//! | `decision` | [`LiveDecision`] |
//! | `left-out` | [`LeftOut`] |
//! | `summary` | [`LiveSummary`] |

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::decision::DecisionRecord;

/// A decision that was just made. Without the query, fields that no requirement reads, and parts of
/// the path that look like identifiers: they may hold secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveDecision {
    /// The time of the decision.
    pub time: String,
    /// The method.
    pub method: String,
    /// The pattern of the path: `/orders/*`.
    pub path: String,
    /// The version of HTTP that the client speaks: `1.1`.
    pub http: Cow<'static, str>,
    /// The version of TLS that the client speaks; `none` for cleartext.
    pub tls: Cow<'static, str>,
    /// The family and major version of the client.
    pub client: Cow<'static, str>,
    /// The fingerprint of the caller, as the rule that decided knows it.
    pub caller: Option<String>,
    /// The decision, without `rules`: `POST /api/explain` lists the rulings.
    #[serde(flatten)]
    pub decision: DecisionRecord,
}

/// Decisions that were not shown, because there were too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Their number since the last such event.
    pub decisions: u64,
}

/// The state of the gateway, every few seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveSummary {
    /// The time.
    pub time: String,
    /// The decided requests since the start.
    pub requests: VerdictNumbers<u64>,
    /// The decided requests per second since the summary before; `null` in the first of a while.
    pub per_second: Option<VerdictNumbers<f64>>,
    /// A digest that changes when the phase or the breaker of any rule changes.
    pub state: String,
    /// At most 50 rules: those whose breaker has tripped, then the others in the order of the file.
    /// `GET /api/status` has all.
    pub rules: Vec<LiveRule>,
    /// The number of rules that were left out.
    pub rules_left_out: u64,
}

/// One number for each verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictNumbers<N> {
    /// The number for `admit`.
    pub admit: N,
    /// The number for `warn`.
    pub warn: N,
    /// The number for `refuse`.
    pub refuse: N,
    /// The number for `exempt`.
    pub exempt: N,
}

/// The state of one rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveRule {
    /// The rule's id.
    pub rule: String,
    /// Its phase.
    pub phase: String,
    /// The share of callers that is refused.
    pub share: f64,
    /// The state of its breaker; `null` if it has none.
    pub breaker: Option<String>,
}
