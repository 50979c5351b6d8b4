//! The one decision record: of `explain --json`, the admin feed and the access record.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use upshift_core::answer::{self, Answer};
use upshift_core::{Decision, Ruling};

/// The outcome for one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// `admit`, `warn`, `refuse` or `exempt`.
    pub verdict: Cow<'static, str>,
    /// The rule that decided: the strictest, among equals the first in the file; `null` if none
    /// applied.
    pub rule: Option<String>,
    /// The kind of its requirement.
    pub kind: Option<Cow<'static, str>>,
    /// The phase of its rollout.
    pub phase: Option<Cow<'static, str>>,
    /// The reason for the verdict. Without a rule, the cause of an answer that the gateway gives by
    /// itself, such as `host` or `framing`.
    pub reason: Option<Cow<'static, str>>,
    /// The status that is answered; `null` if the upstream answers.
    pub status: Option<u16>,
    /// The values that were read of the request.
    pub observed: Vec<ObservedRecord>,
    /// The requirements of that rule, of which any one has to be met.
    pub required: Vec<RequiredRecord>,
    /// The other rules that refuse, so that one repair suffices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// The refusal as it goes out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<AnswerRecord>,
    /// The field lines that are added to the upstream's answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notice: Vec<(String, String)>,
    /// The rulings of the rules, in the order of the file; left out if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RulingRecord>,
    /// The hash of the policy that decided.
    pub revision: String,
}

/// A value that was read from the request, and its source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedRecord {
    /// The kind of thing that it is a value of.
    pub kind: Cow<'static, str>,
    /// The value as it was sent.
    pub value: String,
    /// Its source: a reader as the policy file writes it, `connection` or `assume`.
    pub read: String,
}

/// One requirement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequiredRecord {
    /// Its kind.
    pub kind: String,
    /// The least version, where there is one for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<String>,
    /// The API versions that are served.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub supported: Vec<String>,
    /// The least version of each client.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<ClientMinimumRecord>,
    /// The builds that are blocked, `Name/Version`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<String>,
    /// The protocol and its version, as `Upgrade` names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// The WebSocket subprotocols.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subprotocols: Vec<String>,
}

/// The least version of one client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientMinimumRecord {
    /// Its name.
    pub name: String,
    /// The version.
    pub minimum: String,
}

/// A refusal as it goes out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerRecord {
    /// The status.
    pub status: u16,
    /// The field lines.
    pub fields: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

/// The ruling of one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulingRecord {
    /// The rule.
    pub rule: String,
    /// It applies to the request.
    pub matched: bool,
    /// Its verdict.
    pub verdict: Cow<'static, str>,
    /// The phase of its rollout.
    pub phase: Cow<'static, str>,
    /// The reason of the verdict.
    pub reason: Cow<'static, str>,
    /// The reason in words.
    pub why: String,
    /// The exemption that let it through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exemption: Option<String>,
}

impl DecisionRecord {
    /// The record of a decision under the policy of this revision.
    pub fn of_decision(decision: &Decision<'_>, revision: &str) -> Self {
        let top = decision.top();
        Self {
            // Borrowed: the access log makes such a record for every request.
            verdict: decision.verdict.as_str().into(),
            rule: top.map(|top| top.rule.id.to_string()),
            kind: top.map(|top| top.kind.as_str().into()),
            phase: top.map(|top| top.phase().as_str().into()),
            reason: top.map(|top| top.reason.as_str().into()),
            // Until `with_answer`, the upstream answers.
            status: None,
            // If no rule applied, nothing was read and nothing is required.
            observed: top.map(observed_records).unwrap_or_default(),
            required: top.map(requirement_records).unwrap_or_default(),
            also: other_refusing_rules(decision),
            answer: None,
            notice: Vec::new(),
            rules: decision.rulings.iter().map(RulingRecord::from).collect(),
            revision: revision.to_owned(),
        }
    }

    /// Adds the refusal that goes out.
    #[must_use]
    pub fn with_answer(self, answer: &Answer) -> Self {
        Self { status: Some(answer.status()), answer: Some(answer.into()), ..self }
    }
}

/// The rules that refuse beside the one that decided.
fn other_refusing_rules(decision: &Decision<'_>) -> Vec<String> {
    let mut others = Vec::new();
    if let Some(top) = decision.top() {
        for ruling in decision.refusing() {
            // Ids are unique within a policy.
            if ruling.rule.id != top.rule.id {
                others.push(ruling.rule.id.to_string());
            }
        }
    }
    others
}

fn observed_records(ruling: &Ruling<'_>) -> Vec<ObservedRecord> {
    let mut records = Vec::new();
    for observed in &ruling.observed {
        records.push(ObservedRecord {
            kind: observed.kind.as_str().into(),
            value: observed.value.to_string(),
            read: observed.read.into(),
        });
    }
    records
}

fn requirement_records(ruling: &Ruling<'_>) -> Vec<RequiredRecord> {
    let summaries = ruling.rule.require.iter().map(answer::summarize_requirement);
    summaries.map(RequiredRecord::from).collect()
}

impl From<answer::RequirementSummary<'_>> for RequiredRecord {
    fn from(required: answer::RequirementSummary<'_>) -> Self {
        Self {
            kind: required.kind.to_owned(),
            minimum: required.minimum.map(str::to_owned),
            supported: to_owned_strings(required.supported),
            clients: required.clients.into_iter().map(Into::into).collect(),
            blocked: required.blocked,
            protocol: required.protocol,
            subprotocols: to_owned_strings(required.subprotocols),
        }
    }
}

impl From<answer::ClientMinimum<'_>> for ClientMinimumRecord {
    fn from(client: answer::ClientMinimum<'_>) -> Self {
        Self { name: client.name.to_owned(), minimum: client.minimum.to_owned() }
    }
}

fn to_owned_strings(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}

impl From<&Answer> for AnswerRecord {
    fn from(answer: &Answer) -> Self {
        let fields = answer.fields().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            status: answer.status(),
            fields: fields.collect(),
            // The core writes UTF-8, so that nothing is lost.
            body: String::from_utf8_lossy(answer.body()).into_owned(),
        }
    }
}

impl From<&Ruling<'_>> for RulingRecord {
    fn from(ruling: &Ruling<'_>) -> Self {
        Self {
            rule: ruling.rule.id.to_string(),
            matched: ruling.matched(),
            verdict: ruling.verdict.as_str().into(),
            phase: ruling.phase().as_str().into(),
            reason: ruling.reason.as_str().into(),
            why: ruling.why(),
            exemption: ruling.exempted.map(|by| by.id().to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use serde_json::json;
    use upshift_core::answer::{AnswerContext, refusal_for};
    use upshift_core::policy::{PolicySpec, Requirement, RuleSpec};
    use upshift_core::{Facts, HttpVersion, Known, Policy, Timestamp, TlsState, TlsVersion};

    use super::*;

    #[test]
    fn a_record_is_the_one_of_the_design_and_is_read_back() {
        let rule = RuleSpec::new("needs-tls", vec![Requirement::Tls(TlsVersion::V1_2)]);
        let spec =
            PolicySpec { rules: vec![rule], revision: "sha256:0".into(), ..PolicySpec::default() };
        let policy = Policy::new(spec).unwrap();
        let fields: Vec<(&str, &str)> = Vec::new();
        let facts = Facts {
            method: "GET",
            host: "example.com",
            path: "/",
            query: None,
            client_ip: None,
            fields: &fields,
            http: Known::Is(HttpVersion::V1_1),
            hop: HttpVersion::V1_1,
            tls: Known::Is(TlsState::Cleartext),
            has_content: false,
            protocol: None,
        };
        let decision = policy.explain(&facts, Timestamp::UNIX_EPOCH);
        let answer = refusal_for(&decision, &facts, &AnswerContext::default()).unwrap();
        let record = DecisionRecord::of_decision(&decision, policy.revision()).with_answer(&answer);
        let json = serde_json::to_value(&record).unwrap();
        for (key, value) in [
            ("verdict", json!("refuse")),
            ("rule", json!("needs-tls")),
            ("kind", json!("tls")),
            ("phase", json!("enforce")),
            ("reason", json!("unmet")),
            ("status", json!(426)),
            ("observed", json!([{ "kind": "tls", "value": "none", "read": "connection" }])),
            ("required", json!([{ "kind": "tls", "minimum": "1.2" }])),
            ("revision", json!("sha256:0")),
        ] {
            assert_eq!(json[key], value, "{key}");
        }
        assert_eq!(json["answer"]["fields"][0], json!(["Upgrade", "TLS/1.2"]));
        assert_eq!(json["rules"][0]["matched"], json!(true));
        assert_eq!(serde_json::from_value::<DecisionRecord>(json).unwrap(), record);
    }
}
