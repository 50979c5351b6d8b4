//! Addresses in answers: built from what the operator wrote, and legal whatever was asked.

use std::net::IpAddr;

use super::AnswerContext;
use crate::decision::{RequirementKind, Ruling};
use crate::policy::HostPattern;
use crate::{Facts, Known, TlsState};

/// The `https` address of what was asked, where only the scheme has to change and the host is one
/// that we know.
pub(super) fn https(
    top: &Ruling<'_>,
    facts: &Facts<'_>,
    context: &AnswerContext<'_>,
) -> Option<String> {
    if top.kind != RequirementKind::Tls
        || facts.tls != Known::Is(TlsState::Cleartext)
        || !facts.path.starts_with('/')
    {
        return None;
    }
    let public = context.public_url.filter(|public| public.starts_with("https://"));
    let known = |pattern: &HostPattern| pattern.is_literal() && pattern.fits(facts.host);
    let base = if public.is_none()
        && let Some(local) = on_loopback(facts.host, context)
    {
        local
    } else if top.rule.matcher.hosts.include.iter().any(known) {
        format!("https://{}", facts.host.trim_end_matches('.'))
    } else {
        public?.trim_end_matches('/').to_owned()
    };
    let query = facts.query.map(|query| format!("?{}", legal(query))).unwrap_or_default();
    Some(format!("{base}{}{query}", legal(facts.path)))
}

/// The listener for `https` by the loopback name that was asked for. Such a name leads to the
/// sender's own machine, so that it need not be known.
fn on_loopback(host: &str, context: &AnswerContext<'_>) -> Option<String> {
    let listener =
        context.https_listener.filter(|listener| listener.port() != 0 && !context.proxied)?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let reached = match bare.parse::<IpAddr>() {
        Ok(asked) if !asked.is_loopback() || asked.is_ipv4() != listener.is_ipv4() => false,
        Ok(asked) => listener.ip() == asked || listener.ip().is_unspecified(),
        Err(_) => {
            is_localhost(host) && (listener.ip().is_loopback() || listener.ip().is_unspecified())
        }
    };
    reached.then(|| format!("https://{}:{}", host.trim_end_matches('.'), listener.port()))
}

/// RFC 6761 §6.3: `localhost.` and the names below it.
fn is_localhost(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

/// The path as it may be shown: without the query, which may hold secrets, and of bounded length.
pub(super) fn shown_path(path: &str) -> String {
    legal(path).chars().take(1024).collect()
}

/// Percent-encodes what may not stand in an address, or would end it where it is quoted (RFC 3986
/// §2).
fn legal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
