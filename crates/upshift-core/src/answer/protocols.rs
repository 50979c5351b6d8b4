//! The protocols that an answer names, the most wanted first.

use super::AnswerContext;
use crate::decision::{RequirementKind, Ruling, VerdictReason};
use crate::field::{Protocol, UpgradeList};
use crate::policy::{ClientRequirement, Requirement};
use crate::{Facts, HttpVersion, Known, TlsState};

/// As [`wanted`], and never empty: where a rule's texts give no token, what remains is plain HTTP.
pub(super) fn list(
    top: &Ruling<'_>,
    facts: &Facts<'_>,
    context: &AnswerContext<'_>,
) -> UpgradeList {
    UpgradeList::new(wanted(top, facts, context)).unwrap_or_else(UpgradeList::http11)
}

/// The rule's requirements as protocols.
pub(super) fn wanted(
    top: &Ruling<'_>,
    facts: &Facts<'_>,
    context: &AnswerContext<'_>,
) -> Vec<Protocol> {
    top.rule.require.iter().flat_map(|requirement| of(requirement, top, facts, context)).collect()
}

/// The name of the client that the ruling saw.
pub(super) fn client_name<'r>(top: &'r Ruling<'_>) -> Option<&'r str> {
    let seen = top.observed.iter().find(|observed| observed.kind == RequirementKind::Client)?;
    seen.value.split('/').next()
}

fn of(
    requirement: &Requirement,
    top: &Ruling<'_>,
    facts: &Facts<'_>,
    context: &AnswerContext<'_>,
) -> Vec<Protocol> {
    let registered = |name: &str, version: Option<&str>| {
        Protocol::new(name, version).ok().into_iter().collect::<Vec<_>>()
    };
    match requirement {
        // RFC 2817 §4.2. The second token is the upper layer, which only a switch in band is
        // followed by.
        Requirement::Tls(minimum) if context.tls_in_band && is_cleartext(facts) => {
            let mut both = registered("TLS", Some(minimum.as_str()));
            both.extend(registered("HTTP", Some("1.1")));
            both
        }
        Requirement::Tls(minimum) => registered("TLS", Some(minimum.as_str())),
        Requirement::Http(HttpVersion::V2) if context.h2c && is_cleartext(facts) => {
            registered("h2c", None)
        }
        // RFC 9110 §2.5: the minor version 0 is implied; the registry wants it written.
        Requirement::Http(HttpVersion::V2) => registered("HTTP", Some("2.0")),
        Requirement::Http(HttpVersion::V3) => registered("HTTP", Some("3.0")),
        Requirement::Http(minimum) => registered("HTTP", Some(minimum.as_str())),
        Requirement::WebSocket(_) => registered("websocket", None),
        Requirement::NoWebSocket => registered("HTTP", Some("1.1")),
        Requirement::Api(api) => top
            .rule
            .version_protocol(&top.rule.id, Some(api.minimum.as_str()))
            .into_iter()
            .collect(),
        Requirement::Client(client) => clients(client, top),
        Requirement::Protocol(protocol) => vec![protocol.clone()],
    }
}

/// The client that was seen in its least version (for a blocked build its name alone), else all
/// that work here.
fn clients(client: &ClientRequirement, top: &Ruling<'_>) -> Vec<Protocol> {
    let seen = client_name(top);
    let is_seen = |name: &str| seen.is_some_and(|seen| seen.eq_ignore_ascii_case(name));
    let protocol = |name: &str, version: Option<&str>| top.rule.version_protocol(name, version);
    if top.cause == Some(VerdictReason::Blocked) {
        return seen.and_then(|name| protocol(name, None)).into_iter().collect();
    }
    if let Some((name, minimum)) = client.minimum.iter().find(|(name, _)| is_seen(name)) {
        return protocol(name, Some(minimum.as_str())).into_iter().collect();
    }
    client
        .minimum
        .iter()
        .filter_map(|(name, minimum)| protocol(name, Some(minimum.as_str())))
        .collect()
}

fn is_cleartext(facts: &Facts<'_>) -> bool {
    facts.tls == Known::Is(TlsState::Cleartext)
}
