//! Requests that a page of another origin makes a browser send (CSRF).

use axum::http::{HeaderMap, Method, header};

/// Returns true if a browser says that a page of another origin makes it send this request, and the
/// request may change something.
///
/// Programs that are no browsers send neither of the two fields.
pub(crate) fn is_forged(method: &Method, headers: &HeaderMap) -> bool {
    if method.is_safe() {
        return false;
    }
    // Browsers send it over TLS and to this machine. No page can choose its value.
    if let Some(site) = headers.get("sec-fetch-site") {
        return !matches!(site.as_bytes(), b"same-origin" | b"none");
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return false };
    let Ok(origin) = origin.to_str() else { return true };
    let Some((_, authority)) = origin.split_once("://") else { return true };
    // The scheme may differ: a proxy in front of this listener may speak TLS.
    match headers.get(header::HOST) {
        Some(host) => !host.as_bytes().eq_ignore_ascii_case(authority.as_bytes()),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_page_of_another_origin_is_recognized() {
        let host = ("host", "127.0.0.1:9426");
        for (fields, forged) in [
            (vec![host], false),
            (vec![host, ("sec-fetch-site", "same-origin")], false),
            (vec![host, ("sec-fetch-site", "none")], false),
            (vec![host, ("sec-fetch-site", "cross-site")], true),
            // Another port of this machine is another origin of the same site.
            (vec![host, ("sec-fetch-site", "same-site")], true),
            (vec![host, ("origin", "http://127.0.0.1:9426")], false),
            (vec![host, ("origin", "https://127.0.0.1:9426")], false),
            (vec![host, ("origin", "http://127.0.0.1:3000")], true),
            (vec![host, ("origin", "http://evil.example")], true),
            (vec![host, ("origin", "null")], true),
            (vec![("origin", "http://127.0.0.1:9426")], true),
        ] {
            let fields = headers(&fields);
            assert_eq!(is_forged(&Method::POST, &fields), forged, "{fields:?}");
            assert!(!is_forged(&Method::GET, &fields), "{fields:?}");
        }
    }
}
