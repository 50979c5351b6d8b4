//! One admitted request, to its upstream and back.
//!
//! 1. Bodies stream both ways; nothing is held back to be counted or looked at.
//! 2. The path goes as it was sent.
//! 3. A request is sent a second time only if no upstream can have seen it, or once, if it is idempotent and empty, the
//!    connection it went on had served before (RFC 9110 §9.2.2, RFC 9112 §9.3.1), and the retry budget allows it.
//! 4. Framing fields are written from the body that is sent, both ways.

pub(crate) mod forwarded;
pub(crate) mod hop;
pub(crate) mod trailers;
pub(crate) mod twins;

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
use crate::upstream::{ConnectError, Lease, Link, Replica, RetryBudget, SendError};

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

/// Sends `request` to the first of `candidates` that takes it.
pub(crate) async fn forward<'r>(
    mut request: Outbound,
    candidates: impl Iterator<Item = &'r Rc<Replica>>,
    retries: &RetryBudget,
    timeouts: Timeouts,
) -> Result<Response<Body>, Fault> {
    let upload = request.body.watched();
    let is_head = request.method == Method::HEAD;
    retries.count_request();
    let mut last = Fault::NoUpstream;
    for replica in candidates {
        match attempt(request, replica, &upload, retries, timeouts).await {
            Ok((response, lease)) => return inbound(response, lease, &replica.name, is_head, timeouts).await,
            Err(Attempt::Untouched(back, fault)) => (request, last) = (*back, fault),
            Err(Attempt::Spent(fault)) => return Err(fault),
        }
    }
    Err(last)
}

/// Sends `request`, which offers another protocol, on a connection of its own. A `101` is the caller's to judge.
pub(crate) async fn ask<'r>(
    mut request: Outbound,
    candidates: impl Iterator<Item = &'r Rc<Replica>>,
    timeouts: Timeouts,
) -> Result<(Response<Incoming>, Lease, &'r str), Fault> {
    let upload = request.body.watched();
    let mut last = Fault::NoUpstream;
    for replica in candidates {
        let opened = replica.pool.open_own().await;
        match fresh(opened, request, replica, &upload, timeouts).await {
            // RFC 9110 §7.8: "the client cannot begin using an upgraded protocol on the connection until it has
            // completely sent the request message", so the upstream may not switch before.
            Ok((answer, _))
                if answer.status() == StatusCode::SWITCHING_PROTOCOLS && upload.state().0 != UploadState::Done =>
            {
                let what = "switched protocols before it had the whole request".to_owned();
                return Err(Fault::BadGateway(replica.name.clone(), what));
            }
            Ok((answer, lease)) => return Ok((answer, lease, &replica.name)),
            Err(Attempt::Untouched(back, fault)) => (request, last) = (*back, fault),
            Err(Attempt::Spent(fault)) => return Err(fault),
        }
    }
    Err(last)
}

/// Why one replica did not answer.
enum Attempt {
    /// The request is as good as new.
    Untouched(Box<Outbound>, Fault),
    /// The request may have been seen.
    Spent(Fault),
}

async fn attempt(
    mut request: Outbound,
    replica: &Rc<Replica>,
    upload: &Upload,
    retries: &RetryBudget,
    timeouts: Timeouts,
) -> Result<(Response<Incoming>, Lease), Attempt> {
    // Connections that rested may have been closed meanwhile: then the request comes back, and the next one is tried.
    for _ in 0..MAX_STALE {
        let Some(link) = replica.pool.reuse() else { break };
        let retry = request.retry();
        match send(link, request, replica, upload, timeouts).await {
            Ok(answer) => return Ok(answer),
            Err(Send::Unsent(back)) => request = *back,
            Err(Send::Broken(fault)) => match retry {
                // RFC 9110 §9.2.2: repeated only because it is idempotent and empty, on a connection that had rested,
                // and only once: an upstream that closes on a request would get it from every connection that rests.
                Some(retry) if retries.take() => {
                    request = retry;
                    break;
                }
                _ => return Err(Attempt::Spent(fault)),
            },
            Err(Send::Failed(fault)) => return Err(Attempt::Spent(fault)),
        }
    }
    fresh(replica.pool.open().await, request, replica, upload, timeouts).await
}

/// Sends `request` on a connection that was opened for it.
async fn fresh(
    opened: Result<Link, ConnectError>,
    request: Outbound,
    replica: &Rc<Replica>,
    upload: &Upload,
    timeouts: Timeouts,
) -> Result<(Response<Incoming>, Lease), Attempt> {
    let link = match opened {
        Ok(link) => link,
        // The replica did nothing wrong, and another one could not be reached either.
        Err(ConnectError::OutOfDescriptors) => return Err(Attempt::Spent(Fault::OutOfDescriptors)),
        Err(error) => {
            replica.refused();
            return Err(Attempt::Untouched(Box::new(request), unreachable(&replica.name, error)));
        }
    };
    replica.is_well();
    match send(link, request, replica, upload, timeouts).await {
        Ok(answer) => Ok(answer),
        Err(Send::Unsent(back)) => {
            let fault = Fault::BadGateway(replica.name.clone(), "closed the connection at once".to_owned());
            Err(Attempt::Untouched(back, fault))
        }
        Err(Send::Broken(fault) | Send::Failed(fault)) => Err(Attempt::Spent(fault)),
    }
}

/// Why a link gave no answer.
enum Send {
    Unsent(Box<Outbound>),
    Broken(Fault),
    Failed(Fault),
}

async fn send(
    link: Link,
    request: Outbound,
    replica: &Rc<Replica>,
    upload: &Upload,
    timeouts: Timeouts,
) -> Result<(Response<Incoming>, Lease), Send> {
    let http2 = link.is_http2();
    let kept = request.kept();
    let request = request.into_request(http2, replica);
    let load = replica.load();
    let answer = tokio::select! {
        biased;
        answer = link.send(request, load) => answer,
        what = timed_out(upload, timeouts) => {
            // An HTTP/2 connection that is silent for one request may be so for all.
            replica.pool.retire_shared();
            return Err(Send::Failed(Fault::UpstreamTimeout(replica.name.clone(), what)));
        }
    };
    match answer {
        Ok(answer) => Ok(answer),
        Err(SendError::Unsent(request)) => Err(Send::Unsent(Box::new(Outbound::back(*request, kept)))),
        Err(SendError::Broken(error)) => Err(broken(&error, upload, replica)),
    }
}

/// What a broken connection means: a body that its client did not finish breaks it, too.
fn broken(error: &hyper::Error, upload: &Upload, replica: &Replica) -> Send {
    match upload.state().0 {
        UploadState::Failed => return Send::Failed(Fault::Framing("The request's body broke off or is malformed.")),
        UploadState::Stalled => return Send::Failed(Fault::BodyTimeout),
        _ => {}
    }
    tracing::debug!(upstream = %replica.name, %error, "no answer");
    let what = if error.is_parse() { "answered something that is no HTTP" } else { "closed the connection" };
    let fault = Fault::BadGateway(replica.name.clone(), what.to_owned());
    if error.is_parse() { Send::Failed(fault) } else { Send::Broken(fault) }
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
    let declared = checked_length(&parts).map_err(|what| Fault::BadGateway(name.to_owned(), what.to_owned()))?;
    // RFC 7838 §2.1: an alternative is one of this origin, and a way around this gateway.
    parts.headers.remove(header::ALT_SVC);
    let upgrade: Vec<_> = match parts.status {
        StatusCode::UPGRADE_REQUIRED => parts.headers.get_all(header::UPGRADE).iter().cloned().collect(),
        _ => Vec::new(),
    };
    let nominated = hop::remove_nominated(&mut parts.headers, &[]);
    hop::strip_hop_by_hop(&mut parts.headers);
    let silence = Silence::new(timeouts.silence);
    let mut body = Body::upstream(body, lease, silence, TrailerFilter::response(nominated));
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
