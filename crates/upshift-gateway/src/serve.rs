//! One request: facts → decision → answer or upstream. HTTP/1, 2 and 3 all come through here.

use std::rc::Rc;

use http::header::{self, HeaderMap, HeaderValue};
use http::uri::PathAndQuery;
use http::{HeaderName, Method, Request, Response, Version, request};
use hyper::ext::Protocol;
use hyper::upgrade::OnUpgrade;
use upshift_core::{HttpVersion, TlsState};

use crate::arrival::{Arrival, Seen};
use crate::body::{Body, RequestBody};
use crate::connection::Connection;
use crate::fault::Fault;
use crate::forward::{self, Outbound, hop};
use crate::request_id::{self, X_REQUEST_ID};
use crate::respond;
use crate::transition::{self, Asked};
use crate::tunnel::{self, Offer};

/// Answers `request`.
pub(crate) async fn serve(connection: &Rc<Connection>, request: Request<RequestBody>) -> Response<Body> {
    let in_flight = connection.pulse.request();
    let worker = &connection.worker;
    let (parts, body) = request.into_parts();
    let version = parts.version;
    let id = request_id::take_or_make(&parts.headers, &mut worker.random.borrow_mut());
    worker.counts.borrow_mut().requests += 1;
    let answered = match examine(&parts) {
        Ok(target) => match Asked::read(connection, &parts, &body) {
            Asked::Nothing => admit(connection, parts, target, body, &id).await,
            Asked::H2c(settings) => transition::to_h2c(connection, parts, body, settings).await,
            Asked::Tls => Ok(transition::to_tls(connection, parts)),
        },
        Err(fault) => Err(fault),
    };
    let mut response = answered.unwrap_or_else(|fault| {
        worker.count_fault(&fault);
        respond::fault(&fault, id.to_str().unwrap_or_default())
    });
    response.headers_mut().insert(X_REQUEST_ID, id);
    if let Some(alt_svc) = &worker.shared.alt_svc
        && connection.tls != TlsState::Cleartext
        && version != Version::HTTP_3
    {
        response.headers_mut().insert(header::ALT_SVC, alt_svc.clone());
    }
    finish(&mut response, version);
    response.map(|body| body.holding(in_flight))
}

/// What is asked for, once it is known to be well-formed.
struct Target {
    /// The authority, as sent; empty if none was.
    host: HeaderValue,
    path: PathAndQuery,
}

/// Refuses what no upstream should have to interpret.
fn examine(parts: &request::Parts) -> Result<Target, Fault> {
    // RFC 9110 §9.3.6: CONNECT is for proxies, and RFC 8441's for those who announced it.
    if parts.method == Method::CONNECT && parts.extensions.get::<Protocol>().is_none() {
        return Err(Fault::Connect);
    }
    let path = parts.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    if path.path().contains("%00") {
        return Err(Fault::Target("The path contains a NUL."));
    }
    Ok(Target { host: host(parts)?, path })
}

/// The authority that is asked: `:authority` or the absolute form before `Host`.
fn host(parts: &request::Parts) -> Result<HeaderValue, Fault> {
    let mut lines = parts.headers.get_all(header::HOST).iter();
    let (first, second) = (lines.next(), lines.next());
    // RFC 9112 §3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that
    // lacks a Host header field and to any request message that contains more than one Host header field line or a
    // Host header field with an invalid field value."
    if second.is_some() {
        return Err(Fault::Host("There is more than one Host field."));
    }
    if let Some(host) = first
        && !is_authority(host)
    {
        return Err(Fault::Host("The Host field is no host."));
    }
    if let Some(authority) = parts.uri.authority() {
        // RFC 9112 §3.2.2: with an absolute-form target, the "received Host header field" is ignored.
        let value = HeaderValue::from_str(authority.as_str()).ok().filter(is_authority);
        return value.ok_or(Fault::Host("The authority is no host."));
    }
    match first {
        Some(host) => Ok(host.clone()),
        None if parts.version == Version::HTTP_11 => Err(Fault::Host("There is no Host field.")),
        None => Ok(HeaderValue::from_static("")),
    }
}

fn is_authority(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    bytes.is_empty() || (!bytes.contains(&b'@') && http::uri::Authority::try_from(bytes).is_ok())
}

async fn admit(
    connection: &Rc<Connection>,
    mut parts: request::Parts,
    target: Target,
    body: RequestBody,
    id: &HeaderValue,
) -> Result<Response<Body>, Fault> {
    let worker = &connection.worker;
    let offer = Offer::read(&parts, !body.is_empty(), |token| token.is("websocket"))?;
    let upgrade = parts.extensions.remove::<OnUpgrade>();
    let (outbound, patience) = {
        let snapshot = worker.shared.snapshot.load();
        let seen = Seen { peer: connection.peer.ip(), http: http_version(parts.version), tls: connection.tls };
        let arrival = Arrival::read(seen, &parts.headers, &snapshot.settings.proxies);
        if arrival.undeclared {
            worker.sighted(connection.peer.ip());
        }
        (outbound(connection, parts, target, body, &arrival, id), snapshot.settings.limits.upstream_response)
    };
    let site = worker.site().ok_or(Fault::NoUpstream)?;
    let candidates = site.candidates(&mut worker.random.borrow_mut());
    match offer {
        Some(offer) => tunnel::open(connection, &offer, outbound, upgrade, candidates, patience).await,
        None => forward::forward(outbound, candidates, patience).await,
    }
}

/// The request with the fields of the next hop.
fn outbound(
    connection: &Connection,
    parts: request::Parts,
    target: Target,
    body: RequestBody,
    arrival: &Arrival<'_>,
    id: &HeaderValue,
) -> Outbound {
    let mut headers = parts.headers;
    let trailers = hop::accepts_trailers(&headers);
    let believed = arrival.proxy.and_then(|proxy| proxy.peer.as_ref());
    let chain = believed.filter(|name| *name == "x-forwarded-for").map(|name| joined(&headers, name));
    hop::strip(&mut headers);
    headers.remove(header::HOST);
    // The codec sends the 100 itself, when the body is first read.
    headers.remove(header::EXPECT);
    hop::tell(
        &mut headers,
        &hop::Told {
            hop: connection.peer,
            client: arrival.peer.to_canonical(),
            chain: chain.as_ref().filter(|chain| !chain.is_empty()),
            https: arrival.is_https(connection.tls),
            host: target.host.to_str().unwrap_or_default(),
        },
    );
    hop::via(&mut headers, parts.version);
    headers.insert(X_REQUEST_ID, id.clone());
    Outbound { method: parts.method, target: target.path, host: target.host, trailers, headers, body }
}

/// All lines of the field `name` as one (RFC 9110 §5.3).
fn joined(headers: &HeaderMap, name: &HeaderName) -> HeaderValue {
    let lines: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    HeaderValue::from_bytes(&lines.join(&b", "[..])).unwrap_or(HeaderValue::from_static(""))
}

/// The last touches, which depend on what the client speaks.
fn finish(response: &mut Response<Body>, version: Version) {
    use http_body::Body as _;
    // RFC 9112 §9.3: an HTTP/1.0 client knows the end of a body without length by the end of the connection.
    if version == Version::HTTP_10 && response.body().size_hint().exact().is_none() {
        *response.version_mut() = Version::HTTP_10;
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}

fn http_version(version: Version) -> HttpVersion {
    match version {
        Version::HTTP_09 => HttpVersion::V0_9,
        Version::HTTP_10 => HttpVersion::V1_0,
        Version::HTTP_2 => HttpVersion::V2,
        Version::HTTP_3 => HttpVersion::V3,
        _ => HttpVersion::V1_1,
    }
}
