//! The head of a request to the upstream.

use std::iter;

use http::Method;
use http::header::{HeaderMap, HeaderValue};
use http::uri::PathAndQuery;
use upshift_http1::{ClientConnection, Field, Framing, RequestStart, SendError, Version};

use crate::fields::names::{ReceivedNames, fields_of};

/// The head of a request, with the fields of this hop.
pub(crate) struct Http1Request<'r> {
    /// The method.
    pub(crate) method: &'r Method,
    /// The path and the query.
    pub(crate) target: &'r PathAndQuery,
    /// `Host`.
    pub(crate) host: &'r HeaderValue,
    /// The other fields, except those that frame the content.
    pub(crate) headers: &'r HeaderMap,
    /// Their names, as far as they came over HTTP/1.
    pub(crate) names: ReceivedNames<'r>,
    /// Trailers are accepted.
    pub(crate) trailers: bool,
    /// The content is sent only after 100 (Continue).
    pub(crate) expects_continue: bool,
    /// The end of the content.
    pub(crate) framing: Framing,
}

/// RFC 9110 §10.1.4: "A sender of TE MUST also send a "TE" connection option".
const ACCEPT_TRAILERS: [(&[u8], &[u8]); 2] = [(b"TE", b"trailers"), (b"Connection", b"te")];

/// RFC 9110 §10.1.1.
const EXPECT_CONTINUE: [(&[u8], &[u8]); 1] = [(b"Expect", b"100-continue")];

impl Http1Request<'_> {
    /// Writes the head into `out`.
    ///
    /// # Errors
    /// If HTTP/1.1 cannot express it.
    pub(super) fn write_head(
        &self,
        codec: &mut ClientConnection,
        out: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        let start = RequestStart {
            method: self.method.as_str().as_bytes(),
            target: self.target.as_str().as_bytes(),
            version: Version::Http11,
        };
        let host = Field::new(b"Host", self.host.as_bytes());
        let accepts = if self.trailers { &ACCEPT_TRAILERS[..] } else { &[] };
        let expects = if self.expects_continue { &EXPECT_CONTINUE[..] } else { &[] };
        let more = accepts.iter().chain(expects).map(|(name, value)| Field::new(name, value));
        let fields = iter::once(host).chain(fields_of(self.headers, self.names)).chain(more);
        codec.send_request(out, start, fields, self.framing)
    }
}
