//! The head of a request between two attempts, and the changes that a step makes to it.

use http::header::{HOST, UPGRADE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Extensions, HeaderMap, HeaderValue, Method, Request, Uri, Version, request};
use upshift_core::field::UpgradeList;
use upshift_core::follow::Step;
use upshift_http::connection_has_option;

use crate::route::Route;
use crate::{BoxError, websocket};

/// The head of a request, as it will be sent next.
#[derive(Clone)]
pub(crate) struct OutgoingHead {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    pub(crate) extensions: Extensions,
}

impl OutgoingHead {
    pub(crate) fn from_parts(parts: request::Parts) -> Self {
        let request::Parts { method, uri, version, headers, extensions, .. } = parts;
        Self { method, uri, version, headers, extensions }
    }

    pub(crate) fn to_request<B>(&self, body: B) -> Request<B> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.version_mut() = self.version;
        *request.headers_mut() = self.headers.clone();
        *request.extensions_mut() = self.extensions.clone();
        request
    }

    /// The parts, for a hook to change.
    pub(crate) fn to_parts(&self) -> request::Parts {
        self.to_request(()).into_parts().0
    }

    pub(crate) fn is_secure(&self) -> bool {
        is_secure(&self.uri)
    }

    pub(crate) fn host(&self) -> &str {
        self.uri.host().unwrap_or_default()
    }

    pub(crate) fn port(&self) -> u16 {
        port_of(&self.uri)
    }

    pub(crate) fn origin(&self) -> String {
        origin_of(&self.uri)
    }

    pub(crate) fn display_url(&self) -> String {
        display_url_of(&self.uri)
    }

    /// The protocols that its `Upgrade` offers. Without `Connection: upgrade` the field is no offer
    /// (RFC 9110 §7.6.1).
    pub(crate) fn offered_protocols(&self) -> Option<UpgradeList> {
        if !connection_has_option(&self.headers, "upgrade") {
            return None;
        }
        // A malformed list offers nothing.
        let lines = self.headers.get_all(UPGRADE).iter().map(HeaderValue::as_bytes);
        UpgradeList::parse(lines).ok()
    }

    /// Returns true if it may be sent again although it may have arrived (RFC 9110 §9.2.2).
    pub(crate) fn is_idempotent(&self) -> bool {
        self.method.is_idempotent()
    }

    pub(crate) fn route(&self) -> Route {
        self.extensions.get::<Route>().copied().unwrap_or_default()
    }

    /// Changes the head as the step requires. A version is not raised here, but by the caller's
    /// hook.
    pub(crate) fn apply_step(&mut self, step: &Step) -> Result<(), BoxError> {
        self.extensions.insert(self.route().after_step(step));
        match step {
            Step::Tls { port, .. } => self.move_to_https(*port)?,
            // For the newer versions the route says how to reach them. A version in the request
            // could be rejected by an inner client that checks it.
            Step::Http11
            | Step::Http2
            | Step::Http2PriorKnowledge
            | Step::H2c
            | Step::Http3 { .. } => self.version = Version::HTTP_11,
            Step::WebSocket { .. } => websocket::add_handshake(&mut self.headers),
            Step::FallBack => websocket::remove_handshake(&mut self.headers),
            Step::NewerTls { .. } | Step::TlsInBand { .. } | Step::Version { .. } => {}
        }
        Ok(())
    }

    /// Moves the request to the same host with TLS, at another port.
    fn move_to_https(&mut self, port: u16) -> Result<(), BoxError> {
        let mut host_and_port = self.host().to_owned();
        if port != 443 {
            host_and_port = format!("{host_and_port}:{port}");
        }
        let authority: Authority = match user_of(&self.uri) {
            Some(user) => format!("{user}@{host_and_port}").parse()?,
            None => host_and_port.parse()?,
        };
        if self.headers.contains_key(HOST) {
            self.headers.insert(HOST, HeaderValue::try_from(host_and_port)?);
        }
        let mut parts = std::mem::take(&mut self.uri).into_parts();
        (parts.scheme, parts.authority) = (Some(Scheme::HTTPS), Some(authority));
        // A URI with a scheme needs a path.
        parts.path_and_query.get_or_insert(PathAndQuery::from_static("/"));
        self.uri = Uri::from_parts(parts)?;
        Ok(())
    }
}

pub(crate) fn is_secure(uri: &Uri) -> bool {
    uri.scheme() == Some(&Scheme::HTTPS)
}

/// The port of a URL, or the default port of its scheme.
fn port_of(uri: &Uri) -> u16 {
    uri.port_u16().unwrap_or(if is_secure(uri) { 443 } else { 80 })
}

/// The user information of a URL.
fn user_of(uri: &Uri) -> Option<&str> {
    let (user, _) = uri.authority()?.as_str().rsplit_once('@')?;
    Some(user)
}

/// The origin of a URL, such as `https://host:443`, always with its port.
pub(crate) fn origin_of(uri: &Uri) -> String {
    let scheme = if is_secure(uri) { "https" } else { "http" };
    format!("{scheme}://{}:{}", uri.host().unwrap_or_default().to_ascii_lowercase(), port_of(uri))
}

/// A URL without user information, for people and logs.
pub(crate) fn display_url_of(uri: &Uri) -> String {
    let scheme = if is_secure(uri) { "https" } else { "http" };
    let host = uri.host().unwrap_or_default();
    let target = match uri.path_and_query() {
        Some(path) => path.as_str(),
        None => "/",
    };
    match uri.port_u16() {
        Some(port) => format!("{scheme}://{host}:{port}{target}"),
        None => format!("{scheme}://{host}{target}"),
    }
}

/// A URL without user information, to be sent.
// RFC 9110 §4.2.4: "A sender MUST NOT generate the userinfo subcomponent (and its "@" delimiter)
// when an "http" or "https" URI reference is generated within a message as a target URI or field
// value."
pub(crate) fn without_user(uri: &Uri) -> Result<Uri, BoxError> {
    let mut parts = uri.clone().into_parts();
    if let Some(authority) = &parts.authority
        && let Some((_, bare)) = authority.as_str().rsplit_once('@')
    {
        parts.authority = Some(bare.parse()?);
    }
    Ok(Uri::from_parts(parts)?)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]
    use super::*;

    fn head(uri: &str) -> OutgoingHead {
        OutgoingHead::from_parts(
            Request::get(uri).header("host", "old").body(()).unwrap().into_parts().0,
        )
    }

    #[test]
    fn tls_keeps_host_user_path_and_query() {
        let mut request = head("http://u:p@H.example:8080/a?b");
        request.apply_step(&Step::Tls { port: 8443, minimum: None }).unwrap();
        assert_eq!(request.uri, "https://u:p@H.example:8443/a?b");
        assert_eq!(request.headers["host"], "H.example:8443");
        assert_eq!(request.display_url(), "https://H.example:8443/a?b");
        let mut bare = head("http://[::1]");
        bare.apply_step(&Step::Tls { port: 443, minimum: None }).unwrap();
        assert_eq!(bare.uri, "https://[::1]/");
        assert_eq!(bare.origin(), "https://[::1]:443");
    }

    #[test]
    fn user_information_is_no_part_of_a_target() {
        assert_eq!(
            without_user(&Uri::from_static("http://u:p@h:1/a?b")).unwrap(),
            "http://h:1/a?b"
        );
        assert_eq!(without_user(&Uri::from_static("https://h/")).unwrap(), "https://h/");
    }
}
