//! The sentences that tell people why a request was refused and what to do. They contain no markup
//! yet.

use super::shaped_rule::ShapedRule;
use crate::field::Protocol;
use crate::policy::{ApiRequirement, ClientRequirement, Requirement, WebSocketRequirement};
use crate::prepared::{ApiShape, Hole, ObservedPart, RulingHole, Template, UrlShape, template};
use crate::{HttpVersion, Known, TlsState, VerdictReason};

/// The sentences of a refusal.
pub(super) struct RefusalText {
    /// A heading for people who know nothing of protocols.
    pub(super) heading: Template,
    /// The reason for the refusal.
    pub(super) detail: Template,
    /// The instructions: the use of something newer, or the way to get it.
    pub(super) instructions: Template,
}

/// The sentences for a rule that refuses.
pub(super) fn refusal_text(shaped: ShapedRule<'_>) -> RefusalText {
    let mut text = match deciding_requirement(shaped) {
        Some(Requirement::Tls(minimum)) => tls_text(minimum.as_str(), shaped),
        Some(Requirement::Http(minimum)) => http_text(*minimum, shaped),
        Some(Requirement::WebSocket(wanted)) => websocket_text(wanted, shaped),
        Some(Requirement::NoWebSocket) => no_websocket_text(),
        Some(Requirement::Api(wanted)) => api_text(wanted, shaped),
        Some(Requirement::Client(wanted)) => client_text(wanted, shaped),
        Some(Requirement::Protocol(wanted)) => protocol_text(wanted, shaped),
        None => unspecific_text(),
    };
    if let Some(message) = &shaped.rule.message {
        text.detail = template![message, " ", text.detail];
    }
    text
}

/// The requirement that the ruling is about.
fn deciding_requirement(shaped: ShapedRule<'_>) -> Option<&Requirement> {
    let requirements = &shaped.rule.require;
    let kind = shaped.ruling.kind;
    let deciding = requirements.iter().find(|requirement| requirement.kind() == kind);
    // `evaluate_rule` takes the kind from one of them, so the first is never needed.
    deciding.or(requirements.first())
}

fn unspecific_text() -> RefusalText {
    RefusalText {
        heading: template!["This needs a newer version"],
        detail: template!["The request does not meet the requirements of this server."],
        instructions: Template::default(),
    }
}

fn tls_text(minimum: &str, shaped: ShapedRule<'_>) -> RefusalText {
    let tls = shaped.request.tls;
    let instructions = match (tls, shaped.https_url) {
        (Known::Is(TlsState::Version(_) | TlsState::SomeVersion), _) => template![
            "Connect with TLS ",
            minimum,
            " or later. Update the client or its TLS library."
        ],
        (_, UrlShape::None) => {
            template!["Use an https:// address instead of an http:// address."]
        }
        (_, _) => template!["Use ", Hole::HttpsUrl, " instead."],
    };
    let connection = match tls {
        Known::Is(TlsState::Version(version)) => format!("came over {version}."),
        Known::Is(TlsState::SomeVersion) => "came over an unknown version of TLS.".to_owned(),
        Known::Is(TlsState::Cleartext) => {
            "came over cleartext. Treat any credentials it carried as compromised.".to_owned()
        }
        Known::Unknown => "came over a connection whose protection is unknown.".to_owned(),
    };
    RefusalText {
        heading: template!["This page needs a secure connection"],
        detail: template![
            "This server requires TLS ",
            minimum,
            " or later, but this request ",
            connection
        ],
        instructions,
    }
}

fn http_text(minimum: HttpVersion, shaped: ShapedRule<'_>) -> RefusalText {
    let request = shaped.request;
    let used = match request.http {
        Known::Is(version) => format!("HTTP/{}", version.as_str()),
        Known::Unknown => "an unknown version of HTTP".to_owned(),
    };
    let is_secure = matches!(request.tls, Known::Is(TlsState::Version(_) | TlsState::SomeVersion));
    let instructions = match minimum {
        HttpVersion::V3 if request.has_alt_svc => template![
            "Connect over QUIC, as announced by \"Alt-Svc: ",
            Hole::AltSvc,
            "\". With curl, use --http3."
        ],
        HttpVersion::V3 => template!["Connect over QUIC. With curl, use --http3."],
        HttpVersion::V2 if is_secure => {
            template!["Offer \"h2\" by ALPN in the TLS handshake. With curl, use --http2."]
        }
        HttpVersion::V2 => template![
            "Start the connection with HTTP/2 by prior knowledge (with curl, \
             use --http2-prior-knowledge), or use https and offer \"h2\" by ALPN."
        ],
        HttpVersion::V0_9 | HttpVersion::V1_0 | HttpVersion::V1_1 => template![
            "Send requests over HTTP/1.1. If nginx is in front, set \"proxy_http_version 1.1\" and \
             clear the Connection header (proxy_set_header Connection \"\"). ApacheBench (ab) and \
             old health checkers speak HTTP/1.0 only."
        ],
    };
    RefusalText {
        heading: template!["This page needs a newer kind of connection"],
        detail: template![
            "This server requires HTTP/",
            minimum.as_str(),
            " or later, but this request came over ",
            used,
            "."
        ],
        instructions,
    }
}

fn websocket_text(wanted: &WebSocketRequirement, shaped: ShapedRule<'_>) -> RefusalText {
    let heading = template!["This endpoint accepts WebSocket connections only"];
    let version = wanted.version.to_string();
    let subprotocols = wanted.subprotocols.join(", ");
    if shaped.ruling.cause == Some(VerdictReason::Subprotocol) {
        return RefusalText {
            heading,
            detail: template![
                "This WebSocket endpoint supports the subprotocols ",
                &subprotocols,
                ", but this request offers none of them."
            ],
            instructions: template![
                "Offer one of these in Sec-WebSocket-Protocol: ",
                &subprotocols,
                "."
            ],
        };
    }
    let mut instructions = template!["Open a WebSocket connection, version ", version];
    match (shaped.request.is_http1(), subprotocols.as_str()) {
        (true, "") => instructions.push("."),
        (true, offer) => instructions.push(template![", and offer ", offer, "."]),
        (false, _) => instructions
            .push(", with an extended CONNECT whose \":protocol\" is \"websocket\" (RFC 8441)."),
    }
    RefusalText {
        heading,
        detail: template![
            "This endpoint requires a WebSocket, but this request is not a WebSocket handshake."
        ],
        instructions,
    }
}

fn no_websocket_text() -> RefusalText {
    RefusalText {
        heading: template!["WebSocket is not available here"],
        detail: template!["This endpoint does not accept WebSocket connections."],
        instructions: template!["Use plain HTTP requests instead, and do not retry the WebSocket."],
    }
}

fn api_text(wanted: &ApiRequirement, shaped: ShapedRule<'_>) -> RefusalText {
    let version = shaped.hole(RulingHole::Api(ObservedPart::Value));
    let sent = match shaped.ruling.api {
        ApiShape::Assumed => template!["this request names none, which means ", version],
        ApiShape::Sent => {
            let place = shaped.hole(RulingHole::Api(ObservedPart::Place));
            template!["this request asks for ", version, " (", place, ")"]
        }
        ApiShape::None => template!["this request names none"],
    };
    let requires =
        template!["This API requires version ", wanted.minimum.as_str(), " or later, but "];
    let (heading, detail) = match shaped.ruling.cause {
        Some(VerdictReason::Malformed) => (
            "This app does not name a valid API version",
            template![requires, sent, ", which is not a valid version."],
        ),
        Some(VerdictReason::Ambiguous) => (
            "This app names several API versions",
            template![
                "A request must ask for one version of this API, but this request asks for \
                 several: ",
                all_observed(shaped),
                "."
            ],
        ),
        Some(VerdictReason::TooNew) => (
            "This app uses an API version that is not available yet",
            template!["This API does not have the requested version yet: ", sent, "."],
        ),
        Some(VerdictReason::Missing) => {
            ("This app does not name an API version", template![requires, sent, "."])
        }
        _ => (
            "This app uses an API version that is no longer supported",
            template![requires, sent, "."],
        ),
    };
    let instructions = api_instructions(wanted, shaped);
    RefusalText { heading: template![heading], detail, instructions }
}

fn api_instructions(wanted: &ApiRequirement, shaped: ShapedRule<'_>) -> Template {
    // Without a list, the minimum is the only version that is known to be served.
    let version = wanted.supported.iter().max().unwrap_or(&wanted.minimum);
    let mut instructions = template!["Send version ", version.as_str(), " in "];
    match (shaped.ruling.api, wanted.read.first()) {
        // A version in another place would be a second one, which is ambiguous.
        (ApiShape::Sent, _) => instructions.push(shaped.hole(RulingHole::Api(ObservedPart::Place))),
        (ApiShape::Assumed | ApiShape::None, Some(reader)) => instructions.push(reader.to_string()),
        // `Policy::new` accepts no API requirement without a reader.
        (ApiShape::Assumed | ApiShape::None, None) => {}
    }
    instructions.push(".");
    if !wanted.supported.is_empty() {
        let supported: Vec<&str> =
            wanted.supported.iter().map(crate::version::Version::as_str).collect();
        instructions.push(format!(" Supported versions: {}.", supported.join(", ")));
    }
    instructions
}

fn all_observed(shaped: ShapedRule<'_>) -> Template {
    let mut all = Template::default();
    for index in 0..shaped.ruling.observed {
        if index > 0 {
            all.push(", ");
        }
        all.push(shaped.hole(RulingHole::Observed(index, ObservedPart::Value)));
        all.push(" (");
        all.push(shaped.hole(RulingHole::Observed(index, ObservedPart::Place)));
        all.push(")");
    }
    all
}

fn client_text(wanted: &ClientRequirement, shaped: ShapedRule<'_>) -> RefusalText {
    let name = shaped.hole(RulingHole::ClientName);
    let client = shaped.hole(RulingHole::Client);
    let mut supported = Vec::new();
    let mut own_minimum = None;
    for (known, minimum) in &wanted.minimum {
        supported.push(format!("{known} {minimum}"));
        if let Some(seen) = &shaped.ruling.client
            && known.eq_ignore_ascii_case(seen)
        {
            own_minimum = Some(minimum.as_str());
        }
    }
    let use_supported =
        template!["Use one of these versions or later: ", supported.join(", "), "."];
    let please_update = template!["Please update ", name];
    let update = template!["Update ", name, "."];
    let (heading, detail, instructions) = match (shaped.ruling.cause, own_minimum) {
        (Some(VerdictReason::Missing), _) => (
            template!["This needs a different app"],
            template!["This server requires a client that sends its name and version."],
            use_supported,
        ),
        (Some(VerdictReason::UnknownClient), _) => (
            template!["This needs a different app"],
            template![name, " is not a supported client."],
            use_supported,
        ),
        (Some(VerdictReason::Blocked), _) => (
            please_update,
            template![client, " has a known fault and is blocked."],
            template!["Install another version of ", name, "."],
        ),
        (Some(VerdictReason::Ambiguous), _) => (
            template!["This app names several versions"],
            template![
                "A request must name one version of its client, but this request names several: ",
                all_observed(shaped),
                "."
            ],
            use_supported,
        ),
        (Some(VerdictReason::Malformed), _) => {
            let version = shaped.hole(RulingHole::ClientVersion);
            let detail =
                template!["The version that ", name, " sent is not valid: \"", version, "\"."];
            (please_update, detail, update)
        }
        (_, Some(minimum)) => {
            let detail =
                template![name, " ", minimum, " or later is required, but this is ", client, "."];
            (please_update, detail, update)
        }
        (_, None) => {
            (please_update, template!["A newer version of ", name, " is required."], update)
        }
    };
    RefusalText { heading, detail, instructions }
}

fn protocol_text(wanted: &Protocol, shaped: ShapedRule<'_>) -> RefusalText {
    let instructions = if shaped.request.is_http1() {
        template![format!("Send \"Connection: Upgrade\" and \"Upgrade: {wanted}\".")]
    } else {
        template![
            "Send an extended CONNECT whose \":protocol\" is \"",
            wanted.name(),
            "\", or use HTTP/1.1."
        ]
    };
    RefusalText {
        heading: template!["This endpoint is for a different kind of program"],
        detail: template![
            "This endpoint requires the protocol ",
            wanted.to_string(),
            ", but this request does not offer it."
        ],
        instructions,
    }
}
