//! The head of a response, converted.

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode, Version};
use upshift_http1::{FieldTable, Framing, ResponseHead};

/// Converts the head of a response; `bytes` are those of its event.
///
/// # Errors
/// If a part of it is invalid, which the codec has excluded.
pub(super) fn convert_head(
    head: &ResponseHead,
    bytes: &Bytes,
) -> Result<Response<Framing>, http::Error> {
    let mut response = Response::new(head.framing());
    *response.status_mut() = StatusCode::from_u16(head.status())?;
    *response.version_mut() = match head.version() {
        upshift_http1::Version::Http10 => Version::HTTP_10,
        upshift_http1::Version::Http11 => Version::HTTP_11,
    };
    *response.headers_mut() = convert_fields(head.fields(), bytes)?;
    Ok(response)
}

/// Converts the fields of a section; `bytes` are those of its event.
///
/// # Errors
/// If one is invalid, which the codec has excluded.
pub(super) fn convert_fields(fields: &FieldTable, bytes: &Bytes) -> Result<HeaderMap, http::Error> {
    let mut headers = HeaderMap::with_capacity(fields.len());
    for span in fields.spans() {
        let name = HeaderName::from_bytes(&bytes[span.name()])?;
        let value = HeaderValue::from_maybe_shared(bytes.slice(span.value()))?;
        headers.append(name, value);
    }
    Ok(headers)
}
