//! The members of `application/problem+json` (RFC 9457).

use serde::Serialize;

use super::kinds::RequirementSummary;

/// The body of a refusal for programs. `detail` is first because people read it too.
#[derive(Serialize)]
pub(super) struct ProblemBody<'a> {
    pub(super) detail: &'a str,
    #[serde(rename = "type")]
    pub(super) kind_url: &'a str,
    pub(super) title: &'a str,
    pub(super) status: u16,
    pub(super) instance: &'a str,
    pub(super) rule: &'a str,
    pub(super) phase: &'a str,
    pub(super) reason: &'a str,
    pub(super) observed: Vec<ObservedValue<'a>>,
    pub(super) required: Vec<RequirementSummary<'a>>,
    pub(super) upgrade: UpgradeAdvice<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) docs: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) successor: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sunset: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) window: Option<BrownoutWindow>,
    pub(super) retryable: bool,
    /// The other rules that refuse, so that a client can fix everything at once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) also: Vec<OtherRefusal<'a>>,
    pub(super) request_id: &'a str,
}

#[derive(Serialize)]
pub(super) struct ObservedValue<'a> {
    pub(super) kind: &'a str,
    pub(super) value: &'a str,
    pub(super) read: &'a str,
}

#[derive(Serialize)]
pub(super) struct UpgradeAdvice<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<&'a str>,
    pub(super) protocols: Vec<String>,
    pub(super) instructions: &'a str,
}

#[derive(Serialize)]
pub(super) struct BrownoutWindow {
    pub(super) ends_at: String,
}

#[derive(Serialize)]
pub(super) struct OtherRefusal<'a> {
    pub(super) rule: &'a str,
    pub(super) detail: String,
}
