//! One admitted request, to its upstream and back.
//!
//! 1. Bodies stream both ways; nothing is held back to be counted or looked at.
//! 2. The path goes as it was sent.
//! 3. A request is sent a second time only if no upstream can have seen it, or once, if the retry
//!    budget allows it: one that was not processed (RFC 9113 §8.7), and one that is idempotent and
//!    empty (RFC 9110 §9.2.2), if another replica is well or the connection it went on had served
//!    before (RFC 9112 §9.3.1). What counts as failed is no answer, a malformed one, and 502, 503
//!    and 504. This holds for handshakes, too, up to the 101.
//! 4. Framing fields are written from the body that is sent, both ways.

mod outbound;
mod sending;
pub(crate) mod upstream_426;

use std::cell::RefCell;
use std::rc::Rc;

use http::header::{self, HeaderValue};
use http::{Method, Response, StatusCode, Version, response};
use hyper::body::Incoming;
use upshift_http::{remove_nominated, strip_hop_by_hop};

pub(crate) use outbound::Outbound;
pub(crate) use sending::Timeouts;

use crate::body::{Body, Silence};
use crate::fields::forwarded;
use crate::fields::trailers::TrailerFilter;
use crate::framing::declared_length;
use crate::local_reply::Fault;
use crate::random::Random;
use crate::upstream::{Failure, Lease, Replica, RetryBudget, Site};
use sending::{Attempt, Sending, Switching, Take};

/// What an upstream's 426 named in `Upgrade`, kept with the answer while the field itself stays
/// behind.
#[derive(Clone)]
pub(crate) struct UpstreamUpgrade(pub(crate) Vec<HeaderValue>);

/// Sends `request` to one replica of `site` after the other, until one answers.
pub(crate) async fn forward(
    mut request: Outbound,
    site: &Site,
    random: &RefCell<Random>,
    timeouts: Timeouts,
) -> Result<Response<Body>, Fault> {
    let is_head = request.method == Method::HEAD;
    let sending = Sending { upload: request.body.watched(), timeouts, is_head };
    let request = counted(request, site);
    try_each(request, site, random, async |request, replica, take| {
        sending.attempt(request, replica, take).await
    })
    .await
}

/// Sends `request`, which offers another protocol, on a connection of its own. A `101` is the
/// caller's to judge.
pub(crate) async fn ask<'s>(
    mut request: Outbound,
    site: &'s Site,
    random: &RefCell<Random>,
    timeouts: Timeouts,
) -> Result<Switching<'s>, Fault> {
    let sending = Sending { upload: request.body.watched(), timeouts, is_head: false };
    let request = counted(request, site);
    try_each(request, site, random, async |request, replica, _| {
        sending.attempt_switch(request, replica).await
    })
    .await
}

/// Tries one replica after the other while the request is as good as new, and one more if it failed
/// and may be repeated.
async fn try_each<'s, T>(
    mut request: Outbound,
    site: &'s Site,
    random: &RefCell<Random>,
    attempt: impl AsyncFn(Outbound, &'s Rc<Replica>, Take) -> Result<T, Attempt<T>>,
) -> Result<T, Fault> {
    let mut candidates = site.candidates();
    let mut next = candidates.next(&mut random.borrow_mut());
    let mut take = Take::Any;
    let mut was_repeated = false;
    let mut last = Err(Fault::NoUpstream);
    while let Some(replica) = next {
        match attempt(request, replica, take).await {
            Ok(answer) => return Ok(answer),
            Err(Attempt::Untouched(back, fault)) => {
                next = candidates.next(&mut random.borrow_mut());
                request = *back;
                last = last.or(Err(fault));
            }
            Err(Attempt::Failed { outcome, copy, again, unprocessed }) => {
                let other = candidates.next_available(&mut random.borrow_mut());
                // A connection that rested may be closed at any time, and there is no third try.
                take = Take::New;
                next = other.or(again.then_some(replica));
                // What was not processed has cost the upstream nothing: the budget is for the rest.
                let is_free = unprocessed && !std::mem::replace(&mut was_repeated, true);
                let Some(copy) = copy.filter(|_| next.is_some() && (is_free || takes_retry(site)))
                else {
                    // An answer is worth more than a fault.
                    return outcome.or_else(|fault| last.map_err(|_| fault));
                };
                replica.retried();
                (request, last) = (*copy, *outcome);
            }
        }
    }
    last
}

/// Counts the request for the retry budget; without one it is not repeated.
fn counted(mut request: Outbound, site: &Site) -> Outbound {
    match &site.retries {
        Some(retries) => retries.count_request(),
        None => request.retryable = false,
    }
    request
}

fn takes_retry(site: &Site) -> bool {
    site.retries.as_ref().is_some_and(RetryBudget::take)
}

/// The upstream's answer, with the fields of this hop.
pub(crate) async fn inbound(
    response: Response<Incoming>,
    lease: Lease,
    name: &str,
    is_head: bool,
    timeouts: Timeouts,
) -> Result<Response<Body>, Fault> {
    let (mut parts, body) = response.into_parts();
    let declared = match checked_length(&parts) {
        Ok(declared) => declared,
        Err(what) => {
            lease.fail(Failure::Broken);
            return Err(Fault::BadGateway(name.to_owned(), what.to_owned()));
        }
    };
    // RFC 7838 §2.1: an alternative is one of this origin, and a way around this gateway.
    parts.headers.remove(header::ALT_SVC);
    let upgrade: Vec<_> = match parts.status {
        StatusCode::UPGRADE_REQUIRED => {
            parts.headers.get_all(header::UPGRADE).iter().cloned().collect()
        }
        _ => Vec::new(),
    };
    let nominated = remove_nominated(&mut parts.headers, &[]);
    strip_hop_by_hop(&mut parts.headers);
    let silence = Silence::new(timeouts.silence);
    let mut body =
        Body::upstream(body, parts.version, lease, silence, TrailerFilter::response(nominated));
    if declared.is_none() && !is_head {
        body = match body.begun().await {
            Ok(body) => body,
            Err(error) => {
                return Err(Fault::BadGateway(
                    name.to_owned(),
                    format!("broke off its answer: {error}"),
                ));
            }
        };
    }
    set_length(&mut parts, declared, &body, is_head);
    let mut response = passed(parts, body);
    if !upgrade.is_empty() {
        response.extensions_mut().insert(UpstreamUpgrade(upgrade));
    }
    Ok(response)
}

/// The length that an upstream's answer declares, if the end of the answer is not in doubt.
fn checked_length(parts: &response::Parts) -> Result<Option<u64>, &'static str> {
    // RFC 9110 §15.2.2: a server may switch only to what was offered, and nothing was.
    if parts.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err("switched protocols without being asked");
    }
    let declared = declared_length(&parts.headers)
        .map_err(|_| "sent a Content-Length that is not one number")?;
    let codings = parts.headers.get_all(header::TRANSFER_ENCODING);
    // RFC 9112 §6.3: such a message "might indicate an attempt to perform request smuggling or
    // response splitting and ought to be handled as an error".
    if declared.is_some() && codings.iter().next().is_some() {
        return Err("framed its answer in two ways");
    }
    // RFC 9112 §6.1: a coding that is taken off here and not undone would be lost.
    if codings.iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked")) {
        return Err("used a transfer coding other than chunked");
    }
    // §6.1: "A sender MUST NOT apply the chunked transfer coding more than once".
    if codings.iter().nth(1).is_some() {
        return Err("chunked its answer twice");
    }
    Ok(declared)
}

/// Writes `Content-Length` from the body that is sent.
fn set_length(parts: &mut response::Parts, declared: Option<u64>, body: &Body, is_head: bool) {
    use http_body::Body as _;
    let length = match parts.status {
        // RFC 9110 §8.6: "A server MUST NOT send a Content-Length header field in any response with
        // a status code of 1xx (Informational) or 204 (No Content)".
        StatusCode::NO_CONTENT => None,
        // §8.6: here it is the length that the content would have, and the upstream alone knows it.
        StatusCode::NOT_MODIFIED => declared,
        _ if is_head => declared,
        _ => body.size_hint().exact(),
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    if let Some(length) = length {
        parts.headers.insert(header::CONTENT_LENGTH, length.into());
    }
}

/// The upstream's answer as this hop passes it on, its hop-by-hop fields already gone.
pub(crate) fn passed(mut parts: response::Parts, body: Body) -> Response<Body> {
    forwarded::add_via(&mut parts.headers, parts.version);
    // The codec writes the version of the connection it is on.
    parts.version = Version::HTTP_11;
    parts.extensions.clear();
    Response::from_parts(parts, body)
}
