//! Converts the head of a response to the types of the `http` crate.

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode, Version};
use upshift_http1::{FieldTable, Framing, ResponseHead};

/// Converts the head of a response from the `bytes` of its event.
///
/// # Errors
/// If a part of it is invalid. The codec has already ruled that out.
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

/// Converts the fields of a section from the `bytes` of its event.
///
/// # Errors
/// If one is invalid. The codec has already ruled that out.
pub(super) fn convert_fields(fields: &FieldTable, bytes: &Bytes) -> Result<HeaderMap, http::Error> {
    let mut headers = HeaderMap::with_capacity(fields.len());
    for span in fields.spans() {
        let name = HeaderName::from_bytes(&bytes[span.name()])?;
        let value = HeaderValue::from_maybe_shared(bytes.slice(span.value()))?;
        headers.append(name, value);
    }
    Ok(headers)
}
