//! The names of fields, as HTTP/1 writes them.
//!
//! RFC 9110 §5.1: names compare without case. Not every peer knows that, so between two connections
//! of HTTP/1 a name stays as it was received. All others are written in title case: a client that
//! could choose the case of `X-Forwarded-For` would hide the gateway's from such an upstream.

use std::cell::Cell;

use bytes::Bytes;
use http::HeaderMap;
use upshift_http1::{Field, FieldSpan, FieldTable};

/// The names of a received section, in order. The default has none.
#[derive(Clone, Copy, Default)]
pub(crate) struct ReceivedNames<'n> {
    spans: &'n [FieldSpan],
    /// The bytes of the section.
    bytes: &'n [u8],
}

/// Names that outlive the section that they were received in.
pub(crate) struct KeptNames {
    fields: FieldTable,
    bytes: Bytes,
}

/// A place for the names of trailers, which come after the message was passed on.
pub(crate) type TrailerNames = Cell<Option<Box<KeptNames>>>;

/// The fields of a map as the codec of HTTP/1 writes them, with the names that were received.
pub(crate) fn fields_of<'f>(
    headers: &'f HeaderMap,
    received: ReceivedNames<'f>,
) -> impl Iterator<Item = Field<'f>> {
    let mut next = 0;
    headers.iter().map(move |(name, value)| {
        let name = name.as_str().as_bytes();
        // RFC 9110 §5.5: a value neither begins nor ends with white space. Over HTTP/2 it may.
        let value = value.as_bytes().trim_ascii();
        match received.find_name(name, value, &mut next) {
            Some(received) => Field::new(received, value),
            None => Field::in_title_case(name, value),
        }
    })
}

impl<'n> ReceivedNames<'n> {
    /// The names of a section; `bytes` are those of its event.
    pub(crate) fn new(fields: &'n FieldTable, bytes: &'n [u8]) -> Self {
        Self { spans: fields.spans(), bytes }
    }

    /// The name of a field as it was received, if `value` is that of a received line and no copy of
    /// it. The search begins at the line `next`, because a map has its fields mostly in the order in
    /// which they were received.
    fn find_name(&self, name: &[u8], value: &[u8], next: &mut usize) -> Option<&'n [u8]> {
        let start = (value.as_ptr() as usize).wrapping_sub(self.bytes.as_ptr() as usize);
        for place in (*next..self.spans.len()).chain(0..*next) {
            let span = &self.spans[place];
            let line_value = span.value();
            // `Bytes` gives an empty value an address of its own.
            let is_same = line_value.start == start || (line_value.is_empty() && value.is_empty());
            let received = &self.bytes[span.name()];
            // A value may have been cloned into another field.
            if is_same && received.eq_ignore_ascii_case(name) {
                *next = place + 1;
                return Some(received);
            }
        }
        None
    }
}

impl KeptNames {
    /// Keeps the names of a section; `bytes` are those of its event. `None` if all of them are in
    /// title case anyway, because most servers write them like that.
    pub(crate) fn unless_title_case(fields: FieldTable, bytes: Bytes) -> Option<Box<Self>> {
        for span in fields.spans() {
            if !is_title_case(&bytes[span.name()]) {
                return Some(Box::new(Self { fields, bytes }));
            }
        }
        None
    }

    /// The names that were kept, if there are any.
    pub(crate) fn received(kept: Option<&Self>) -> ReceivedNames<'_> {
        match kept {
            Some(Self { fields, bytes }) => ReceivedNames::new(fields, bytes),
            None => ReceivedNames::default(),
        }
    }
}

fn is_title_case(name: &[u8]) -> bool {
    let mut begins_word = true;
    for byte in name {
        let is_other = if begins_word { u8::is_ascii_lowercase } else { u8::is_ascii_uppercase };
        if is_other(byte) {
            return false;
        }
        begins_word = *byte == b'-';
    }
    true
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use http::{HeaderName, HeaderValue};
    use upshift_http1::{Limits, Received, RequestEvent, ServerConnection};

    use super::*;

    /// The names that are written for `fields`, by the number of the received line that has their
    /// value, or with another value.
    fn names_of(lines: &str, fields: &[(&'static str, Option<usize>)]) -> Vec<String> {
        let bytes = Bytes::from(format!("GET / HTTP/1.1\r\n{lines}\r\n"));
        let mut codec = ServerConnection::new(Limits { checks_host: false, ..Limits::default() });
        let Received { event: RequestEvent::Head(head), .. } = codec.receive(&bytes, false) else {
            panic!("{lines} is no head")
        };
        let mut headers = HeaderMap::new();
        for (name, line) in fields {
            let value = match line {
                Some(line) => bytes.slice(head.fields().spans()[*line].value()),
                None => Bytes::from_static(b"1"),
            };
            let value = HeaderValue::from_maybe_shared(value).unwrap();
            headers.append(HeaderName::from_static(name), value);
        }
        let received = ReceivedNames::new(head.fields(), &bytes);
        let written = fields_of(&headers, received);
        written.map(|field| String::from_utf8(field.name().to_vec()).unwrap()).collect()
    }

    /// Catches a name that takes the case of another, or is lost where the order differs.
    #[test]
    fn names_are_found_in_any_order() {
        let lines = "x-ONE: 1\r\nETag: 1\r\nX-one: 1\r\nX-onee:\r\n";
        let fields =
            [("x-one", Some(0)), ("x-one", Some(2)), ("etag", Some(1)), ("x-onee", Some(3))];
        assert_eq!(names_of(lines, &fields), ["x-ONE", "X-one", "ETag", "X-onee"]);
        let fields = [("x-onee", Some(3)), ("etag", Some(1)), ("x-one", Some(2))];
        assert_eq!(names_of(lines, &fields), ["X-onee", "ETag", "X-one"]);
    }

    /// Catches a client that chooses the name of a field of the gateway.
    #[test]
    fn fields_with_other_values_have_no_received_name() {
        let lines = "ETAG: 1\r\nVIA: 1\r\n";
        let fields = [("etag", None), ("via", Some(1)), ("via", None), ("x-a", Some(0))];
        assert_eq!(names_of(lines, &fields), ["etag", "VIA", "via", "x-a"]);
        assert_eq!(names_of("", &[("etag", None)]), ["etag"]);
    }

    #[test]
    fn title_case_is_recognized() {
        for name in ["Etag", "X-A", "Te", "X--1a", "A_b"] {
            assert!(is_title_case(name.as_bytes()), "{name}");
        }
        for name in ["ETag", "x-A", "X-a", "TE", "X-1A"] {
            assert!(!is_title_case(name.as_bytes()), "{name}");
        }
    }
}
