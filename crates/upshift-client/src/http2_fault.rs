//! Faults of exchanges over HTTP/2 and HTTP/3 that may succeed over HTTP/1.1.
//!
//! HTTP/2 forbids `Upgrade` and `Connection` (RFC 9113 §8.2.2). A response that has one is
//! malformed: the codec resets its stream and passes nothing of it on. A 426 that was written by
//! hand for nginx or Caddy has the field in every version. HTTP/3 forbids the same fields (RFC 9114
//! §4.2).

use std::error::Error;
use std::fmt;

use h2::Reason;
use http::HeaderName;

/// A fault that ended an exchange over HTTP/2 or HTTP/3, but not its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Http2Fault {
    /// The response is malformed (RFC 9113 §8.1.1), most often because of an `Upgrade` or
    /// `Connection` field.
    MalformedResponse,
    /// The server requires HTTP/1.1 for this request (`HTTP_1_1_REQUIRED`, RFC 9113 §7).
    Http11Required,
    /// The response came over HTTP/3 and is malformed by an `Upgrade` or `Connection` field (RFC
    /// 9114 §4.2).
    ForbiddenOverHttp3,
}

impl Http2Fault {
    /// Finds the fault in an error and its causes.
    pub(crate) fn find_in(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if error.is::<ForbiddenField>() {
                return Some(Self::ForbiddenOverHttp3);
            }
            if let Some(error) = error.downcast_ref::<h2::Error>() {
                return Self::from_stream_error(error);
            }
            next = error.source();
        }
        None
    }

    fn from_stream_error(error: &h2::Error) -> Option<Self> {
        match error.reason()? {
            // RFC 9113 §8.1.1: the codec treats a malformed response as a stream error.
            Reason::PROTOCOL_ERROR if error.is_reset() && error.is_library() => {
                Some(Self::MalformedResponse)
            }
            // RFC 9113 §8.1: a server that wants no more of a body resets with NO_ERROR "after
            // sending a complete response". If none arrived, the codec has discarded it.
            Reason::NO_ERROR if error.is_reset() && error.is_remote() => {
                Some(Self::MalformedResponse)
            }
            // Caddy answers the codec's reset with one of its own, and either of them may be seen
            // first.
            Reason::STREAM_CLOSED if error.is_reset() && error.is_remote() => {
                Some(Self::MalformedResponse)
            }
            Reason::HTTP_1_1_REQUIRED if error.is_remote() => Some(Self::Http11Required),
            _ => None,
        }
    }
}

impl fmt::Display for Http2Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MalformedResponse => {
                "the server's response over HTTP/2 is malformed, most often by an Upgrade or \
                 Connection field, which HTTP/2 forbids (RFC 9113 §8.2.2)"
            }
            Self::ForbiddenOverHttp3 => {
                "the server's response over HTTP/3 is malformed by an Upgrade or Connection field, \
                 which HTTP/3 forbids (RFC 9114 §4.2)"
            }
            Self::Http11Required => "the server requires HTTP/1.1 for this request (RFC 9113 §7)",
        })
    }
}

/// A field that makes a response over HTTP/3 malformed.
#[derive(Debug)]
pub(crate) struct ForbiddenField(pub(crate) HeaderName);

impl fmt::Display for ForbiddenField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server's response has a field {}, which HTTP/3 forbids", self.0)
    }
}

impl Error for ForbiddenField {}
