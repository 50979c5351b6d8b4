//! From a section that the codec has read to a header map.

use std::cell::RefCell;
use std::sync::LazyLock;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use upshift_http1::{FieldId, FieldSpan, FieldTable};

/// The number of unused maps that a core keeps, and the most fields that such a map has room for.
const MOST_SPARE: usize = 16;
const LARGEST_SPARE: usize = 96;

thread_local! {
    /// The unused, empty maps of a core.
    static SPARE: RefCell<Vec<HeaderMap>> = const { RefCell::new(Vec::new()) };
}

/// The known names in the order of their ids. A name that is found here need not be parsed.
static KNOWN_NAMES: LazyLock<Vec<HeaderName>> = LazyLock::new(|| {
    let known = FieldId::KNOWN.iter();
    known.map(|id| HeaderName::from_static(id.as_str())).collect()
});

/// Converts the fields of a section from the `bytes` of its event, with room for `further` ones. The
/// values are slices of these bytes, without a copy.
pub(crate) fn to_header_map(fields: &FieldTable, bytes: &Bytes, further: usize) -> HeaderMap {
    let spare = SPARE.with_borrow_mut(Vec::pop);
    let mut headers = spare.unwrap_or_default();
    headers.reserve(fields.len() + further);
    for span in fields.spans() {
        let value = HeaderValue::from_maybe_shared(bytes.slice(span.value()));
        // The codec accepts no field that is invalid here, which a test checks.
        if let (Some(name), Ok(value)) = (name_of(span, bytes), value) {
            headers.append(name, value);
        }
    }
    headers
}

/// The name with this id; `None` for another one than the known ones.
pub(crate) fn known_name(id: FieldId) -> Option<&'static HeaderName> {
    KNOWN_NAMES.get(id.index()?)
}

fn name_of(span: &FieldSpan, bytes: &[u8]) -> Option<HeaderName> {
    match known_name(span.id()) {
        Some(name) => Some(name.clone()),
        None => HeaderName::from_bytes(&bytes[span.name()]).ok(),
    }
}

/// Keeps a map whose fields are no longer needed, to be reused for another message.
pub(crate) fn keep_map(mut headers: HeaderMap) {
    if !(1..=LARGEST_SPARE).contains(&headers.capacity()) {
        return;
    }
    headers.clear();
    SPARE.with_borrow_mut(|spare| {
        if spare.len() < MOST_SPARE {
            spare.push(headers);
        }
    });
}

#[cfg(test)]
mod tests {
    use upshift_http1::{Limits, Received, RequestEvent, ServerConnection};

    use super::*;

    /// Catches a known name that becomes another one, because ids and names differ in their order.
    #[test]
    fn every_known_name_is_its_own() {
        for id in FieldId::KNOWN {
            let name = id.as_str();
            // Fields that frame the message need a valid value, and cannot all be in one message.
            let value = if *id == FieldId::TransferEncoding { "chunked" } else { "7" };
            let head = Bytes::from(format!("GET / HTTP/1.1\r\n{name}: {value}\r\nx-y: z\r\n\r\n"));
            let limits = Limits { checks_host: false, ..Limits::default() };
            let Received { event: RequestEvent::Head(read), .. } =
                ServerConnection::new(limits).receive(&head, false)
            else {
                panic!("{name} is not accepted")
            };
            let map = to_header_map(read.fields(), &head, 0);
            assert_eq!((map.len(), map[name].as_bytes()), (2, value.as_bytes()), "{name}");
            assert_eq!(map["x-y"], "z");
            keep_map(map);
        }
    }

    /// Catches a field that the codec accepts, the policy sees, and the upstream does not get.
    #[test]
    fn every_field_that_the_codec_accepts_is_in_the_map() {
        let mut accepted = 0;
        for byte in 0..=u8::MAX {
            for line in [[b'x', byte, b'y', b':', b'1'], [b'x', b':', b'1', byte, b'2']] {
                let head = [&b"GET / HTTP/1.1\r\n"[..], &line, b"\r\n\r\n"].concat();
                let limits = Limits { checks_host: false, ..Limits::default() };
                let received = ServerConnection::new(limits).receive(&head, false);
                if let RequestEvent::Head(read) = received.event {
                    let map = to_header_map(read.fields(), &head.into(), 0);
                    assert_eq!(map.len(), read.fields().len(), "{}", line.escape_ascii());
                    accepted += 1;
                }
            }
        }
        assert!(accepted > 200, "{accepted}");
    }
}
