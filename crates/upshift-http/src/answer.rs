//! A refusal of the core as a response.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
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

/// Appends field lines as HTTP/1.1 writes them. The values are not copied.
fn append_lines(lines: &Bytes, headers: &mut HeaderMap) {
    // The core wrote them as text.
    let Ok(text) = std::str::from_utf8(lines) else { return };
    // A search for one byte costs a fraction of a search for "\r\n" or ": ".
    for line in text.split_terminator('\n') {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = lines.slice_ref(value.trim_ascii().as_bytes());
        // The core's names are tokens, and it leaves out values that no field may have.
        if let (Some(name), Ok(value)) = (header_name(name), HeaderValue::from_maybe_shared(value))
        {
            headers.append(name, value);
        }
    }
}

/// The name of a field that answers have. Most are known here, so that they need not be parsed.
fn header_name(name: &str) -> Option<HeaderName> {
    match name {
        "Upgrade" => Some(header::UPGRADE),
        "Connection" => Some(header::CONNECTION),
        "Content-Type" => Some(header::CONTENT_TYPE),
        "Cache-Control" => Some(header::CACHE_CONTROL),
        "Vary" => Some(header::VARY),
        "Link" => Some(header::LINK),
        "Location" => Some(header::LOCATION),
        "X-Content-Type-Options" => Some(header::X_CONTENT_TYPE_OPTIONS),
        "Content-Security-Policy" => Some(header::CONTENT_SECURITY_POLICY),
        "Deprecation" => Some(const { HeaderName::from_static("deprecation") }),
        "Sunset" => Some(const { HeaderName::from_static("sunset") }),
        other => HeaderName::try_from(other).ok(),
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
        ] {
            assert_eq!(header_name(name), HeaderName::try_from(name).ok(), "{name}");
        }
        assert_eq!(header_name("no name"), None);
    }
}
