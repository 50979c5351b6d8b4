//! Converts the head of a response to the types of the `http` crate.

use bytes::Bytes;
use http::{Response, StatusCode, Version};
use upshift_http1::{Framing, ResponseHead};

use crate::fields::header_map::to_header_map;

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
    *response.headers_mut() = to_header_map(head.fields(), bytes, 0);
    Ok(response)
}
