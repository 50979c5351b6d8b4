//! The protocols that an answer names, the preferred one first.

use super::context::AnswerContext;
use crate::field::{Protocol, UpgradeList};
use crate::policy::{ClientRequirement, Requirement};
use crate::{Facts, HttpVersion, Known, RequirementKind, Ruling, TlsState, VerdictReason};

/// The rule's requirements as an `Upgrade` list.
pub(super) fn upgrade_list(
    top: &Ruling<'_>,
    facts: &Facts<'_>,
    context: &AnswerContext<'_>,
) -> UpgradeList {
    // The texts of a rule may contain no valid token, but a 426 must name something.
    match UpgradeList::new(required_protocols(top, facts, context)) {
        Some(list) => list,
        None => UpgradeList::http11(),
    }
}

/// The rule's requirements as protocols.
pub(super) fn required_protocols(
    top: &Ruling<'_>,
    facts: &Facts<'_>,
    context: &AnswerContext<'_>,
) -> Vec<Protocol> {
    let mut protocols = Vec::new();
    for requirement in &top.rule.require {
        protocols.extend(protocols_of(requirement, top, facts, context));
    }
    protocols
}

/// The required protocols as texts.
pub(super) fn protocol_texts(
    top: &Ruling<'_>,
    facts: &Facts<'_>,
    context: &AnswerContext<'_>,
) -> Vec<String> {
    required_protocols(top, facts, context).iter().map(ToString::to_string).collect()
}

/// The name of the client that the ruling observed.
pub(super) fn client_name<'r>(top: &'r Ruling<'_>) -> Option<&'r str> {
    let client = top.observed.iter().find(|seen| seen.kind == RequirementKind::Client)?;
    // A `ClientClaim` is displayed as `Name/Version`.
    client.value.split('/').next()
}

fn protocols_of(
    requirement: &Requirement,
    top: &Ruling<'_>,
    facts: &Facts<'_>,
    context: &AnswerContext<'_>,
) -> Vec<Protocol> {
    let is_cleartext = facts.tls == Known::Is(TlsState::Cleartext);
    let single = match requirement {
        // RFC 2817 §4.2. The second token is the upper layer, which only follows a switch in band.
        Requirement::Tls(minimum) if context.tls_in_band && is_cleartext => {
            let both = [registered("TLS", Some(minimum.as_str())), registered("HTTP", Some("1.1"))];
            return both.into_iter().flatten().collect();
        }
        Requirement::Tls(minimum) => registered("TLS", Some(minimum.as_str())),
        Requirement::Http(HttpVersion::V2) if context.h2c && is_cleartext => {
            registered("h2c", None)
        }
        // RFC 9110 §2.5: the minor version 0 is implied, but the registry wants it written.
        Requirement::Http(HttpVersion::V2) => registered("HTTP", Some("2.0")),
        Requirement::Http(HttpVersion::V3) => registered("HTTP", Some("3.0")),
        Requirement::Http(minimum) => registered("HTTP", Some(minimum.as_str())),
        // RFC 6455 §11.2 registers the token without a version, which has a field of its own.
        Requirement::WebSocket(_) => registered("websocket", None),
        // A 426 has to name something, and plain HTTP is what remains.
        Requirement::NoWebSocket => registered("HTTP", Some("1.1")),
        // Without a `token`, the policy has no other name for the API than the id of the rule.
        Requirement::Api(api) => {
            top.rule.version_protocol(&top.rule.id, Some(api.minimum.as_str()))
        }
        Requirement::Client(client) => return client_protocols(client, top),
        Requirement::Protocol(protocol) => Some(protocol.clone()),
    };
    single.into_iter().collect()
}

/// A protocol of the IANA registry.
fn registered(name: &str, version: Option<&str>) -> Option<Protocol> {
    // Every caller passes tokens, so there is always a protocol.
    Protocol::new(name, version).ok()
}

/// The observed client in its lowest version (a blocked build without a version), or all supported
/// clients if the observed one is unknown.
fn client_protocols(client: &ClientRequirement, top: &Ruling<'_>) -> Vec<Protocol> {
    let seen = client_name(top);
    if top.cause == Some(VerdictReason::Blocked) {
        // A build is blocked under the name that was read, so there is one.
        let Some(name) = seen else { return Vec::new() };
        return top.rule.version_protocol(name, None).into_iter().collect();
    }
    let mut protocols = Vec::new();
    for (name, minimum) in &client.minimum {
        let protocol = top.rule.version_protocol(name, Some(minimum.as_str()));
        if let Some(seen) = seen
            && seen.eq_ignore_ascii_case(name)
        {
            return protocol.into_iter().collect();
        }
        protocols.extend(protocol);
    }
    protocols
}
