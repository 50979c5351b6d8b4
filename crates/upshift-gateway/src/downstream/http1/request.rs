//! Converts a head that the codec has read into the request that an exchange serves.

use std::cell::RefCell;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Uri, Version};
use upshift_http1::{FieldTable, RequestHead};

use crate::body::RequestBody;
use crate::local_reply::LocalReply;

/// The number of unused maps that a core keeps.
const MOST_SPARE: usize = 16;

thread_local! {
    /// The unused, empty maps of a core.
    static SPARE: RefCell<Vec<HeaderMap>> = const { RefCell::new(Vec::new()) };
}

/// A head, and the bytes that it was read from.
pub(super) struct ReceivedHead {
    pub(super) head: RequestHead,
    pub(super) bytes: Bytes,
}

impl ReceivedHead {
    /// The request with this head. Its values are slices of the head's bytes, without a copy.
    ///
    /// # Errors
    /// If the target, which the codec accepts, is not a valid URI.
    pub(super) fn to_request(&self, body: RequestBody) -> Result<Request<RequestBody>, LocalReply> {
        let Self { head, bytes } = self;
        let Ok(method) = Method::from_bytes(head.method(bytes)) else {
            return Err(LocalReply::NotHttp("The first line is not an HTTP request."));
        };
        let Ok(uri) = Uri::from_maybe_shared(bytes.slice(head.target_range())) else {
            return Err(LocalReply::NotHttp(
                "The request's target has a character that must be percent-encoded.",
            ));
        };
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.version_mut() = self.version();
        *request.headers_mut() = to_header_map(head.fields(), bytes)
            .ok_or(LocalReply::NotHttp("A field line is malformed."))?;
        Ok(request)
    }

    /// The HTTP version of the request.
    pub(super) fn version(&self) -> Version {
        match self.head.version() {
            upshift_http1::Version::Http10 => Version::HTTP_10,
            // RFC 9110 §2.5: a higher minor version is processed "as if it was in the highest minor
            // version" that we support.
            _ => Version::HTTP_11,
        }
    }
}

/// The fields as a map; `None` if it cannot hold one of them.
pub(super) fn to_header_map(fields: &FieldTable, bytes: &Bytes) -> Option<HeaderMap> {
    let spare = SPARE.with_borrow_mut(Vec::pop);
    let mut headers = spare.unwrap_or_default();
    headers.reserve(fields.len());
    for span in fields.spans() {
        let name = HeaderName::from_bytes(&bytes[span.name()]).ok()?;
        let value = HeaderValue::from_maybe_shared(bytes.slice(span.value())).ok()?;
        headers.append(name, value);
    }
    Some(headers)
}

/// Keeps a map whose fields were written, to be reused for another message.
pub(super) fn keep_map(mut headers: HeaderMap) {
    headers.clear();
    SPARE.with_borrow_mut(|spare| {
        if spare.len() < MOST_SPARE {
            spare.push(headers);
        }
    });
}
