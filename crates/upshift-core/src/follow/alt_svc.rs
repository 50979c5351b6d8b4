//! `Alt-Svc` (RFC 7838 §3), for HTTP/3 only.

use crate::Fields;
use crate::field::list_elements;

/// An alternative service for HTTP/3 on the same host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AltSvc {
    /// The UDP port.
    pub port: u16,
    /// The number of seconds for which a client may remember the service.
    pub max_age: u64,
}

/// The alternatives that a response announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AltSvcField {
    /// None, or none that is of use here.
    Silent,
    /// `clear`: forget earlier announcements.
    Clear,
    /// HTTP/3 is available on this host.
    Http3(AltSvc),
}

/// RFC 7838 §3.1: the freshness of an alternative is 24 hours unless `ma` says otherwise.
const DEFAULT_MAX_AGE: u64 = 86_400;

impl AltSvcField {
    /// Reads the field of a response from `host`. Alternatives on other hosts are ignored (rule
    /// 16).
    pub fn from_fields(fields: &dyn Fields, host: &str) -> Self {
        let mut first = Self::Silent;
        for element in list_elements(fields.all("alt-svc")) {
            let Ok(text) = std::str::from_utf8(element) else { continue };
            // RFC 7838 §3: "the special value "clear" … all alternatives for that origin to be
            // invalidated".
            if text == "clear" {
                return Self::Clear;
            }
            if first == Self::Silent
                && let Some(service) = parse_alternative(text, host)
            {
                first = Self::Http3(service);
            }
        }
        first
    }
}

/// Reads `h3="[host]:port"; ma=seconds`.
fn parse_alternative(text: &str, host: &str) -> Option<AltSvc> {
    let (service, parameters) = text.split_once(';').unwrap_or((text, ""));
    let (protocol, authority) = service.split_once('=')?;
    // `h3-29` and the like name drafts, which are other protocols.
    if protocol.trim() != "h3" {
        return None;
    }
    let (named_host, port_text) = authority.trim().trim_matches('"').rsplit_once(':')?;
    if !named_host.is_empty() && !named_host.eq_ignore_ascii_case(host) {
        return None;
    }
    let port = port_text.parse().ok()?;
    // Port 0 cannot be connected to.
    if port == 0 {
        return None;
    }
    Some(AltSvc { port, max_age: max_age(parameters) })
}

fn max_age(parameters: &str) -> u64 {
    for parameter in parameters.split(';') {
        if let Some(seconds) = parameter.trim().strip_prefix("ma=") {
            return seconds.trim_matches('"').parse().unwrap_or(DEFAULT_MAX_AGE);
        }
    }
    DEFAULT_MAX_AGE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> AltSvcField {
        AltSvcField::from_fields(&vec![("Alt-Svc", value)], "example.com")
    }

    #[test]
    fn only_http3_on_this_host_counts() {
        assert_eq!(
            read(r#"h2=":443", h3=":8443"; ma=60"#),
            AltSvcField::Http3(AltSvc { port: 8443, max_age: 60 })
        );
        assert_eq!(
            read(r#"h3="EXAMPLE.com:443"; persist=1"#),
            AltSvcField::Http3(AltSvc { port: 443, max_age: 86_400 })
        );
        assert_eq!(read(r#"h3="evil.example:443""#), AltSvcField::Silent);
        assert_eq!(read("clear"), AltSvcField::Clear);
        assert_eq!(read("h3=443, h3=\":0\", h3=\":x\""), AltSvcField::Silent);
    }
}
