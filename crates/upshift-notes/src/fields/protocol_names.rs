//! The names in `Upgrade`: which are registered, and which name no protocol that a connection can
//! switch to.

use upshift_core::field::Protocol;

use crate::exchange::FieldSection;

/// The names of IANA's HTTP Upgrade Token Registry, as it spells them.
pub(crate) const REGISTERED: [&str; 7] =
    ["HTTP", "TLS", "WebSocket", "websocket", "h2c", "connect-udp", "connect-ip"];

/// Names that have notes of their own.
const MISTAKEN: [&str; 6] = ["h2", "h3", "HTTPS", "SSL", "http2", "http3"];

/// Returns true if the name is registered, in any case of its letters.
pub(crate) fn is_registered(name: &str) -> bool {
    REGISTERED.iter().any(|registered| registered.eq_ignore_ascii_case(name))
}

/// Returns true if the name is one that people write where they mean another.
pub(crate) fn is_mistaken(name: &str) -> bool {
    MISTAKEN.iter().any(|mistaken| mistaken.eq_ignore_ascii_case(name))
}

/// The protocols of a message that are called `name`.
pub(crate) fn protocols_named(section: &FieldSection<'_>, name: &str) -> Vec<Protocol> {
    let mut protocols = section.protocols();
    protocols.retain(|protocol| protocol.is_named(name));
    protocols
}

/// Returns true if the version has the form `DIGIT.DIGIT`, which the registry expects of `HTTP` and
/// `TLS`.
pub(crate) fn is_two_digits(version: Option<&str>) -> bool {
    match version.unwrap_or_default().as_bytes() {
        [major, b'.', minor] => major.is_ascii_digit() && minor.is_ascii_digit(),
        _ => false,
    }
}
