//! The trace of `get --json`: every request that one call made, and the rule behind every step.

use serde::Serialize;
use upshift_core::follow::{FollowRule, Remark, Step, Transport};
use upshift_core::{Timestamp, TlsState};

/// One call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TraceRecord {
    /// `answered`, `refused` (a 426 that was not followed) or `failed`.
    pub outcome: &'static str,
    /// The last status code; null if no response came.
    pub status: Option<u16>,
    /// Every request, in order.
    pub requests: Vec<HopRecord>,
    /// The demand of a server that refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusedRecord>,
    /// The failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One request, and the decision about its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HopRecord {
    /// The method.
    pub method: String,
    /// The URL.
    pub url: String,
    /// Steps that were remembered from earlier calls and taken at once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remembered: Vec<String>,
    /// The version of HTTP, as `1.1`; null if no response came.
    pub http: Option<&'static str>,
    /// The version of TLS, as `1.3`; `unknown` if it is not known, null for cleartext.
    pub tls: Option<&'static str>,
    /// The status code; null if no response came.
    pub status: Option<u16>,
    /// `stands`, `followed`, `stopped` or `failed`. With a `step`, the next alternative was taken
    /// after the request failed.
    pub outcome: &'static str,
    /// The step that followed, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The rule that the step, or the stop, rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleRecord>,
    /// The oddities of the answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<&'static str>,
    /// The reason not to follow it, or the failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A rule of following.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleRecord {
    /// Its number.
    pub number: u8,
    /// The paragraph that it rests on.
    pub paragraph: &'static str,
    /// Its text.
    pub says: &'static str,
}

/// The demand of a server that refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RefusedRecord {
    /// The reason not to follow it.
    pub why: String,
    /// The protocols that it named.
    pub protocols: Vec<String>,
    /// The lowest version that will do.
    pub minimum: Option<String>,
    /// The text for people.
    pub message: Option<String>,
    /// Its rule.
    pub rule: Option<String>,
    /// The address of an explanation.
    pub docs: Option<String>,
    /// The address of the newer client.
    pub upgrade_url: Option<String>,
    /// The time from which the same request may succeed.
    pub ends_at: Option<String>,
    /// The same request may succeed later.
    pub retryable: bool,
    /// The id of the request, for a support request.
    pub request_id: Option<String>,
}

impl From<FollowRule> for RuleRecord {
    fn from(rule: FollowRule) -> Self {
        Self { number: rule.number, paragraph: rule.paragraph, says: rule.says }
    }
}

impl HopRecord {
    /// A request, and the transport of its answer. The caller adds the decision.
    pub fn new(
        method: &str,
        url: &str,
        remembered: &[Step],
        transport: Option<Transport>,
        status: Option<u16>,
    ) -> Self {
        let tls = match transport {
            None => None,
            Some(transport) => match transport.tls {
                TlsState::Cleartext => None,
                TlsState::Version(version) => Some(version.as_str()),
                // Not null, which would mean cleartext.
                TlsState::SomeVersion => Some("unknown"),
            },
        };
        Self {
            method: method.to_owned(),
            url: url.to_owned(),
            remembered: remembered.iter().map(ToString::to_string).collect(),
            http: transport.map(|transport| transport.http.as_str()),
            tls,
            status,
            // For an answer that needs no decision, such as a 200.
            outcome: "stands",
            step: None,
            rule: None,
            remarks: Vec::new(),
            why: None,
        }
    }

    /// Adds the step that followed.
    #[must_use]
    pub fn with_step(self, step: &Step, rule: FollowRule, remarks: &[Remark]) -> Self {
        Self {
            outcome: "followed",
            step: Some(step.to_string()),
            rule: Some(rule.into()),
            remarks: remarks.iter().map(|remark| remark.as_str()).collect(),
            ..self
        }
    }

    /// Adds the reason why the answer was not followed.
    #[must_use]
    pub fn with_stop(self, why: String, rule: FollowRule) -> Self {
        Self { outcome: "stopped", rule: Some(rule.into()), why: Some(why), ..self }
    }

    /// Adds the failure: no answer came, or one that cannot be trusted.
    #[must_use]
    pub fn with_failure(self, why: String) -> Self {
        Self { outcome: "failed", why: Some(why), ..self }
    }
}

/// The text of a time in JSON: RFC 3339 in UTC.
pub fn format_time(time: Option<Timestamp>) -> Option<String> {
    time.map(|time| time.to_string())
}
