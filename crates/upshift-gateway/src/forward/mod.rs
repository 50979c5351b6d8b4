//! One admitted request, to its upstream and back.
//!
//! 1. Bodies stream both ways; nothing is held back to be counted or looked at.
//! 2. The path goes as it was sent.
//! 3. A request is sent a second time only if no upstream can have seen it, or if it is safe and empty and the
//!    connection it went on had served before (RFC 9110 §9.2.2, RFC 9112 §9.3.1).

pub(crate) mod hop;

use std::rc::Rc;

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri, Version, response};
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::time::{Duration, Instant, sleep_until};

use crate::body::{Body, RequestBody, Upload};
use crate::fault::Fault;
use crate::upstream::{ConnectError, Lease, Link, Replica, SendError};

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
    /// The fields.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) body: RequestBody,
}

/// What an upstream's 426 named in `Upgrade`, kept with the answer while the field itself stays behind.
#[derive(Clone)]
pub(crate) struct UpstreamUpgrade(pub(crate) Vec<HeaderValue>);

/// Sends `request` to the first of `candidates` that takes it.
pub(crate) async fn forward<'r>(
    mut request: Outbound,
    candidates: impl Iterator<Item = &'r Rc<Replica>>,
    patience: Duration,
) -> Result<Response<Body>, Fault> {
    let upload = request.body.watched();
    let mut last = Fault::NoUpstream;
    for replica in candidates {
        match attempt(request, replica, &upload, patience).await {
            Ok((response, lease)) => return inbound(response, lease, &replica.name),
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
    patience: Duration,
) -> Result<(Response<Incoming>, Lease, &'r str), Fault> {
    let upload = request.body.watched();
    let mut last = Fault::NoUpstream;
    for replica in candidates {
        let opened = replica.pool.open_own().await;
        match fresh(opened, request, replica, &upload, patience).await {
            // RFC 9110 §7.8: "the client cannot begin using an upgraded protocol on the connection until it has
            // completely sent the request message", so nobody may switch before.
            Ok((answer, _))
                if answer.status() == StatusCode::SWITCHING_PROTOCOLS && upload.complete_since().is_none() =>
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
    patience: Duration,
) -> Result<(Response<Incoming>, Lease), Attempt> {
    // Connections that rested may have been closed meanwhile: then the request comes back, and the next one is tried.
    while let Some(link) = replica.pool.reuse() {
        let spare = request.spare();
        match send(link, request, replica, upload, patience).await {
            Ok(answer) => return Ok(answer),
            Err(Send::Unsent(back)) => request = *back,
            Err(Send::Broken(fault)) => match spare {
                // RFC 9110 §9.2.2: repeated only because it is idempotent and empty, on a connection that had rested.
                Some(spare) => request = spare,
                None => return Err(Attempt::Spent(fault)),
            },
            Err(Send::Failed(fault)) => return Err(Attempt::Spent(fault)),
        }
    }
    fresh(replica.pool.open().await, request, replica, upload, patience).await
}

/// Sends `request` on a connection that was opened for it.
async fn fresh(
    opened: Result<Link, ConnectError>,
    request: Outbound,
    replica: &Rc<Replica>,
    upload: &Upload,
    patience: Duration,
) -> Result<(Response<Incoming>, Lease), Attempt> {
    let link = match opened {
        Ok(link) => link,
        Err(error) => {
            replica.refused();
            return Err(Attempt::Untouched(Box::new(request), unreachable(&replica.name, error)));
        }
    };
    replica.is_well();
    match send(link, request, replica, upload, patience).await {
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
    patience: Duration,
) -> Result<(Response<Incoming>, Lease), Send> {
    let http2 = link.is_http2();
    let (host, trailers) = (request.host.clone(), request.trailers);
    let request = request.into_request(http2, replica);
    let load = replica.load();
    let answer = tokio::select! {
        biased;
        answer = link.send(request, load) => answer,
        () = out_of_patience(upload, patience) => {
            return Err(Send::Failed(Fault::UpstreamTimeout(replica.name.clone(), "to answer")));
        }
    };
    match answer {
        Ok(answer) => Ok(answer),
        Err(SendError::Unsent(request)) => Err(Send::Unsent(Box::new(Outbound::back(*request, host, trailers)))),
        Err(SendError::Broken(_)) if upload.failed() => {
            Err(Send::Failed(Fault::NotHttp("The request's body broke off or is malformed.")))
        }
        Err(SendError::Broken(error)) => {
            tracing::debug!(upstream = %replica.name, %error, "no answer");
            let what = if error.is_parse() { "answered something that is no HTTP" } else { "closed the connection" };
            let fault = Fault::BadGateway(replica.name.clone(), what.to_owned());
            Err(if error.is_parse() { Send::Failed(fault) } else { Send::Broken(fault) })
        }
    }
}

/// Resolves when the upstream has had the whole request for `patience`. While the client still owes bytes of it, that
/// is the client's time, and watched elsewhere.
async fn out_of_patience(upload: &Upload, patience: Duration) {
    let mut wake = Instant::now() + patience;
    loop {
        sleep_until(wake).await;
        let due = upload.complete_since().map_or_else(|| Instant::now() + patience, |since| since + patience);
        if due <= Instant::now() {
            return;
        }
        wake = due;
    }
}

fn unreachable(name: &str, error: ConnectError) -> Fault {
    match error {
        ConnectError::Timeout => Fault::UpstreamTimeout(name.to_owned(), "to accept a connection"),
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
pub(crate) fn inbound(response: Response<Incoming>, lease: Lease, name: &str) -> Result<Response<Body>, Fault> {
    let (mut parts, body) = response.into_parts();
    // RFC 9110 §15.2.2: a server may switch only to what was offered, and nothing was.
    if parts.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Fault::BadGateway(name.to_owned(), "switched protocols without being asked".to_owned()));
    }
    // RFC 9112 §6.3: such a message "might indicate an attempt to perform request smuggling or response splitting and
    // ought to be handled as an error".
    if parts.headers.contains_key(header::TRANSFER_ENCODING) && parts.headers.contains_key(header::CONTENT_LENGTH) {
        return Err(Fault::BadGateway(name.to_owned(), "framed its answer in two ways".to_owned()));
    }
    // RFC 9112 §6.1: a coding that is taken off here and not undone would be lost.
    if parts
        .headers
        .get_all(header::TRANSFER_ENCODING)
        .iter()
        .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked"))
    {
        return Err(Fault::BadGateway(name.to_owned(), "used a transfer coding other than chunked".to_owned()));
    }
    // RFC 7838 §2.1: an alternative is one of this origin, and a way around this gateway.
    parts.headers.remove(header::ALT_SVC);
    let upgrade: Vec<_> = match parts.status {
        StatusCode::UPGRADE_REQUIRED => parts.headers.get_all(header::UPGRADE).iter().cloned().collect(),
        _ => Vec::new(),
    };
    hop::strip(&mut parts.headers);
    let mut response = passed(parts, Body::upstream(body, lease));
    if !upgrade.is_empty() {
        response.extensions_mut().insert(UpstreamUpgrade(upgrade));
    }
    Ok(response)
}

/// The upstream's answer as this hop passes it on, its hop-by-hop fields already gone.
pub(crate) fn passed(mut parts: response::Parts, body: Body) -> Response<Body> {
    hop::via(&mut parts.headers, parts.version);
    // The codec writes the version of the connection it is on.
    parts.version = Version::HTTP_11;
    parts.extensions.clear();
    Response::from_parts(parts, body)
}

impl Outbound {
    /// A copy to send if the first is lost, where that is safe: idempotent (RFC 9110 §9.2.2) and without a body.
    fn spare(&self) -> Option<Self> {
        if !self.body.is_empty() || !self.method.is_idempotent() {
            return None;
        }
        Some(Self {
            method: self.method.clone(),
            target: self.target.clone(),
            host: self.host.clone(),
            trailers: self.trailers,
            headers: self.headers.clone(),
            body: RequestBody::empty(),
        })
    }

    /// For the codec. Where the client named no host, as HTTP/1.0 may, the replica goes by its own name.
    fn into_request(self, http2: bool, replica: &Replica) -> Request<RequestBody> {
        let Self { method, target, host, trailers, mut headers, body } = self;
        let host = if host.is_empty() { replica.authority.clone() } else { host };
        if trailers {
            hop::accept_trailers(&mut headers, http2);
        }
        let mut uri = http::uri::Parts::default();
        uri.path_and_query = Some(target);
        if http2 {
            // RFC 9113 §8.3.1: `:authority` in place of `Host`.
            uri.authority = http::uri::Authority::from_maybe_shared(host).ok();
            let scheme = if replica.tls { http::uri::Scheme::HTTPS } else { http::uri::Scheme::HTTP };
            uri.scheme = uri.authority.is_some().then_some(scheme);
        } else {
            headers.insert(header::HOST, host);
            // The codec leaves out the content of a GET of unknown length unless it is told how to send it.
            if body.size_hint().exact().is_none() {
                headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
            }
        }
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from_parts(uri).unwrap_or_default();
        *request.headers_mut() = headers;
        *request.version_mut() = if http2 { Version::HTTP_2 } else { Version::HTTP_11 };
        request
    }

    /// From a request that the codec did not take.
    fn back(request: Request<RequestBody>, host: HeaderValue, trailers: bool) -> Self {
        let (mut parts, body) = request.into_parts();
        parts.headers.remove(header::HOST);
        parts.headers.remove(header::TRANSFER_ENCODING);
        if trailers {
            parts.headers.remove(header::TE);
            parts.headers.remove(header::CONNECTION);
        }
        let target = parts.uri.into_parts().path_and_query;
        Self {
            method: parts.method,
            target: target.unwrap_or_else(|| http::uri::PathAndQuery::from_static("/")),
            host,
            trailers,
            headers: parts.headers,
            body,
        }
    }
}
