//! The sentences that tell people why a request was refused and what to do. They contain no markup
//! yet.

use super::context::AnswerContext;
use crate::field::Protocol;
use crate::policy::{ApiRequirement, ClientRequirement, Requirement, WebSocketRequirement};
use crate::{
    Facts, HttpVersion, Known, Observed, RequirementKind, Ruling, TlsState, VerdictReason,
};

/// The sentences of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RefusalText {
    /// A heading for people who know nothing of protocols.
    pub(super) heading: String,
    /// The reason for the refusal.
    pub(super) detail: String,
    /// The instructions: the use of something newer, or the way to get it.
    pub(super) instructions: String,
}

/// The sentences for a ruling that refuses.
pub(super) fn refusal_text(
    ruling: &Ruling<'_>,
    facts: &Facts<'_>,
    context: &AnswerContext<'_>,
    https_url: Option<&str>,
) -> RefusalText {
    let mut text = match deciding_requirement(ruling) {
        Some(Requirement::Tls(minimum)) => tls_text(minimum.as_str(), facts, https_url),
        Some(Requirement::Http(minimum)) => http_text(*minimum, facts, context),
        Some(Requirement::WebSocket(wanted)) => websocket_text(wanted, ruling, facts),
        Some(Requirement::NoWebSocket) => no_websocket_text(),
        Some(Requirement::Api(wanted)) => api_text(wanted, ruling),
        Some(Requirement::Client(wanted)) => client_text(wanted, ruling),
        Some(Requirement::Protocol(wanted)) => protocol_text(wanted, facts),
        None => unspecific_text(),
    };
    if let Some(message) = &ruling.rule.message {
        text.detail = format!("{message} {}", text.detail);
    }
    text
}

/// The requirement that the ruling is about.
fn deciding_requirement<'r>(ruling: &Ruling<'r>) -> Option<&'r Requirement> {
    let requirements = &ruling.rule.require;
    let deciding = requirements.iter().find(|requirement| requirement.kind() == ruling.kind);
    // `evaluate_rule` takes the kind from one of them, so the first is never needed.
    deciding.or(requirements.first())
}

fn unspecific_text() -> RefusalText {
    RefusalText {
        heading: "This needs a newer version".to_owned(),
        detail: "The request does not meet the requirements of this server.".to_owned(),
        instructions: String::new(),
    }
}

fn tls_text(minimum: &str, facts: &Facts<'_>, https_url: Option<&str>) -> RefusalText {
    let instructions = match (facts.tls, https_url) {
        (Known::Is(TlsState::Version(_) | TlsState::SomeVersion), _) => {
            format!("Connect with TLS {minimum} or later. Update the client or its TLS library.")
        }
        (_, Some(url)) => format!("Use {url} instead."),
        (_, None) => "Use an https:// address instead of an http:// address.".to_owned(),
    };
    let connection = match facts.tls {
        Known::Is(TlsState::Version(version)) => format!("came over {version}."),
        Known::Is(TlsState::SomeVersion) => "came over an unknown version of TLS.".to_owned(),
        Known::Is(TlsState::Cleartext) => {
            "came over cleartext. Treat any credentials it carried as compromised.".to_owned()
        }
        Known::Unknown => "came over a connection whose protection is unknown.".to_owned(),
    };
    RefusalText {
        heading: "This page needs a secure connection".to_owned(),
        detail: format!(
            "This server requires TLS {minimum} or later, but this request {connection}"
        ),
        instructions,
    }
}

fn http_text(minimum: HttpVersion, facts: &Facts<'_>, context: &AnswerContext<'_>) -> RefusalText {
    let used = match facts.http {
        Known::Is(version) => format!("HTTP/{}", version.as_str()),
        Known::Unknown => "an unknown version of HTTP".to_owned(),
    };
    let is_secure = matches!(facts.tls, Known::Is(TlsState::Version(_) | TlsState::SomeVersion));
    let instructions = match (minimum, context.alt_svc) {
        (HttpVersion::V3, Some(alt_svc)) => format!(
            "Connect over QUIC, as announced by \"Alt-Svc: {alt_svc}\". With curl, use --http3."
        ),
        (HttpVersion::V3, None) => "Connect over QUIC. With curl, use --http3.".to_owned(),
        (HttpVersion::V2, _) if is_secure => {
            "Offer \"h2\" by ALPN in the TLS handshake. With curl, use --http2.".to_owned()
        }
        (HttpVersion::V2, _) => "Start the connection with HTTP/2 by prior knowledge (with curl, \
             use --http2-prior-knowledge), or use https and offer \"h2\" by ALPN."
            .to_owned(),
        _ => {
            "Send requests over HTTP/1.1. If nginx is in front, set \"proxy_http_version 1.1\" and \
             clear the Connection header (proxy_set_header Connection \"\"). ApacheBench (ab) and \
             old health checkers speak HTTP/1.0 only."
                .to_owned()
        }
    };
    RefusalText {
        heading: "This page needs a newer kind of connection".to_owned(),
        detail: format!(
            "This server requires HTTP/{} or later, but this request came over {used}.",
            minimum.as_str()
        ),
        instructions,
    }
}

fn websocket_text(
    wanted: &WebSocketRequirement,
    ruling: &Ruling<'_>,
    facts: &Facts<'_>,
) -> RefusalText {
    let heading = "This endpoint accepts WebSocket connections only".to_owned();
    let version = wanted.version;
    let subprotocols = wanted.subprotocols.join(", ");
    if ruling.cause == Some(VerdictReason::Subprotocol) {
        return RefusalText {
            heading,
            detail: format!(
                "This WebSocket endpoint supports the subprotocols {subprotocols}, but this \
                 request offers none of them."
            ),
            instructions: format!("Offer one of these in Sec-WebSocket-Protocol: {subprotocols}."),
        };
    }
    let instructions = match (facts.is_http1(), subprotocols.as_str()) {
        (true, "") => format!("Open a WebSocket connection, version {version}."),
        (true, offer) => {
            format!("Open a WebSocket connection, version {version}, and offer {offer}.")
        }
        (false, _) => format!(
            "Open a WebSocket connection, version {version}, with an extended CONNECT whose \
             \":protocol\" is \"websocket\" (RFC 8441)."
        ),
    };
    RefusalText {
        heading,
        detail: "This endpoint requires a WebSocket, but this request is not a WebSocket \
             handshake."
            .to_owned(),
        instructions,
    }
}

fn no_websocket_text() -> RefusalText {
    RefusalText {
        heading: "WebSocket is not available here".to_owned(),
        detail: "This endpoint does not accept WebSocket connections.".to_owned(),
        instructions: "Use plain HTTP requests instead, and do not retry the WebSocket.".to_owned(),
    }
}

fn api_text(wanted: &ApiRequirement, ruling: &Ruling<'_>) -> RefusalText {
    let minimum = wanted.minimum.as_str();
    let seen = ruling.observed.iter().find(|observed| observed.kind == RequirementKind::Api);
    let sent = match seen {
        Some(observed) if observed.read == "assume" => {
            format!("this request names none, which means {}", observed.value)
        }
        Some(observed) => format!("this request asks for {}", shown_observed(observed)),
        None => "this request names none".to_owned(),
    };
    let requires = format!("This API requires version {minimum} or later, but");
    let (heading, detail) = match ruling.cause {
        Some(VerdictReason::Malformed) => (
            "This app does not name a valid API version",
            format!("{requires} {sent}, which is not a valid version."),
        ),
        Some(VerdictReason::Ambiguous) => (
            "This app names several API versions",
            format!(
                "A request must ask for one version of this API, but this request asks for \
                 several: {}.",
                all_observed(ruling)
            ),
        ),
        Some(VerdictReason::TooNew) => (
            "This app uses an API version that is not available yet",
            format!("This API does not have the requested version yet: {sent}."),
        ),
        Some(VerdictReason::Missing) => {
            ("This app does not name an API version", format!("{requires} {sent}."))
        }
        _ => (
            "This app uses an API version that is no longer supported",
            format!("{requires} {sent}."),
        ),
    };
    let instructions = api_instructions(wanted, seen);
    RefusalText { heading: heading.to_owned(), detail, instructions }
}

fn api_instructions(wanted: &ApiRequirement, seen: Option<&Observed<'_>>) -> String {
    // Without a list, the minimum is the only version that is known to be served.
    let version = wanted.supported.iter().max().unwrap_or(&wanted.minimum);
    let place = match seen {
        // A version in another place would be a second one, which is ambiguous.
        Some(observed) if observed.read != "assume" => observed.read.to_owned(),
        // `Policy::new` accepts no API requirement without a reader, so there is a first one.
        _ => wanted.read.first().map(ToString::to_string).unwrap_or_default(),
    };
    let mut instructions = format!("Send version {version} in {place}.");
    if !wanted.supported.is_empty() {
        let supported: Vec<&str> =
            wanted.supported.iter().map(crate::version::Version::as_str).collect();
        instructions += &format!(" Supported versions: {}.", supported.join(", "));
    }
    instructions
}

fn shown_observed(observed: &Observed<'_>) -> String {
    format!("{} ({})", observed.value, observed.read)
}

fn all_observed(ruling: &Ruling<'_>) -> String {
    let all: Vec<String> = ruling.observed.iter().map(shown_observed).collect();
    all.join(", ")
}

fn client_text(wanted: &ClientRequirement, ruling: &Ruling<'_>) -> RefusalText {
    let (name, version) = observed_client(ruling);
    let this_client = format!("{name} {version}");
    let mut supported = Vec::new();
    let mut own_minimum = None;
    for (known, minimum) in &wanted.minimum {
        supported.push(format!("{known} {minimum}"));
        if known.eq_ignore_ascii_case(name) {
            own_minimum = Some(minimum.as_str());
        }
    }
    let (heading, detail, instructions) = match (ruling.cause, own_minimum) {
        (Some(VerdictReason::Missing), _) => (
            "This needs a different app".to_owned(),
            "This server requires a client that sends its name and version.".to_owned(),
            format!("Use one of these versions or later: {}.", supported.join(", ")),
        ),
        (Some(VerdictReason::UnknownClient), _) => (
            "This needs a different app".to_owned(),
            format!("{name} is not a supported client."),
            format!("Use one of these versions or later: {}.", supported.join(", ")),
        ),
        (Some(VerdictReason::Blocked), _) => (
            format!("Please update {name}"),
            format!("{} has a known fault and is blocked.", this_client.trim_end()),
            format!("Install another version of {name}."),
        ),
        (Some(VerdictReason::Ambiguous), _) => (
            "This app names several versions".to_owned(),
            format!(
                "A request must name one version of its client, but this request names several: \
                 {}.",
                all_observed(ruling)
            ),
            format!("Use one of these versions or later: {}.", supported.join(", ")),
        ),
        (Some(VerdictReason::Malformed), _) => (
            format!("Please update {name}"),
            format!("The version that {name} sent is not valid: \"{version}\"."),
            format!("Update {name}."),
        ),
        (_, Some(minimum)) => (
            format!("Please update {name}"),
            format!(
                "{name} {minimum} or later is required, but this is {}.",
                this_client.trim_end()
            ),
            format!("Update {name}."),
        ),
        (_, None) => (
            format!("Please update {name}"),
            format!("A newer version of {name} is required."),
            format!("Update {name}."),
        ),
    };
    RefusalText { heading, detail, instructions }
}

/// The name and the version of the client that sent the request; empty if it sent none.
fn observed_client<'r>(ruling: &'r Ruling<'_>) -> (&'r str, &'r str) {
    for observed in &ruling.observed {
        if observed.kind == RequirementKind::Client {
            // A client that sends no version is observed as its name alone.
            return observed.value.split_once('/').unwrap_or((&observed.value, ""));
        }
    }
    ("", "")
}

fn protocol_text(wanted: &Protocol, facts: &Facts<'_>) -> RefusalText {
    let instructions = if facts.is_http1() {
        format!("Send \"Connection: Upgrade\" and \"Upgrade: {wanted}\".")
    } else {
        format!(
            "Send an extended CONNECT whose \":protocol\" is \"{}\", or use HTTP/1.1.",
            wanted.name()
        )
    };
    RefusalText {
        heading: "This endpoint is for a different kind of program".to_owned(),
        detail: format!(
            "This endpoint requires the protocol {wanted}, but this request does not offer it."
        ),
        instructions,
    }
}
