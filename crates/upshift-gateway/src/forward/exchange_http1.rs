//! One exchange over HTTP/1.1.

use std::future::poll_fn;
use std::mem;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::time::{Duration, Instant};
use upshift_http1::SendError;

use super::broken::{BrokenBy, ConnectionAge, RetryScope};
use super::outbound::OutboundRequest;
use super::response::relay_interim;
use super::sending::{ExchangeError, ReceivedHead, UpstreamExchange, record_timeout};
use super::waiting::upstream_deadline;
use crate::body::RequestBody;
use crate::fields::names::{KeptNames, ReceivedNames};
use crate::http1_client::Http1Client;
use crate::local_reply::LocalReply;
use crate::upstream::http1::{
    Http1Connection, Http1Content, Http1Error, Http1Exchange, Http1Head, IdleConnections,
};
use crate::upstream::{Checkout, EndpointFailure, InFlightGuard, UpstreamBody, UpstreamEndpoint};

/// The longest wait for a 100 (Continue). curl waits as long.
const CONTINUE_WAIT: Duration = Duration::from_secs(1);

/// A connection, and the pool that it returns to.
type HomedConnection = (Box<Http1Connection>, Option<Rc<IdleConnections>>);

/// An exchange without a response.
enum NoResponse {
    TimedOut(&'static str),
    Broken(Http1Error),
}

impl UpstreamExchange<'_> {
    /// Sends the request on a connection of HTTP/1.1.
    pub(super) async fn exchange_http1(
        &self,
        (connection, home): HomedConnection,
        mut outbound: Box<OutboundRequest>,
        guard: InFlightGuard,
        age: ConnectionAge,
    ) -> Result<ReceivedHead, ExchangeError> {
        let endpoint = guard.endpoint_handle();
        let has_content = !outbound.body.is_empty();
        let head = outbound.http1_head(&endpoint, self.request_names());
        let mut exchange = Http1Exchange::begin(connection, home, &head).map_err(unsendable)?;
        exchange.attach_body(mem::replace(&mut outbound.body, RequestBody::empty()));
        let no_response = match self.wait_for_response(&mut exchange).await {
            Ok(head) => {
                if age != ConnectionAge::New {
                    endpoint.record_reuse();
                }
                let held = exchange.take_held_content();
                let retry_copy = copy_for_retry(outbound, has_content, held);
                return Ok(self.received_head(head, exchange, guard, retry_copy));
            }
            Err(no_response) => no_response,
        };
        // A request that the client aborted is not sent to another endpoint.
        let may_be_unsent = !matches!(no_response, NoResponse::Broken(Http1Error::Request(_)));
        if may_be_unsent && let Some(body) = exchange.take_unsent() {
            if age == ConnectionAge::New {
                endpoint.record_failure(EndpointFailure::Broken);
            }
            outbound.body = body;
            return Err(ExchangeError::Unsent(outbound, guard));
        }
        let (reply, scope) = self.judge_failure(no_response, &endpoint, age);
        let retry_copy = copy_for_retry(outbound, has_content, exchange.take_held_content());
        Err(ExchangeError::Failed { reply, retry_copy, scope })
    }

    /// The names of the request's fields, if it came over HTTP/1.
    fn request_names(&self) -> ReceivedNames<'_> {
        match self.client {
            Some(client) => client.names(),
            None => ReceivedNames::default(),
        }
    }

    fn received_head(
        &self,
        head: Http1Head,
        exchange: Http1Exchange,
        guard: InFlightGuard,
        retry_copy: Option<Box<OutboundRequest>>,
    ) -> ReceivedHead {
        let Http1Head { response, fields, bytes, .. } = head;
        // Over other versions of HTTP, the client gets all names in lower case.
        let names = match self.client {
            Some(_) => KeptNames::unless_title_case(fields, bytes),
            None => None,
        };
        let checkout = Checkout::new(guard, response.status());
        let response = response.map(|framing| {
            let content = Http1Content::of_response(exchange, framing, self.timeouts.silence);
            UpstreamBody::Http1(content.with_names(names))
        });
        ReceivedHead { response, checkout, retry_copy }
    }

    /// Sends the request, and waits for the head of the response.
    async fn wait_for_response(
        &self,
        exchange: &mut Http1Exchange,
    ) -> Result<Http1Head, NoResponse> {
        let began = Instant::now();
        poll_fn(|cx| {
            // A response that is there counts even if the timeout has passed in the same poll.
            if let Poll::Ready(received) = self.poll_response(exchange, began, cx) {
                return Poll::Ready(received.map_err(NoResponse::Broken));
            }
            if exchange.holds_content() {
                return Poll::Pending;
            }
            let Some((deadline, what)) = upstream_deadline(&self.upload, self.timeouts, began)
            else {
                return Poll::Pending;
            };
            exchange.poll_deadline(deadline, cx).map(|()| Err(NoResponse::TimedOut(what)))
        })
        .await
    }

    /// Polls for the response to a request that began at `began`. Content that the upstream does not
    /// ask for is held back for a limited time.
    fn poll_response(
        &self,
        exchange: &mut Http1Exchange,
        began: Instant,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Http1Head, Http1Error>> {
        let polled = self.poll_final_head(exchange, cx);
        // Another interim response would replace the one that the client does not have yet.
        let has_interim = self.client.is_some_and(Http1Client::has_interim);
        if polled.is_ready() || has_interim || !exchange.holds_content() {
            return polled;
        }
        // RFC 9110 §10.1.1: a client "SHOULD NOT wait for an indefinite period before sending the
        // content", because the upstream may not know the expectation.
        ready!(exchange.poll_deadline(began + CONTINUE_WAIT, cx));
        exchange.release_content();
        self.poll_final_head(exchange, cx)
    }

    /// Polls for the head of the final response.
    fn poll_final_head(
        &self,
        exchange: &mut Http1Exchange,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Http1Head, Http1Error>> {
        let head = ready!(exchange.poll_head(cx))?;
        if !head.is_interim {
            return Poll::Ready(Ok(head));
        }
        // RFC 9110 §15.2: "A proxy MUST forward 1xx responses unless the proxy itself requested the
        // generation of the 1xx response." hyper, for HTTP/2, and h3 cannot send them.
        if let Some(client) = self.client {
            client.pass_interim(relay_interim(head));
        }
        // The client's connection takes it before the exchange goes on: content that a 100 has
        // released would ask the client for itself.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn judge_failure(
        &self,
        no_response: NoResponse,
        endpoint: &UpstreamEndpoint,
        age: ConnectionAge,
    ) -> (LocalReply, RetryScope) {
        match no_response {
            NoResponse::TimedOut(what) => {
                (record_timeout(endpoint, what), RetryScope::OtherEndpoint)
            }
            NoResponse::Broken(error) => {
                let broken = BrokenBy::from_http1(&error);
                self.connection_broke(broken, &error, endpoint, age)
            }
        }
    }
}

/// The request to send in place of one that the upstream may have seen; `None` if it may not be
/// repeated. Its content is gone unless it was `held` back.
fn copy_for_retry(
    mut outbound: Box<OutboundRequest>,
    has_content: bool,
    held: Option<RequestBody>,
) -> Option<Box<OutboundRequest>> {
    if !outbound.is_repeatable() || (has_content && held.is_none()) {
        return None;
    }
    if let Some(body) = held {
        outbound.body = body;
    }
    // There is no second retry.
    outbound.retryable = false;
    Some(outbound)
}

/// The error for a client's request that HTTP/1.1 cannot express, while its own HTTP version can.
fn unsendable(error: SendError) -> ExchangeError {
    let reply = match error {
        SendError::InvalidTarget => {
            LocalReply::Target("The request target cannot be sent over HTTP/1.1.")
        }
        SendError::InvalidHost => LocalReply::Host("The host cannot be sent over HTTP/1.1."),
        _ => LocalReply::Framing("The request cannot be sent over HTTP/1.1."),
    };
    ExchangeError::Failed { reply, retry_copy: None, scope: RetryScope::NotRetryable }
}
