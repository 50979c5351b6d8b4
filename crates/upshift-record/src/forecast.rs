//! The forecast of a policy from access logs.

use serde::{Deserialize, Serialize};

/// A forecast from logs.
///
/// Numbers of callers and clients are estimates with a standard error of 1.6 %, and exact for a few
/// hundred.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForecastRecord {
    /// The identifier of the policy.
    pub revision: String,
    /// The time for which it was decided (RFC 3339); `null`: as if every rule were enforced.
    pub at: Option<String>,
    /// The share of callers below which a rule is done, 0 to 1.
    pub threshold: f64,
    /// The share of all requests that the logs hold, 0 to 1. The numbers are those of the logs.
    pub sampled: f64,
    /// The time of the earliest request (RFC 3339).
    pub from: Option<String>,
    /// The time of the latest request.
    pub to: Option<String>,
    /// All requests together.
    pub total: ForecastTotal,
    /// All requests by day.
    pub days: Vec<ForecastDay>,
    /// The first day since which the share of refused callers has been below the threshold.
    pub below_threshold_since: Option<String>,
    /// The rules, in the order of the policy.
    pub rules: Vec<RuleForecast>,
    /// The logs.
    pub sources: Vec<SourceRecord>,
    /// The lines that could not be read, by kind.
    pub malformed_lines: Vec<MalformedRecord>,
    /// The lines that are not requests, by kind.
    pub not_requests: Vec<NotRequestRecord>,
    /// Remarks for readers of the numbers.
    pub notes: Vec<String>,
}

/// The numbers of all requests together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForecastTotal {
    /// The requests.
    pub requests: u64,
    /// Those that a rule would refuse.
    pub refused: u64,
    /// Those that no rule surely refuses, and that one might: the logs do not tell.
    pub unknown: u64,
    /// The lines that could not be read.
    pub malformed: u64,
    /// The lines that are not requests.
    pub not_requests: u64,
    /// The requests whose line has no time, or that are not among the days for another reason.
    pub undated: u64,
    /// The requests more than a day in the future.
    pub future: u64,
    /// The callers, by their address.
    pub callers: u64,
    /// The callers that would be refused at least once.
    pub refused_callers: u64,
    /// The requests whose line has no address of the caller.
    pub without_address: u64,
}

/// The numbers of one day, in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForecastDay {
    /// The day: `2026-11-25`.
    pub day: String,
    /// The requests.
    pub requests: u64,
    /// Those that would be refused.
    pub refused: u64,
    /// Those for which the logs do not tell.
    pub unknown: u64,
    /// The callers.
    pub callers: u64,
    /// The callers that would be refused at least once.
    pub refused_callers: u64,
}

/// The numbers of one rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleForecast {
    /// Its id.
    pub rule: String,
    /// The requests to which it applies, or may apply.
    pub requests: u64,
    /// Those that it would refuse.
    pub refused: u64,
    /// Those for which the logs do not tell.
    pub unknown: u64,
    /// The facts that it depends on and the logs do not record.
    pub not_recorded: Vec<String>,
    /// The way clients are distinguished: `identity` or `address`.
    pub clients_by: String,
    /// The clients that sent these requests.
    pub clients: u64,
    /// The clients that would be refused at least once.
    pub refused_clients: u64,
    /// The most refused clients, networks, paths and agents.
    pub top: TopRecord,
    /// The numbers by day.
    pub days: Vec<ForecastDay>,
    /// The first day since which the share of refused clients has been below the threshold.
    pub below_threshold_since: Option<String>,
    /// The steps of its plan that are still to come and refuse; empty with `at`.
    pub steps: Vec<StepRecord>,
}

/// The most frequent properties of refused requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopRecord {
    /// The addresses of clients.
    pub clients: Vec<TopEntry>,
    /// Their networks: /24 of IPv4, /48 of IPv6.
    pub networks: Vec<TopEntry>,
    /// The paths, with `*` for numbers and identifiers.
    pub paths: Vec<TopEntry>,
    /// The values of `User-Agent`.
    pub agents: Vec<TopEntry>,
}

/// An item, and the bounds of its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopEntry {
    /// The item.
    pub item: String,
    /// Its number at least.
    pub at_least: u64,
    /// Its number at most.
    pub at_most: u64,
}

/// A step of a rule's plan, with the part of the logged requests that it would refuse.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Its beginning (RFC 3339).
    pub at: String,
    /// The end of a brownout.
    pub until: Option<String>,
    /// Its phase.
    pub phase: String,
    /// The share of those who fall short that it refuses, 0 to 1.
    pub share: f64,
    /// The requests that it would refuse.
    pub refused: u64,
    /// The clients that it would refuse.
    pub refused_clients: u64,
    /// The requests that it may refuse: the logs do not tell.
    pub unknown: u64,
    /// The facts that this depends on and the logs do not record.
    pub not_recorded: Vec<String>,
}

/// A log that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// Its name.
    pub path: String,
    /// Its format.
    pub format: String,
    /// The number of its lines.
    pub lines: u64,
}

/// The lines of one kind that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MalformedRecord {
    /// The kind.
    pub kind: String,
    /// Their number.
    pub count: u64,
    /// The log with the first one.
    pub path: String,
    /// The number of its line, beginning at 1.
    pub line: u64,
    /// The beginning of the line.
    pub example: String,
}

/// The lines of one kind that are not requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotRequestRecord {
    /// The kind.
    pub kind: String,
    /// Their number.
    pub count: u64,
}
