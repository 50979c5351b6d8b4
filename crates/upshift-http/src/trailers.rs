//! `TE: trailers` (RFC 9110 §10.1.4).

use http::header::{self, HeaderMap, HeaderValue};
use upshift_core::field::list_elements;

/// Returns true if the sender of `headers` accepts trailers.
pub fn accepts_trailers(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::TE).iter().map(HeaderValue::as_bytes);
    list_elements(lines).any(|coding| {
        // A coding may have a weight: `gzip;q=0.5`.
        let name = coding.split(|&byte| byte == b';').next().unwrap_or_default();
        name.trim_ascii().eq_ignore_ascii_case(b"trailers")
    })
}

/// Asks the next hop, over HTTP/2, for trailers. `TE` is hop-by-hop, so this replaces the one that was
/// received.
pub fn request_trailers(headers: &mut HeaderMap) {
    headers.insert(header::TE, HeaderValue::from_static("trailers"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn te(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::TE, HeaderValue::from_static(value))])
    }

    #[test]
    fn trailers_are_accepted_by_a_coding_of_that_name() {
        assert!(accepts_trailers(&te("gzip;q=0.5, Trailers")));
        assert!(!accepts_trailers(&te("gzip")));
    }
}
