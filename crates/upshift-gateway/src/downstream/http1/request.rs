//! Converts a head that the codec has read into the request that an exchange serves.

use bytes::Bytes;
use http::uri::PathAndQuery;
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
        let Ok(mut uri) = Uri::from_maybe_shared(bytes.slice(head.target_range())) else {
            return Err(LocalReply::NotHttp(
                "The request's target has a character that must be percent-encoded.",
            ));
        };
        if method == Method::OPTIONS && has_empty_path(head.target(bytes)) {
            uri = with_asterisk(uri);
        }
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

/// Returns true for a target in absolute form without path and query.
fn has_empty_path(target: &[u8]) -> bool {
    let Some(scheme_end) = target.windows(3).position(|window| window == b"://") else {
        return false;
    };
    let after_scheme = &target[scheme_end + 3..];
    !target.starts_with(b"/") && !after_scheme.iter().any(|byte| matches!(byte, b'/' | b'?'))
}

/// The same URI with the path `*`.
///
/// RFC 9112 §3.2.4: "If a proxy receives an OPTIONS request with an absolute-form of request-target
/// in which the URI has an empty path and no query component, then the last proxy on the request
/// chain MUST send a request-target of "*" when it forwards the request to the indicated origin
/// server."
fn with_asterisk(uri: Uri) -> Uri {
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::from_static("*"));
    Uri::from_parts(parts).unwrap_or(uri)
}
