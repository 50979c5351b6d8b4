//! The format of an answer's body, by content negotiation (RFC 9110 §12.5.1).

use crate::Facts;
use crate::field::Accept;
use crate::policy::{has_product, may_name_product};
use crate::prepared::Format;

/// Media types and their formats. Among equally preferred ones, the first wins.
const MEDIA_TYPES: [(&str, Format); 5] = [
    ("application/problem+json", Format::Problem),
    ("application/json", Format::Problem),
    ("text/html", Format::Html),
    ("application/xhtml+xml", Format::Html),
    ("text/plain", Format::Text),
];

/// The format for this request: gRPC for gRPC, text for git, otherwise the one that `Accept`
/// prefers. If `Accept` has no preference, or none that can be met, it is problem+json.
pub(super) fn negotiate_format(facts: &Facts<'_>) -> Format {
    // gRPC is defined over HTTP/2. A client over HTTP/1.1 would not look for trailers.
    if !facts.is_http1() && is_grpc(facts) {
        return Format::Grpc;
    }
    // git accepts any type and prints the body of an error.
    if is_git(facts) {
        return Format::Text;
    }
    if accepts_anything(facts) {
        return Format::Problem;
    }
    if let Some(format) = only_format(facts) {
        return format;
    }
    let accept = Accept::from_fields(facts.fields);
    // RFC 9110 §12.4.1: if nothing acceptable is available, the field may be disregarded.
    let (mut best, mut best_rank) = (Format::Problem, (0, 0));
    for (essence, format) in MEDIA_TYPES {
        let rank = accept.rank_of(essence);
        // RFC 9110 §12.4.2: a weight of 0 means "not acceptable".
        let (weight, _) = rank;
        if weight > 0 && rank > best_rank {
            (best, best_rank) = (format, rank);
        }
    }
    best
}

fn is_git(facts: &Facts<'_>) -> bool {
    let Some(agent) = facts.fields.nth("user-agent", 0) else { return false };
    may_name_product(agent, &["git"])
        && has_product(&String::from_utf8_lossy(agent.trim_ascii()), "git")
}

/// Returns true if `Accept` has no preference, as in most programs.
fn accepts_anything(facts: &Facts<'_>) -> bool {
    match facts.fields.nth("accept", 0) {
        None => true,
        Some(b"*/*") => facts.fields.nth("accept", 1).is_none(),
        Some(_) => false,
    }
}

/// The format of the only media type that `Accept` names, without a weight, as most programs that
/// want JSON write it.
fn only_format(facts: &Facts<'_>) -> Option<Format> {
    let [Some(only), None] = facts.fields.first_two("accept") else { return None };
    for (essence, format) in MEDIA_TYPES {
        if only.eq_ignore_ascii_case(essence.as_bytes()) {
            return Some(format);
        }
    }
    None
}

/// Returns true for the content types of gRPC (gRPC over HTTP2, "Requests"). gRPC-Web has a framing
/// of its own and gets the plain answer.
fn is_grpc(facts: &Facts<'_>) -> bool {
    let Some(content_type) = facts.fields.text("content-type") else { return false };
    match content_type.to_ascii_lowercase().strip_prefix("application/grpc") {
        Some(rest) => rest.is_empty() || rest.starts_with(['+', ';']),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HttpVersion, Known, TlsState};

    fn format_for(fields: &[(&str, &str)]) -> Format {
        let fields: Vec<_> = fields.to_vec();
        negotiate_format(&Facts {
            method: "GET",
            host: "",
            path: "/",
            query: None,
            hop: HttpVersion::V2,
            http: Known::Is(HttpVersion::V2),
            tls: Known::Is(TlsState::Cleartext),
            client_ip: None,
            fields: &fields,
            has_content: false,
            protocol: None,
        })
    }

    #[test]
    fn the_client_chooses_the_format() {
        for (accept, want) in [
            ("*/*", Format::Problem),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
                Format::Html,
            ),
            ("application/json, text/plain, */*", Format::Problem),
            ("text/*", Format::Html),
            ("text/plain", Format::Text),
            ("Application/XHTML+xml", Format::Html),
            ("text/html;q=0, text/plain;q=0.1", Format::Text),
            ("image/png", Format::Problem),
            ("text/html, */*", Format::Html),
        ] {
            assert_eq!(format_for(&[("accept", accept)]), want, "{accept}");
        }
        assert_eq!(format_for(&[]), Format::Problem);
        assert_eq!(format_for(&[("user-agent", "git/2.39.5"), ("accept", "*/*")]), Format::Text);
        assert_eq!(format_for(&[("content-type", "application/grpc+proto")]), Format::Grpc);
        assert_eq!(format_for(&[("content-type", "application/grpc-web")]), Format::Problem);
    }
}
