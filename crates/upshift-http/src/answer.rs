//! A refusal of the core as a response.

use http::{HeaderName, HeaderValue, Response, StatusCode};
use upshift_core::answer::Answer;

use crate::add_close;

/// The response that carries `answer`, with its body as bytes.
pub fn answer_response(answer: Answer) -> Response<Vec<u8>> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() =
        StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::UPGRADE_REQUIRED);
    let headers = response.headers_mut();
    headers.reserve(answer.fields().len());
    for (name, value) in answer.fields() {
        // The core's names are tokens. A value with a byte that no field may hold is left out
        // rather than altered.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(*name), HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
    if answer.closes() {
        add_close(headers);
    }
    *response.body_mut() = answer.into_body();
    response
}
