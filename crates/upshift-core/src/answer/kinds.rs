//! The parts of an answer that depend on the kind of the requirement. The sentences are in
//! `words.rs`.

use serde::Serialize;

use super::shaped_rule::ShapedRule;
use crate::field::Protocol;
use crate::policy::{ClientRequirement, Requirement};
use crate::prepared::{Hole, Template, UrlShape, template};
use crate::version::Version;
use crate::{HttpVersion, RequirementKind, VerdictReason};

/// A requirement, as shown in problem bodies and by `--json`.
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
        // The same token as in `Upgrade`, so that clients can parse both alike.
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

/// The protocols that `Upgrade` names for a requirement.
pub(super) fn protocols_of(requirement: &Requirement, shaped: ShapedRule<'_>) -> Vec<Protocol> {
    let request = shaped.request;
    let single = match requirement {
        // RFC 2817 §4.2. The second token is the upper layer, which is used only after an in-band
        // switch.
        Requirement::Tls(minimum) if request.tls_in_band && request.is_cleartext() => {
            let both = [registered("TLS", Some(minimum.as_str())), registered("HTTP", Some("1.1"))];
            return both.into_iter().flatten().collect();
        }
        Requirement::Tls(minimum) => registered("TLS", Some(minimum.as_str())),
        Requirement::Http(HttpVersion::V2) if request.h2c && request.is_cleartext() => {
            registered("h2c", None)
        }
        // RFC 9110 §2.5: the minor version 0 is implied, but the registry requires it.
        Requirement::Http(HttpVersion::V2) => registered("HTTP", Some("2.0")),
        Requirement::Http(HttpVersion::V3) => registered("HTTP", Some("3.0")),
        Requirement::Http(minimum) => registered("HTTP", Some(minimum.as_str())),
        // RFC 6455 §11.2 registers the token without a version; the version has its own field.
        Requirement::WebSocket(_) => registered("websocket", None),
        // A 426 has to name a protocol, and only plain HTTP is left.
        Requirement::NoWebSocket => registered("HTTP", Some("1.1")),
        // Without a `token`, the id of the rule is the only name for the API.
        Requirement::Api(api) => {
            shaped.rule.version_protocol(&shaped.rule.id, Some(api.minimum.as_str()))
        }
        Requirement::Client(client) => return client_protocols(client, shaped),
        Requirement::Protocol(protocol) => Some(protocol.clone()),
    };
    single.into_iter().collect()
}

/// The name and value of the additional field of a 426 over HTTP/1.x for a requirement.
pub(super) fn requirement_field(requirement: &Requirement) -> Option<(&'static str, String)> {
    match requirement {
        // RFC 6455 §4.4: the server MUST respond with the versions that it will use.
        Requirement::WebSocket(wanted) => {
            Some(("Sec-WebSocket-Version", wanted.version.to_string()))
        }
        Requirement::Tls(_)
        | Requirement::Http(_)
        | Requirement::NoWebSocket
        | Requirement::Api(_)
        | Requirement::Client(_)
        | Requirement::Protocol(_) => None,
    }
}

/// The status of a client that is at fault itself, for operators who reserve 426 for protocols.
pub(super) fn strict_status(kind: RequirementKind) -> u16 {
    match kind {
        // RFC 9110 §15.5.11: the resource existed, and is probably gone permanently.
        RequirementKind::Api => 410,
        RequirementKind::Tls
        | RequirementKind::Http
        | RequirementKind::WebSocket
        | RequirementKind::Client
        | RequirementKind::Protocol => 403,
    }
}

/// The URL that a person or a program should go to next.
pub(super) fn upgrade_url(shaped: ShapedRule<'_>) -> Option<Template> {
    match (shaped.ruling.kind, shaped.https_url) {
        (RequirementKind::Tls, UrlShape::None) => None,
        (RequirementKind::Tls, _) => Some(template![Hole::HttpsUrl]),
        _ => Some(template![configured_url(shaped)?]),
    }
}

/// Returns true if [`upgrade_url`] is the address of the rule's documentation.
pub(super) fn is_docs_url(shaped: ShapedRule<'_>) -> bool {
    match shaped.ruling.kind {
        RequirementKind::Tls => shaped.https_url == UrlShape::Docs,
        _ => configured_url(shaped) == shaped.rule.docs.as_deref(),
    }
}

/// The address for the requirement that the operator configured.
fn configured_url(shaped: ShapedRule<'_>) -> Option<&str> {
    let ShapedRule { rule, ruling, .. } = shaped;
    match ruling.kind {
        // That URL is derived from the URL of the request.
        RequirementKind::Tls => None,
        RequirementKind::Client => rule.upgrade_url.url_for(ruling.client.as_deref()),
        RequirementKind::Api => rule.successor.as_deref(),
        // Other kinds of requirement read no client name that could select an address.
        RequirementKind::Http | RequirementKind::WebSocket | RequirementKind::Protocol => {
            rule.upgrade_url.url_for(None)
        }
    }
}

/// The label of the button that leads to [`upgrade_url`].
pub(super) fn button_label(kind: RequirementKind) -> &'static str {
    match kind {
        RequirementKind::Tls => "Open the secure page",
        RequirementKind::Client => "Get the update",
        RequirementKind::Http
        | RequirementKind::WebSocket
        | RequirementKind::Api
        | RequirementKind::Protocol => "See what to do",
    }
}

/// A protocol in the IANA registry.
fn registered(name: &str, version: Option<&str>) -> Option<Protocol> {
    // Every caller passes valid tokens, so this never returns `None`.
    Protocol::new(name, version).ok()
}

/// The observed client in its lowest version (a blocked build without a version), or all supported
/// clients if the observed one is unknown.
fn client_protocols(client: &ClientRequirement, shaped: ShapedRule<'_>) -> Vec<Protocol> {
    let ShapedRule { rule, ruling, .. } = shaped;
    let seen = ruling.client.as_deref();
    if ruling.cause == Some(VerdictReason::Blocked) {
        // A blocked build was matched by its name, so there is one.
        let Some(name) = seen else { return Vec::new() };
        return rule.version_protocol(name, None).into_iter().collect();
    }
    let mut protocols = Vec::new();
    for (name, minimum) in &client.minimum {
        let protocol = rule.version_protocol(name, Some(minimum.as_str()));
        if let Some(seen) = seen
            && seen.eq_ignore_ascii_case(name)
        {
            return protocol.into_iter().collect();
        }
        protocols.extend(protocol);
    }
    protocols
}
