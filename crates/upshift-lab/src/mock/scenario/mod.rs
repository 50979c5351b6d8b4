//! Scenarios: files that say how a peer answers, by lane.
//!
//! `docs/mock.md` describes the format for people who write one.

mod condition;
mod error;
mod grading;
mod inline;
mod lane_set;
mod octets;
mod step;
mod template;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;
use upshift_record::Lane;

pub(crate) use condition::{AskedRequest, Origin, host_of};
pub use error::ScenarioError;
pub use grading::{ClientKind, FirstPort, Wanted};
pub(crate) use step::{Answer, AnswerTime, ChosenStep, Step, Then};
pub(crate) use template::Placeholders;

/// A peer's behaviour: steps that each answer some of the requests.
#[derive(Clone, Debug)]
pub struct Scenario {
    file: ScenarioFile,
    steps: Vec<Arc<Step>>,
}

/// The text about a peer, and the settings of its connections.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ScenarioFile {
    #[serde(default)]
    name: String,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    incident: String,
    wrong: Option<String>,
    #[serde(default)]
    rfc: String,
    #[serde(default)]
    expect: String,
    #[serde(default)]
    want: Wanted,
    #[serde(default)]
    client: ClientKind,
    #[serde(default)]
    begin: FirstPort,
    #[serde(default)]
    greeting: Option<String>,
    #[serde(default)]
    tls: TlsSettings,
    #[serde(default, rename = "step")]
    steps: Vec<Spanned<Step>>,
}

/// The settings of a peer's TLS port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct TlsSettings {
    /// The versions; all that the library has, if left out.
    pub(crate) versions: Option<Vec<TlsVersion>>,
    /// The protocols of ALPN in order of preference; if left out, those in which a step answers.
    pub(crate) alpn: Option<Vec<String>>,
    /// A handshake that fails.
    pub(crate) handshake: Option<HandshakeFault>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum TlsVersion {
    /// TLS 1.2.
    #[serde(rename = "1.2")]
    V1_2,
    /// TLS 1.3.
    #[serde(rename = "1.3")]
    V1_3,
}

/// The fault of a handshake, after the `ClientHello` was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum HandshakeFault {
    /// The connection is closed.
    Close,
    /// The connection is reset.
    Reset,
    /// Nothing is answered.
    Hang,
}

impl Scenario {
    /// Reads a scenario from TOML. `file` is the name of the file in errors.
    ///
    /// # Errors
    /// If the text is not TOML, has an unknown key, or a step that cannot be performed. The error
    /// has the line and the column.
    pub fn parse(text: &str, file: &str) -> Result<Self, ScenarioError> {
        let at = |span: Range<usize>, message: String| ScenarioError::at(text, file, span, message);
        let mut read: ScenarioFile =
            toml::from_str(text).map_err(|error| ScenarioError::from_toml(text, file, &error))?;
        if read.steps.is_empty() {
            return Err(at(0..0, "a scenario has at least one `[[step]]`".to_owned()));
        }
        let mut steps = Vec::new();
        for spanned in std::mem::take(&mut read.steps) {
            let span = spanned.span();
            let step = spanned.into_inner();
            step.check().map_err(|message| at(span, message))?;
            steps.push(Arc::new(step));
        }
        if read.name.is_empty() {
            let stem = Path::new(file).file_stem().unwrap_or_default();
            read.name = stem.to_string_lossy().into_owned();
        }
        Ok(Self { file: read, steps })
    }

    /// The name, as `bare-426`. That of the file, if the file has no other.
    pub fn name(&self) -> &str {
        &self.file.name
    }

    /// A sentence about what the peer does.
    pub fn summary(&self) -> &str {
        &self.file.summary
    }

    /// The software or the report in which the behaviour was seen; empty if it is not known.
    pub fn incident(&self) -> &str {
        &self.file.incident
    }

    /// The fault of the peer; `None` if it does nothing wrong.
    pub fn wrong(&self) -> Option<&str> {
        self.file.wrong.as_deref()
    }

    /// The paragraphs that the behaviour follows or violates: `RFC 9110 §15.5.22`.
    pub fn rfc(&self) -> &str {
        &self.file.rfc
    }

    /// The reaction of a good client.
    pub fn expect(&self) -> &str {
        &self.file.expect
    }

    /// The reaction of a good client, for a grade.
    pub fn wanted(&self) -> Wanted {
        self.file.want
    }

    /// The kind of client that the peer is for.
    pub fn client_kind(&self) -> ClientKind {
        self.file.client
    }

    /// The port that a client is sent to first.
    pub fn first_port(&self) -> FirstPort {
        self.file.begin
    }

    /// The lanes on which a step answers, in the order of reports.
    pub fn lanes(&self) -> Vec<Lane> {
        let mut lanes = Lane::ALL.to_vec();
        lanes.retain(|lane| self.steps.iter().any(|step| step.answers_on(*lane)));
        lanes
    }

    /// Returns true if a step may answer a request of this lane in HTTP/2 or HTTP/3.
    pub(crate) fn answers_framed(&self, lane: Lane) -> bool {
        self.steps.iter().any(|step| step.answers_framed(lane))
    }

    pub(crate) fn greeting(&self) -> Option<&str> {
        self.file.greeting.as_deref()
    }

    pub(crate) fn tls(&self) -> &TlsSettings {
        &self.file.tls
    }

    /// Returns true if a setting is about whole connections, so that no other scenario can share
    /// the port.
    pub(crate) fn needs_own_port(&self) -> bool {
        self.file.greeting.is_some() || self.file.tls != TlsSettings::default()
    }

    /// The first step that answers a request.
    pub(crate) fn choose(&self, asked: &AskedRequest<'_>) -> ChosenStep {
        for (place, step) in self.steps.iter().enumerate() {
            if step.answers(asked) {
                return ChosenStep { number: Some(place + 1), step: Some(Arc::clone(step)) };
            }
        }
        ChosenStep::default()
    }
}

/// The content of the answer to a request that no step fits; `name` is empty if no scenario does.
pub(crate) fn no_step_body(name: &str) -> String {
    match name {
        "" => "No scenario of this mock answers for this host and path.\n".to_owned(),
        name => format!("No step of the scenario `{name}` answers this request.\n"),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use super::*;

    fn error_of(text: &str) -> String {
        Scenario::parse(text, "s.toml").unwrap_err().to_string()
    }

    #[test]
    fn an_error_has_the_place_and_the_nearest_right_spelling() {
        let cases = [
            ("[[step]]\nsned = ''", "s.toml:2:1: unknown key `sned`; did you mean `send`?"),
            ("[[step]]\nstatus = 200\non = 'h1.11'", "s.toml:3:6: `h1.11` is not a lane"),
            ("[[step]]\nstatus = 200\nthen = 'resett'", "s.toml:3:8: `resett` is unknown"),
            ("[[step]]\nstatus = 99", "s.toml:2:10: "),
            ("[[step]]\nstatus = 200\nfault = { split = 0 }", "s.toml:3:19: "),
            ("[[step]]\nstatus = 200\nfault = { delay = '5' }", "s.toml:3:19: "),
            ("[[step]]\non = 'h2'\nsend = 'x'", "s.toml:1:1: "),
            ("[[step]]\nsend = 'x'\nstatus = 200", "s.toml:1:1: "),
            ("name = 'x'", "s.toml:1:1: a scenario has at least one `[[step]]`"),
            ("[[step]", "s.toml:1:"),
        ];
        for (text, expected) in cases {
            let error = error_of(text);
            assert!(error.starts_with(expected), "{text:?}: {error}");
        }
        assert!(error_of("[[step]]\nstatus = 200\nthen = 'resett'").contains("`reset`"));
    }

    #[test]
    fn a_scenario_is_named_after_its_file_unless_it_says_otherwise() {
        let scenario = Scenario::parse("[[step]]\nstatus = 200", "a/old-peer.toml").unwrap();
        assert_eq!(scenario.name(), "old-peer");
        assert_eq!(scenario.lanes(), Lane::ALL);
    }
}
