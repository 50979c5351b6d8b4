//! `X-Request-Id`: the name of an exchange in logs, responses and upstreams.

use http::{HeaderName, HeaderValue};
use upshift_http1::FieldId;

use crate::fields::request_fields::RequestFields;
use crate::random::Random;

/// The field.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id that the request came with, if it is safe in a log, or a new one.
pub(crate) fn accept_or_generate(fields: &RequestFields<'_>, random: &mut Random) -> HeaderValue {
    match fields.first_value(FieldId::XRequestId.as_str()) {
        Some(sent) if is_safe_in_log(sent.as_bytes()) => sent,
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
    use http::HeaderMap;

    use super::*;

    fn accepted(value: &'static str, random: &mut Random) -> HeaderValue {
        let headers = HeaderMap::from_iter([(X_REQUEST_ID, HeaderValue::from_static(value))]);
        accept_or_generate(&RequestFields::of_map(headers), random)
    }

    #[test]
    fn a_sane_id_is_taken_over_and_another_replaced() {
        let mut random = Random::new();
        assert_eq!(accepted("abc-1", &mut random), "abc-1");
        let made = accepted("a b\"c", &mut random);
        assert_eq!(made.len(), 32);
        assert_ne!(accepted("a b\"c", &mut random), made);
    }
}
