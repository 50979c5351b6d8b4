//! What a refusal says to people: what is wrong, and what to do. Nothing of it is markup yet.

use crate::answer::AnswerContext;
use crate::decision::{Ruling, VerdictReason};
use crate::field::Protocol;
use crate::policy::{ApiRequirement, ClientRequirement, Requirement, WebSocketRequirement};
use crate::{Facts, Known, RequirementKind, TlsState};

/// The sentences of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RefusalText {
    /// A heading for a person who never heard of protocols.
    pub(super) heading: String,
    /// The fault.
    pub(super) detail: String,
    /// The remedy.
    pub(super) instructions: String,
}

/// The sentences for the ruling that decided.
pub(super) fn words(
    ruling: &Ruling<'_>,
    facts: &Facts<'_>,
    context: &AnswerContext<'_>,
    https: Option<&str>,
) -> RefusalText {
    let requirement = deciding(ruling);
    let words = match requirement {
        Some(Requirement::Tls(minimum)) => tls(minimum.as_str(), facts, https),
        Some(Requirement::Http(minimum)) => http(*minimum, facts, context),
        Some(Requirement::WebSocket(wanted)) => websocket(wanted, ruling, facts),
        Some(Requirement::NoWebSocket) => no_websocket(),
        Some(Requirement::Api(wanted)) => api(wanted, ruling),
        Some(Requirement::Client(wanted)) => client(wanted, ruling),
        Some(Requirement::Protocol(wanted)) => protocol(wanted, facts),
        None => RefusalText::default(),
    };
    match &ruling.rule.message {
        Some(message) => RefusalText { detail: format!("{message} {}", words.detail), ..words },
        None => words,
    }
}

impl Default for RefusalText {
    fn default() -> Self {
        Self {
            heading: "This needs a newer version".to_owned(),
            detail: "The request does not meet what is required here.".to_owned(),
            instructions: String::new(),
        }
    }
}

/// The requirement that the ruling is about.
pub(super) fn deciding<'r>(ruling: &Ruling<'r>) -> Option<&'r Requirement> {
    let rule = ruling.rule;
    rule.require
        .iter()
        .find(|requirement| requirement.kind() == ruling.kind)
        .or(rule.require.first())
}

fn tls(minimum: &str, facts: &Facts<'_>, https: Option<&str>) -> RefusalText {
    let instructions = match (facts.tls, https) {
        (Known::Is(TlsState::Version(_) | TlsState::SomeVersion), _) => {
            format!("Connect with TLS {minimum} or later; update the client or its TLS library.")
        }
        (_, Some(url)) => format!("Use {url} instead."),
        (_, None) => "Use an https:// address instead of an http:// one.".to_owned(),
    };
    let now = match facts.tls {
        Known::Is(TlsState::Version(version)) => format!("came over {version}"),
        Known::Is(TlsState::SomeVersion) => {
            "came over a version of TLS that is not known here".to_owned()
        }
        Known::Is(TlsState::Cleartext) => {
            "came as cleartext; any secret in it should be taken as seen by others".to_owned()
        }
        Known::Unknown => "came in a way that is not known here".to_owned(),
    };
    RefusalText {
        heading: "This page needs a secure connection".to_owned(),
        detail: format!("TLS {minimum} or later is required here, and this request {now}."),
        instructions,
    }
}

fn http(
    minimum: crate::HttpVersion,
    facts: &Facts<'_>,
    context: &AnswerContext<'_>,
) -> RefusalText {
    let version = minimum.as_str();
    let spoken = match facts.http {
        Known::Is(version) => version.as_str(),
        Known::Unknown => "an unknown version",
    };
    let secure = matches!(facts.tls, Known::Is(TlsState::Version(_) | TlsState::SomeVersion));
    let instructions = match minimum {
        crate::HttpVersion::V3 => match context.alt_svc {
            Some(alt_svc) => format!("Connect over QUIC as announced by Alt-Svc: {alt_svc}; with curl, --http3."),
            None => "Connect over QUIC; with curl, --http3.".to_owned(),
        },
        crate::HttpVersion::V2 if secure => "Offer \"h2\" by ALPN in the TLS handshake; with curl, --http2.".to_owned(),
        crate::HttpVersion::V2 => "Begin the connection with HTTP/2 (prior knowledge; with curl, --http2-prior-knowledge), or use https \
             and offer \"h2\" by ALPN."
            .to_owned(),
        _ => "Send requests as HTTP/1.1. If nginx stands in front, set: proxy_http_version 1.1; proxy_set_header Connection \"\"; \
             ApacheBench (ab) and old health checkers speak HTTP/1.0 only."
            .to_owned(),
    };
    RefusalText {
        heading: "This page needs a newer kind of connection".to_owned(),
        detail: format!(
            "HTTP/{version} or later is required here, and this request came over HTTP/{spoken}."
        ),
        instructions,
    }
}

fn websocket(wanted: &WebSocketRequirement, ruling: &Ruling<'_>, facts: &Facts<'_>) -> RefusalText {
    let heading = "This address is for live connections".to_owned();
    let list = wanted.subprotocols.join(", ");
    if ruling.cause == Some(VerdictReason::Subprotocol) {
        return RefusalText {
            heading,
            detail: format!("This WebSocket speaks {list}, and none of that was offered."),
            instructions: format!("Offer one of these in Sec-WebSocket-Protocol: {list}."),
        };
    }
    let how = match (facts.is_http1(), list.is_empty()) {
        (true, true) => format!("Open it as a WebSocket of version {}.", wanted.version),
        (true, false) => {
            format!("Open it as a WebSocket of version {}, offering {list}.", wanted.version)
        }
        (false, _) => format!(
            "Open it as a WebSocket of version {} with an extended CONNECT (RFC 8441: \":protocol\" is \"websocket\").",
            wanted.version
        ),
    };
    RefusalText {
        heading,
        detail: "A WebSocket is required here, and this is not a handshake for it.".to_owned(),
        instructions: how,
    }
}

fn no_websocket() -> RefusalText {
    RefusalText {
        heading: "No WebSocket here".to_owned(),
        detail: "There is no WebSocket at this address.".to_owned(),
        instructions: "Use plain HTTP requests, and do not try a WebSocket here again.".to_owned(),
    }
}

fn api(wanted: &ApiRequirement, ruling: &Ruling<'_>) -> RefusalText {
    let minimum = wanted.minimum.as_str();
    let seen = |kind| ruling.observed.iter().find(move |observed| observed.kind == kind);
    let sent = match seen(RequirementKind::Api) {
        Some(observed) if observed.read == "assume" => {
            format!("this request sends none, which stands for {}", observed.value)
        }
        Some(observed) => format!("this request asks for {} ({})", observed.value, observed.read),
        None => "this request sends none".to_owned(),
    };
    let detail = match ruling.cause {
        Some(VerdictReason::Malformed) => {
            format!(
                "Version {minimum} or later of this API is required, and what was sent is no version: {sent}."
            )
        }
        Some(VerdictReason::Ambiguous) => {
            let all: Vec<_> = ruling
                .observed
                .iter()
                .map(|observed| format!("{} ({})", observed.value, observed.read))
                .collect();
            format!(
                "One version of this API has to be asked for, and this request asks for several: {}.",
                all.join(", ")
            )
        }
        Some(VerdictReason::TooNew) => format!("This API does not have that version yet: {sent}."),
        _ => format!("Version {minimum} or later of this API is required, and {sent}."),
    };
    let supported: Vec<_> = wanted.supported.iter().map(crate::version::Version::as_str).collect();
    let version = wanted.supported.iter().max().unwrap_or(&wanted.minimum);
    // The version that failed is to be mended where it stands: in another place it would be a
    // second one, and ambiguous.
    let named = seen(RequirementKind::Api)
        .filter(|observed| observed.read != "assume")
        .map(|observed| observed.read.to_owned());
    let place =
        named.unwrap_or_else(|| wanted.read.first().map(ToString::to_string).unwrap_or_default());
    let mut instructions = format!("Send version {version}, read from {place}.");
    if !supported.is_empty() {
        instructions += &format!(" Supported: {}.", supported.join(", "));
    }
    RefusalText {
        heading: "This app uses an interface that is no longer offered".to_owned(),
        detail,
        instructions,
    }
}

fn client(wanted: &ClientRequirement, ruling: &Ruling<'_>) -> RefusalText {
    let sent = ruling.observed.iter().find(|observed| observed.kind == RequirementKind::Client);
    let (name, version) = sent.map_or(("", ""), |observed| {
        observed.value.split_once('/').unwrap_or((&observed.value, ""))
    });
    let minimum = wanted
        .minimum
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, version)| version.as_str());
    let shown = if version.is_empty() { "this version" } else { version };
    let detail = match (ruling.cause, minimum) {
        (Some(VerdictReason::Blocked), _) => {
            format!("{name} {shown} has a fault and no longer works here.")
        }
        (Some(VerdictReason::Missing), _) => {
            "A client that names itself and its version is required here.".to_owned()
        }
        (Some(VerdictReason::UnknownClient), _) => {
            format!("{name} is not one of the clients that work here.")
        }
        (Some(VerdictReason::Malformed), _) => {
            format!("The version that {name} sent cannot be judged: \"{version}\".")
        }
        (_, Some(minimum)) => {
            format!("{name} {minimum} or later is required, and this is {name} {shown}.")
        }
        (_, None) => format!("A newer version of {name} is required."),
    };
    let all: Vec<_> =
        wanted.minimum.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let instructions = match ruling.cause {
        Some(VerdictReason::Missing | VerdictReason::UnknownClient) => {
            format!("Use one of these or later: {}.", all.join(", "))
        }
        Some(VerdictReason::Blocked) => format!("Install another version of {name}."),
        _ => format!("Update {name}."),
    };
    let heading = match ruling.cause {
        Some(VerdictReason::Missing | VerdictReason::UnknownClient) => {
            "This needs another app".to_owned()
        }
        _ => format!("Please update {name}"),
    };
    RefusalText { heading, detail, instructions }
}

fn protocol(wanted: &Protocol, facts: &Facts<'_>) -> RefusalText {
    let how = if facts.is_http1() {
        format!("Send \"Connection: Upgrade\" and \"Upgrade: {wanted}\".")
    } else {
        format!(
            "Send an extended CONNECT whose \":protocol\" is \"{}\", or use HTTP/1.1.",
            wanted.name()
        )
    };
    RefusalText {
        heading: "This address is for another kind of program".to_owned(),
        detail: format!(
            "The protocol {wanted} is required here, and this request does not offer it."
        ),
        instructions: how,
    }
}
