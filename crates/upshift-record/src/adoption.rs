//! The report of adoption, which `upshift report --json` prints and the admin listener serves: who
//! is on which version, how that changes, and who is refused.
//!
//! Times are RFC 3339 in UTC; shares are from 0 to 1. Callers are distinct ones, counted with a
//! standard error of 1.6 %: the numbers of parts need not add up to that of the whole, because a
//! caller may be in several.

use serde::{Deserialize, Serialize};

/// The report of a period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdoptionReport {
    /// The time by the gateway's clock.
    pub now: String,
    /// The start of the period.
    pub from: String,
    /// The first time that is recorded; `null` if nothing is.
    pub recording_since: Option<String>,
    /// The gateways that were scraped in the period, for the report of a fleet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateways: Option<u64>,
    /// All requests, including those that match no rule.
    pub total: RequestCounts,
    /// The versions of HTTP of all requests.
    pub http: Vec<LabelCounts>,
    /// The versions of TLS of all requests; `none` is cleartext.
    pub tls: Vec<LabelCounts>,
    /// The rules, in the order of the file, and then those that the file no longer has.
    pub rules: Vec<RuleAdoption>,
    /// The parts of the report that its source does not have. A list that is named here is empty
    /// because of that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_known: Vec<String>,
}

/// A number of requests, and of the distinct callers that sent them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestCounts {
    /// Requests.
    pub requests: u64,
    /// Distinct callers; `null` if they are not known.
    pub callers: Option<u64>,
}

/// The adoption under one rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleAdoption {
    /// The rule's id.
    pub rule: String,
    /// Its phase; `null` if the policy does not have the rule any more.
    pub phase: Option<String>,
    /// The name of the person who set that phase, `breaker` or `command line`; `null` if the
    /// calendar did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<String>,
    /// The next phase of its plan.
    pub next: Option<NextPhase>,
    /// The requests that it matched.
    pub total: RequestCounts,
    /// Those that do not meet the requirement: `enforce` refuses them, but for the exempt ones.
    pub behind: RequestCounts,
    /// Those of which nothing certain is known, such as requests without a version.
    pub uncertain: RequestCounts,
    /// The requests by verdict: `admit`, `exempt`, `warn` or `refuse`.
    pub verdicts: Vec<LabelCounts>,
    /// The requests by the version that was read, in the order of versions.
    pub versions: Vec<LabelCounts>,
    /// The requests by the family and major version of the client, the most callers first.
    pub clients: Vec<LabelCounts>,
    /// The requests by version of HTTP.
    pub http: Vec<LabelCounts>,
    /// The requests by version of TLS.
    pub tls: Vec<LabelCounts>,
    /// The course over time, without gaps.
    pub series: Vec<SeriesPoint>,
    /// The last complete weeks, counted back from the last midnight; a week without requests is
    /// missing. The projection is made from them.
    #[serde(default)]
    pub weeks: Vec<WeekPoint>,
    /// The time at which less than 1 % of the callers are behind.
    pub projection: ProjectionRecord,
    /// The callers that are refused most, the most refused first.
    pub refused_callers: Vec<RefusedCallerRecord>,
}

/// A phase to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextPhase {
    /// The phase.
    pub phase: String,
    /// Its beginning.
    pub from: String,
}

/// The requests with one label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelCounts {
    /// The label; `other` stands for all that had no place of their own.
    pub label: String,
    /// The requests.
    #[serde(flatten)]
    pub total: RequestCounts,
    /// Those that do not meet the requirement: `enforce` refuses them, but for the exempt ones.
    pub behind: RequestCounts,
    /// With a version: the distinct callers on lower versions of the same product, which a minimum
    /// of this version would refuse. Left out if they are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callers_below: Option<u64>,
}

/// The requests of one hour or day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesPoint {
    /// Its beginning.
    pub from: String,
    /// Its length in seconds.
    pub seconds: i64,
    /// False while it is not over, and for the first one, which may have begun before recording.
    pub complete: bool,
    /// The requests.
    #[serde(flatten)]
    pub total: RequestCounts,
    /// Those that do not meet the requirement: `enforce` refuses them, but for the exempt ones.
    pub behind: RequestCounts,
    /// Those that were admitted without a warning.
    #[serde(default)]
    pub admitted: RequestCounts,
    /// Those that were admitted with a warning.
    #[serde(default)]
    pub warned: RequestCounts,
    /// Those that were exempt.
    #[serde(default)]
    pub exempt: RequestCounts,
    /// Those that were refused.
    pub refused: RequestCounts,
}

/// The callers of one week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeekPoint {
    /// Its beginning.
    pub from: String,
    /// The distinct callers.
    pub callers: u64,
    /// Those that do not meet the requirement: `enforce` refuses them, but for the exempt ones.
    pub behind: u64,
    /// True if the projection uses it: it has no gap, no brownout and no change of phase.
    pub projected: bool,
}

/// The time at which less than 1 % of the callers are behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectionRecord {
    /// `needs-weeks`, `few-callers`, `below`, `not-at-this-rate`, `not-before`, `between` or
    /// `not-known`.
    pub answer: String,
    /// The earliest time, with `not-before` and `between`; the beginning, with `below`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earliest: Option<String>,
    /// The latest time, with `between`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<String>,
    /// The answer as a sentence.
    pub sentence: String,
}

/// A caller that a rule refuses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedCallerRecord {
    /// The fingerprint of its identity or address.
    pub caller: String,
    /// The refused requests at least.
    pub requests: u64,
    /// The number by which that may be too low.
    pub uncertainty: u64,
    /// The time of the first refusal.
    pub first_seen: String,
    /// The time of the last refusal.
    pub last_seen: String,
    /// The version that it sent last.
    pub version: String,
    /// The family and major version of its client.
    pub client: String,
    /// The path of its last request, without what looks like an identifier.
    pub path: String,
    /// The network of its address.
    pub network: String,
}

/// No request, and no caller.
impl Default for RequestCounts {
    fn default() -> Self {
        Self { requests: 0, callers: Some(0) }
    }
}
