//! `Cookie` lines of HTTP/2 and HTTP/3 for a hop that speaks an older version.

use http::header::{COOKIE, HeaderMap, HeaderValue};

/// Joins the lines of `Cookie` into one.
///
/// RFC 9113 §8.2.3: they "MUST be concatenated into a single octet string using the two-octet
/// delimiter of 0x3b, 0x20 (the ASCII string "; ") before being passed into a non-HTTP/2 context".
pub fn join_cookies(headers: &mut HeaderMap) {
    // HTTP/1 clients send one line, which stays as it is, and needs no list here.
    if headers.get_all(COOKIE).iter().nth(1).is_none() {
        return;
    }
    let lines: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(joined) = HeaderValue::from_bytes(&lines.join(&b"; "[..])) {
        headers.insert(COOKIE, joined);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_lines_become_one() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=1"));
        headers.append(COOKIE, HeaderValue::from_static("b=2"));
        join_cookies(&mut headers);
        assert_eq!(headers.get_all(COOKIE).iter().collect::<Vec<_>>(), ["a=1; b=2"]);
    }
}
