//! A 426 response that was read.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Response, response};
use jiff::SignedDuration;
use upshift_core::Timestamp;
use upshift_core::follow::{self, Demand, ProblemDetails, Stop, Transport, read_date};
use upshift_http::HeaderFields;

use crate::body::read_start;
use crate::{Refused, Trace};

/// The number of bytes of a 426's body that are read. A problem body has a few hundred.
const BODY_LIMIT: usize = 64 * 1024;

/// A 426 response that was read.
pub(crate) struct Response426 {
    pub(crate) head: response::Parts,
    pub(crate) transport: Transport,
    body: Bytes,
    problem: Option<ProblemDetails>,
}

impl Response426 {
    /// Reads the body of a 426, for at most `timeout`.
    pub(crate) async fn read_from<B>(
        response: Response<B>,
        transport: Transport,
        timeout: Duration,
    ) -> Self
    where
        B: http_body::Body,
    {
        let (head, body) = response.into_parts();
        let mut start = Vec::new();
        // A body without an end, on a connection that stays open, is cut off by the timeout. The
        // part that has arrived counts.
        let reading = read_start(body, BODY_LIMIT, &mut start);
        drop(tokio::time::timeout(timeout, reading).await);
        let problem = ProblemDetails::from_body(content_type(&head.headers), &start);
        Self { head, transport, body: start.into(), problem }
    }

    pub(crate) fn fields(&self) -> HeaderFields<'_> {
        HeaderFields(&self.head.headers)
    }

    /// The response as the rules of the core read it.
    pub(crate) fn as_seen<'r>(
        &'r self,
        fields: &'r HeaderFields<'r>,
    ) -> follow::ReceivedResponse<'r> {
        follow::ReceivedResponse { status: 426, fields, problem: self.problem.as_ref() }
    }

    /// The error for a 426 that is not followed.
    pub(crate) fn into_refused(self, stop: Stop, trace: Trace) -> Refused {
        // A malformed `Upgrade` demands nothing that is known. The stop names the fault.
        let demand = Demand::from_response(&self.as_seen(&self.fields()), self.transport.http)
            .unwrap_or_default();
        let retry_at = retry_after(&self.head.headers, Timestamp::now());
        let Self { head, body, problem, .. } = self;
        let response = Response::from_parts(head, body);
        Refused { stop, demand, problem, retry_at, response, trace }
    }
}

/// The value of `Content-Type`; empty if there is none.
fn content_type(headers: &HeaderMap) -> &str {
    match headers.get(CONTENT_TYPE).map(HeaderValue::to_str) {
        Some(Ok(media_type)) => media_type,
        _ => "",
    }
}

/// `Retry-After`: seconds or a date (RFC 9110 §10.2.3).
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match value.parse::<u32>() {
        Ok(seconds) => Some(now + SignedDuration::from_secs(seconds.into())),
        Err(_) => read_date(value),
    }
}
