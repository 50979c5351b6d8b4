//! `Alt-Svc` (RFC 7838 §3), as far as HTTP/3 goes.

use crate::Fields;
use crate::field::list_elements;

/// An alternative service for HTTP/3 on the same host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AltSvc {
    /// Its UDP port.
    pub port: u16,
    /// For how many seconds it may be remembered (RFC 7838 §3.1; a day unless said).
    pub max_age: u64,
}

/// The alternatives that an answer names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AltSvcField {
    /// Nothing, or nothing that is of use here.
    Silent,
    /// `clear`: forget what was said before.
    Clear,
    /// HTTP/3 is to be had on this host.
    Http3(AltSvc),
}

impl AltSvcField {
    /// Reads the field of an answer from `host`. Alternatives on other hosts are passed over (rule
    /// 16).
    pub fn from_fields(fields: &dyn Fields, host: &str) -> Self {
        let mut found = Self::Silent;
        for element in list_elements(fields.all("alt-svc")) {
            let Ok(text) = std::str::from_utf8(element) else { continue };
            // RFC 7838 §3: "the special value "clear" … all alternatives for that origin to be
            // invalidated".
            if text == "clear" {
                return Self::Clear;
            }
            if let (Self::Silent, Some(service)) = (found, alternative(text, host)) {
                found = Self::Http3(service);
            }
        }
        found
    }
}

/// `h3="[host]:port"; ma=seconds`.
fn alternative(text: &str, host: &str) -> Option<AltSvc> {
    let (service, parameters) = text.split_once(';').unwrap_or((text, ""));
    let (protocol, authority) = service.split_once('=')?;
    if protocol.trim() != "h3" {
        return None;
    }
    let (named, port) = authority.trim().trim_matches('"').rsplit_once(':')?;
    if !named.is_empty() && !named.eq_ignore_ascii_case(host) {
        return None;
    }
    let age = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("ma="));
    let max_age = age.and_then(|age| age.trim_matches('"').parse().ok()).unwrap_or(86_400);
    Some(AltSvc { port: port.parse().ok().filter(|port| *port != 0)?, max_age })
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
