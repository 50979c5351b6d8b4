//! The alternative services that a response announces (RFC 7838).

use upshift_core::field::list_elements;
use upshift_record::probe::ProbeRow;

use super::switching::values_of;

/// An alternative service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Alternative {
    /// The protocol, as ALPN names it: `h3`.
    pub(super) protocol: String,
    /// The host; `None` for the host of the response.
    pub(super) host: Option<String>,
    /// The port.
    pub(super) port: u16,
}

/// The alternatives that the final response of a question to `own_host` announces. Malformed ones
/// and `clear` are left out.
pub(super) fn alternatives_of(row: &ProbeRow, own_host: &str) -> Vec<Alternative> {
    let response = row.exchange.as_ref().and_then(|exchange| exchange.response.as_ref());
    let Some(response) = response else { return Vec::new() };
    let lines = values_of(response, "alt-svc");
    let mut alternatives = Vec::new();
    for element in list_elements(lines.into_iter()) {
        let text = String::from_utf8_lossy(element);
        let Some(mut alternative) = parse_alternative(&text) else { continue };
        if alternative.host.as_deref() == Some(own_host) {
            alternative.host = None;
        }
        alternatives.push(alternative);
    }
    alternatives
}

/// Reads `h3="[host]:port"; ma=…` (RFC 7838 §3).
fn parse_alternative(text: &str) -> Option<Alternative> {
    let service = text.split(';').next()?;
    let (protocol, authority) = service.split_once('=')?;
    let (host, port) = authority.trim().trim_matches('"').rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port != 0)?;
    let host = if host.is_empty() { None } else { Some(host.to_ascii_lowercase()) };
    Some(Alternative { protocol: protocol.trim().to_owned(), host, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_are_read() {
        let here = Alternative { protocol: "h3".to_owned(), host: None, port: 8443 };
        assert_eq!(parse_alternative("h3=\":8443\"; ma=60"), Some(here));
        let there = Alternative {
            protocol: "h2".to_owned(),
            host: Some("alt.example".to_owned()),
            port: 1,
        };
        assert_eq!(parse_alternative("h2=\"Alt.example:1\""), Some(there));
        for other in ["clear", "h3=\":0\"", "h3=\":x\"", "h3", ""] {
            assert_eq!(parse_alternative(other), None, "{other}");
        }
    }
}
