//! One admitted request, to its upstream and back.
//!
//! 1. Bodies stream both ways; nothing is held back to be counted or looked at.
//! 2. The path goes as it was sent.
//! 3. A request is sent a second time only if no upstream can have seen it, or once, if it is idempotent and empty
//!    (RFC 9110 §9.2.2), the retry budget allows it, and another replica is well or the connection it went on had served
//!    before (RFC 9112 §9.3.1). What counts as failed is no answer, a malformed one, and 502, 503 and 504.
//! 4. Framing fields are written from the body that is sent, both ways.

pub(crate) mod forwarded;
pub(crate) mod hop;
pub(crate) mod trailers;
pub(crate) mod twins;

use std::cell::RefCell;
use std::rc::Rc;

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri, Version, response};
use hyper::body::Incoming;
use tokio::time::{Duration, Instant, sleep_until};
use upshift_config::Limits;

use crate::body::{Body, RequestBody, Silence, Upload, UploadState};
use crate::fault::Fault;
use crate::forward::trailers::TrailerFilter;
use crate::framing::declared_length;
use crate::upstream::{ConnectError, Failure, Lease, Link, Load, Random, Replica, RetryBudget, SendError, Site};

/// As many connections that rested too long are tried before a new one is opened.
const MAX_STALE: usize = 8;

/// A request as it is to be sent on: its fields are those of the next hop, save what depends on that hop's protocol.
pub(crate) struct Outbound {
    /// As the client sent it.
    pub(crate) method: Method,
    /// Path and query, as the client sent them.
    pub(crate) target: http::uri::PathAndQuery,
    /// The authority that was asked.
    pub(crate) host: HeaderValue,
    /// Whether the client takes trailers.
    pub(crate) trailers: bool,
    /// Whether the client declared the length of its content.
    pub(crate) declares_length: bool,
    /// Whether it may be sent once more, if its method and body allow that.
    pub(crate) retryable: bool,
    /// The fields.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) body: RequestBody,
}

/// What an upstream's 426 named in `Upgrade`, kept with the answer while the field itself stays behind.
#[derive(Clone)]
pub(crate) struct UpstreamUpgrade(pub(crate) Vec<HeaderValue>);

/// How long an upstream may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// To the head of its answer, once it has the whole request.
    response: Duration,
    /// Between two pieces of a body, in either direction.
    silence: Duration,
}

impl Timeouts {
    /// Those of `limits`.
    pub(crate) fn of(limits: &Limits) -> Self {
        Self { response: limits.upstream_response, silence: limits.upstream_silence }
    }
}

/// Sends `request` to one replica of `site` after the other, until one answers.
pub(crate) async fn forward(
    mut request: Outbound,
    site: &Site,
    random: &RefCell<Random>,
    timeouts: Timeouts,
) -> Result<Response<Body>, Fault> {
    let is_head = request.method == Method::HEAD;
    let sending = Sending { upload: request.body.watched(), timeouts, is_head };
    let mut candidates = site.candidates();
    let mut next = candidates.next(&mut random.borrow_mut());
    let mut reuses = true;
    let mut last = Err(Fault::NoUpstream);
    if let Some(retries) = &site.retries {
        retries.count_request();
    } else {
        request.retryable = false;
    }
    while let Some(replica) = next {
        match sending.attempt(request, replica, reuses).await {
            Ok(response) => return Ok(response),
            Err(Attempt::Untouched(back, fault)) => {
                next = candidates.next(&mut random.borrow_mut());
                request = *back;
                last = last.or(Err(fault));
            }
            Err(Attempt::Failed { outcome, copy, stale }) => {
                let outcome = *outcome;
                let other = candidates.next_available(&mut random.borrow_mut());
                // A connection that rested may be closed at any time, and there is no third try.
                reuses = false;
                next = other.or(stale.then_some(replica));
                let Some(copy) = copy.filter(|_| next.is_some() && takes_retry(site)) else {
                    // An answer is worth more than a fault.
                    return outcome.or_else(|fault| last.map_err(|_| fault));
                };
                replica.retried();
                (request, last) = (*copy, outcome);
            }
        }
    }
    last
}

fn takes_retry(site: &Site) -> bool {
    site.retries.as_ref().is_some_and(RetryBudget::take)
}

/// Sends `request`, which offers another protocol, on a connection of its own. A `101` is the caller's to judge.
pub(crate) async fn ask<'s>(
    mut request: Outbound,
    site: &'s Site,
    random: &RefCell<Random>,
    timeouts: Timeouts,
) -> Result<(Response<Incoming>, Lease, &'s str), Fault> {
    let sending = Sending { upload: request.body.watched(), timeouts, is_head: false };
    let mut candidates = site.candidates();
    let mut last = Fault::NoUpstream;
    loop {
        let next = candidates.next(&mut random.borrow_mut());
        let Some(replica) = next else { return Err(last) };
        let Some(load) = replica.load() else {
            last = Fault::UpstreamBusy(replica.name.clone());
            continue;
        };
        let link = match replica.pool.open_own().await {
            Ok(link) => link,
            Err(error) => {
                last = not_connected(replica, error)?;
                continue;
            }
        };
        match sending.send(link, request, load, Connection::New).await {
            // RFC 9110 §7.8: "the client cannot begin using an upgraded protocol on the connection until it has
            // completely sent the request message", so the upstream may not switch before.
            Ok((answer, _))
                if answer.status() == StatusCode::SWITCHING_PROTOCOLS
                    && sending.upload.state().0 != UploadState::Done =>
            {
                let what = "switched protocols before it had the whole request".to_owned();
                return Err(Fault::BadGateway(replica.name.clone(), what));
            }
            Ok((answer, lease)) => return Ok((answer, lease, &replica.name)),
            Err(Unanswered::Unsent(back, _)) => {
                (request, last) = (*back, closed_at_once(replica));
            }
            Err(Unanswered::Failed { fault, .. }) => return Err(fault),
        }
    }
}

/// How one request is sent, whichever replica it goes to.
struct Sending {
    upload: Rc<Upload>,
    timeouts: Timeouts,
    is_head: bool,
}

/// Why a replica gave no answer that goes to the client.
enum Attempt {
    /// The request is as good as new.
    Untouched(Box<Outbound>, Fault),
    /// The request may have been seen.
    Failed {
        /// What the client gets if nothing better comes.
        outcome: Box<Result<Response<Body>, Fault>>,
        /// What may be sent in its place.
        copy: Option<Box<Outbound>>,
        /// A connection that had served before was closed.
        stale: bool,
    },
}

/// A connection to an upstream.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Connection {
    /// It served before.
    Reused,
    /// It was opened for this request.
    New,
}

/// Why a link gave no answer.
enum Unanswered {
    /// The connection was gone before the request could be written.
    Unsent(Box<Outbound>, Load),
    /// The request may have been seen.
    Failed { fault: Fault, repeat: Repeat },
}

/// Where a request that failed may be sent again, if its method and content allow that.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeat {
    /// Nowhere: the client is at fault, or this process.
    Never,
    /// At another replica: this one was given its chance.
    Elsewhere,
    /// At the same replica as well: it closed a connection that had served before (RFC 9112 §9.3.1).
    Anywhere,
}

impl Sending {
    async fn attempt(
        &self,
        mut request: Outbound,
        replica: &Rc<Replica>,
        reuses: bool,
    ) -> Result<Response<Body>, Attempt> {
        let Some(mut load) = replica.load() else {
            return Err(Attempt::Untouched(Box::new(request), Fault::UpstreamBusy(replica.name.clone())));
        };
        // Connections that rested may have been closed meanwhile: then the request comes back, and the next one is tried.
        for _ in 0..if reuses { MAX_STALE } else { 0 } {
            let Some(link) = replica.pool.reuse() else { break };
            let copy = request.retry();
            match self.send(link, request, load, Connection::Reused).await {
                Err(Unanswered::Unsent(back, place)) => (request, load) = (*back, place),
                Err(Unanswered::Failed { fault, repeat }) => return Err(failed(fault, copy, repeat)),
                Ok((response, lease)) => return self.answered(response, lease, replica, copy).await,
            }
        }
        let link = match replica.pool.open().await {
            Ok(link) => link,
            Err(error) => {
                return Err(match not_connected(replica, error) {
                    Ok(fault) => Attempt::Untouched(Box::new(request), fault),
                    Err(fault) => failed(fault, None, Repeat::Never),
                });
            }
        };
        let copy = request.retry();
        match self.send(link, request, load, Connection::New).await {
            Ok((response, lease)) => self.answered(response, lease, replica, copy).await,
            Err(Unanswered::Unsent(back, _)) => Err(Attempt::Untouched(back, closed_at_once(replica))),
            Err(Unanswered::Failed { fault, repeat }) => Err(failed(fault, copy, repeat)),
        }
    }

    /// The answer, if it is not one that another replica may have a better one for.
    async fn answered(
        &self,
        response: Response<Incoming>,
        lease: Lease,
        replica: &Replica,
        copy: Option<Outbound>,
    ) -> Result<Response<Body>, Attempt> {
        let status = response.status();
        match inbound(response, lease, &replica.name, self.is_head, self.timeouts).await {
            Ok(response) if copy.is_some() && is_of_a_bad_replica(status) => {
                let copy = copy.map(Box::new);
                Err(Attempt::Failed { outcome: Box::new(Ok(response)), copy, stale: false })
            }
            Ok(response) => Ok(response),
            Err(fault) => Err(failed(fault, copy, Repeat::Elsewhere)),
        }
    }

    async fn send(
        &self,
        link: Link,
        request: Outbound,
        load: Load,
        connection: Connection,
    ) -> Result<(Response<Incoming>, Lease), Unanswered> {
        let http2 = link.is_http2();
        let kept = request.kept();
        let replica = load.owner();
        let request = request.into_request(http2, &replica);
        let answer = tokio::select! {
            biased;
            answer = link.send(request, load) => answer,
            what = timed_out(&self.upload, self.timeouts) => {
                // An HTTP/2 connection that is silent for one request may be so for all.
                replica.pool.retire_shared();
                replica.failed(Failure::Timeout);
                let fault = Fault::UpstreamTimeout(replica.name.clone(), what);
                return Err(Unanswered::Failed { fault, repeat: Repeat::Elsewhere });
            }
        };
        match answer {
            Ok(answer) => Ok(answer),
            Err(SendError::Unsent(unsent)) => {
                let (request, load) = *unsent;
                if connection == Connection::New {
                    replica.failed(Failure::Broken);
                }
                Err(Unanswered::Unsent(Box::new(Outbound::back(request, kept)), load))
            }
            Err(SendError::Broken(error)) => Err(broken(&error, &self.upload, &replica, connection)),
        }
    }
}

fn failed(fault: Fault, copy: Option<Outbound>, repeat: Repeat) -> Attempt {
    let copy = copy.filter(|_| repeat != Repeat::Never).map(Box::new);
    Attempt::Failed { outcome: Box::new(Err(fault)), copy, stale: repeat == Repeat::Anywhere }
}

/// Statuses by which a server says that it cannot serve at the moment, or that the one behind it does not.
fn is_of_a_bad_replica(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
}

fn closed_at_once(replica: &Replica) -> Fault {
    Fault::BadGateway(replica.name.clone(), "closed the connection at once".to_owned())
}

/// Why there is no connection to `replica`.
///
/// # Errors
/// If the next one could not be reached either: the replica did nothing wrong.
fn not_connected(replica: &Replica, error: ConnectError) -> Result<Fault, Fault> {
    if matches!(error, ConnectError::OutOfDescriptors) {
        return Err(Fault::OutOfDescriptors);
    }
    replica.failed(Failure::Connect);
    Ok(unreachable(&replica.name, error))
}

/// What a broken connection means: a body that its client did not finish breaks it, too.
fn broken(error: &hyper::Error, upload: &Upload, replica: &Replica, connection: Connection) -> Unanswered {
    let fault = match upload.state().0 {
        UploadState::Failed => Some(Fault::Framing("The request's body broke off or is malformed.")),
        UploadState::Stalled => Some(Fault::BodyTimeout),
        _ => None,
    };
    if let Some(fault) = fault {
        return Unanswered::Failed { fault, repeat: Repeat::Never };
    }
    tracing::debug!(upstream = %replica.name, %error, "no answer");
    // One that rested may be closed at any time (RFC 9112 §9.3.1).
    if connection == Connection::New || error.is_parse() {
        replica.failed(Failure::Broken);
    }
    let (what, repeat) = match connection {
        _ if error.is_parse() => ("answered something that is no HTTP", Repeat::Elsewhere),
        Connection::Reused => ("closed the connection", Repeat::Anywhere),
        Connection::New => ("closed the connection", Repeat::Elsewhere),
    };
    Unanswered::Failed { fault: Fault::BadGateway(replica.name.clone(), what.to_owned()), repeat }
}

/// Resolves when the upstream has had the whole request for too long, or has asked for nothing more of it. While the
/// client owes bytes of it, the body itself keeps the time.
async fn timed_out(upload: &Upload, timeouts: Timeouts) -> &'static str {
    let mut wake = Instant::now() + timeouts.response.min(timeouts.silence);
    loop {
        sleep_until(wake).await;
        let now = Instant::now();
        let (due, what) = match upload.state() {
            (UploadState::Done, since) => (since + timeouts.response, "to answer"),
            (UploadState::Upstream, since) => (since + timeouts.silence, "to take the request"),
            _ => (now + timeouts.silence, ""),
        };
        if due <= now {
            return what;
        }
        wake = due;
    }
}

fn unreachable(name: &str, error: ConnectError) -> Fault {
    match error {
        ConnectError::Timeout => Fault::UpstreamTimeout(name.to_owned(), "to accept a connection"),
        ConnectError::OutOfDescriptors => Fault::OutOfDescriptors,
        ConnectError::Failed(error) => {
            let why = match error.kind() {
                std::io::ErrorKind::ConnectionRefused => "it refuses connections".to_owned(),
                _ => error.to_string(),
            };
            Fault::Unreachable(name.to_owned(), why)
        }
    }
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
        StatusCode::UPGRADE_REQUIRED => parts.headers.get_all(header::UPGRADE).iter().cloned().collect(),
        _ => Vec::new(),
    };
    let nominated = hop::remove_nominated(&mut parts.headers, &[]);
    hop::strip_hop_by_hop(&mut parts.headers);
    let silence = Silence::new(timeouts.silence);
    let mut body = Body::upstream(body, parts.version, lease, silence, TrailerFilter::response(nominated));
    if declared.is_none() && !is_head {
        body = match body.begun().await {
            Ok(body) => body,
            Err(error) => return Err(Fault::BadGateway(name.to_owned(), format!("broke off its answer: {error}"))),
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
    let declared = declared_length(&parts.headers).map_err(|_| "sent a Content-Length that is not one number")?;
    let codings = parts.headers.get_all(header::TRANSFER_ENCODING);
    // RFC 9112 §6.3: such a message "might indicate an attempt to perform request smuggling or response splitting and
    // ought to be handled as an error".
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
        // RFC 9110 §8.6: "A server MUST NOT send a Content-Length header field in any response with a status code of
        // 1xx (Informational) or 204 (No Content)".
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

/// The parts of a request that its codec does not keep.
struct Kept {
    host: HeaderValue,
    trailers: bool,
    declares_length: bool,
    retryable: bool,
}

impl Outbound {
    fn kept(&self) -> Kept {
        let Self { host, trailers, declares_length, retryable, .. } = self;
        let (trailers, declares_length, retryable) = (*trailers, *declares_length, *retryable);
        Kept { host: host.clone(), trailers, declares_length, retryable }
    }

    /// A copy to send if this is lost, where that is safe: idempotent (RFC 9110 §9.2.2) and without a body. It is not
    /// copied again.
    fn retry(&self) -> Option<Self> {
        if !self.retryable || !self.body.is_empty() || !self.method.is_idempotent() {
            return None;
        }
        Some(Self {
            method: self.method.clone(),
            target: self.target.clone(),
            host: self.host.clone(),
            trailers: self.trailers,
            declares_length: self.declares_length,
            retryable: false,
            headers: self.headers.clone(),
            body: RequestBody::empty(),
        })
    }

    /// For the codec. Where the client named no host, as HTTP/1.0 may, the replica goes by its own name.
    fn into_request(self, http2: bool, replica: &Replica) -> Request<RequestBody> {
        let Self { method, target, host, trailers, declares_length, mut headers, body, .. } = self;
        let host = if host.is_empty() { replica.authority.clone() } else { host };
        if trailers {
            hop::accept_trailers(&mut headers, http2);
        }
        frame(&mut headers, &method, &body, declares_length, http2);
        let mut uri = http::uri::Parts::default();
        uri.path_and_query = Some(target);
        if http2 {
            // RFC 9113 §8.3.1: `:authority` in place of `Host`.
            uri.authority = http::uri::Authority::from_maybe_shared(host).ok();
            let scheme = if replica.tls { http::uri::Scheme::HTTPS } else { http::uri::Scheme::HTTP };
            uri.scheme = uri.authority.is_some().then_some(scheme);
        } else {
            headers.insert(header::HOST, host);
        }
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from_parts(uri).unwrap_or_default();
        *request.headers_mut() = headers;
        *request.version_mut() = if http2 { Version::HTTP_2 } else { Version::HTTP_11 };
        request
    }

    /// From a request that the codec did not take.
    fn back(request: Request<RequestBody>, kept: Kept) -> Self {
        let (mut parts, body) = request.into_parts();
        for name in [header::HOST, header::TRANSFER_ENCODING, header::CONTENT_LENGTH] {
            parts.headers.remove(name);
        }
        if kept.trailers {
            parts.headers.remove(header::TE);
            parts.headers.remove(header::CONNECTION);
        }
        let target = parts.uri.into_parts().path_and_query;
        Self {
            method: parts.method,
            target: target.unwrap_or_else(|| http::uri::PathAndQuery::from_static("/")),
            host: kept.host,
            trailers: kept.trailers,
            declares_length: kept.declares_length,
            retryable: kept.retryable,
            headers: parts.headers,
            body,
        }
    }
}

/// Writes the framing fields from the body that is sent; `headers` has none.
fn frame(headers: &mut HeaderMap, method: &Method, body: &RequestBody, declares_length: bool, http2: bool) {
    // RFC 9110 §8.6: "A user agent SHOULD send Content-Length in a request when the method defines a meaning for enclosed
    // content and it is not sending Transfer-Encoding", zero included.
    let has_meaning = matches!(*method, Method::POST | Method::PUT | Method::PATCH);
    match body.length() {
        Some(0) if !declares_length && !has_meaning => {}
        Some(length) => drop(headers.insert(header::CONTENT_LENGTH, length.into())),
        None if http2 => {}
        // The codec leaves out the content of a GET of unknown length unless a field says how to send it.
        None => drop(headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"))),
    }
}
