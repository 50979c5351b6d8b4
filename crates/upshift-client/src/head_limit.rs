//! The limits on the heads of responses: how many interim ones, how large, and how slow.

use std::fmt;
use std::time::Duration;

/// The limit on interim responses to one request. Servers send one or two.
pub(crate) const INTERIM_RESPONSES: usize = 16;
/// The limit on the bytes of the fields of all interim responses to one request, and of one header
/// section over HTTP/3.
pub(crate) const HEAD_BYTES: usize = 64 * 1024;

/// A limit on the head of a response that the server exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeadLimit {
    /// The number of interim (1xx) responses.
    InterimResponses,
    /// The bytes of the interim (1xx) responses.
    InterimBytes,
    /// The bytes of one header section.
    SectionBytes,
    /// The time from the first byte of a head to its end.
    Time(Duration),
}

impl fmt::Display for HeadLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kib = HEAD_BYTES / 1024;
        match self {
            Self::InterimResponses => write!(
                f,
                "the server sent more than {INTERIM_RESPONSES} interim (1xx) responses to one \
                 request"
            ),
            Self::InterimBytes => write!(
                f,
                "the server sent more than {kib} KiB of interim (1xx) responses to one request"
            ),
            Self::SectionBytes => {
                write!(f, "the server sent a header section of more than {kib} KiB")
            }
            Self::Time(timeout) => write!(
                f,
                "the server began the head of a response and did not end it within {timeout:?}"
            ),
        }
    }
}

impl std::error::Error for HeadLimit {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_says_what_the_server_did() {
        for (limit, said) in [
            (HeadLimit::InterimResponses, "more than 16 interim (1xx) responses"),
            (HeadLimit::InterimBytes, "more than 64 KiB of interim (1xx) responses"),
            (HeadLimit::SectionBytes, "a header section of more than 64 KiB"),
            (HeadLimit::Time(Duration::from_secs(30)), "did not end it within 30s"),
        ] {
            assert!(limit.to_string().contains(said), "{limit}");
        }
    }
}
