//! `Max-Forwards` (RFC 9110 §7.6.2).

use http::Method;
use http::header::{HeaderMap, HeaderValue, MAX_FORWARDS};

/// The number of hops that a TRACE or OPTIONS request may still be forwarded; `None` if it sets no
/// limit. Other methods have none.
pub fn forwards_left(method: &Method, headers: &HeaderMap) -> Option<u64> {
    if ![Method::TRACE, Method::OPTIONS].contains(method) {
        return None;
    }
    headers.get(MAX_FORWARDS)?.to_str().ok()?.trim().parse().ok()
}

/// Takes one off `Max-Forwards`.
///
/// RFC 9110 §7.6.2: an intermediary that forwards such a request MUST send an updated value.
pub fn decrement_max_forwards(method: &Method, headers: &mut HeaderMap) {
    if let Some(left) = forwards_left(method, headers) {
        // At 0 the request must not be forwarded at all, which is for the caller to see to.
        headers.insert(MAX_FORWARDS, HeaderValue::from(left.saturating_sub(1)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trace_and_options_are_limited() {
        let mut headers = HeaderMap::from_iter([(MAX_FORWARDS, HeaderValue::from(3))]);
        assert_eq!(forwards_left(&Method::GET, &headers), None);
        decrement_max_forwards(&Method::GET, &mut headers);
        assert_eq!(forwards_left(&Method::OPTIONS, &headers), Some(3));
        decrement_max_forwards(&Method::OPTIONS, &mut headers);
        assert_eq!(forwards_left(&Method::TRACE, &headers), Some(2));
    }
}
