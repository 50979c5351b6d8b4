//! The target of a request, checked.

use http::header::HeaderValue;
use http::uri::{Authority, PathAndQuery};
use http::{Method, Version};
use upshift_config::PathMode;
use upshift_core::Fields;
use upshift_core::policy::{ambiguity, canonical, why_undecidable};
use upshift_http::forwards_left;
use upshift_http1::FieldId;

use crate::local_reply::LocalReply;
use crate::received_request::ReceivedRequest;

/// The target of a request that may be decided on.
pub(crate) struct Target {
    /// The authority, as sent; empty if none was.
    pub(crate) host: HeaderValue,
    /// Path and query as they go upstream: as sent, unless they are made canonical.
    pub(crate) path: PathAndQuery,
    /// `:protocol` of an extended CONNECT (RFC 8441 §4).
    pub(crate) protocol: Option<hyper::ext::Protocol>,
}

impl Target {
    /// Reads the target. Forms that upstreams interpret in different ways are refused.
    pub(crate) fn of_request(
        request: &ReceivedRequest<'_>,
        mode: PathMode,
    ) -> Result<Self, LocalReply> {
        let protocol = request.extensions.get::<hyper::ext::Protocol>().cloned();
        // RFC 9110 §9.3.6: CONNECT without `:protocol` is for forward proxies.
        if request.method == Method::CONNECT && protocol.is_none() {
            return Err(LocalReply::Connect);
        }
        check_form(request)?;
        if request.method == Method::TRACE
            && forwards_left(&request.method, request.fields.map()) == Some(0)
        {
            return Err(LocalReply::Trace);
        }
        let fields: &dyn Fields = &request.fields;
        for coding in fields.all(FieldId::TransferEncoding.as_str()) {
            // RFC 9112 §6.1: a server "that receives a request message with a transfer coding it
            // does not understand SHOULD respond with 501".
            if !coding.eq_ignore_ascii_case(b"chunked") {
                return Err(LocalReply::Coding);
            }
        }
        let path = match request.uri.path_and_query() {
            // RFC 9112 §3.2.1: "If the target URI's path component is empty, the client MUST send "/"
            // as the path within the origin-form of request-target."
            Some(path) if path.as_str().starts_with('?') => with_root_path(path)?,
            Some(path) => path.clone(),
            // The authority-form of CONNECT has none.
            None => PathAndQuery::from_static("/"),
        };
        Ok(Self { host: read_host(request)?, path: check_path(path, mode)?, protocol })
    }

    /// The authority as text.
    pub(crate) fn authority(&self) -> &str {
        self.host.to_str().unwrap_or_default()
    }
}

/// The path of a URL such as `http://a?b`, which has a query only.
fn with_root_path(query: &PathAndQuery) -> Result<PathAndQuery, LocalReply> {
    // It is displayed with the `/`.
    query
        .to_string()
        .parse()
        .map_err(|_| LocalReply::Target("The target is neither a path nor a whole URL."))
}

/// The path as it goes upstream.
fn check_path(path: PathAndQuery, mode: PathMode) -> Result<PathAndQuery, LocalReply> {
    let path = match mode {
        PathMode::AsSent => path,
        PathMode::Canonical => canonical_path(path)?,
        PathMode::Strict => match ambiguity(path.path()) {
            Some(ambiguity) => return Err(LocalReply::AmbiguousPath(ambiguity)),
            None => path,
        },
    };
    match why_undecidable(path.path()) {
        Some(why) => Err(LocalReply::Target(why)),
        None => Ok(path),
    }
}

fn canonical_path(path: PathAndQuery) -> Result<PathAndQuery, LocalReply> {
    let text = canonical(path.path());
    if text == path.path() {
        return Ok(path);
    }
    let text = match path.query() {
        Some(query) => format!("{text}?{query}"),
        None => text.into_owned(),
    };
    text.parse().map_err(|_| LocalReply::Target("The path has no canonical form."))
}

/// RFC 9112 §3.2.3: the authority-form is for CONNECT; §3.2.4: the asterisk-form is for OPTIONS.
/// Targets of other schemes are not served here.
fn check_form(request: &ReceivedRequest<'_>) -> Result<(), LocalReply> {
    let uri = &request.uri;
    if request.method != Method::CONNECT && uri.scheme().is_none() && uri.authority().is_some() {
        return Err(LocalReply::Target("The target is neither a path nor a whole URL."));
    }
    if request.method != Method::OPTIONS && uri.path() == "*" {
        return Err(LocalReply::Target("The target * is for OPTIONS alone."));
    }
    if uri.scheme_str().is_some_and(|scheme| scheme != "http" && scheme != "https") {
        return Err(LocalReply::Target("Only http and https URLs are served here."));
    }
    Ok(())
}

/// Reads the authority: `:authority` or the absolute form, else `Host`.
fn read_host(request: &ReceivedRequest<'_>) -> Result<HeaderValue, LocalReply> {
    let name = FieldId::Host.as_str();
    let [first, second] = request.fields.first_two(name);
    // RFC 9112 §3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1
    // request message that lacks a Host header field and to any request message that contains more
    // than one Host header field line or a Host header field with an invalid field value."
    if second.is_some() {
        return Err(LocalReply::Host("There is more than one Host field."));
    }
    if first.is_some_and(|host| !is_authority(host)) {
        return Err(LocalReply::Host("The Host field is not a valid host."));
    }
    // RFC 9112 §3.2.2: a Host field is sent "even if the request-target is in the absolute-form".
    if first.is_none() && request.version == Version::HTTP_11 {
        return Err(LocalReply::Host("There is no Host field."));
    }
    if let Some(authority) = request.uri.authority() {
        // RFC 9113 §8.3.1: "A server SHOULD treat a request as malformed if it contains a Host
        // header field that identifies an entity that differs from the entity in the ":authority"
        // pseudo-header field"; RFC 9114 §4.3.1 has it as a MUST.
        if request.version >= Version::HTTP_2
            && let Some(host) = first
            && !is_same_authority(host, authority, request.uri.scheme_str())
        {
            return Err(LocalReply::Host("Host and :authority differ."));
        }
        // RFC 9112 §3.2.2: with an absolute-form target, the "received Host header field" is
        // ignored.
        let value = HeaderValue::from_str(authority.as_str()).ok();
        let valid = value.filter(|value| is_authority(value.as_bytes()));
        return valid.ok_or(LocalReply::Host("The authority is not a valid host."));
    }
    match request.fields.first_value(name) {
        Some(host) => Ok(host),
        None if request.version >= Version::HTTP_2 => {
            Err(LocalReply::Host("There is no :authority."))
        }
        None => Ok(HeaderValue::from_static("")),
    }
}

fn is_same_authority(host: &[u8], authority: &Authority, scheme: Option<&str>) -> bool {
    let default_port = if scheme == Some("http") { ":80" } else { ":443" };
    let Ok(host) = std::str::from_utf8(host) else { return false };
    let host = host.strip_suffix(default_port).unwrap_or(host);
    let authority = authority.as_str();
    let authority = authority.strip_suffix(default_port).unwrap_or(authority);
    host.eq_ignore_ascii_case(authority)
}

fn is_authority(bytes: &[u8]) -> bool {
    if bytes.is_empty() || is_plain_authority(bytes) {
        return true;
    }
    let Ok(authority) = Authority::try_from(bytes) else { return false };
    // RFC 3986 §3.2.3: `port = *DIGIT`.
    let port = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
    !bytes.contains(&b'@') && (port.is_empty() || port == ":" || authority.port_u16().is_some())
}

/// Returns true for a name or an IPv4 address, with or without a port: nearly every host, which
/// need not be parsed.
fn is_plain_authority(bytes: &[u8]) -> bool {
    let end = bytes.iter().position(|byte| !is_plain_in_name(*byte)).unwrap_or(bytes.len());
    match bytes.split_at(end) {
        ([], _) => false,
        (_, []) => true,
        (_, [b':', port @ ..]) => port.iter().all(u8::is_ascii_digit) && is_in_range(port),
        _ => false,
    }
}

/// Returns true if the digits of a port are at most 65535.
fn is_in_range(port: &[u8]) -> bool {
    match port.len() {
        1..=4 => true,
        5 => port <= &b"65535"[..],
        _ => false,
    }
}

fn is_plain_in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]
    use http::header;

    use super::*;

    fn target(uri: &str, version: Version, hosts: &[&str]) -> Result<Target, LocalReply> {
        let mut request = http::Request::new(());
        *request.uri_mut() = uri.parse().unwrap();
        *request.version_mut() = version;
        for host in hosts {
            request.headers_mut().append(header::HOST, host.parse().unwrap());
        }
        let received = ReceivedRequest::from_parts(request.into_parts().0);
        Target::of_request(&received, PathMode::AsSent)
    }

    /// RFC 9112 §3.2.2.
    #[test]
    fn the_absolute_form_beats_host() {
        assert_eq!(
            target("http://a.example:81/x", Version::HTTP_11, &["b.example"]).unwrap().authority(),
            "a.example:81"
        );
        assert_eq!(
            target("/x", Version::HTTP_11, &["b.example"]).unwrap().authority(),
            "b.example"
        );
    }

    /// Catches a host that is read without the parser, and that it refuses.
    #[test]
    fn a_plain_authority_is_one_for_the_parser() {
        for host in ["a", "a.example", "127.0.0.1", "a:1", "a-b.c:80", "a:9999", "a:65535"] {
            assert!(is_plain_authority(host.as_bytes()), "{host}");
            let parsed = host.parse::<Authority>().unwrap();
            assert_eq!(parsed.as_str(), host);
            assert_eq!(parsed.port().is_some(), host.contains(':'));
        }
        for host in ["", ":1", "a:", "a:b", "a:65536", "a:000001", "[::1]", "a@b", "a b", "a/b"] {
            assert!(!is_plain_authority(host.as_bytes()), "{host}");
        }
    }

    /// RFC 9112 §3.2.
    #[test]
    fn a_host_is_owed_by_http_1_1_alone() {
        assert!(target("/", Version::HTTP_11, &[]).is_err());
        assert!(target("http://a.example/x", Version::HTTP_11, &[]).is_err());
        assert!(target("http://a.example/x", Version::HTTP_10, &[]).is_ok());
        assert!(target("https://a.example/x", Version::HTTP_2, &[]).is_ok());
        assert_eq!(target("/", Version::HTTP_10, &[]).unwrap().authority(), "");
        assert!(target("/", Version::HTTP_10, &["a", "a"]).is_err());
        assert!(target("/", Version::HTTP_2, &[]).is_err());
        for (host, good) in
            [("a:", true), ("a:80", true), ("[::1]:80", true), ("a:x", false), ("a:999999", false)]
        {
            assert_eq!(target("/", Version::HTTP_11, &[host]).is_ok(), good, "{host}");
        }
        assert_eq!(target("/", Version::HTTP_11, &[""]).unwrap().authority(), "");
    }

    /// RFC 9113 §8.3.1, RFC 9114 §4.3.1.
    #[test]
    fn over_http2_host_is_the_authority() {
        for (host, good) in [
            ("a.example", true),
            ("A.example:443", true),
            ("b.example", false),
            ("a.example:81", false),
        ] {
            assert_eq!(
                target("https://a.example/x", Version::HTTP_2, &[host]).is_ok(),
                good,
                "{host}"
            );
        }
    }

    #[test]
    fn paths_of_several_readings_are_refused_or_made_canonical() {
        let read = |path: &'static str, mode| check_path(PathAndQuery::from_static(path), mode);
        let sent = |path| read(path, PathMode::Canonical).map(|path| path.to_string()).ok();
        assert_eq!(sent("/a//b/../%63?q=//").as_deref(), Some("/a/c?q=//"));
        assert!(
            read("/a//b", PathMode::Strict).is_err()
                && read("/a/b%40?q=//", PathMode::Strict).is_ok()
        );
        assert!(read("/a/../b", PathMode::AsSent).is_ok());
    }

    #[test]
    fn paths_stay_as_they_were_sent() {
        let target = target("/a%2F../b//?q=%20", Version::HTTP_11, &["a"]).unwrap();
        assert_eq!(target.path.as_str(), "/a%2F../b//?q=%20");
    }
}
