//! Response bodies that are compared with what their heads announce.
//!
//! The codec of HTTP/1 compares a body with its length, but accepts any transfer coding. The codec
//! of HTTP/2 reports a reset without an error as the end of the body. The codec of HTTP/3 counts
//! nothing.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Response, StatusCode, Version};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use pin_project_lite::pin_project;

use crate::BoxError;
use crate::body::TransportBody;

/// A fault of a response whose body differs from what its head announces. It is found among the
/// causes of an [`Error`](crate::Error), or of the error of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyFault {
    /// The body ended before its `Content-Length` was reached.
    Short {
        /// The bytes that arrived.
        received: u64,
        /// The bytes that were announced.
        length: u64,
    },
    /// The body is longer than its `Content-Length`.
    Long {
        /// The bytes that were announced.
        length: u64,
    },
    /// The server reset the stream, without an error, before it had ended the body.
    Unended,
    /// `Content-Length` is not one number.
    Length,
    /// There are both `Content-Length` and `Transfer-Encoding`.
    TwoLengths,
    /// The body has a transfer coding besides `chunked`, or without it.
    TransferCoding,
}

impl fmt::Display for BodyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short { received, length } => {
                write!(f, "its body has {received} of the {length} bytes that it announced")
            }
            Self::Long { length } => {
                write!(f, "its body has more than the {length} bytes that it announced")
            }
            Self::Unended => f.write_str(
                "the server reset the stream before the end of the body (RFC 9113 §8.1)",
            ),
            Self::Length => f.write_str("its Content-Length is not one number (RFC 9110 §8.6)"),
            Self::TwoLengths => {
                f.write_str("it has both Content-Length and Transfer-Encoding (RFC 9112 §6.3)")
            }
            Self::TransferCoding => f.write_str(
                "its body has a transfer coding that was not asked for (RFC 9112 §7): chunked \
                 alone is read",
            ),
        }
    }
}

impl std::error::Error for BodyFault {}

/// Checks the head of a response to a request of this method, and makes its body fail if it differs
/// from what the head announces.
///
/// # Errors
/// If the head itself is at fault.
pub(crate) fn check_response<B>(
    response: Response<B>,
    method: &Method,
) -> Result<Response<TransportBody>, BodyFault>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let over_http2 = response.version() == Version::HTTP_2;
    if !has_content(method, response.status()) {
        return Ok(response.map(|body| body.map_err(Into::into).boxed_unsync()));
    }
    // HTTP/2 and HTTP/3 have no transfer codings (RFC 9113 §8.2.2, RFC 9114 §4.2).
    if response.version() <= Version::HTTP_11 {
        check_coding(response.headers())?;
    }
    let length = declared_length(response.headers())?;
    Ok(response.map(|inner| {
        let body = CheckedBody { inner, length, received: 0, over_http2, over: false };
        body.boxed_unsync()
    }))
}

/// Returns true if a response has content. Without content, the length fields mean nothing (RFC
/// 9112 §6.3).
fn has_content(method: &Method, status: StatusCode) -> bool {
    let is_empty = status.is_informational()
        || [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status);
    let is_tunnel = method == Method::CONNECT && status.is_success();
    !is_empty && !is_tunnel && method != Method::HEAD
}

fn check_coding(headers: &HeaderMap) -> Result<(), BodyFault> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let (first, more) = (codings.next(), codings.next());
    let Some(coding) = first else { return Ok(()) };
    // RFC 9112 §6.1: "A server MUST NOT send a response containing Transfer-Encoding" to one that
    // cannot read it; no TE is sent, so that is every coding but chunked (RFC 9112 §7.4).
    if more.is_some() || !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") {
        return Err(BodyFault::TransferCoding);
    }
    // RFC 9112 §6.3: "ought to be handled as an error".
    if headers.contains_key(CONTENT_LENGTH) { Err(BodyFault::TwoLengths) } else { Ok(()) }
}

/// The length that `Content-Length` declares. RFC 9110 §8.6: repetitions of one number count as
/// that number.
fn declared_length(headers: &HeaderMap) -> Result<Option<u64>, BodyFault> {
    let mut declared = None;
    for line in headers.get_all(CONTENT_LENGTH) {
        let text = line.to_str().map_err(|_| BodyFault::Length)?;
        for member in text.split(',') {
            let length = parse_digits(member.trim()).ok_or(BodyFault::Length)?;
            if let Some(earlier) = declared
                && earlier != length
            {
                return Err(BodyFault::Length);
            }
            declared = Some(length);
        }
    }
    Ok(declared)
}

/// RFC 9110 §8.6: `Content-Length = 1*DIGIT`. The parser of the standard library also accepts a
/// sign.
fn parse_digits(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

pin_project! {
    /// A body that is counted, and that has to end properly.
    struct CheckedBody<B> {
        #[pin]
        inner: B,
        length: Option<u64>,
        received: u64,
        over_http2: bool,
        // The body has ended, properly or not.
        over: bool,
    }
}

impl<B> HttpBody for CheckedBody<B>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut this = self.project();
        // The inner body need not allow to be polled after its end.
        if *this.over {
            return Poll::Ready(None);
        }
        let frame = match ready!(this.inner.as_mut().poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                *this.over = true;
                return Poll::Ready(Some(Err(error.into())));
            }
            None => {
                *this.over = true;
                // RFC 9113 §8.1: a reset with NO_ERROR is for "after sending a complete response",
                // which END_STREAM ends.
                let is_unended = *this.over_http2 && !this.inner.is_end_stream();
                let fault = fault_at_end(*this.received, *this.length, is_unended);
                return Poll::Ready(fault.map(|fault| Err(fault.into())));
            }
        };
        if let Some(data) = frame.data_ref() {
            *this.received += data.len() as u64;
        }
        // RFC 9113 §8.1.1, RFC 9114 §4.1.2: a length that does not match makes the message
        // malformed.
        if let Some(length) = *this.length
            && *this.received > length
        {
            *this.over = true;
            return Poll::Ready(Some(Err(BodyFault::Long { length }.into())));
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        if self.over {
            return true;
        }
        // A body that ends too early is not at its end: the next poll returns the fault.
        let is_complete = match self.length {
            Some(length) => self.received == length,
            None => true,
        };
        is_complete && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match self.length {
            Some(length) => SizeHint::with_exact(length.saturating_sub(self.received)),
            None => self.inner.size_hint(),
        }
    }
}

/// The fault of a body that ends here, if it has one.
fn fault_at_end(received: u64, length: Option<u64>, is_unended: bool) -> Option<BodyFault> {
    match length {
        Some(length) if received < length => Some(BodyFault::Short { received, length }),
        _ if is_unended => Some(BodyFault::Unended),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(lines: &[(http::HeaderName, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_length_is_one_number() {
        assert_eq!(declared_length(&HeaderMap::new()), Ok(None));
        assert_eq!(declared_length(&headers(&[(CONTENT_LENGTH, "7")])), Ok(Some(7)));
        for wrong in ["", "-7", "+7", "7, 8", "7 8", "99999999999999999999999"] {
            assert_eq!(
                declared_length(&headers(&[(CONTENT_LENGTH, wrong)])),
                Err(BodyFault::Length),
                "{wrong}"
            );
        }
        let mut twice = headers(&[(CONTENT_LENGTH, "7, 7")]);
        assert_eq!(declared_length(&twice), Ok(Some(7)));
        twice.append(CONTENT_LENGTH, HeaderValue::from_static("8"));
        assert_eq!(declared_length(&twice), Err(BodyFault::Length));
    }

    #[test]
    fn chunked_is_the_only_coding_and_the_only_length() {
        assert_eq!(check_coding(&headers(&[(TRANSFER_ENCODING, "Chunked")])), Ok(()));
        for wrong in ["gzip, chunked", "gzip", "identity", "chunked, chunked", ""] {
            let found = check_coding(&headers(&[(TRANSFER_ENCODING, wrong)]));
            assert_eq!(found, Err(BodyFault::TransferCoding), "{wrong}");
        }
        let both = headers(&[(TRANSFER_ENCODING, "chunked"), (CONTENT_LENGTH, "4")]);
        assert_eq!(check_coding(&both), Err(BodyFault::TwoLengths));
    }
}
