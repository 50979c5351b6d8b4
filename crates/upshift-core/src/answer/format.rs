//! In which form a reader wants an answer (RFC 9110 §12.5.1).

use crate::Facts;
use crate::field::Accept;
use crate::policy::has_product;

/// The form of an answer's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `application/problem+json` (RFC 9457).
    Problem,
    /// `text/html`.
    Html,
    /// `text/plain`.
    Text,
    /// The trailers of a gRPC call that failed.
    Grpc,
}

/// Media types and the form that serves them; among equals the first is taken.
const TYPES: [(&str, Format); 5] = [
    ("application/problem+json", Format::Problem),
    ("application/json", Format::Problem),
    ("text/html", Format::Html),
    ("application/xhtml+xml", Format::Html),
    ("text/plain", Format::Text),
];

impl Format {
    /// The form for this request: gRPC for gRPC, text for git (which prints it), else by `Accept`;
    /// problem+json where that says nothing, or nothing that we have.
    pub fn of(facts: &Facts<'_>) -> Self {
        if !facts.is_http1() && is_grpc(facts) {
            return Self::Grpc;
        }
        if facts.fields.text_lossy("user-agent").is_some_and(|agent| has_product(&agent, "git")) {
            return Self::Text;
        }
        let accept = Accept::from_fields(facts.fields);
        let ranked =
            TYPES.into_iter().rev().map(|(essence, format)| (accept.rank_of(essence), format));
        match ranked.max_by_key(|(rank, _)| *rank) {
            Some(((weight, _), format)) if weight > 0 => format,
            _ => Self::Problem,
        }
    }

    /// The `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Problem => "application/problem+json",
            Self::Html => "text/html; charset=utf-8",
            Self::Text => "text/plain; charset=utf-8",
            Self::Grpc => "application/grpc",
        }
    }
}

/// gRPC's content types (gRPC over HTTP2, "Requests"); gRPC-Web has a framing of its own and gets
/// the plain answer.
fn is_grpc(facts: &Facts<'_>) -> bool {
    let kind = facts.fields.text("content-type").unwrap_or_default().to_ascii_lowercase();
    kind.strip_prefix("application/grpc")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', ';']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HttpVersion, Known, TlsState};

    fn format(fields: &[(&str, &str)]) -> Format {
        let fields: Vec<_> = fields.to_vec();
        Format::of(&Facts {
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
    fn the_reader_chooses() {
        for (accept, want) in [
            ("*/*", Format::Problem),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
                Format::Html,
            ),
            ("application/json, text/plain, */*", Format::Problem),
            ("text/*", Format::Html),
            ("text/plain", Format::Text),
            ("text/html;q=0, text/plain;q=0.1", Format::Text),
            ("image/png", Format::Problem),
            ("text/html, */*", Format::Html),
        ] {
            assert_eq!(format(&[("accept", accept)]), want, "{accept}");
        }
        assert_eq!(format(&[]), Format::Problem);
        assert_eq!(format(&[("user-agent", "git/2.39.5"), ("accept", "*/*")]), Format::Text);
        assert_eq!(format(&[("content-type", "application/grpc+proto")]), Format::Grpc);
        assert_eq!(format(&[("content-type", "application/grpc-web")]), Format::Problem);
    }
}
