//! A suite as a file has it.
//!
//! The same types read TOML, YAML and JSON, and make the JSON Schema.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use upshift_record::{Lane, NoteLevel};

use super::date::SuiteDate;
use super::duration::ShortDuration;
use super::grade_expectation::GradeExpectation;
use super::predicate::TextExpectation;
use super::status::StatusExpectation;

/// A suite.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SuiteFile {
    /// A name for people.
    #[serde(default)]
    pub suite: Option<String>,
    /// The URL that the targets of `[[probe]]` are relative to. `${NAME}` and `${NAME:-default}`
    /// stand for environment variables here, in requests, and in commands.
    #[serde(default)]
    pub target: Option<String>,
    /// The `https` URL of the lanes that need TLS, where `target` is an `http` URL. Without it, they
    /// are asked at port 443 if `target` has port 80.
    #[serde(default)]
    pub tls_target: Option<String>,
    /// Requests to a server.
    #[serde(default)]
    pub probe: Vec<ProbeCase>,
    /// Runs of a client.
    #[serde(default)]
    pub client: Vec<ClientCase>,
    /// Recorded exchanges to lint.
    #[serde(default)]
    pub lint: Vec<LintCase>,
    /// Mock scenarios for `[[client]]`, with the keys of a scenario file.
    #[serde(default)]
    pub scenario: Vec<InlineScenario>,
}

/// A mock scenario inside of a suite.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct InlineScenario(pub toml::Table);

impl JsonSchema for InlineScenario {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Scenario".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A mock scenario, with the keys of a scenario file (docs/mock.md).",
            "type": "object",
            "properties": {
                "name": { "type": "string", "description": "The name, for `scenario` of a client." },
                "step": {
                    "type": "array", "items": { "type": "object" }, "minItems": 1,
                    "description": "The answers, each with the requests that it is for.",
                },
            },
            "required": ["name", "step"],
        })
    }
}

/// One request, sent over one or more lanes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProbeCase {
    /// The id, unique in the file.
    pub id: String,
    /// The request: `GET /path`, or a whole request in a literal block, with fields and content.
    pub req: String,
    /// More fields of the request.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// The lanes; left out: those that `expect` names.
    #[serde(default)]
    pub lanes: Vec<LaneName>,
    /// The expectation for each lane; `*` is for all others.
    pub expect: BTreeMap<String, LaneExpectation>,
    /// Values to keep for later cases, by name.
    #[serde(default)]
    pub capture: BTreeMap<String, Capture>,
    /// The time limit of one request; 5 seconds if left out.
    #[serde(default)]
    pub timeout: Option<ShortDuration>,
    /// The number of times that a failed case is tried again; every try is reported.
    #[serde(default)]
    pub retries: u32,
}

/// The expectation for one lane. What is left out is not checked.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct LaneExpectation {
    /// The status of the final response.
    pub status: Option<StatusExpectation>,
    /// The version of HTTP of the final response: `1.1`, `2`.
    pub version: Option<String>,
    /// The status codes of all interim responses, in order. `[]`: none.
    pub interim: Option<Vec<u16>>,
    /// Fields of the final response.
    pub fields: BTreeMap<String, TextExpectation>,
    /// Fields of the interim responses, by status code.
    pub interim_fields: BTreeMap<String, BTreeMap<String, TextExpectation>>,
    /// The names of fields that the final response must not have.
    pub absent: Vec<String>,
    /// The content.
    pub body: Option<TextExpectation>,
    /// Values in content that is JSON, by JSON Pointer (RFC 6901).
    pub json: BTreeMap<String, Value>,
    /// A JSON Schema for the content: a file beside the suite.
    pub schema: Option<String>,
    /// Notes by id, such as `U001`, that the exchange must yield.
    pub notes: Vec<String>,
    /// The lowest level of note that fails the case; `error` if left out, `none` for no limit.
    pub fail_on: Option<FailOn>,
    /// No final response is expected: the server closes the connection, or refuses the handshake of
    /// TLS.
    pub closed: bool,
    /// Skips the case if the lane cannot be reached, instead of failing it.
    pub skip_if_unsupported: bool,
}

/// A level of notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailOn {
    /// `info` and worse.
    Info,
    /// `warn` and worse.
    Warn,
    /// `error`.
    Error,
    /// No note fails the case.
    None,
}

impl FailOn {
    /// The name in a suite.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::None => "none",
        }
    }

    /// Returns true if a note of `level` fails the case.
    pub fn includes(self, level: NoteLevel) -> bool {
        match self {
            Self::Info => level >= NoteLevel::Info,
            Self::Warn => level >= NoteLevel::Warn,
            Self::Error => level >= NoteLevel::Error,
            Self::None => false,
        }
    }
}

/// A value to keep for later cases, which write `${capture:NAME}`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Capture {
    /// The value of a field of the final response.
    Field(String),
    /// A value in content that is JSON, by JSON Pointer (RFC 6901).
    Json(String),
}

/// A run of a client against a mock scenario.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClientCase {
    /// The id, unique in the file.
    pub id: String,
    /// The command and its arguments. `{url}` is the URL of the mock with a `/` at its end; there are
    /// also `{ws-url}`, `{host}`, `{port}`, `{ca}`, `{secret}` and `{body}`, as for `upshift grade`.
    /// No shell is involved. It runs in the folder of the suite.
    pub run: Vec<String>,
    /// Environment variables for the command, with the same placeholders.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The scenario: the name of a `[[scenario]]` or of the catalogue, or a file beside the suite.
    pub scenario: String,
    /// The time limit; 10 seconds if left out.
    #[serde(default)]
    pub timeout: Option<ShortDuration>,
    /// The number of times that a failed case is tried again; every try is reported.
    #[serde(default)]
    pub retries: u32,
    /// The expectation.
    #[serde(default)]
    pub expect: ClientExpectation,
}

/// The expectation of a client. What is left out is not checked.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ClientExpectation {
    /// The exit code.
    pub exit: Option<i32>,
    /// The standard output.
    pub stdout: Option<TextExpectation>,
    /// The standard error.
    pub stderr: Option<TextExpectation>,
    /// The number of requests.
    pub requests: Option<usize>,
    /// The greatest number of requests.
    pub max_requests: Option<usize>,
    /// Each request, in order. Later requests are not checked.
    pub request: Vec<RequestExpectation>,
    /// No content is sent again by a method that is not idempotent, unless a 426 has said that the
    /// request was not processed.
    pub no_body_replay: bool,
    /// The lowest grade of `upshift grade` for this one scenario, as `">= B"`.
    pub grade: Option<GradeExpectation>,
    /// Skips the case if the client is not installed, or ends with exit code 127.
    pub skip_if_unsupported: bool,
}

/// The expectation of one request of a client.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RequestExpectation {
    /// The method.
    pub method: Option<String>,
    /// The version of HTTP: `1.1`, `2`.
    pub version: Option<String>,
    /// The lane.
    pub lane: Option<LaneName>,
    /// Its fields.
    pub fields: BTreeMap<String, TextExpectation>,
    /// The names of fields that it must not have.
    pub absent: Vec<String>,
    /// The content.
    pub body: Option<TextExpectation>,
}

/// Recorded exchanges to lint.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LintCase {
    /// The id, unique in the file.
    pub id: String,
    /// Files beside the suite; `*` stands for any part of a file name.
    pub files: Vec<String>,
    /// The lowest level of note that fails the case; `error` if left out.
    #[serde(default)]
    pub fail_on: Option<FailOn>,
    /// Notes to ignore.
    #[serde(default)]
    pub ignore: Vec<IgnoredNote>,
}

/// A note to ignore for a time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct IgnoredNote {
    /// The id of the note.
    pub note: String,
    /// Ignores it only where the path of the request fits; `*` stands for any text.
    #[serde(default)]
    pub path: Option<String>,
    /// Ignores it only where the URL fits; `*` stands for any text.
    #[serde(default)]
    pub url: Option<String>,
    /// The reason.
    pub reason: String,
    /// The last day on which it is ignored, as `2027-01-31`.
    pub until: SuiteDate,
}

/// The name of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct LaneName(pub Lane);

impl JsonSchema for LaneName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Lane".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names = Lane::ALL.map(Lane::as_str);
        schemars::json_schema!({ "type": "string", "enum": names })
    }
}
