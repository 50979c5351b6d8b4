//! One exchange over HTTP/2.

use std::rc::Rc;

use super::broken::{BrokenBy, ConnectionAge, RetryScope};
use super::outbound::{OutboundRequest, RetryCopy};
use super::sending::{ExchangeError, ReceivedHead, UpstreamExchange, record_timeout};
use super::waiting::wait_for_timeout;
use crate::upstream::{
    Checkout, EndpointFailure, Http2Content, Http2Sender, InFlightGuard, UpstreamBody,
    UpstreamEndpoint,
};

impl UpstreamExchange<'_> {
    /// Sends the request on a connection of HTTP/2.
    pub(super) async fn exchange_http2(
        &self,
        mut sender: Http2Sender,
        mut outbound: Box<OutboundRequest>,
        guard: InFlightGuard,
        age: ConnectionAge,
    ) -> Result<ReceivedHead, ExchangeError> {
        let retry_copy = outbound.retry_copy();
        let kept = outbound.keep_parts();
        let endpoint = guard.endpoint_handle();
        let request = outbound.into_http2(&endpoint);
        let sent = tokio::select! {
            // A response that has arrived counts, even if the timeout passes in the same poll.
            biased;
            sent = sender.try_send_request(request) => sent,
            what = wait_for_timeout(&self.upload, self.timeouts) => {
                return Err(http2_timed_out(&endpoint, what, retry_copy));
            }
        };
        let mut error = match sent {
            Ok(response) => {
                if age != ConnectionAge::New {
                    endpoint.record_reuse();
                }
                let checkout = Checkout::new(guard, response.status());
                let retry_copy = retry_copy.and_then(RetryCopy::into_idempotent);
                let upload = Rc::clone(&self.upload);
                let response =
                    response.map(|body| UpstreamBody::Http2(Http2Content::new(body, upload)));
                return Ok(ReceivedHead { response, checkout, retry_copy });
            }
            Err(error) => error,
        };
        let Some(unsent) = error.take_message() else {
            return Err(self.http2_broke(&error.into_error(), retry_copy, &endpoint, age));
        };
        if age == ConnectionAge::New {
            endpoint.record_failure(EndpointFailure::Broken);
        }
        Err(ExchangeError::Unsent(Box::new(OutboundRequest::restore(unsent, kept)), guard))
    }

    fn http2_broke(
        &self,
        error: &hyper::Error,
        retry_copy: Option<RetryCopy>,
        endpoint: &UpstreamEndpoint,
        age: ConnectionAge,
    ) -> ExchangeError {
        let broken = BrokenBy::from_http2(error);
        let (reply, scope) = self.connection_broke(broken, error, endpoint, age);
        let retry_copy = match scope {
            RetryScope::Unprocessed => retry_copy.and_then(RetryCopy::into_unprocessed),
            _ => retry_copy.and_then(RetryCopy::into_idempotent),
        };
        ExchangeError::Failed { reply, retry_copy, scope }
    }
}

fn http2_timed_out(
    endpoint: &UpstreamEndpoint,
    what: &'static str,
    retry_copy: Option<RetryCopy>,
) -> ExchangeError {
    // A connection that hangs for one request may hang for all.
    endpoint.pool.retire_http2();
    ExchangeError::Failed {
        reply: record_timeout(endpoint, what),
        retry_copy: retry_copy.and_then(RetryCopy::into_idempotent),
        scope: RetryScope::OtherEndpoint,
    }
}
