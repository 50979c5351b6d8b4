//! The URL of a probe.

use std::fmt;

use http::Uri;

/// The URL of a probe, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// True for `https` and `wss`.
    pub is_tls: bool,
    /// The host, an IPv6 address without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The path and the query, beginning with `/`.
    pub path: String,
}

/// A text that is not the URL of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetError(String);

impl Target {
    /// Reads an `http`, `https`, `ws` or `wss` URL. Without a scheme, it is an `http` URL.
    ///
    /// # Errors
    /// If it has another scheme, no host, or user information.
    pub fn parse(url: &str) -> Result<Self, TargetError> {
        let whole = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        // RFC 9110 §7.1: the fragment is not part of a request.
        let without_fragment = whole.split('#').next().unwrap_or_default();
        let Ok(uri) = without_fragment.parse::<Uri>() else {
            return Err(TargetError(format!("`{url}` is not a URL")));
        };
        let is_tls = match uri.scheme_str().unwrap_or_default() {
            "http" | "ws" => false,
            "https" | "wss" => true,
            other => {
                return Err(TargetError(format!(
                    "`{other}` URLs cannot be probed; http, https, ws and wss URLs can"
                )));
            }
        };
        let Some(authority) = uri.authority() else {
            return Err(TargetError(format!("`{url}` names no host")));
        };
        // RFC 9110 §4.2.4: user information in a URL of another party is an attempt to mislead.
        if authority.as_str().contains('@') {
            return Err(TargetError(
                "a URL with user information cannot be probed; send it with -H 'Authorization: …'"
                    .to_owned(),
            ));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(TargetError(format!("`{url}` names no host")));
        }
        let port = match (uri.port_u16(), is_tls) {
            (Some(0), _) => return Err(TargetError("port 0 cannot be connected to".to_owned())),
            (Some(port), _) => port,
            (None, true) => 443,
            (None, false) => 80,
        };
        // `http://host?query` has an empty path (RFC 9112 §3.2.1: "/" is sent for it).
        let path = match uri.path_and_query().map(|path| path.as_str()) {
            None | Some("") => "/".to_owned(),
            Some(path) if path.starts_with('?') => format!("/{path}"),
            Some(path) => path.to_owned(),
        };
        Ok(Self { is_tls, host: host.to_ascii_lowercase(), port, path })
    }

    /// The same path on another port of the host.
    pub fn at_port(&self, is_tls: bool, port: u16) -> Self {
        Self { is_tls, port, ..self.clone() }
    }

    /// The port of the other channel: of TLS for an `http` URL, of cleartext for an `https` URL, if
    /// the URL has a port of its own that implies it.
    pub fn implied_other_port(&self) -> Option<u16> {
        match (self.is_tls, self.port) {
            (false, 80) => Some(443),
            (true, 443) => Some(80),
            _ => None,
        }
    }

    /// The host, and the port unless it is the default of the scheme: the value of `Host` (RFC 9110
    /// §7.2).
    pub fn authority(&self) -> String {
        let default = if self.is_tls { 443 } else { 80 };
        if self.port == default { self.bracketed_host() } else { self.host_and_port() }
    }

    /// The host and the port.
    pub fn host_and_port(&self) -> String {
        format!("{}:{}", self.bracketed_host(), self.port)
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.is_tls { "https" } else { "http" }
    }

    fn bracketed_host(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }
}

/// Writes the URL.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme(), self.authority(), self.path)
    }
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TargetError {}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use super::*;

    #[test]
    fn urls_are_completed() {
        for (text, url) in [
            ("example.com", "http://example.com/"),
            ("localhost:8080/a?b#c", "http://localhost:8080/a?b"),
            ("https://Example.com:443", "https://example.com/"),
            ("wss://[::1]:8443/chat", "https://[::1]:8443/chat"),
            ("http://a.example?x=1", "http://a.example/?x=1"),
        ] {
            assert_eq!(Target::parse(text).unwrap().to_string(), url, "{text}");
        }
    }

    #[test]
    fn other_texts_are_errors() {
        for (text, why) in [
            ("ftp://a.example", "`ftp` URLs cannot be probed"),
            ("http://u:p@a.example", "user information"),
            ("http://a.example:0/", "port 0"),
            ("http://", "is not a URL"),
            ("http://:80/", "names no host"),
            ("a b", "is not a URL"),
        ] {
            let error = Target::parse(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn an_address_of_version_6_has_brackets_only_in_a_url() {
        let target = Target::parse("http://[::1]/").unwrap();
        assert_eq!((target.host.as_str(), target.authority().as_str()), ("::1", "[::1]"));
        assert_eq!(target.at_port(true, 8443).to_string(), "https://[::1]:8443/");
    }
}
