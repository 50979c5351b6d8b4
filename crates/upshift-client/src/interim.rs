//! Interim (1xx) responses over HTTP/1, counted, and the wait for a response within its limits.

use std::future::Future;

use http::{HeaderMap, Request};
use tokio::sync::watch;

use crate::BoxError;
use crate::head_limit::{HEAD_BYTES, HeadLimit, INTERIM_RESPONSES};
use crate::head_limited_stream::HeadWatch;

/// The interim responses to one request, added up.
#[derive(Clone, Copy, Debug, Default)]
struct InterimTotals {
    responses: usize,
    bytes: usize,
}

impl InterimTotals {
    fn exceeded_limit(self) -> Option<HeadLimit> {
        if self.responses > INTERIM_RESPONSES {
            return Some(HeadLimit::InterimResponses);
        }
        if self.bytes > HEAD_BYTES {
            return Some(HeadLimit::InterimBytes);
        }
        None
    }
}

/// Counts the interim responses that arrive over HTTP/1 for one request.
pub(crate) struct InterimMeter(watch::Receiver<InterimTotals>);

impl InterimMeter {
    /// Makes hyper report the interim responses to `request`.
    pub(crate) fn attach_to<B>(request: &mut Request<B>) -> Self {
        let (sender, receiver) = watch::channel(InterimTotals::default());
        hyper::ext::on_informational(request, move |response| {
            sender.send_modify(|totals| {
                totals.responses += 1;
                totals.bytes += size_of_fields(response.headers());
            });
        });
        Self(receiver)
    }

    /// Resolves when the server has exceeded a limit.
    async fn limit_exceeded(&self) -> HeadLimit {
        let mut totals = self.0.clone();
        loop {
            if let Some(limit) = totals.borrow_and_update().exceeded_limit() {
                return limit;
            }
            if totals.changed().await.is_err() {
                // hyper has dropped the request: no more responses will be reported.
                std::future::pending::<()>().await;
            }
        }
    }
}

fn size_of_fields(fields: &HeaderMap) -> usize {
    fields.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

/// Waits for a response, and gives up when the server exceeds a limit on heads.
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
            // Between two heads a server may take its time: 102 (Processing) exists for that. So
            // the clock stops at the end of an interim head and starts with the next byte.
            tokio::select! {
                Ok(()) = interim.changed() => {}
                limit = watch.out_of_time() => return limit,
            }
        }
    };
    tokio::select! {
        biased;
        limit = meter.limit_exceeded() => Err(limit.into()),
        outcome = response => outcome.map_err(Into::into),
        limit = overdue => Err(limit.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_interim_responses_are_within_the_limits() {
        assert_eq!(InterimTotals { responses: 16, bytes: HEAD_BYTES }.exceeded_limit(), None);
        assert_eq!(
            InterimTotals { responses: 17, bytes: 0 }.exceeded_limit(),
            Some(HeadLimit::InterimResponses)
        );
        assert_eq!(
            InterimTotals { responses: 1, bytes: HEAD_BYTES + 1 }.exceeded_limit(),
            Some(HeadLimit::InterimBytes)
        );
    }
}
