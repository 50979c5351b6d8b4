//! Bodies of responses that are held against what their heads say.
//!
//! The codec of HTTP/1 holds a body against its length, and takes any transfer coding; that of
//! HTTP/2 hands on a reset without an error as the end of the body; that of HTTP/3 counts nothing.

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
use crate::transport::Incoming;

/// A response whose body is not what its head says. It is found among the causes of an error, or of
/// a body's error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyFault {
    /// The body ended before its `Content-Length` was reached.
    Short {
        /// The bytes that came.
        came: u64,
        /// The bytes that were to come.
        length: u64,
    },
    /// The body is longer than its `Content-Length`.
    Long {
        /// The bytes that were to come.
        length: u64,
    },
    /// The server reset the stream, without an error, before it had ended the body.
    Unended,
    /// `Content-Length` is no number, or several.
    Length,
    /// `Content-Length` stands beside `Transfer-Encoding`.
    TwoLengths,
    /// The body has a transfer coding besides `chunked`, or without it.
    TransferCoding,
}

impl fmt::Display for BodyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short { came, length } => write!(f, "its body has {came} of the {length} bytes that it announced"),
            Self::Long { length } => write!(f, "its body has more than the {length} bytes that it announced"),
            Self::Unended => f.write_str("the server reset the stream before the end of the body (RFC 9113 §8.1)"),
            Self::Length => f.write_str("its Content-Length is not one number (RFC 9110 §8.6)"),
            Self::TwoLengths => f.write_str("it has both Content-Length and Transfer-Encoding (RFC 9112 §6.3)"),
            Self::TransferCoding => f.write_str(
                "its body has a transfer coding that was not asked for (RFC 9112 §7): chunked alone is read",
            ),
        }
    }
}

impl std::error::Error for BodyFault {}

/// The response to a request of this method, with a body that fails unless it is what the head
/// says.
///
/// # Errors
/// If the head itself is at fault.
pub(crate) fn checked<B>(
    response: Response<B>,
    method: &Method,
) -> Result<Response<Incoming>, BodyFault>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let over_http2 = response.version() == Version::HTTP_2;
    if !has_content(method, response.status()) {
        return Ok(response.map(|body| body.map_err(Into::into).boxed_unsync()));
    }
    if response.version() <= Version::HTTP_11 {
        check_coding(response.headers())?;
    }
    let length = length(response.headers())?;
    Ok(response
        .map(|inner| Checked { inner, length, came: 0, over_http2, over: false }.boxed_unsync()))
}

/// Tells whether a response has content. Without it, the length fields mean nothing (RFC 9112
/// §6.3).
fn has_content(method: &Method, status: StatusCode) -> bool {
    let empty = status.is_informational()
        || [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status);
    let tunnel = method == Method::CONNECT && status.is_success();
    !empty && !tunnel && method != Method::HEAD
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

/// RFC 9110 §8.6: repetitions of one number count as that number.
fn length(headers: &HeaderMap) -> Result<Option<u64>, BodyFault> {
    let mut found = None;
    for line in headers.get_all(CONTENT_LENGTH) {
        let text = line.to_str().map_err(|_| BodyFault::Length)?;
        for number in text.split(',').map(str::trim) {
            let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            let length = if digits {
                number.parse().map_err(|_| BodyFault::Length)?
            } else {
                return Err(BodyFault::Length);
            };
            if found.is_some_and(|found: u64| found != length) {
                return Err(BodyFault::Length);
            }
            found = Some(length);
        }
    }
    Ok(found)
}

pin_project! {
    /// A body that is counted, and whose end has to be one.
    struct Checked<B> {
        #[pin]
        inner: B,
        length: Option<u64>,
        came: u64,
        over_http2: bool,
        // It has ended, well or not.
        over: bool,
    }
}

impl<B> HttpBody for Checked<B>
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
                let unended = *this.over_http2 && !this.inner.is_end_stream();
                return Poll::Ready(
                    end(*this.came, *this.length, unended).map(|fault| Err(fault.into())),
                );
            }
        };
        *this.came += frame.data_ref().map_or(0, |data| data.len() as u64);
        match *this.length {
            // RFC 9113 §8.1.1, RFC 9114 §4.1.2: a length that does not match makes the message
            // malformed.
            Some(length) if *this.came > length => {
                *this.over = true;
                Poll::Ready(Some(Err(BodyFault::Long { length }.into())))
            }
            _ => Poll::Ready(Some(Ok(frame))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.over
            || (self.inner.is_end_stream() && self.length.is_none_or(|length| self.came == length))
    }

    fn size_hint(&self) -> SizeHint {
        match self.length {
            Some(length) => SizeHint::with_exact(length.saturating_sub(self.came)),
            None => self.inner.size_hint(),
        }
    }
}

/// The fault of a body that ends here, if it has one.
fn end(came: u64, length: Option<u64>, unended: bool) -> Option<BodyFault> {
    match length {
        Some(length) if came < length => Some(BodyFault::Short { came, length }),
        _ => unended.then_some(BodyFault::Unended),
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
        assert_eq!(length(&HeaderMap::new()), Ok(None));
        assert_eq!(length(&headers(&[(CONTENT_LENGTH, "7")])), Ok(Some(7)));
        for wrong in ["", "-7", "+7", "7, 8", "7 8", "99999999999999999999999"] {
            assert_eq!(
                length(&headers(&[(CONTENT_LENGTH, wrong)])),
                Err(BodyFault::Length),
                "{wrong}"
            );
        }
        let mut twice = headers(&[(CONTENT_LENGTH, "7, 7")]);
        assert_eq!(length(&twice), Ok(Some(7)));
        twice.append(CONTENT_LENGTH, HeaderValue::from_static("8"));
        assert_eq!(length(&twice), Err(BodyFault::Length));
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
