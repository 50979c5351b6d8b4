//! Addresses in answers: built from what the operator wrote, and legal whatever was asked.

use super::Circumstances;
use crate::decision::{Kind, Ruling};
use crate::policy::HostPattern;
use crate::{Facts, Known, TlsState};

/// The `https` address of what was asked, where only the scheme has to change and the host is one that we know.
pub(super) fn https(top: &Ruling<'_>, facts: &Facts<'_>, around: &Circumstances<'_>) -> Option<String> {
    if top.kind != Kind::Tls || facts.tls != Known::Is(TlsState::Cleartext) || !facts.path.starts_with('/') {
        return None;
    }
    let known = |pattern: &HostPattern| pattern.is_literal() && pattern.fits(facts.host);
    let base = if top.rule.matcher.hosts.include.iter().any(known) {
        format!("https://{}", facts.host.trim_end_matches('.'))
    } else {
        around.public.filter(|public| public.starts_with("https://"))?.trim_end_matches('/').to_owned()
    };
    let query = facts.query.map(|query| format!("?{}", legal(query))).unwrap_or_default();
    Some(format!("{base}{}{query}", legal(facts.path)))
}

/// The path as it may be shown: without the query, which may hold secrets, and of bounded length.
pub(super) fn shown_path(path: &str) -> String {
    legal(path).chars().take(1024).collect()
}

/// Percent-encodes what may not stand in an address, or would end it where it is quoted (RFC 3986 §2).
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
