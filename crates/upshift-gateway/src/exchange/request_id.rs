//! `X-Request-Id`: the name of an exchange in logs, responses and upstreams.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::random::Random;

/// The field.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id that the request came with, if it is safe in a log, or a new one.
pub(crate) fn accept_or_generate(headers: &HeaderMap, random: &mut Random) -> HeaderValue {
    match headers.get(X_REQUEST_ID) {
        Some(sent) if is_safe_in_log(sent.as_bytes()) => sent.clone(),
        _ => generate(random),
    }
}

/// A new id: 128 random bits in hexadecimal.
fn generate(random: &mut Random) -> HeaderValue {
    HeaderValue::from_bytes(&random.hex_digits::<32>()).unwrap_or(HeaderValue::from_static(""))
}

fn is_safe_in_log(id: &[u8]) -> bool {
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
        assert_eq!(accept_or_generate(&headers, &mut random), "abc-1");
        headers.insert(X_REQUEST_ID, HeaderValue::from_static("a b\"c"));
        let made = accept_or_generate(&headers, &mut random);
        assert_eq!(made.len(), 32);
        assert_ne!(accept_or_generate(&headers, &mut random), made);
    }
}
