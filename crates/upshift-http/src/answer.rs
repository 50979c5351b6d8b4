//! A refusal of the core as a response.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use memchr::memchr;
use upshift_core::answer::Answer;

use crate::add_close;

/// The response that carries `answer`, with its body as bytes.
pub fn answer_response(answer: Answer) -> Response<Vec<u8>> {
    let closes = answer.closes();
    let status = StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::UPGRADE_REQUIRED);
    let (lines, body) = answer.into_parts();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    append_lines(&Bytes::from(lines), headers);
    if closes {
        add_close(headers);
    }
    response
}

/// The usual number of fields of a refusal, with those that the caller adds.
const USUAL_FIELDS: usize = 12;

/// Appends field lines as HTTP/1.1 writes them. The values are not copied.
fn append_lines(lines: &Bytes, headers: &mut HeaderMap) {
    headers.reserve(USUAL_FIELDS);
    let mut rest = &lines[..];
    while let Some(end) = memchr(b'\n', rest) {
        let line = &rest[..end];
        rest = &rest[end + 1..];
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = &line[..colon];
        let value = lines.slice_ref(line[colon + 1..].trim_ascii());
        // The core's names are tokens, and it leaves out values that no field may have.
        if let (Some(name), Ok(value)) = (field_name(name), HeaderValue::from_maybe_shared(value)) {
            headers.append(name, value);
        }
    }
}

const API_SUPPORTED_VERSIONS: HeaderName = HeaderName::from_static("api-supported-versions");
const API_DEPRECATED_VERSIONS: HeaderName = HeaderName::from_static("api-deprecated-versions");
const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
const SUNSET: HeaderName = HeaderName::from_static("sunset");

/// The name of a field that the core writes. Most are known here, so that they need not be parsed.
pub(crate) fn field_name(name: &[u8]) -> Option<HeaderName> {
    match name {
        b"Upgrade" => Some(header::UPGRADE),
        b"Connection" => Some(header::CONNECTION),
        b"Content-Type" => Some(header::CONTENT_TYPE),
        b"Cache-Control" => Some(header::CACHE_CONTROL),
        b"Vary" => Some(header::VARY),
        b"Link" => Some(header::LINK),
        b"Location" => Some(header::LOCATION),
        b"Retry-After" => Some(header::RETRY_AFTER),
        b"X-Content-Type-Options" => Some(header::X_CONTENT_TYPE_OPTIONS),
        b"Content-Security-Policy" => Some(header::CONTENT_SECURITY_POLICY),
        b"api-supported-versions" => Some(API_SUPPORTED_VERSIONS),
        b"api-deprecated-versions" => Some(API_DEPRECATED_VERSIONS),
        b"Deprecation" => Some(DEPRECATION),
        b"Sunset" => Some(SUNSET),
        other => HeaderName::from_bytes(other).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_field() {
        let lines =
            "Upgrade: a/1, b\r\nLink: <https://a>; rel=\"x: y\"\r\nLink: <b>\r\nSunset: s\r\n";
        let mut headers = HeaderMap::new();
        append_lines(&Bytes::from_static(lines.as_bytes()), &mut headers);
        assert_eq!((headers.len(), &headers["upgrade"]), (4, &HeaderValue::from_static("a/1, b")));
        let links: Vec<_> = headers.get_all("link").iter().collect();
        assert_eq!(links, ["<https://a>; rel=\"x: y\"", "<b>"]);
        assert_eq!(headers["sunset"], "s");
    }

    #[test]
    fn a_known_name_is_the_one_that_is_parsed() {
        for name in [
            "Upgrade",
            "Connection",
            "Content-Type",
            "Cache-Control",
            "Vary",
            "Link",
            "Location",
            "X-Content-Type-Options",
            "Content-Security-Policy",
            "Deprecation",
            "Sunset",
            "Retry-After",
            "api-supported-versions",
            "api-deprecated-versions",
            "Access-Control-Allow-Origin",
        ] {
            assert_eq!(field_name(name.as_bytes()), HeaderName::try_from(name).ok(), "{name}");
        }
        assert_eq!(field_name(b"no name"), None);
    }
}
