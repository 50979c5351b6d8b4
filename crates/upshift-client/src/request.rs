//! A request between two attempts: what is kept of it, and what a step changes.

use http::header::{HOST, UPGRADE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Extensions, HeaderMap, HeaderValue, Method, Request, Uri, Version, request};
use upshift_core::field::{ConnectionOptions, UpgradeList};
use upshift_core::follow::Step;
use upshift_http::HeaderFields;

use crate::{BoxError, Route, websocket};

/// The head of a request, as it will be sent next.
#[derive(Clone)]
pub(crate) struct Head {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    pub(crate) extensions: Extensions,
}

impl Head {
    pub(crate) fn of(parts: request::Parts) -> Self {
        let request::Parts { method, uri, version, headers, extensions, .. } = parts;
        Self { method, uri, version, headers, extensions }
    }

    pub(crate) fn with<B>(&self, body: B) -> Request<B> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.version_mut() = self.version;
        *request.headers_mut() = self.headers.clone();
        *request.extensions_mut() = self.extensions.clone();
        request
    }

    /// The parts, for a hook to change.
    pub(crate) fn parts(&self) -> request::Parts {
        self.with(()).into_parts().0
    }

    pub(crate) fn is_secure(&self) -> bool {
        is_secure(&self.uri)
    }

    pub(crate) fn host(&self) -> &str {
        self.uri.host().unwrap_or_default()
    }

    pub(crate) fn port(&self) -> u16 {
        port(&self.uri)
    }

    /// `https://host:443`, with the port always written.
    pub(crate) fn origin(&self) -> String {
        origin(&self.uri)
    }

    /// The URL without user information, for people and logs.
    pub(crate) fn shown(&self) -> String {
        shown(&self.uri)
    }

    /// What its `Upgrade` offers. Without `Connection: upgrade` the field is no offer (RFC 9110
    /// §7.6.1).
    pub(crate) fn offered(&self) -> Option<UpgradeList> {
        let fields = HeaderFields(&self.headers);
        let list =
            UpgradeList::parse(self.headers.get_all(UPGRADE).iter().map(HeaderValue::as_bytes))
                .ok()?;
        ConnectionOptions::from_fields(&fields).contains("upgrade").then_some(list)
    }

    /// Whether it may be sent again although it may have arrived (RFC 9110 §9.2.2).
    pub(crate) fn is_idempotent(&self) -> bool {
        self.method.is_idempotent()
    }

    pub(crate) fn route(&self) -> Route {
        self.extensions.get::<Route>().copied().unwrap_or_default()
    }

    /// Changes the head as the step says. Raising a version is the caller's hook's work, not done
    /// here.
    pub(crate) fn take(&mut self, step: &Step) -> Result<(), BoxError> {
        self.extensions.insert(self.route().after(step));
        match step {
            Step::Tls { port, .. } => self.move_to_https(*port)?,
            Step::Http11 => self.version = Version::HTTP_11,
            // The route says how to come by it; a version that the inner client checks would only
            // be in the way.
            Step::Http2 | Step::Http2PriorKnowledge | Step::H2c | Step::Http3 { .. } => {
                self.version = Version::HTTP_11
            }
            Step::WebSocket { .. } => websocket::offer(&mut self.headers),
            Step::FallBack => websocket::withdraw(&mut self.headers),
            Step::NewerTls { .. } | Step::TlsInBand { .. } | Step::Version { .. } => {}
        }
        Ok(())
    }

    /// The same host, another port, with TLS.
    fn move_to_https(&mut self, port: u16) -> Result<(), BoxError> {
        let host = self.host().to_owned();
        let user = self
            .uri
            .authority()
            .and_then(|authority| authority.as_str().rsplit_once('@').map(|(user, _)| user));
        let user = user.map(|user| format!("{user}@")).unwrap_or_default();
        let port = if port == 443 { String::new() } else { format!(":{port}") };
        let authority: Authority = format!("{user}{host}{port}").parse()?;
        if self.headers.contains_key(HOST) {
            self.headers.insert(HOST, HeaderValue::try_from(format!("{host}{port}"))?);
        }
        let mut parts = std::mem::take(&mut self.uri).into_parts();
        (parts.scheme, parts.authority) = (Some(Scheme::HTTPS), Some(authority));
        parts.path_and_query.get_or_insert(PathAndQuery::from_static("/"));
        self.uri = Uri::from_parts(parts)?;
        Ok(())
    }
}

pub(crate) fn is_secure(uri: &Uri) -> bool {
    uri.scheme() == Some(&Scheme::HTTPS)
}

fn port(uri: &Uri) -> u16 {
    uri.port_u16().unwrap_or(if is_secure(uri) { 443 } else { 80 })
}

/// `https://host:443`, with the port always written.
pub(crate) fn origin(uri: &Uri) -> String {
    let scheme = if is_secure(uri) { "https" } else { "http" };
    format!("{scheme}://{}:{}", uri.host().unwrap_or_default().to_ascii_lowercase(), port(uri))
}

/// The URL without user information, for people and logs.
pub(crate) fn shown(uri: &Uri) -> String {
    let scheme = if is_secure(uri) { "https" } else { "http" };
    let port = uri.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    let rest = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    format!("{scheme}://{}{port}{rest}", uri.host().unwrap_or_default())
}

/// The URL without user information, to be sent.
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

    fn head(uri: &str) -> Head {
        Head::of(Request::get(uri).header("host", "old").body(()).unwrap().into_parts().0)
    }

    #[test]
    fn tls_keeps_host_user_path_and_query() {
        let mut request = head("http://u:p@H.example:8080/a?b");
        request.take(&Step::Tls { port: 8443, minimum: None }).unwrap();
        assert_eq!(request.uri, "https://u:p@H.example:8443/a?b");
        assert_eq!(request.headers["host"], "H.example:8443");
        assert_eq!(request.shown(), "https://H.example:8443/a?b");
        let mut bare = head("http://[::1]");
        bare.take(&Step::Tls { port: 443, minimum: None }).unwrap();
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
