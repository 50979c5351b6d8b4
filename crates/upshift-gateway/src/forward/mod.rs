//! Forwards one admitted request to an upstream and returns the response.
//!
//! 1. Bodies are streamed both ways and never buffered whole.
//! 2. The path is forwarded exactly as received.
//! 3. A request is sent again if no upstream can have seen it. Otherwise it is sent at most once
//!    more, within the retry budget, and only if it was not processed (RFC 9113 §8.7), or is
//!    idempotent and without content (RFC 9110 §9.2.2) and either another endpoint is available or
//!    the connection was a reused one (RFC 9112 §9.3.1). A missing or malformed response counts as
//!    a failure, and so do 502, 503 and 504. The same rules hold for upgrade requests up to the
//!    101.
//! 4. Framing fields are derived from the body that is sent, in both directions.

mod broken;
mod outbound;
mod sending;
pub(crate) mod upstream_426;

use std::cell::RefCell;
use std::rc::Rc;

use http::header::{self, HeaderValue};
use http::{Method, Response, StatusCode, Version, response};
use hyper::body::Incoming;
use upshift_http::{remove_nominated, strip_hop_by_hop};

pub(crate) use outbound::OutboundRequest;
pub(crate) use sending::UpstreamTimeouts;

use crate::body::{BodyTimeout, ResponseBody};
use crate::fields::forwarded;
use crate::fields::trailers::TrailerFilter;
use crate::framing::declared_length;
use crate::local_reply::Fault;
use crate::random::Random;
use crate::upstream::{Checkout, Cluster, EndpointFailure, UpstreamEndpoint};
use sending::{AttemptError, ConnectionChoice, FailedAttempt, UpgradeResponse, UpstreamExchange};

/// The `Upgrade` field of an upstream's 426, kept as an extension of the response while the field
/// itself is removed as hop-by-hop.
#[derive(Clone)]
pub(crate) struct UpstreamUpgrade(pub(crate) Vec<HeaderValue>);

/// Sends `request` to the endpoints of `cluster`, one after the other, until one answers.
pub(crate) async fn forward_request(
    mut request: OutboundRequest,
    cluster: &Cluster,
    random: &RefCell<Random>,
    timeouts: UpstreamTimeouts,
) -> Result<Response<ResponseBody>, Fault> {
    let is_head = request.method == Method::HEAD;
    let exchange = UpstreamExchange { upload: request.body.track_upload(), timeouts, is_head };
    count_for_budget(&mut request, cluster);
    try_each_endpoint(request, cluster, random, async |request, endpoint, choice| {
        exchange.attempt(request, endpoint, choice).await
    })
    .await
}

/// Sends an upgrade request on a connection that is not reused. It is for the caller to verify a
/// `101`.
pub(crate) async fn request_upgrade<'c>(
    mut request: OutboundRequest,
    cluster: &'c Cluster,
    random: &RefCell<Random>,
    timeouts: UpstreamTimeouts,
) -> Result<UpgradeResponse<'c>, Fault> {
    let exchange =
        UpstreamExchange { upload: request.body.track_upload(), timeouts, is_head: false };
    count_for_budget(&mut request, cluster);
    try_each_endpoint(request, cluster, random, async |request, endpoint, _| {
        exchange.attempt_upgrade(request, endpoint).await
    })
    .await
}

/// Tries endpoint after endpoint while the request was not sent, and one more if it failed and may
/// be retried.
async fn try_each_endpoint<'c, T>(
    mut request: OutboundRequest,
    cluster: &'c Cluster,
    random: &RefCell<Random>,
    attempt: impl AsyncFn(
        OutboundRequest,
        &'c Rc<UpstreamEndpoint>,
        ConnectionChoice,
    ) -> Result<T, AttemptError<T>>,
) -> Result<T, Fault> {
    let mut candidates = cluster.candidates();
    let mut next = candidates.next_endpoint(&mut random.borrow_mut());
    let mut choice = ConnectionChoice::Any;
    let mut was_retried = false;
    let mut last = Err(Fault::NoUpstream);
    while let Some(endpoint) = next {
        match attempt(request, endpoint, choice).await {
            Ok(answer) => return Ok(answer),
            Err(AttemptError::Unsent(unsent, fault)) => {
                next = candidates.next_endpoint(&mut random.borrow_mut());
                request = *unsent;
                last = last.or(Err(fault));
            }
            Err(AttemptError::Failed(failed)) => {
                let FailedAttempt { outcome, retry_copy, same_endpoint, unprocessed } = *failed;
                let other = candidates.next_available(&mut random.borrow_mut());
                next = other.or(same_endpoint.then_some(endpoint));
                // A reused connection may be closed at any time, and there is no third attempt.
                choice = ConnectionChoice::New;
                // A request that was not processed has cost the upstream nothing, so its first
                // retry is not charged to the budget.
                let is_free = unprocessed && !was_retried;
                was_retried |= unprocessed;
                match retry_copy {
                    Some(copy) if next.is_some() && (is_free || take_retry(cluster)) => {
                        endpoint.count_retry();
                        (request, last) = (*copy, outcome);
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
fn better_outcome<T>(outcome: Result<T, Fault>, earlier: Result<T, Fault>) -> Result<T, Fault> {
    match (outcome, earlier) {
        (Ok(answer), _) | (Err(_), Ok(answer)) => Ok(answer),
        (Err(fault), Err(_)) => Err(fault),
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

/// Turns the upstream's response into the one for the client: checks its framing, and removes the
/// fields that are for this hop.
pub(crate) async fn receive_response(
    response: Response<Incoming>,
    checkout: Checkout,
    name: &str,
    is_head: bool,
    timeouts: UpstreamTimeouts,
) -> Result<Response<ResponseBody>, Fault> {
    let (mut parts, content) = response.into_parts();
    let declared = match checked_length(&parts) {
        Ok(declared) => declared,
        Err(what) => {
            checkout.fail_response(EndpointFailure::Broken);
            return Err(Fault::BadGateway(name.to_owned(), what.to_owned()));
        }
    };
    // RFC 7838 §2.1: an alternative service is one for the whole origin, so clients that use it
    // would bypass this gateway.
    parts.headers.remove(header::ALT_SVC);
    let upgrade: Vec<HeaderValue> = match parts.status {
        StatusCode::UPGRADE_REQUIRED => {
            parts.headers.get_all(header::UPGRADE).iter().cloned().collect()
        }
        _ => Vec::new(),
    };
    let nominated = remove_nominated(&mut parts.headers, &[]);
    strip_hop_by_hop(&mut parts.headers);
    let filter = TrailerFilter::for_response(nominated);
    let timeout = BodyTimeout::new(timeouts.silence);
    let mut body = ResponseBody::from_upstream(content, parts.version, checkout, timeout, filter);
    if declared.is_none() && !is_head {
        // A response that breaks right after its head can still become a 502 here. With a declared
        // length, the client notices the truncation itself.
        body = body.wait_for_start().await.map_err(|error| {
            Fault::BadGateway(name.to_owned(), format!("broke off its answer: {error}"))
        })?;
    }
    set_length(&mut parts, declared, &body, is_head);
    let mut relayed = relay_head(parts, body);
    if !upgrade.is_empty() {
        relayed.extensions_mut().insert(UpstreamUpgrade(upgrade));
    }
    Ok(relayed)
}

/// Returns the length that an upstream's response declares, or an error if the end of the response
/// is ambiguous.
fn checked_length(parts: &response::Parts) -> Result<Option<u64>, &'static str> {
    // RFC 9110 §15.2.2: a server may switch only to a protocol that was offered, and none was.
    if parts.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err("switched protocols without being asked");
    }
    let Ok(declared) = declared_length(&parts.headers) else {
        return Err("sent a Content-Length that is not one number");
    };
    let codings = parts.headers.get_all(header::TRANSFER_ENCODING);
    // RFC 9112 §6.3: such a message "might indicate an attempt to perform request smuggling or
    // response splitting and ought to be handled as an error".
    if declared.is_some() && codings.iter().next().is_some() {
        return Err("framed its answer in two ways");
    }
    // RFC 9112 §6.1: Transfer-Encoding is removed here, so a coding that is not decoded would be
    // lost.
    if codings.iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked")) {
        return Err("used a transfer coding other than chunked");
    }
    // §6.1: "A sender MUST NOT apply the chunked transfer coding more than once".
    if codings.iter().nth(1).is_some() {
        return Err("chunked its answer twice");
    }
    Ok(declared)
}

/// Sets `Content-Length` from the body that is sent.
fn set_length(
    parts: &mut response::Parts,
    declared: Option<u64>,
    body: &ResponseBody,
    is_head: bool,
) {
    use http_body::Body as _;
    let length = match parts.status {
        // RFC 9110 §8.6: "A server MUST NOT send a Content-Length header field in any response with
        // a status code of 1xx (Informational) or 204 (No Content)".
        StatusCode::NO_CONTENT => None,
        // §8.6: here it is the length that the content of a 200 would have, and only the upstream
        // knows that.
        StatusCode::NOT_MODIFIED => declared,
        _ if is_head => declared,
        _ => body.size_hint().exact(),
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    if let Some(length) = length {
        parts.headers.insert(header::CONTENT_LENGTH, length.into());
    }
}

/// Makes the head of the upstream's response that of this hop's. Hop-by-hop fields are already
/// removed.
pub(crate) fn relay_head(mut parts: response::Parts, body: ResponseBody) -> Response<ResponseBody> {
    forwarded::add_via(&mut parts.headers, parts.version);
    // hyper writes the version of the client's connection in its place.
    parts.version = Version::HTTP_11;
    parts.extensions.clear();
    Response::from_parts(parts, body)
}
