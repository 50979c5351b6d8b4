//! The fields of a request.
//!
//! Over HTTP/1, they are read from the bytes of its head, where the codec has found them: most
//! requests are decided by a few fields, and a header map of all costs more than the decision. A map
//! is made when fields are removed, or sent on.

use std::cell::OnceCell;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue};
use upshift_core::Fields;
use upshift_core::field::token_elements;
use upshift_http::{HeaderFields, Nominated, remove_nominated};
use upshift_http1::{FieldId, FieldSpan, FieldTable};

use super::header_map::{keep_map, known_name, to_header_map};

/// The fields of a request.
pub(crate) struct RequestFields<'r> {
    /// The head of a request over HTTP/1; `None` once its fields were changed.
    section: Option<ReceivedSection<'r>>,
    /// All fields. Without a section, it is always filled.
    map: OnceCell<HeaderMap>,
}

/// A field section, and the bytes that it was read from.
#[derive(Clone, Copy)]
pub(crate) struct ReceivedSection<'r> {
    pub(crate) fields: &'r FieldTable,
    pub(crate) bytes: &'r Bytes,
}

impl<'r> RequestFields<'r> {
    /// The fields of a head that the codec for HTTP/1 has read.
    pub(crate) fn of_section(section: ReceivedSection<'r>) -> Self {
        Self { section: Some(section), map: OnceCell::new() }
    }

    /// The fields of a header map.
    pub(crate) fn of_map(headers: HeaderMap) -> Self {
        Self { section: None, map: OnceCell::from(headers) }
    }

    /// Returns true if there is a field with this name.
    pub(crate) fn has(&self, id: FieldId) -> bool {
        match (&self.section, known_name(id)) {
            (Some(section), _) => section.fields.contains(id),
            (None, Some(name)) => self.map().contains_key(name),
            (None, None) => false,
        }
    }

    /// The values of all field lines called `name` (lower case), in their order.
    pub(crate) fn values_of(&self, name: &str) -> Vec<HeaderValue> {
        match &self.section {
            Some(section) => {
                section.spans_of(name).filter_map(|span| section.value(span)).collect()
            }
            None => self.map().get_all(name).iter().cloned().collect(),
        }
    }

    /// The value of the first field line called `name` (lower case).
    pub(crate) fn first_value(&self, name: &str) -> Option<HeaderValue> {
        match &self.section {
            Some(section) => section.value(section.spans_of(name).next()?),
            None => self.map().get(name).cloned(),
        }
    }

    /// All fields as a map, which is made on the first call.
    pub(crate) fn map(&self) -> &HeaderMap {
        self.map.get_or_init(|| self.make_map())
    }

    /// A map of all fields that the caller may change, with room for `further` ones.
    pub(crate) fn to_map(&self, further: usize) -> HeaderMap {
        match (&self.section, self.map.get()) {
            (Some(section), None) => to_header_map(section.fields, section.bytes, further),
            _ => {
                let mut headers = self.map().clone();
                headers.reserve(further);
                headers
            }
        }
    }

    /// Removes the fields that `Connection` names, except for those that are `believed`.
    pub(crate) fn remove_nominated(&mut self, believed: &[&str]) -> Nominated {
        if !self.has(FieldId::Connection) || self.names_no_field() {
            return Nominated::default();
        }
        let mut headers = match self.map.take() {
            Some(headers) => headers,
            None => self.make_map(),
        };
        let nominated = remove_nominated(&mut headers, believed);
        *self = Self::of_map(headers);
        nominated
    }

    /// Keeps the memory of the map, if there is one, for another request.
    pub(crate) fn recycle(self) {
        if let Some(headers) = self.map.into_inner() {
            keep_map(headers);
        }
    }

    /// Returns true if `Connection` has only options that most clients of HTTP/1 send, and these name
    /// no field of the request, nor of trailers.
    fn names_no_field(&self) -> bool {
        let Some(section) = &self.section else { return false };
        let may_name = [FieldId::KeepAlive, FieldId::TransferEncoding];
        if may_name.into_iter().any(|id| section.fields.contains(id)) {
            return false;
        }
        let lines = section.fields.values_of(FieldId::Connection, section.bytes);
        token_elements(lines).all(|option| {
            option.eq_ignore_ascii_case(b"keep-alive") || option.eq_ignore_ascii_case(b"close")
        })
    }

    fn make_map(&self) -> HeaderMap {
        match &self.section {
            Some(section) => to_header_map(section.fields, section.bytes, 0),
            None => HeaderMap::new(),
        }
    }
}

impl<'r> ReceivedSection<'r> {
    /// The positions of all field lines called `name` (lower case), in their order.
    fn spans_of<'n>(self, name: &'n str) -> impl Iterator<Item = &'n FieldSpan>
    where
        'r: 'n,
    {
        self.fields.spans_named(name, self.bytes)
    }

    /// A value that shares the bytes of the head.
    fn value(self, span: &FieldSpan) -> Option<HeaderValue> {
        // The codec accepts no value that is invalid here, which a test of `header_map` checks.
        HeaderValue::from_maybe_shared(self.bytes.slice(span.value())).ok()
    }
}

impl Fields for RequestFields<'_> {
    fn nth(&self, name: &str, index: usize) -> Option<&[u8]> {
        match self.section {
            Some(section) => Some(&section.bytes[section.spans_of(name).nth(index)?.value()]),
            None => HeaderFields(self.map()).lines(name).nth(index),
        }
    }

    fn values<'f>(&'f self, name: &str) -> Vec<&'f [u8]> {
        match self.section {
            Some(section) => {
                section.spans_of(name).map(|span| &section.bytes[span.value()]).collect()
            }
            None => HeaderFields(self.map()).lines(name).collect(),
        }
    }

    fn first_two<'f>(&'f self, name: &str) -> [Option<&'f [u8]>; 2] {
        match self.section {
            Some(section) => {
                let mut lines = section.spans_of(name).map(|span| &section.bytes[span.value()]);
                [lines.next(), lines.next()]
            }
            None => {
                let mut lines = HeaderFields(self.map()).lines(name);
                [lines.next(), lines.next()]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use upshift_http1::{Limits, Received, RequestEvent, RequestHead, ServerConnection};

    use super::*;

    fn read_head(lines: &str) -> (RequestHead, Bytes) {
        let bytes = Bytes::from(format!("GET / HTTP/1.1\r\n{lines}\r\n"));
        let limits = Limits { checks_host: false, ..Limits::default() };
        let Received { event: RequestEvent::Head(head), .. } =
            ServerConnection::new(limits).receive(&bytes, false)
        else {
            panic!("{lines:?} is no head")
        };
        (head, bytes)
    }

    const LINES: &str =
        "Host: a\r\nX-Api-Version: 1\r\nx-api-version: 2\r\nAccept:\r\nVIA: 1.1 x\r\n";

    /// Catches a section that is read differently than a map of its fields.
    #[test]
    fn a_section_and_its_map_have_the_same_fields() {
        let (head, bytes) = read_head(LINES);
        let section = ReceivedSection { fields: head.fields(), bytes: &bytes };
        let read = RequestFields::of_section(section);
        let mapped = RequestFields::of_map(read.to_map(3));
        for name in ["host", "x-api-version", "accept", "via", "x-api-versiom", "te", "cookie"] {
            assert_eq!(read.values(name), mapped.values(name), "{name}");
            assert_eq!(read.first_two(name), mapped.first_two(name), "{name}");
            assert_eq!(read.nth(name, 1), mapped.nth(name, 1), "{name}");
            assert_eq!(read.first_value(name), mapped.first_value(name), "{name}");
            assert_eq!(read.values_of(name), mapped.values_of(name), "{name}");
        }
        for id in FieldId::KNOWN {
            assert_eq!(read.has(*id), mapped.has(*id), "{}", id.as_str());
        }
        assert_eq!((read.map(), read.values("x-api-version").len()), (mapped.map(), 2));
    }

    /// Catches a named field that the policy still sees, and one that trailers may still have.
    #[test]
    fn fields_that_connection_names_are_gone() {
        for (lines, is_kept, names_close) in [
            ("Connection: x-api-version\r\n", false, false),
            ("Connection: close, X-Api-Version\r\n", false, true),
            ("Connection: Keep-Alive\r\n", true, false),
            ("Connection: close\r\nTransfer-Encoding: chunked\r\n", true, true),
        ] {
            let (head, bytes) = read_head(&format!("{LINES}{lines}"));
            let section = ReceivedSection { fields: head.fields(), bytes: &bytes };
            let mut fields = RequestFields::of_section(section);
            let nominated = fields.remove_nominated(&[]);
            assert_eq!(fields.nth("x-api-version", 0).is_some(), is_kept, "{lines}");
            assert_eq!(fields.map().contains_key("x-api-version"), is_kept, "{lines}");
            assert_eq!(nominated.names(&"close".parse().unwrap()), names_close, "{lines}");
        }
        let (head, bytes) = read_head("Connection: keep-alive\r\nKeep-Alive: 5\r\n");
        let section = ReceivedSection { fields: head.fields(), bytes: &bytes };
        let mut fields = RequestFields::of_section(section);
        fields.remove_nominated(&[]);
        assert!(!fields.has(FieldId::KeepAlive));
    }
}
