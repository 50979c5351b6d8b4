//! Bounds on the heads of responses: how many interim ones, how large, and how slow.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use http::{HeaderMap, Request};
use tokio::sync::watch;

use crate::BoxError;
use crate::watched::HeadWatch;

/// The most interim responses to one request. Servers send one or two.
pub(crate) const INTERIM_RESPONSES: usize = 16;
/// The most bytes of the fields of all interim responses to one request, and of one header section
/// over HTTP/3.
pub(crate) const HEAD_BYTES: usize = 64 * 1024;

/// A bound on the head of a response that the server went past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeadLimit {
    /// Too many interim (1xx) responses.
    InterimResponses,
    /// Too many bytes of interim (1xx) responses.
    InterimBytes,
    /// Too many bytes of one header section.
    SectionBytes,
    /// Too long from the first byte of a head to its end.
    Time(Duration),
}

impl fmt::Display for HeadLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kib = HEAD_BYTES / 1024;
        match self {
            Self::InterimResponses => {
                write!(
                    f,
                    "the server sent more than {INTERIM_RESPONSES} interim (1xx) responses to one request"
                )
            }
            Self::InterimBytes => {
                write!(
                    f,
                    "the server sent more than {kib} KiB of interim (1xx) responses to one request"
                )
            }
            Self::SectionBytes => {
                write!(f, "the server sent a header section of more than {kib} KiB")
            }
            Self::Time(patience) => {
                write!(
                    f,
                    "the server began the head of a response and did not end it within {patience:?}"
                )
            }
        }
    }
}

impl std::error::Error for HeadLimit {}

/// The interim responses to one request.
#[derive(Clone, Copy, Debug, Default)]
struct Interim {
    responses: usize,
    bytes: usize,
}

impl Interim {
    fn limit(self) -> Option<HeadLimit> {
        if self.responses > INTERIM_RESPONSES {
            return Some(HeadLimit::InterimResponses);
        }
        (self.bytes > HEAD_BYTES).then_some(HeadLimit::InterimBytes)
    }
}

/// Counts the interim responses that arrive over HTTP/1 for one request.
pub(crate) struct InterimMeter(watch::Receiver<Interim>);

impl InterimMeter {
    /// Has hyper report the interim responses to `request`.
    pub(crate) fn attach<B>(request: &mut Request<B>) -> Self {
        let (sender, receiver) = watch::channel(Interim::default());
        hyper::ext::on_informational(request, move |response| {
            sender.send_modify(|interim| {
                interim.responses += 1;
                interim.bytes += size_of_fields(response.headers());
            });
        });
        Self(receiver)
    }

    /// Resolves when the server has gone past a bound.
    async fn exceeded(&self) -> HeadLimit {
        let mut interim = self.0.clone();
        loop {
            if let Some(limit) = interim.borrow_and_update().limit() {
                return limit;
            }
            if interim.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

fn size_of_fields(fields: &HeaderMap) -> usize {
    fields.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

/// Waits for a response, and gives up when the server goes past a bound on heads.
///
/// `connection` resolves to the watch of the connection that the request was put on.
pub(crate) async fn within_limits<T, E: Into<BoxError>>(
    response: impl Future<Output = Result<T, E>>,
    meter: InterimMeter,
    connection: impl Future<Output = HeadWatch>,
) -> Result<T, BoxError> {
    let mut interim = meter.0.clone();
    let overdue = async {
        let watch = connection.await;
        loop {
            interim.mark_unchanged();
            watch.next_bytes().await;
            // Between two heads a server may take its time: 102 (Processing) exists for that.
            tokio::select! {
                Ok(()) = interim.changed() => {}
                limit = watch.out_of_time() => return limit,
            }
        }
    };
    tokio::select! {
        biased;
        limit = meter.exceeded() => Err(limit.into()),
        response = response => response.map_err(Into::into),
        limit = overdue => Err(limit.into()),
    }
}

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

    #[test]
    fn a_few_interim_responses_are_within_the_limits() {
        assert_eq!(Interim { responses: 16, bytes: HEAD_BYTES }.limit(), None);
        assert_eq!(Interim { responses: 17, bytes: 0 }.limit(), Some(HeadLimit::InterimResponses));
        assert_eq!(
            Interim { responses: 1, bytes: HEAD_BYTES + 1 }.limit(),
            Some(HeadLimit::InterimBytes)
        );
    }
}
