//! The names of fields, as HTTP/1 writes them.

use http::HeaderMap;
use upshift_http1::Field;

/// The fields of a map, as the codec of HTTP/1 writes them.
pub(crate) fn fields_of(headers: &HeaderMap) -> impl Iterator<Item = Field<'_>> {
    headers.iter().map(|(name, value)| {
        // RFC 9110 §5.5: a value neither begins nor ends with white space. Over HTTP/2 it may.
        Field::in_title_case(name.as_str().as_bytes(), value.as_bytes().trim_ascii())
    })
}
