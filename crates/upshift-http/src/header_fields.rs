//! A header map as the core reads it.

use http::header::{self, GetAll, HeaderMap, HeaderName, HeaderValue};
use upshift_core::Fields;

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The fields of a header map, readable by the core without a copy.
#[derive(Clone, Copy, Debug)]
pub struct HeaderFields<'h>(pub &'h HeaderMap);

impl<'h> HeaderFields<'h> {
    /// The values of all field lines called `name` (lower case), in their order.
    pub fn lines(self, name: &str) -> impl Iterator<Item = &'h [u8]> + use<'h> {
        self.find_lines(name).into_iter().map(HeaderValue::as_bytes)
    }

    fn find_lines(self, name: &str) -> GetAll<'h, HeaderValue> {
        // A name that is text is parsed before each lookup, which costs twice the lookup itself.
        match name {
            "accept" => self.0.get_all(header::ACCEPT),
            "authorization" => self.0.get_all(header::AUTHORIZATION),
            "connection" => self.0.get_all(header::CONNECTION),
            "content-type" => self.0.get_all(header::CONTENT_TYPE),
            "origin" => self.0.get_all(header::ORIGIN),
            "upgrade" => self.0.get_all(header::UPGRADE),
            "user-agent" => self.0.get_all(header::USER_AGENT),
            "x-forwarded-proto" => self.0.get_all(X_FORWARDED_PROTO),
            _ => self.0.get_all(name),
        }
    }
}

impl Fields for HeaderFields<'_> {
    fn nth(&self, name: &str, index: usize) -> Option<&[u8]> {
        self.lines(name).nth(index)
    }

    fn values<'f>(&'f self, name: &str) -> Vec<&'f [u8]> {
        self.lines(name).collect()
    }

    fn first_two<'f>(&'f self, name: &str) -> [Option<&'f [u8]>; 2] {
        let mut lines = self.lines(name);
        [lines.next(), lines.next()]
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
        assert_eq!(fields.first_two("x-api-version"), [Some(&b"1"[..]), Some(b"2")]);
        assert_eq!(fields.first_two("accept"), [None, None]);
        assert!(fields.values("accept").is_empty());
    }

    #[test]
    fn names_with_a_shortcut_are_read_as_the_others_are() {
        for name in [
            "accept",
            "authorization",
            "connection",
            "content-type",
            "origin",
            "upgrade",
            "user-agent",
            "x-forwarded-proto",
        ] {
            let mut headers = HeaderMap::new();
            headers.append(name, HeaderValue::from_static("value"));
            assert_eq!(HeaderFields(&headers).nth(name, 0), Some(&b"value"[..]), "{name}");
        }
    }
}
