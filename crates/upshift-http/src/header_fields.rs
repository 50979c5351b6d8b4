//! A header map as the core reads it.

use http::{HeaderMap, HeaderValue};
use upshift_core::Fields;

/// The fields of a header map, readable by the core without a copy.
#[derive(Clone, Copy, Debug)]
pub struct HeaderFields<'h>(pub &'h HeaderMap);

impl Fields for HeaderFields<'_> {
    fn nth(&self, name: &str, index: usize) -> Option<&[u8]> {
        self.0.get_all(name).iter().nth(index).map(HeaderValue::as_bytes)
    }

    fn values<'f>(&'f self, name: &str) -> Vec<&'f [u8]> {
        self.0.get_all(name).iter().map(HeaderValue::as_bytes).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_field_are_read_in_their_order() {
        let mut headers = HeaderMap::new();
        headers.append("x-api-version", HeaderValue::from_static("1"));
        headers.append("x-api-version", HeaderValue::from_static("2"));
        let fields = HeaderFields(&headers);
        assert_eq!(fields.nth("x-api-version", 1), Some(&b"2"[..]));
        assert_eq!(fields.nth("x-api-version", 2), None);
        assert_eq!(fields.values("x-api-version"), [&b"1"[..], b"2"]);
        assert!(fields.values("accept").is_empty());
    }
}
