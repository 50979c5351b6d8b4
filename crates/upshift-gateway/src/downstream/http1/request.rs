//! Converts a head that the codec has read into the request that an exchange serves.

use bytes::Bytes;
use http::{Method, Request, Uri, Version};
use upshift_http1::RequestHead;

use crate::body::RequestBody;
use crate::fields::header_map::to_header_map;
use crate::local_reply::LocalReply;

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
            .map_err(|_| LocalReply::NotHttp("A field line is malformed."))?;
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
