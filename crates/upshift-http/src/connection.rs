//! The options of `Connection` (RFC 9110 §7.6.1).

use http::header::{CONNECTION, HeaderMap, HeaderValue};
use upshift_core::field::{ConnectionOptions, token_elements};

use crate::HeaderFields;

/// Returns true if `Connection`, its lines read jointly, has `option`. Case does not count.
pub fn connection_has_option(headers: &HeaderMap, option: &str) -> bool {
    let lines = headers.get_all(CONNECTION).iter().map(HeaderValue::as_bytes);
    token_elements(lines).any(|have| have.eq_ignore_ascii_case(option.as_bytes()))
}

/// Adds `close` to `Connection`, unless it is there.
pub fn add_close(headers: &mut HeaderMap) {
    if connection_has_option(headers, "close") {
        return;
    }
    let before = headers.get(CONNECTION).map_or(&b""[..], HeaderValue::as_bytes);
    let value = match before {
        b"" => HeaderValue::from_static("close"),
        // Every refusal with `Upgrade` has this one, so it is not put together each time.
        b"upgrade" => HeaderValue::from_static("upgrade, close"),
        before => HeaderValue::from_bytes(&[before, b", close"].concat())
            .unwrap_or(HeaderValue::from_static("close")),
    };
    headers.insert(CONNECTION, value);
}

/// Removes `option` (lower case) from `Connection`, and the field if no other option is left.
pub fn remove_connection_option(headers: &mut HeaderMap, option: &str) {
    let connection = ConnectionOptions::from_fields(&HeaderFields(headers));
    let left: Vec<&[u8]> = connection.options().filter(|have| *have != option.as_bytes()).collect();
    let value = HeaderValue::from_bytes(&left.join(&b", "[..]));
    headers.remove(CONNECTION);
    if let Ok(value) = value
        && !value.is_empty()
    {
        headers.insert(CONNECTION, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONNECTION, HeaderValue::from_static(value))])
    }

    #[test]
    fn close_is_added_once() {
        for (before, after) in [
            ("upgrade", "upgrade, close"),
            ("keep-alive", "keep-alive, close"),
            ("Close", "Close"),
            ("x-closed", "x-closed, close"),
        ] {
            let mut headers = connection(before);
            add_close(&mut headers);
            assert_eq!(headers[CONNECTION], after, "{before}");
        }
        let mut headers = HeaderMap::new();
        add_close(&mut headers);
        assert_eq!(headers[CONNECTION], "close");
    }

    #[test]
    fn an_option_is_removed_and_the_field_with_the_last_one() {
        let mut headers = connection("Upgrade, x-trace");
        assert!(connection_has_option(&headers, "upgrade"));
        remove_connection_option(&mut headers, "upgrade");
        assert_eq!(headers[CONNECTION], "x-trace");
        remove_connection_option(&mut headers, "x-trace");
        assert!(!headers.contains_key(CONNECTION));
    }
}
