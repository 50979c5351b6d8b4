//! The cases of a file.

use serde::Deserialize;

use super::expectations::{ExpectedAnswer, ExpectedRequest};
use super::message_cases::{ReadRequestsCase, ReadResponsesCase, SentCase};

/// A file of vectors: one requirement of one section, and its cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vectors {
    /// The section, as people write it: `RFC 9110 §7.8`.
    pub section: String,
    /// The level of the requirement.
    pub level: RequirementLevel,
    /// The requirement, quoted.
    pub says: String,
    /// Cases about parsing a list field.
    #[serde(default, rename = "list")]
    pub lists: Vec<ListCase>,
    /// Cases about the response of a server with a policy.
    #[serde(default, rename = "exchange")]
    pub exchanges: Vec<ExchangeCase>,
    /// Cases about what a proxy forwards.
    #[serde(default, rename = "forward")]
    pub forwards: Vec<ForwardCase>,
    /// Cases about the response to raw bytes.
    #[serde(default, rename = "bytes")]
    pub bytes: Vec<BytesCase>,
    /// Cases about offers to switch protocols.
    #[serde(default, rename = "switch")]
    pub switches: Vec<SwitchCase>,
    /// Cases about the requests that a server reads from bytes.
    #[serde(default, rename = "request")]
    pub requests: Vec<ReadRequestsCase>,
    /// Cases about the responses that a client reads from bytes.
    #[serde(default, rename = "response")]
    pub responses: Vec<ReadResponsesCase>,
    /// Cases about the bytes of a message that is sent.
    #[serde(default, rename = "sent")]
    pub sent: Vec<SentCase>,
}

/// A keyword of RFC 2119, or `DESIGN` for a choice that the RFCs leave open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum RequirementLevel {
    /// An absolute requirement.
    #[serde(rename = "MUST")]
    Must,
    /// An absolute prohibition.
    #[serde(rename = "MUST NOT")]
    MustNot,
    /// A recommendation.
    #[serde(rename = "SHOULD")]
    Should,
    /// A recommendation against something.
    #[serde(rename = "SHOULD NOT")]
    ShouldNot,
    /// A permission.
    #[serde(rename = "MAY")]
    May,
    /// Our own decision, where the RFCs leave the choice open.
    #[serde(rename = "DESIGN")]
    Design,
}

/// A case about parsing a list field.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListCase {
    /// The subject of the case.
    pub title: String,
    /// `Upgrade` or `Connection`.
    pub field: String,
    /// The values of the field lines, in order.
    pub lines: Vec<String>,
    /// The elements; `None` if the field must be ignored.
    pub reads: Option<Vec<String>>,
}

/// A case about the response of a server with a policy.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExchangeCase {
    /// The subject of the case.
    pub title: String,
    /// Rules in the format of the policy file, without `[gateway]`.
    pub policy: String,
    /// The expected verdict; `None` if it is not checked.
    pub verdict: Option<String>,
    /// The request.
    pub request: CaseRequest,
    /// The expected answer.
    pub answer: ExpectedAnswer,
}

/// A case about what a proxy forwards in both directions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForwardCase {
    /// The subject of the case.
    pub title: String,
    /// The request of the client.
    pub request: CaseRequest,
    /// The request that the upstream must receive.
    #[serde(default)]
    pub upstream: ExpectedRequest,
    /// The response of the upstream.
    #[serde(default)]
    pub response: UpstreamResponse,
    /// The response that the client must receive.
    #[serde(default)]
    pub answer: ExpectedAnswer,
}

/// A case about the response to raw bytes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BytesCase {
    /// The subject of the case.
    pub title: String,
    /// Rules in the format of the policy file. Without rules, everything is admitted.
    #[serde(default)]
    pub policy: String,
    /// The bytes that are sent.
    pub send: String,
    /// True if something must reach the upstream, false if nothing may; `None` if that is not
    /// checked.
    pub reaches: Option<bool>,
    /// The expected answer.
    pub answer: ExpectedAnswer,
}

/// A case about an offer to switch protocols.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwitchCase {
    /// The subject of the case.
    pub title: String,
    /// Switches that the server performs itself: `h2c-upgrade`, `in-band-tls`.
    #[serde(default)]
    pub gateway: Vec<String>,
    /// Rules in the format of the policy file. Without rules, everything is admitted.
    #[serde(default)]
    pub policy: String,
    /// The bytes that are sent, all at once.
    pub send: String,
    /// The upstream.
    pub upstream: SwitchingUpstream,
    /// The expected answer.
    pub answer: ExpectedAnswer,
}

/// An upstream that may switch protocols.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwitchingUpstream {
    /// The bytes that it answers to any request.
    pub answer: String,
    /// Texts that must not reach it, compared without case.
    #[serde(default)]
    pub never: Vec<String>,
}

/// A request of a client.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseRequest {
    /// The method.
    #[serde(default = "default_method")]
    pub method: String,
    /// The target, usually in origin form.
    #[serde(default = "default_target")]
    pub target: String,
    /// `1.0`, `1.1` or `2`.
    #[serde(default = "default_http")]
    pub http: String,
    /// `1.2` or `1.3`; `None` for cleartext.
    pub tls: Option<String>,
    /// The field lines in order. `Host: example.com` is left out.
    #[serde(default)]
    pub fields: Vec<(String, String)>,
    /// The number of bytes of content.
    #[serde(default)]
    pub body: usize,
}

/// The response of an upstream.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamResponse {
    /// The status.
    pub status: u16,
    /// The field lines, in order.
    #[serde(default)]
    pub fields: Vec<(String, String)>,
}

impl Default for UpstreamResponse {
    fn default() -> Self {
        Self { status: 200, fields: Vec::new() }
    }
}

impl CaseRequest {
    /// The field lines, with `Host: example.com` first if there is no `Host`.
    pub fn fields_with_host(&self) -> Vec<(String, String)> {
        let mut fields = self.fields.clone();
        if !fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            fields.insert(0, ("Host".to_owned(), "example.com".to_owned()));
        }
        fields
    }
}

fn default_method() -> String {
    "GET".to_owned()
}

fn default_target() -> String {
    "/".to_owned()
}

fn default_http() -> String {
    "1.1".to_owned()
}
