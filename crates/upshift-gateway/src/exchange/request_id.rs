//! `X-Request-Id`: what an exchange is called in logs, answers and upstreams.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::random::Random;

/// The field.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id that the request brought, if it is one that a log can hold, else a new one.
pub(crate) fn take_or_make(headers: &HeaderMap, random: &mut Random) -> HeaderValue {
    match headers.get(X_REQUEST_ID) {
        Some(sent) if is_sane(sent.as_bytes()) => sent.clone(),
        _ => make(random),
    }
}

/// A new one: 128 bits in hexadecimal.
pub(crate) fn make(random: &mut Random) -> HeaderValue {
    let id = format!("{:016x}{:016x}", random.next_u64(), random.next_u64());
    HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static(""))
}

fn is_sane(id: &[u8]) -> bool {
    (1..=128).contains(&id.len())
        && id.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:+/=".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sane_id_is_taken_over_and_another_replaced() {
        let mut random = Random::new();
        let mut headers = HeaderMap::new();
        headers.insert(X_REQUEST_ID, HeaderValue::from_static("abc-1"));
        assert_eq!(take_or_make(&headers, &mut random), "abc-1");
        headers.insert(X_REQUEST_ID, HeaderValue::from_static("a b\"c"));
        let made = take_or_make(&headers, &mut random);
        assert_eq!(made.len(), 32);
        assert_ne!(take_or_make(&headers, &mut random), made);
    }
}
