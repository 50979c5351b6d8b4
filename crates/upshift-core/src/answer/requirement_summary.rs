//! Requirements as JSON shows them.

use serde::Serialize;

use crate::policy::Requirement;
use crate::version::Version;

/// A requirement as problem bodies and `--json` show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequirementSummary<'a> {
    /// The kind.
    pub kind: &'a str,
    /// The lowest version, if there is one for all clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum: Option<&'a str>,
    /// The API versions that the server supports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub supported: Vec<&'a str>,
    /// The lowest version of each client.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<ClientMinimum<'a>>,
    /// The blocked builds, as `Name/Version`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<String>,
    /// The protocol and its version, as `Upgrade` names them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// The WebSocket subprotocols.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subprotocols: Vec<&'a str>,
}

/// The lowest version of one client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClientMinimum<'a> {
    /// The name of the client.
    pub name: &'a str,
    /// The lowest version.
    pub minimum: &'a str,
}

/// Summarizes a requirement for JSON.
pub fn summarize_requirement(requirement: &Requirement) -> RequirementSummary<'_> {
    let mut summary = RequirementSummary {
        kind: requirement.kind().as_str(),
        minimum: None,
        supported: Vec::new(),
        clients: Vec::new(),
        blocked: Vec::new(),
        protocol: None,
        subprotocols: Vec::new(),
    };
    match requirement {
        Requirement::Tls(minimum) => summary.minimum = Some(minimum.as_str()),
        Requirement::Http(minimum) => summary.minimum = Some(minimum.as_str()),
        Requirement::WebSocket(wanted) => {
            summary.protocol = Some(format!("websocket/{}", wanted.version));
            summary.subprotocols = wanted.subprotocols.iter().map(AsRef::as_ref).collect();
        }
        // The token that `Upgrade` has in this case, so that clients read both alike.
        Requirement::NoWebSocket => summary.protocol = Some("HTTP/1.1".to_owned()),
        Requirement::Api(api) => {
            summary.minimum = Some(api.minimum.as_str());
            summary.supported = api.supported.iter().map(Version::as_str).collect();
        }
        Requirement::Client(client) => {
            for (name, minimum) in &client.minimum {
                summary.clients.push(ClientMinimum { name, minimum: minimum.as_str() });
            }
            for (name, version) in &client.blocked {
                summary.blocked.push(format!("{name}/{version}"));
            }
        }
        Requirement::Protocol(protocol) => summary.protocol = Some(protocol.to_string()),
    }
    summary
}
