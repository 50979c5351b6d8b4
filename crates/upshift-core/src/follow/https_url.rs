//! The port of the `https` URL that a response gives.

use super::exchange::{ReceivedResponse, SentRequest};
use crate::Facts;

/// The port of an `https` URL of the requested host, in the problem body or in `Location`.
///
/// A URL of another host is ignored (rule 16).
pub(super) fn https_port(
    response: &ReceivedResponse<'_>,
    request: &SentRequest<'_>,
) -> Option<u16> {
    if let Some(problem) = response.problem
        && let Some(url) = &problem.upgrade_url
        && let Some(port) = port_on_host(url, request.host)
    {
        return Some(port);
    }
    port_on_host(response.fields.text("location")?, request.host)
}

/// The port of `url` if it is an `https` URL of `host`; 443 if the URL names none.
fn port_on_host(url: &str, host: &str) -> Option<u16> {
    const SCHEME: &str = "https://";
    let (scheme, rest) = url.split_at_checked(SCHEME.len())?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return None;
    }
    // A browser reads a backslash as a slash, so it must not become part of the host here.
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let named_host = Facts::host_of(authority);
    // User information before `@` can make a URL of one host look like a URL of another.
    if authority.contains('@') || !named_host.eq_ignore_ascii_case(host) {
        return None;
    }
    let Some(port_text) = authority.get(named_host.len()..)?.strip_prefix(':') else {
        return Some(443);
    };
    match port_text.parse() {
        Ok(0) | Err(_) => None,
        Ok(port) => Some(port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_url_of_the_same_host_gives_a_port() {
        for (url, wanted) in [
            ("https://h.example/x", Some(443)),
            ("HTTPS://H.EXAMPLE:8443?x", Some(8443)),
            ("https://h.example:0/", None),
            ("https://h.example:x/", None),
            ("https://h.example\\@evil.example:1/", Some(443)),
            ("https://h.example:1@evil.example:2/", None),
            ("https://evil.example:1/h.example", None),
            ("http://h.example:1/", None),
            ("https:/", None),
            ("", None),
        ] {
            assert_eq!(port_on_host(url, "h.example"), wanted, "{url}");
        }
    }
}
