//! Forwards one admitted request to an upstream and returns the response.
//!
//! 1. Bodies are streamed both ways and never buffered whole.
//! 2. The path is forwarded exactly as received.
//! 3. A request is sent again if no upstream can have seen it. Otherwise it is sent at most once
//!    more, within the retry budget, and only if it was not processed (RFC 9113 §8.7), or is
//!    idempotent (RFC 9110 §9.2.2), none of its content was taken from the client, and either
//!    another endpoint is available or the connection was a reused one (RFC 9112 §9.3.1). A missing
//!    or malformed response counts as a failure, and so do 502, 503 and 504. The same rules apply
//!    to upgrade requests until the 101.
//! 4. Framing fields are derived from the body that is sent, in both directions.
//! 5. Over HTTP/1.1, content that waits for 100 (Continue) is not taken from the client before the
//!    upstream asks for it (RFC 9110 §10.1.1).

mod attempt;
mod broken;
mod exchange_http1;
mod exchange_http2;
mod outbound;
mod response;
mod sending;
pub(crate) mod upstream_426;
mod waiting;

use std::cell::RefCell;
use std::rc::Rc;

use http::{Method, Response};

pub(crate) use outbound::OutboundRequest;
pub(crate) use response::{UpstreamUpgrade, receive_response, relay_head};
pub(crate) use waiting::UpstreamTimeouts;

use crate::http1_client::Http1Client;
use crate::local_reply::LocalReply;
use crate::random::Random;
use crate::response_body::ResponseBody;
use crate::telemetry::exchange_report::ExchangeReport;
use crate::upstream::{Cluster, UpstreamEndpoint};
use attempt::{AttemptError, FailedAttempt};
use sending::{ConnectionChoice, UpgradeResponse, UpstreamExchange};

/// Sends `request` to the endpoints of `cluster`, one after the other, until one answers.
pub(crate) async fn forward_request(
    mut request: Box<OutboundRequest>,
    cluster: &Cluster,
    random: &RefCell<Random>,
    timeouts: UpstreamTimeouts,
    report: &ExchangeReport,
    client: Option<&Http1Client<'_>>,
) -> Result<Response<ResponseBody>, LocalReply> {
    let is_head = request.method == Method::HEAD;
    let upload = request.body.track_upload();
    let exchange = UpstreamExchange { report, client, upload, timeouts, is_head };
    count_for_budget(&mut request, cluster);
    try_each_endpoint(request, cluster, random, async |request, endpoint, choice| {
        exchange.attempt(request, endpoint, choice).await
    })
    .await
}

/// Sends an upgrade request on a new connection. The caller has to verify the response if it is a
/// `101`.
pub(crate) async fn request_upgrade<'c>(
    mut request: Box<OutboundRequest>,
    cluster: &'c Cluster,
    random: &RefCell<Random>,
    timeouts: UpstreamTimeouts,
    report: &ExchangeReport,
    client: Option<&Http1Client<'_>>,
) -> Result<UpgradeResponse<'c>, LocalReply> {
    let upload = request.body.track_upload();
    let exchange = UpstreamExchange { report, client, upload, timeouts, is_head: false };
    count_for_budget(&mut request, cluster);
    try_each_endpoint(request, cluster, random, async |request, endpoint, _| {
        exchange.attempt_upgrade(request, endpoint).await
    })
    .await
}

/// Tries the endpoints in turn until the request is sent, and one more if it fails and may be
/// retried.
async fn try_each_endpoint<'c, T>(
    mut request: Box<OutboundRequest>,
    cluster: &'c Cluster,
    random: &RefCell<Random>,
    attempt: impl AsyncFn(
        Box<OutboundRequest>,
        &'c Rc<UpstreamEndpoint>,
        ConnectionChoice,
    ) -> Result<T, AttemptError<T>>,
) -> Result<T, LocalReply> {
    let mut candidates = cluster.candidates();
    let mut next = candidates.next_endpoint(&mut random.borrow_mut());
    let mut choice = ConnectionChoice::Any;
    let mut was_retried = false;
    let mut last = Err(LocalReply::NoUpstream);
    while let Some(endpoint) = next {
        match attempt(request, endpoint, choice).await {
            Ok(answer) => return Ok(answer),
            Err(AttemptError::Unsent(unsent, reply)) => {
                next = candidates.next_endpoint(&mut random.borrow_mut());
                request = unsent;
                last = last.or(Err(reply));
            }
            Err(AttemptError::Failed(failed)) => {
                let FailedAttempt { outcome, retry_copy, same_endpoint, unprocessed } = *failed;
                let other = candidates.next_available(&mut random.borrow_mut());
                next = other.or(same_endpoint.then_some(endpoint));
                // A reused connection may be closed at any time, and this is the last attempt.
                choice = ConnectionChoice::New;
                // A request that was not processed has cost the upstream nothing, so its first
                // retry is not charged to the budget.
                let is_free = unprocessed && !was_retried;
                was_retried |= unprocessed;
                match retry_copy {
                    Some(copy) if next.is_some() && (is_free || take_retry(cluster)) => {
                        endpoint.count_retry();
                        (request, last) = (copy, outcome);
                    }
                    _ => return better_outcome(outcome, last),
                }
            }
        }
    }
    last
}

/// The outcome that the client gets: a response rather than an error, and the latest error rather
/// than an earlier one.
fn better_outcome<T>(
    outcome: Result<T, LocalReply>,
    earlier: Result<T, LocalReply>,
) -> Result<T, LocalReply> {
    match (outcome, earlier) {
        (Ok(answer), _) | (Err(_), Ok(answer)) => Ok(answer),
        (Err(reply), Err(_)) => Err(reply),
    }
}

/// Counts the request towards the retry budget. Without a budget it is not retried.
fn count_for_budget(request: &mut OutboundRequest, cluster: &Cluster) {
    match &cluster.retries {
        Some(retries) => retries.count_request(),
        None => request.retryable = false,
    }
}

fn take_retry(cluster: &Cluster) -> bool {
    match &cluster.retries {
        Some(retries) => retries.take_retry(),
        None => false,
    }
}
