//! `application/problem+json` (RFC 9457).

use serde::Serialize;

/// The body of a refusal for programs. `detail` stands first because people read it too.
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
    /// The other rules that refuse, so that one repair suffices.
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

/// A requirement as it leaves the program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequirementSummary<'a> {
    /// Its kind.
    pub kind: &'a str,
    /// The least version, where there is one for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum: Option<&'a str>,
    /// The API versions that are served.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub supported: Vec<&'a str>,
    /// The least version of each client.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<ClientMinimum<'a>>,
    /// The builds that are blocked, `Name/Version`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<String>,
    /// The protocol and its version, as `Upgrade` names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// The WebSocket subprotocols.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subprotocols: Vec<&'a str>,
}

/// The least version of one client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClientMinimum<'a> {
    /// Its name.
    pub name: &'a str,
    /// The version.
    pub minimum: &'a str,
}

/// A requirement as it leaves the program.
pub fn summarize_requirement(requirement: &crate::policy::Requirement) -> RequirementSummary<'_> {
    use crate::policy::Requirement;
    let mut required = RequirementSummary {
        kind: requirement.kind().as_str(),
        minimum: None,
        supported: Vec::new(),
        clients: Vec::new(),
        blocked: Vec::new(),
        protocol: None,
        subprotocols: Vec::new(),
    };
    match requirement {
        Requirement::Tls(minimum) => required.minimum = Some(minimum.as_str()),
        Requirement::Http(minimum) => required.minimum = Some(minimum.as_str()),
        Requirement::WebSocket(wanted) => {
            required.protocol = Some(format!("websocket/{}", wanted.version));
            required.subprotocols = wanted.subprotocols.iter().map(AsRef::as_ref).collect();
        }
        Requirement::NoWebSocket => required.protocol = Some("HTTP/1.1".to_owned()),
        Requirement::Api(api) => {
            required.minimum = Some(api.minimum.as_str());
            required.supported =
                api.supported.iter().map(crate::version::Version::as_str).collect();
        }
        Requirement::Client(client) => {
            let minima = client.minimum.iter();
            required.clients = minima
                .map(|(name, minimum)| ClientMinimum { name, minimum: minimum.as_str() })
                .collect();
            required.blocked =
                client.blocked.iter().map(|(name, version)| format!("{name}/{version}")).collect();
        }
        Requirement::Protocol(protocol) => required.protocol = Some(protocol.to_string()),
    }
    required
}
