//! URLs in answers. They are built from what the operator configured and are valid for any request.

use std::borrow::Cow;
use std::net::IpAddr;

use super::context::AnswerContext;
use crate::field::is_field_value;
use crate::policy::HostPattern;
use crate::{Facts, Known, RequirementKind, Ruling, TlsState};

/// The longest path that is shown, in bytes of its encoded form.
const PATH_LIMIT: usize = 1024;

/// The requested URL with the scheme `https`; `None` if something else is required or the host is
/// not known.
pub(super) fn https_url(
    top: &Ruling<'_>,
    facts: &Facts<'_>,
    context: &AnswerContext<'_>,
) -> Option<String> {
    if top.kind != RequirementKind::Tls
        || facts.tls != Known::Is(TlsState::Cleartext)
        // `*` and the target of a CONNECT cannot be the path of a link.
        || !facts.path.starts_with('/')
    {
        return None;
    }
    let mut url = https_base(top, facts.host, context)?;
    url.push_str(&percent_encode(facts.path));
    if let Some(query) = facts.query {
        url.push('?');
        url.push_str(&percent_encode(query));
    }
    Some(url)
}

/// The scheme and authority of the URL.
fn https_base(top: &Ruling<'_>, host: &str, context: &AnswerContext<'_>) -> Option<String> {
    let public_url = match context.public_url {
        // An `http` URL would lead back to cleartext.
        Some(url) if url.starts_with("https://") && is_field_value(url) => Some(url),
        _ => None,
    };
    // The operator's URL takes precedence over one derived from the listener's address.
    if public_url.is_none()
        && let Some(base) = loopback_base(host, context)
    {
        return Some(base);
    }
    if top.rule.matcher.hosts.include.iter().any(|pattern| is_known_host(pattern, host)) {
        // RFC 6066 §3: the host name in a TLS handshake has no trailing dot.
        return Some(format!("https://{}", host.trim_end_matches('.')));
    }
    Some(public_url?.trim_end_matches('/').to_owned())
}

/// Returns true if the rule names exactly this host. A wildcard could match someone else's host.
fn is_known_host(pattern: &HostPattern, host: &str) -> bool {
    pattern.is_literal() && pattern.fits(host)
}

/// The `https` listener under the requested loopback name. Such a name always refers to the
/// sender's own machine, so it is safe even if it is not configured.
fn loopback_base(host: &str, context: &AnswerContext<'_>) -> Option<String> {
    let listener = context.https_listener?;
    // Behind a proxy, the loopback name is the proxy's. Port 0 leads nowhere.
    if context.proxied || listener.port() == 0 {
        return None;
    }
    let is_unspecified = listener.ip().is_unspecified();
    let is_reached = match without_brackets(host).parse::<IpAddr>() {
        // A listener on `[::]` accepts IPv4 on some systems only.
        Ok(ip) if !ip.is_loopback() || ip.is_ipv4() != listener.is_ipv4() => false,
        Ok(ip) => listener.ip() == ip || is_unspecified,
        Err(_) => is_localhost(host) && (listener.ip().is_loopback() || is_unspecified),
    };
    if !is_reached {
        return None;
    }
    Some(format!("https://{}:{}", host.trim_end_matches('.'), listener.port()))
}

fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
}

/// RFC 6761 §6.3: `localhost.` and the names below it.
fn is_localhost(host: &str) -> bool {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// The path in its displayable form: of limited length, and without the query, which can contain
/// secrets.
pub(super) fn shown_path(path: &str) -> Cow<'_, str> {
    // An encoded path is ASCII, so it can be cut anywhere.
    match percent_encode(path) {
        Cow::Borrowed(path) => Cow::Borrowed(path.get(..PATH_LIMIT).unwrap_or(path)),
        Cow::Owned(mut path) => {
            path.truncate(PATH_LIMIT);
            Cow::Owned(path)
        }
    }
}

/// Encodes the characters that a URL cannot contain, or that would end a quoted URL (RFC 3986 §2).
fn percent_encode(text: &str) -> Cow<'_, str> {
    if text.bytes().all(is_shown_byte) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if is_shown_byte(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    Cow::Owned(out)
}

fn is_shown_byte(byte: u8) -> bool {
    match byte {
        b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => false,
        // A `%` is kept: encoding it again would change the path.
        other => other.is_ascii_graphic(),
    }
}
