//! Evaluating one requirement. Versions of APIs and of clients have files of their own.

use super::api_version::evaluate_api;
use super::client_version::evaluate_client;
use super::outcome::{Observed, ObservedValue, ObservedValues};
use crate::facts::{Facts, HttpVersion, Known, TlsState, TlsVersion};
use crate::field::{Protocol, UpgradeList, list_elements};
use crate::offer::offered_protocols;
use crate::policy::reading::PathReading;
use crate::policy::requirement::{Requirement, RequirementKind, WebSocketRequirement};
use crate::verdict::VerdictReason;

/// Evaluates one requirement, and adds the values that were read for it to `observed`. `readers`
/// are the texts of its readers, in their order.
pub(super) fn evaluate_requirement<'p>(
    requirement: &'p Requirement,
    readers: &'p [Box<str>],
    facts: &Facts<'_>,
    path: &PathReading<'_>,
    observed: &mut ObservedValues<'p>,
) -> VerdictReason {
    match requirement {
        Requirement::Tls(minimum) => evaluate_tls(*minimum, facts, observed),
        Requirement::Http(minimum) => evaluate_http(*minimum, facts, observed),
        Requirement::WebSocket(wanted) => evaluate_websocket(wanted, facts, observed),
        Requirement::NoWebSocket => evaluate_no_websocket(facts, observed),
        Requirement::Api(wanted) => evaluate_api(wanted, readers, facts, path, observed),
        Requirement::Client(wanted) => evaluate_client(wanted, readers, facts, observed),
        Requirement::Protocol(wanted) => evaluate_protocol(wanted, facts, observed),
    }
}

/// Describes a request that certainly does not meet a requirement, by the value that was read for
/// it; `None` if the value has no sentence of its own.
pub(super) fn describe_unmet(kind: RequirementKind, value: &str) -> Option<String> {
    match (kind, value) {
        (RequirementKind::Tls, "none") => Some("the request came as cleartext".to_owned()),
        // `SSLv3` names its protocol itself, while `1.1` does not.
        (RequirementKind::Tls, old) if old.starts_with("SSL") => {
            Some(format!("the request came over {old}"))
        }
        (RequirementKind::Tls, version) => Some(format!("the request came over TLS {version}")),
        (RequirementKind::Http, version) => Some(format!("the request came over HTTP/{version}")),
        (RequirementKind::WebSocket, "none") => Some("it is not a WebSocket handshake".to_owned()),
        (RequirementKind::Protocol, "none") => Some("it offers no other protocol".to_owned()),
        (
            RequirementKind::WebSocket
            | RequirementKind::Protocol
            | RequirementKind::Api
            | RequirementKind::Client,
            _,
        ) => None,
    }
}

fn evaluate_tls(
    minimum: TlsVersion,
    facts: &Facts<'_>,
    observed: &mut ObservedValues<'_>,
) -> VerdictReason {
    let (reason, value) = match facts.tls {
        Known::Is(TlsState::Cleartext) => (VerdictReason::Unmet, "none"),
        Known::Is(TlsState::Version(version)) if version < minimum => {
            (VerdictReason::Unmet, version.as_str())
        }
        Known::Is(TlsState::Version(version)) => (VerdictReason::Meets, version.as_str()),
        // A proxy that reports `https` and no version leaves open whether it is new enough.
        Known::Is(TlsState::SomeVersion) | Known::Unknown => (VerdictReason::Unknown, "unknown"),
    };
    observed.push(Observed::new(RequirementKind::Tls, value, "connection"));
    reason
}

fn evaluate_http(
    minimum: HttpVersion,
    facts: &Facts<'_>,
    observed: &mut ObservedValues<'_>,
) -> VerdictReason {
    let (reason, value) = match facts.http {
        Known::Is(version) if version < minimum => (VerdictReason::Unmet, version.as_str()),
        Known::Is(version) => (VerdictReason::Meets, version.as_str()),
        Known::Unknown => (VerdictReason::Unknown, "unknown"),
    };
    observed.push(Observed::new(RequirementKind::Http, value, "connection"));
    reason
}

fn evaluate_websocket(
    wanted: &WebSocketRequirement,
    facts: &Facts<'_>,
    observed: &mut ObservedValues<'_>,
) -> VerdictReason {
    let offers = offered_protocols(facts);
    if !is_handshake(offers.as_ref(), facts) {
        observed.push(observed_offers(RequirementKind::WebSocket, offers.as_ref()));
        return VerdictReason::Unmet;
    }
    // RFC 6455 §4.2.1 requires the field. Without it the text is empty and equals no version.
    let version = facts.fields.text("sec-websocket-version").unwrap_or_default();
    // RFC 6455 §4.1: one value, without sign or leading zero.
    let is_repeated = facts.fields.nth("sec-websocket-version", 1).is_some();
    if is_repeated || version != wanted.version.to_string() {
        let value = version.to_owned();
        let read = "header:Sec-WebSocket-Version";
        observed.push(Observed::new(RequirementKind::WebSocket, value, read));
        return VerdictReason::Unmet;
    }
    if let Some(offered) = unwanted_subprotocols(wanted, facts) {
        let read = "header:Sec-WebSocket-Protocol";
        observed.push(Observed::new(RequirementKind::WebSocket, offered, read));
        return VerdictReason::Subprotocol;
    }
    observed.push(observed_offers(RequirementKind::WebSocket, offers.as_ref()));
    VerdictReason::Meets
}

fn evaluate_no_websocket(facts: &Facts<'_>, observed: &mut ObservedValues<'_>) -> VerdictReason {
    let offers = offered_protocols(facts);
    observed.push(observed_offers(RequirementKind::WebSocket, offers.as_ref()));
    // The upstream may take any protocol of the list, so one offer of WebSocket is enough.
    match offers {
        Some(offers) if offers.contains_name("websocket") => VerdictReason::Unmet,
        _ => VerdictReason::Meets,
    }
}

fn evaluate_protocol(
    wanted: &Protocol,
    facts: &Facts<'_>,
    observed: &mut ObservedValues<'_>,
) -> VerdictReason {
    let offers = offered_protocols(facts);
    observed.push(observed_offers(RequirementKind::Protocol, offers.as_ref()));
    let Some(offers) = offers else { return VerdictReason::Unmet };
    if offers.contains(wanted) {
        return VerdictReason::Meets;
    }
    match facts.protocol {
        // `:protocol` has no version of its own (RFC 8441 §4), so over HTTP/2 the name is enough.
        Some(name) if wanted.is_named(name) => VerdictReason::Meets,
        _ => VerdictReason::Unmet,
    }
}

/// RFC 6455 §4.2.1: a GET over HTTP/1.1 or later with `Upgrade: websocket`; RFC 8441 §5 over
/// HTTP/2.
fn is_handshake(offers: Option<&UpgradeList>, facts: &Facts<'_>) -> bool {
    match offers {
        Some(offers) => {
            offers.contains_name("websocket") && matches!(facts.method, "GET" | "CONNECT")
        }
        None => false,
    }
}

/// The subprotocols that the request offers, if the rule wants some and none of them is offered.
fn unwanted_subprotocols(wanted: &WebSocketRequirement, facts: &Facts<'_>) -> Option<String> {
    if wanted.subprotocols.is_empty() {
        return None;
    }
    let mut offered = Vec::new();
    for element in list_elements(facts.fields.all("sec-websocket-protocol")) {
        let subprotocol = String::from_utf8_lossy(element);
        if wanted.subprotocols.iter().any(|wanted| **wanted == *subprotocol) {
            return None;
        }
        offered.push(subprotocol);
    }
    Some(offered.join(", "))
}

fn observed_offers(kind: RequirementKind, offers: Option<&UpgradeList>) -> Observed<'static> {
    let value = match offers {
        Some(offers) => ObservedValue::from(offers.to_string()),
        None => ObservedValue::Known("none"),
    };
    Observed::new(kind, value, "header:Upgrade")
}
