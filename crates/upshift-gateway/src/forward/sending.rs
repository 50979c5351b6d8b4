//! Sends one request to one endpoint.

use std::ops::ControlFlow;
use std::rc::Rc;

use http::{Response, StatusCode};

use super::attempt::{AttemptError, failed_attempt, retryable_response};
use super::broken::{BrokenBy, ConnectionAge, RetryScope};
use super::outbound::OutboundRequest;
use super::response::receive_response;
use super::waiting::{ResponseWait, UpstreamTimeouts};
use crate::body::{UploadProgress, UploadState};
use crate::fields::header_map::keep_map;
use crate::http1_client::Http1Client;
use crate::local_reply::LocalReply;
use crate::response_body::ResponseBody;
use crate::telemetry::exchange_report::ExchangeReport;
use crate::telemetry::trace_context::TRACEPARENT;
use crate::telemetry::upstream_attempt::AttemptOutcome;
use crate::upstream::{
    Checkout, ConnectError, EndpointFailure, InFlightGuard, PooledConnection, UpstreamBody,
    UpstreamEndpoint,
};

/// The number of stale connections that are tried before a new one is opened.
const MAX_STALE: usize = 8;

/// The part of an exchange that does not depend on the endpoint.
pub(super) struct UpstreamExchange<'a> {
    pub(super) report: &'a ExchangeReport,
    /// The client, if it speaks HTTP/1.
    pub(super) client: Option<&'a Http1Client<'a>>,
    pub(super) upload: Rc<UploadProgress>,
    pub(super) timeouts: UpstreamTimeouts,
    pub(super) is_head: bool,
}

/// The connections that a request may use.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ConnectionChoice {
    /// An idle connection if there is one, otherwise a new one.
    Any,
    /// A new connection.
    New,
    /// A new connection that may be upgraded to another protocol.
    NewForUpgrade,
}

/// The response to an upgrade request, and the name of the endpoint.
pub(super) type UpgradeResponse<'c> = (Response<UpstreamBody>, Checkout, &'c str);

/// The head of a response.
pub(super) struct ReceivedHead {
    pub(super) response: Response<UpstreamBody>,
    pub(super) checkout: Checkout,
    /// The request for a retry, if the client does not get this response.
    pub(super) retry_copy: Option<Box<OutboundRequest>>,
}

/// An exchange on one connection that produced no response.
pub(super) enum ExchangeError {
    /// The connection was closed before the request could be written.
    Unsent(Box<OutboundRequest>, InFlightGuard),
    /// The upstream may have seen the request.
    Failed { reply: LocalReply, retry_copy: Option<Box<OutboundRequest>>, scope: RetryScope },
}

impl ExchangeError {
    fn into_attempt_error<T>(self, endpoint: &UpstreamEndpoint) -> AttemptError<T> {
        match self {
            Self::Unsent(unsent, _) => AttemptError::Unsent(unsent, closed_at_once(endpoint)),
            Self::Failed { reply, retry_copy, scope } => failed_attempt(reply, retry_copy, scope),
        }
    }
}

impl UpstreamExchange<'_> {
    /// Sends the request to `endpoint`, and returns the response, unless it is an error that a
    /// retry at another endpoint may avoid.
    pub(super) async fn attempt(
        &self,
        request: Box<OutboundRequest>,
        endpoint: &Rc<UpstreamEndpoint>,
        choice: ConnectionChoice,
    ) -> Result<Response<ResponseBody>, AttemptError<Response<ResponseBody>>> {
        let ReceivedHead { response, checkout, retry_copy } =
            self.exchange_head(request, endpoint, choice).await?;
        let is_bad = is_bad_gateway_status(response.status());
        let received =
            receive_response(response, checkout, &endpoint.name, self.is_head, self.timeouts).await;
        match received {
            Ok(response) if is_bad && retry_copy.is_some() => {
                Err(retryable_response(response, retry_copy))
            }
            Ok(response) => {
                if let Some(copy) = retry_copy {
                    keep_map(copy.headers);
                }
                Ok(response)
            }
            Err(reply) => Err(failed_attempt(reply, retry_copy, RetryScope::OtherEndpoint)),
        }
    }

    /// Does the same for an upgrade request.
    pub(super) async fn attempt_upgrade<'c>(
        &self,
        request: Box<OutboundRequest>,
        endpoint: &'c Rc<UpstreamEndpoint>,
    ) -> Result<UpgradeResponse<'c>, AttemptError<UpgradeResponse<'c>>> {
        let ReceivedHead { response, checkout, retry_copy } =
            self.exchange_head(request, endpoint, ConnectionChoice::NewForUpgrade).await?;
        // RFC 9110 §7.8: "the client cannot begin using an upgraded protocol on the connection
        // until it has completely sent the request message", so the upstream may not switch before.
        if response.status() == StatusCode::SWITCHING_PROTOCOLS
            && self.upload.state().0 != UploadState::Done
        {
            let what = "switched protocols before it had the whole request".to_owned();
            let reply = LocalReply::BadGateway(endpoint.name.to_string(), what);
            return Err(failed_attempt(reply, None, RetryScope::NotRetryable));
        }
        let is_bad = is_bad_gateway_status(response.status());
        let answer = (response, checkout, &*endpoint.name);
        match retry_copy {
            Some(_) if is_bad => Err(retryable_response(answer, retry_copy)),
            _ => Ok(answer),
        }
    }

    /// Sends the request and waits for the head of the response. If the client gives up meanwhile,
    /// dropping the wait records it.
    async fn exchange_head<T>(
        &self,
        request: Box<OutboundRequest>,
        endpoint: &Rc<UpstreamEndpoint>,
        choice: ConnectionChoice,
    ) -> Result<ReceivedHead, AttemptError<T>> {
        let wait = ResponseWait::begin(endpoint, &self.upload);
        let received = self.send_on_connection(request, endpoint, choice).await;
        wait.finish();
        match &received {
            Ok(head) => {
                self.report.end_attempt(AttemptOutcome::Response(head.response.status()));
            }
            Err(error) => self.report.end_attempt(AttemptOutcome::Failed(error.cause())),
        }
        received
    }

    /// Sends the request on an open connection, or otherwise on a new one.
    async fn send_on_connection<T>(
        &self,
        mut request: Box<OutboundRequest>,
        endpoint: &Rc<UpstreamEndpoint>,
        choice: ConnectionChoice,
    ) -> Result<ReceivedHead, AttemptError<T>> {
        let Some(guard) = endpoint.begin_request() else {
            let reply = LocalReply::UpstreamBusy(endpoint.name.to_string());
            return Err(AttemptError::Unsent(request, reply));
        };
        // The span of this attempt is the parent of the endpoint's span.
        if let Some(traceparent) = self.report.begin_attempt(&endpoint.name) {
            request.headers.insert(TRACEPARENT, traceparent);
        }
        if choice != ConnectionChoice::Any {
            return Box::pin(self.send_on_new(request, endpoint, guard, choice)).await;
        }
        match self.send_on_reused(request, endpoint, guard).await {
            ControlFlow::Break(Ok(received)) => Ok(received),
            ControlFlow::Break(Err(error)) => Err(error.into_attempt_error(endpoint)),
            ControlFlow::Continue((unsent, guard)) => {
                // In a box: most requests find an open connection, and do not pay for the size.
                Box::pin(self.send_on_new(unsent, endpoint, guard, choice)).await
            }
        }
    }

    /// Sends the request on an open connection. If the upstream has closed it, the request is
    /// returned, and the next connection is tried.
    async fn send_on_reused(
        &self,
        mut request: Box<OutboundRequest>,
        endpoint: &Rc<UpstreamEndpoint>,
        mut guard: InFlightGuard,
    ) -> ControlFlow<Result<ReceivedHead, ExchangeError>, (Box<OutboundRequest>, InFlightGuard)>
    {
        for _ in 0..MAX_STALE {
            let Some((connection, idle)) = endpoint.pool.reuse_connection() else { break };
            match self.exchange_on(connection, request, guard, ConnectionAge::Reused(idle)).await {
                Err(ExchangeError::Unsent(unsent, unused)) => (request, guard) = (unsent, unused),
                received => return ControlFlow::Break(received),
            }
        }
        ControlFlow::Continue((request, guard))
    }

    async fn send_on_new<T>(
        &self,
        request: Box<OutboundRequest>,
        endpoint: &Rc<UpstreamEndpoint>,
        guard: InFlightGuard,
        choice: ConnectionChoice,
    ) -> Result<ReceivedHead, AttemptError<T>> {
        let opened = if choice == ConnectionChoice::NewForUpgrade {
            endpoint.pool.open_for_upgrade().await
        } else {
            endpoint.pool.open_connection().await
        };
        let connection = match opened {
            Ok(connection) => connection,
            Err(error) => return Err(not_connected(endpoint, error, request)),
        };
        let received = self.exchange_on(connection, request, guard, ConnectionAge::New).await;
        received.map_err(|error| error.into_attempt_error(endpoint))
    }

    /// Sends the request on `connection`.
    async fn exchange_on(
        &self,
        connection: PooledConnection,
        request: Box<OutboundRequest>,
        guard: InFlightGuard,
        age: ConnectionAge,
    ) -> Result<ReceivedHead, ExchangeError> {
        match connection {
            PooledConnection::Http1(connection, home) => {
                self.exchange_http1((connection, home), request, guard, age).await
            }
            PooledConnection::Http2(sender) => {
                Box::pin(self.exchange_http2(sender, request, guard, age)).await
            }
        }
    }

    /// Attributes a broken connection or stream to the client or to the endpoint: a request body
    /// that the client does not finish breaks it, too.
    pub(super) fn connection_broke(
        &self,
        broken: BrokenBy,
        error: &dyn std::error::Error,
        endpoint: &UpstreamEndpoint,
        age: ConnectionAge,
    ) -> (LocalReply, RetryScope) {
        let client_fault = match self.upload.state().0 {
            UploadState::Failed => {
                Some(LocalReply::Framing("The request's body broke off or is malformed."))
            }
            UploadState::Stalled => Some(LocalReply::BodyTimeout),
            _ => None,
        };
        if let Some(reply) = client_fault {
            return (reply, RetryScope::NotRetryable);
        }
        tracing::debug!(upstream = %endpoint.name, %error, "no answer");
        match (broken, age) {
            // RFC 9112 §9.3.1: an idle connection may be closed at any time.
            (BrokenBy::Closed, ConnectionAge::Reused(idle)) => endpoint.record_closed(idle),
            // RFC 9113 §6.8: the same is true of HTTP/2; later streams are not processed.
            (BrokenBy::Leaving, ConnectionAge::Reused(_)) => {}
            _ => endpoint.record_failure(EndpointFailure::Broken),
        }
        let reply = LocalReply::BadGateway(endpoint.name.to_string(), broken.description());
        (reply, broken.retry_scope(age))
    }
}

/// Returns true for the statuses that mean that the server, or one behind it, is currently
/// unavailable.
fn is_bad_gateway_status(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    )
}

/// Records that `endpoint` did not do `what` in time, and returns the reply that says so.
pub(super) fn record_timeout(endpoint: &UpstreamEndpoint, what: &'static str) -> LocalReply {
    endpoint.record_failure(EndpointFailure::Timeout);
    LocalReply::UpstreamTimeout(endpoint.name.to_string(), what)
}

fn closed_at_once(endpoint: &UpstreamEndpoint) -> LocalReply {
    LocalReply::BadGateway(endpoint.name.to_string(), "closed a new connection at once".to_owned())
}

fn not_connected<T>(
    endpoint: &UpstreamEndpoint,
    error: ConnectError,
    request: Box<OutboundRequest>,
) -> AttemptError<T> {
    // This endpoint is not at fault, and no other one could be reached either.
    if matches!(error, ConnectError::OutOfDescriptors) {
        return failed_attempt(LocalReply::OutOfDescriptors, None, RetryScope::NotRetryable);
    }
    endpoint.record_failure(EndpointFailure::Connect);
    AttemptError::Unsent(request, connect_error_reply(&endpoint.name, error))
}

fn connect_error_reply(name: &str, error: ConnectError) -> LocalReply {
    match error {
        ConnectError::Timeout => {
            LocalReply::UpstreamTimeout(name.to_owned(), "to accept a connection")
        }
        ConnectError::OutOfDescriptors => LocalReply::OutOfDescriptors,
        ConnectError::Failed(error) => {
            let why = match error.kind() {
                std::io::ErrorKind::ConnectionRefused => "it refuses connections".to_owned(),
                _ => error.to_string(),
            };
            LocalReply::Unreachable(name.to_owned(), why)
        }
    }
}
