//! What is asked for, once it is known to be well-formed.

use http::header::{self, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Version, request};
use upshift_core::policy::has_nul;

use crate::fault::Fault;
use crate::forward::hop;

/// The target of a request that may be decided on.
pub(crate) struct Target {
    /// The authority, as sent; empty if none was.
    pub(crate) host: HeaderValue,
    /// Path and query, as sent.
    pub(crate) path: PathAndQuery,
    /// `:protocol` of an extended CONNECT (RFC 8441 §4).
    pub(crate) protocol: Option<hyper::ext::Protocol>,
}

impl Target {
    /// Refuses what no upstream should have to interpret.
    pub(crate) fn of(parts: &request::Parts) -> Result<Self, Fault> {
        let protocol = parts.extensions.get::<hyper::ext::Protocol>().cloned();
        // RFC 9110 §9.3.6: CONNECT without `:protocol` is for forward proxies.
        if parts.method == Method::CONNECT && protocol.is_none() {
            return Err(Fault::Connect);
        }
        check_form(parts)?;
        if parts.method == Method::TRACE && hop::forwards_left(&parts.method, &parts.headers) == Some(0) {
            return Err(Fault::Trace);
        }
        if parts
            .headers
            .get_all(header::TRANSFER_ENCODING)
            .iter()
            .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked"))
        {
            return Err(Fault::Coding);
        }
        let path = parts.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        if has_nul(path.path()) {
            return Err(Fault::Target("The path contains a NUL."));
        }
        Ok(Self { host: host(parts)?, path, protocol })
    }

    /// The authority as text.
    pub(crate) fn authority(&self) -> &str {
        self.host.to_str().unwrap_or_default()
    }
}

/// RFC 9112 §3.2.3: the authority-form is for CONNECT; §3.2.4: the asterisk-form is for OPTIONS. What stands for another
/// scheme is not served here.
fn check_form(parts: &request::Parts) -> Result<(), Fault> {
    let uri = &parts.uri;
    if parts.method != Method::CONNECT && uri.scheme().is_none() && uri.authority().is_some() {
        return Err(Fault::Target("The target is neither a path nor a whole URL."));
    }
    if parts.method != Method::OPTIONS && uri.path() == "*" {
        return Err(Fault::Target("The target * is for OPTIONS alone."));
    }
    if uri.scheme_str().is_some_and(|scheme| scheme != "http" && scheme != "https") {
        return Err(Fault::Target("Only http and https URLs are served here."));
    }
    Ok(())
}

/// The authority that is asked: `:authority` or the absolute form before `Host`.
fn host(parts: &request::Parts) -> Result<HeaderValue, Fault> {
    let mut lines = parts.headers.get_all(header::HOST).iter();
    let (first, second) = (lines.next(), lines.next());
    // RFC 9112 §3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that
    // lacks a Host header field and to any request message that contains more than one Host header field line or a
    // Host header field with an invalid field value."
    if second.is_some() {
        return Err(Fault::Host("There is more than one Host field."));
    }
    if first.is_some_and(|host| !is_authority(host)) {
        return Err(Fault::Host("The Host field is no host."));
    }
    if let Some(authority) = parts.uri.authority() {
        // RFC 9112 §3.2.2: with an absolute-form target, the "received Host header field" is ignored.
        let value = HeaderValue::from_str(authority.as_str()).ok().filter(is_authority);
        return value.ok_or(Fault::Host("The authority is no host."));
    }
    match first {
        Some(host) => Ok(host.clone()),
        None if parts.version == Version::HTTP_11 => Err(Fault::Host("There is no Host field.")),
        None => Ok(HeaderValue::from_static("")),
    }
}

fn is_authority(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    bytes.is_empty() || (!bytes.contains(&b'@') && http::uri::Authority::try_from(bytes).is_ok())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]
    use super::*;

    fn target(uri: &str, version: Version, hosts: &[&str]) -> Result<Target, Fault> {
        let mut request = http::Request::new(());
        *request.uri_mut() = uri.parse().unwrap();
        *request.version_mut() = version;
        for host in hosts {
            request.headers_mut().append(header::HOST, host.parse().unwrap());
        }
        Target::of(&request.into_parts().0)
    }

    /// RFC 9112 §3.2.2.
    #[test]
    fn the_absolute_form_beats_host() {
        assert_eq!(
            target("http://a.example:81/x", Version::HTTP_11, &["b.example"]).unwrap().authority(),
            "a.example:81"
        );
        assert_eq!(target("/x", Version::HTTP_11, &["b.example"]).unwrap().authority(), "b.example");
    }

    /// RFC 9112 §3.2.
    #[test]
    fn a_host_is_owed_by_http_1_1_alone() {
        assert!(target("/", Version::HTTP_11, &[]).is_err());
        assert_eq!(target("/", Version::HTTP_10, &[]).unwrap().authority(), "");
        assert!(target("/", Version::HTTP_10, &["a", "a"]).is_err());
        assert_eq!(target("/", Version::HTTP_11, &[""]).unwrap().authority(), "");
    }

    #[test]
    fn paths_stay_as_they_were_sent() {
        let target = target("/a%2F../b//?q=%20", Version::HTTP_11, &["a"]).unwrap();
        assert_eq!(target.path.as_str(), "/a%2F../b//?q=%20");
    }
}
