//! The head of a request to the upstream.

use std::iter;

use http::Method;
use http::header::{HeaderMap, HeaderValue};
use http::uri::PathAndQuery;
use upshift_http1::{ClientConnection, Field, Framing, RequestStart, SendError, Version};

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
        let fields = iter::once(host).chain(fields_of(self.headers)).chain(more);
        codec.send_request(out, start, fields, self.framing)?;
        let mut place = start.method.len() + start.target.len() + "  HTTP/1.1\r\n".len();
        place += line_length(&host);
        for field in fields_of(self.headers) {
            capitalize_name(&mut out[place..place + field.name().len()]);
            place += line_length(&field);
        }
        Ok(())
    }
}

/// The fields of a map, as the codec writes them.
pub(super) fn fields_of(headers: &HeaderMap) -> impl Iterator<Item = Field<'_>> {
    headers.iter().map(|(name, value)| {
        // Some HTTP/2 senders put white space around a value. It is not part of the value.
        Field::new(name.as_str().as_bytes(), value.as_bytes().trim_ascii())
    })
}

fn line_length(field: &Field<'_>) -> usize {
    field.name().len() + ": ".len() + field.value().len() + "\r\n".len()
}

/// Capitalizes a name like most senders do, because some recipients compare names exactly.
fn capitalize_name(name: &mut [u8]) {
    let mut begins_word = true;
    for byte in name {
        if begins_word {
            byte.make_ascii_uppercase();
        }
        begins_word = *byte == b'-';
    }
}
