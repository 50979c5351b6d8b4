//! Converts a head that the codec has read into the request that an exchange serves.

use bytes::Bytes;
use http::{Extensions, Method, Uri, Version};
use upshift_http1::RequestHead;

use crate::fields::request_fields::{ReceivedSection, RequestFields};
use crate::local_reply::LocalReply;
use crate::received_request::ReceivedRequest;

/// A head, and the bytes that it was read from.
pub(super) struct ReceivedHead {
    pub(super) head: RequestHead,
    pub(super) bytes: Bytes,
}

impl ReceivedHead {
    /// The request with this head. Its fields stay in the head's bytes.
    ///
    /// # Errors
    /// If the target, which the codec accepts, is not a valid URI.
    pub(super) fn to_request(&self) -> Result<ReceivedRequest<'_>, LocalReply> {
        let Self { head, bytes } = self;
        let Ok(method) = Method::from_bytes(head.method(bytes)) else {
            return Err(LocalReply::NotHttp("The first line is not an HTTP request."));
        };
        let Ok(uri) = Uri::from_maybe_shared(bytes.slice(head.target_range())) else {
            return Err(LocalReply::NotHttp(
                "The request's target has a character that must be percent-encoded.",
            ));
        };
        let section = ReceivedSection { fields: head.fields(), bytes };
        let fields = RequestFields::of_section(section);
        let version = self.version();
        Ok(ReceivedRequest { method, uri, version, extensions: Extensions::new(), fields })
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
