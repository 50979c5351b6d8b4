//! `require`: one requirement, or a list of which any one suffices.

use toml::de::DeValue;
use upshift_core::field::Protocol;
use upshift_core::policy::{Requirement, RequirementKind, WebSocketRequirement};
use upshift_core::{HttpVersion, TlsVersion};

use crate::api::read_api;
use crate::client::read_client;
use crate::spelling::join_names;
use crate::toml_value::TomlValue;

const TLS: [(&str, TlsVersion); 4] = [
    ("1.0", TlsVersion::V1_0),
    ("1.1", TlsVersion::V1_1),
    ("1.2", TlsVersion::V1_2),
    ("1.3", TlsVersion::V1_3),
];
const HTTP: [(&str, HttpVersion); 4] = [
    ("1.0", HttpVersion::V1_0),
    ("1.1", HttpVersion::V1_1),
    ("2", HttpVersion::V2),
    ("3", HttpVersion::V3),
];

/// Reads the value of `require`.
pub(crate) fn read_requirements(value: &TomlValue<'_>) -> Vec<Requirement> {
    let members = value.one_or_more();
    if members.is_empty() {
        value.report_error("`require` is an empty list", "expected at least one requirement");
    }
    members.iter().filter_map(read_requirement).collect()
}

fn read_requirement(value: &TomlValue<'_>) -> Option<Requirement> {
    if !value.is_table() {
        value.report_type("a table such as { tls = \"1.2\" }");
        return None;
    }
    let mut table = value.read_table("Requirement")?;
    let mut given = Vec::new();
    // All kinds are asked for, so that a second one is found and not called an unknown key.
    for kind in RequirementKind::ALL {
        if let Some(inner) = table.get(kind.as_str()) {
            given.push((kind, inner));
        }
    }
    table.report_unknown_keys();
    match given.as_slice() {
        [(kind, inner)] => read_kind(*kind, inner),
        // The unknown key is reported, and was probably meant to be the requirement.
        [] if table.has_unknown_key() => None,
        [] => {
            let names = RequirementKind::ALL.map(RequirementKind::as_str);
            let label = format!("expected {}", join_names(names));
            value.report_error("the requirement is empty", label);
            None
        }
        [_, (second, inner), ..] => {
            let error = inner.error_here("a table holds one requirement only");
            value.report(error.with_label(format!("`{second}` is the second")).with_help(
                "if any one suffices: require = [{ … }, { … }]\nif both must hold: write two rules",
            ));
            None
        }
    }
}

fn read_kind(kind: RequirementKind, value: &TomlValue<'_>) -> Option<Requirement> {
    match kind {
        RequirementKind::Tls => value.read_word("version of TLS", &TLS).map(Requirement::Tls),
        RequirementKind::Http => value.read_word("version of HTTP", &HTTP).map(Requirement::Http),
        RequirementKind::WebSocket => read_websocket(value),
        RequirementKind::Api => read_api(value).map(Requirement::Api),
        RequirementKind::Client => read_client(value).map(Requirement::Client),
        RequirementKind::Protocol => read_protocol(value).map(Requirement::Protocol),
    }
}

fn read_protocol(value: &TomlValue<'_>) -> Option<Protocol> {
    let protocol = value.parse_with("a protocol such as \"derp/2\"", |text| {
        Protocol::parse(text)
            .map_err(|_| "expected a name, or a name, a slash and a version".to_owned())
    })?;
    // These are upgrade tokens as well, but a handshake or a version belongs to each.
    for name in ["websocket", "tls", "http"] {
        if protocol.is_named(name) {
            let message = format!("`{name}` has its own kind of requirement");
            value.report_error(message, format!("write {{ {name} = … }}"));
            return None;
        }
    }
    // RFC 9113 §3.1 deprecates the token. A client may get to HTTP/2 in other ways.
    if protocol.is_named("h2c") {
        value.report_error("`h2c` is a version of HTTP", "write { http = \"2\" }");
        return None;
    }
    Some(protocol)
}

fn read_websocket(value: &TomlValue<'_>) -> Option<Requirement> {
    match value.as_toml() {
        DeValue::Boolean(false) => Some(Requirement::NoWebSocket),
        // `true` takes any subprotocol, or none.
        DeValue::Boolean(true) => Some(Requirement::WebSocket(WebSocketRequirement::default())),
        DeValue::Table(_) => {
            let mut table = value.read_table("Websocket")?;
            // RFC 6455 §4.1: the version is 13.
            let version = table.integer_at("version", 13..=13).unwrap_or(13);
            let mut subprotocols = Vec::new();
            for member in table.values_at("subprotocols") {
                subprotocols.extend(member.read_token().map(Box::from));
            }
            table.report_unknown_keys();
            Some(Requirement::WebSocket(WebSocketRequirement { version, subprotocols }))
        }
        _ => {
            value.report_type("true, false or a table such as { subprotocols = [\"chat.v2\"] }");
            None
        }
    }
}

impl<'d> TomlValue<'d> {
    /// A token (RFC 9110 §5.6.2).
    pub(crate) fn read_token(&self) -> Option<&'d str> {
        let text = self.read_string("a string")?;
        if upshift_core::field::is_token(text) {
            return Some(text);
        }
        self.report_error(
            format!("`{text}` is not a token"),
            "a token has letters, digits and -._~ only, no white space or slash",
        );
        None
    }
}
