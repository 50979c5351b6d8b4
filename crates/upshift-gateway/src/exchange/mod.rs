//! One request: facts → decision → answer or upstream. HTTP/1, 2 and 3 all come through here.

pub(crate) mod explain;
pub(crate) mod refuse;
pub(crate) mod request_id;
pub(crate) mod respond;
pub(crate) mod target;

use std::rc::Rc;
use std::sync::atomic::Ordering;

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode, Version, request};
use hyper::upgrade::OnUpgrade;
use upshift_config::PathMode;
use upshift_core::answer::{self, AnswerContext};
use upshift_core::client_info::{ClientInfo, ConnectionInfo};
use upshift_core::field::Protocol;
use upshift_core::policy::Requirement;
use upshift_core::proxy::declared_proxy;
use upshift_core::{Decision, Facts, Known, Timestamp, TlsState, notice};
use upshift_http::{
    HeaderFields, accepts_trailers, add_close, apply_change, decrement_max_forwards, forwards_left,
    http_version, join_cookies, remove_nominated, strip_hop_by_hop,
};

use crate::body::{BodyTimedOut, RequestBody, ResponseBody};
use crate::downstream::Connection;
use crate::downstream::switch::{self, Asked};
use crate::exchange::request_id::X_REQUEST_ID;
use crate::exchange::target::Target;
use crate::fields::forwarded::{ForwardedInfo, add_via, is_looping, set_forwarded};
use crate::fields::trailers::TrailerFilter;
use crate::forward::upstream_426;
use crate::forward::{self, OutboundRequest, UpstreamTimeouts};
use crate::framing::declared_length;
use crate::local_reply::Fault;
use crate::progress::stream_watch::StreamProgress;
use crate::rollout;
use crate::telemetry::access::Access;
use crate::tunnel::{self, TunnelOffer};
use crate::worker::View;

/// Answers `request`.
pub(crate) async fn serve(
    connection: &Rc<Connection>,
    request: Request<RequestBody>,
) -> Response<ResponseBody> {
    let in_flight = connection.activity.begin_request();
    let progress = StreamProgress::current();
    let worker = &connection.worker;
    let view = worker.view();
    let (mut parts, body) = request.into_parts();
    let version = parts.version;
    let nominated = remove_nominated(&mut parts.headers, &believed_fields(connection, &view));
    let id = request_id::take_or_make(&parts.headers, &mut worker.random.borrow_mut());
    let mut response = match admissible(&parts, &body, view.snapshot.settings.file.gateway.paths) {
        // RFC 9110 §7.6.2: a recipient at 0 "MUST NOT forward the request; instead, it MUST respond
        // as the final recipient".
        Ok(_)
            if parts.method == Method::OPTIONS
                && forwards_left(&parts.method, &parts.headers) == Some(0) =>
        {
            let mut response = Response::new(ResponseBody::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
        Ok(target) => {
            let filter = TrailerFilter::for_request(nominated, Rc::clone(&view.guarded));
            served(connection, &view, parts, target, body.with_trailer_filter(filter), &id).await
        }
        Err(fault) => {
            let mut response = faulty(connection, &fault, &id);
            refuse::discard(body, &parts, &view.snapshot.settings.file.limits, &mut response);
            response
        }
    };
    response.headers_mut().insert(X_REQUEST_ID, id);
    if let Some(alt_svc) = &worker.shared.alt_svc
        && connection.tls != TlsState::Cleartext
        && version != Version::HTTP_3
    {
        response.headers_mut().insert(header::ALT_SVC, alt_svc.clone());
    }
    finish(&mut response, version);
    // RFC 9112 §9.6: a server that is about to close says so in its last answer. Any answer of the
    // lame duck may be it.
    if version < Version::HTTP_2
        && worker.shared.stopping.load(Ordering::Relaxed)
        && response.status() != StatusCode::SWITCHING_PROTOCOLS
    {
        add_close(response.headers_mut());
    }
    response.map(|body| body.with_active_request(in_flight).with_progress(progress))
}

/// The fields that the declared proxy at the other end wrote, which no client may take away.
fn believed_fields<'v>(connection: &Connection, view: &'v View) -> Vec<&'v str> {
    let proxy = declared_proxy(connection.peer.ip(), &view.snapshot.settings.file.gateway.proxies);
    proxy.map(|proxy| proxy.reads.names().collect()).unwrap_or_default()
}

/// The target of a request whose end and whose target are beyond doubt.
fn admissible(
    parts: &request::Parts,
    body: &RequestBody,
    paths: PathMode,
) -> Result<Target, Fault> {
    let declared = declared_length(&parts.headers).map_err(|bad| Fault::Framing(bad.as_str()))?;
    // RFC 9113 §8.1.1, RFC 9114 §4.1.2: content that is shorter than declared makes the message
    // malformed.
    if declared.is_some_and(|length| length > 0) && body.is_empty() {
        return Err(Fault::Framing("Content-Length announces content, and there is none."));
    }
    Target::of(parts, paths)
}

/// Answers a request whose form is good.
async fn served(
    connection: &Rc<Connection>,
    view: &View,
    mut parts: request::Parts,
    target: Target,
    body: RequestBody,
    id: &HeaderValue,
) -> Response<ResponseBody> {
    match Asked::read(connection, &parts, &body) {
        Asked::Nothing => {
            let upgrade = parts.extensions.remove::<OnUpgrade>();
            match settled(&parts, body).await {
                Ok(body) => decided(connection, view, &parts, &target, body, upgrade, id).await,
                Err(fault) => closing(faulty(connection, &fault, id), parts.version),
            }
        }
        Asked::H2c(settings) => {
            let switched = switch::to_h2c(connection, parts, body, settings).await;
            switched.unwrap_or_else(|fault| faulty(connection, &fault, id))
        }
        Asked::Tls => switch::to_tls(connection, parts),
    }
}

/// The body, once it is known whether there is one.
async fn settled(parts: &request::Parts, body: RequestBody) -> Result<RequestBody, Fault> {
    // RFC 9110 §10.1.1: reading would send the 100, before it is decided whether the content is
    // wanted.
    if parts.headers.contains_key(header::EXPECT) {
        return Ok(body);
    }
    let settled = body.detect_content(&parts.method).await;
    settled.map_err(|error| match error.is::<BodyTimedOut>() {
        true => Fault::BodyTimeout,
        false => Fault::Framing("The request's body broke off or is malformed."),
    })
}

/// The response, after which no further request can be read.
fn closing(mut response: Response<ResponseBody>, version: Version) -> Response<ResponseBody> {
    if version < Version::HTTP_2 {
        add_close(response.headers_mut());
    }
    response
}

/// Answers a request that can be decided on.
#[expect(clippy::too_many_arguments, reason = "until an exchange has a context of its own")]
async fn decided(
    connection: &Rc<Connection>,
    view: &View,
    parts: &request::Parts,
    target: &Target,
    body: RequestBody,
    upgrade: Option<OnUpgrade>,
    id: &HeaderValue,
) -> Response<ResponseBody> {
    let worker = &connection.worker;
    let file = &view.snapshot.settings.file;
    let gateway = &file.gateway;
    let now = Timestamp::now();
    let peer = connection.peer.ip();
    let seen = ConnectionInfo {
        peer: Some(peer),
        http: http_version(parts.version),
        tls: Known::Is(connection.tls),
    };
    let fields = HeaderFields(&parts.headers);
    let client_info =
        ClientInfo::resolve(seen, &fields, &gateway.proxies, gateway.undeclared_proxy);
    if client_info.undeclared {
        worker.sighted(peer);
    }
    let facts = facts(parts, target, &client_info, &fields, !body.is_empty());
    let decision = view.snapshot.policy.decide(&facts, now);
    worker.counts.borrow_mut().decided(&decision, seen.http);
    rollout::count(
        &mut worker.tally.borrow_mut(),
        worker.shared.control.key(),
        &decision,
        &facts,
        now,
    );
    let around = AnswerContext {
        proxied: client_info.proxy.is_some(),
        h2c: gateway.h2c_upgrade && connection.tls == TlsState::Cleartext,
        tls_in_band: view.snapshot.in_band_tls.is_some() && connection.tls == TlsState::Cleartext,
        alt_svc: worker.shared.alt_svc.as_ref().and_then(|value| value.to_str().ok()),
        upgrade_field: client_info.proxy.is_some_and(|proxy| proxy.upgrade_field),
        public_url: gateway.public.as_deref(),
        https_listener: worker.shared.https,
        request_id: id.to_str().unwrap_or_default(),
        now,
    };
    let access =
        Access::begin(gateway.access_log, &facts, &decision, view.snapshot.policy.revision(), id);
    let mut response = match answer::refusal_for(&decision, &facts, &around) {
        Some(answer) => {
            let mut response = refuse::response(answer);
            refuse::discard(body, parts, &file.limits, &mut response);
            response
        }
        None => {
            let admitted = Admitted {
                connection,
                parts,
                target,
                client_info: &client_info,
                view,
                facts: &facts,
                id,
            };
            match admitted.forward(&decision, &around, body, upgrade).await {
                Ok(response) => response,
                Err(fault) => faulty(connection, &fault, id),
            }
        }
    };
    // RFC 6797 §7.2: never over cleartext, whoever says it.
    if client_info.is_https(connection.tls) != Some(true) {
        response.headers_mut().remove(header::STRICT_TRANSPORT_SECURITY);
    } else if let Some(hsts) = &view.hsts {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, hsts.clone());
    }
    if let Some(access) = access {
        worker.shared.access.write(access.end(response.status()));
    }
    response
}

/// A request that the policy lets pass.
struct Admitted<'a> {
    connection: &'a Rc<Connection>,
    parts: &'a request::Parts,
    target: &'a Target,
    client_info: &'a ClientInfo<'a>,
    view: &'a View,
    facts: &'a Facts<'a>,
    id: &'a HeaderValue,
}

impl Admitted<'_> {
    /// Sends it to its upstream, and gives the answer the fields that the decision asks for.
    async fn forward(
        &self,
        decision: &Decision<'_>,
        around: &AnswerContext<'_>,
        body: RequestBody,
        upgrade: Option<OnUpgrade>,
    ) -> Result<Response<ResponseBody>, Fault> {
        let offer = TunnelOffer::from_request(self.parts, !body.is_empty(), |token| {
            may_cross(token, decision)
        })?;
        let site = self.view.site(self.facts).ok_or(Fault::NoUpstream)?;
        if is_looping(&self.parts.headers) {
            return Err(Fault::Loop(site.name()));
        }
        let timeouts = UpstreamTimeouts::from_limits(&self.view.snapshot.settings.file.limits);
        let outbound = self.outbound(body);
        let mut response = match offer {
            Some(offer) => {
                tunnel::open_tunnel(self.connection, &offer, outbound, upgrade, site, timeouts)
                    .await?
            }
            None => {
                forward::forward_request(outbound, site, &self.connection.worker.random, timeouts)
                    .await?
            }
        };
        for change in notice::changes(decision, &HeaderFields(response.headers())) {
            apply_change(response.headers_mut(), change);
        }
        if response.status().is_success() {
            let worker = &self.connection.worker;
            let key = worker.shared.control.key();
            rollout::count_accepted(&mut worker.tally.borrow_mut(), key, decision, self.facts);
        }
        if response.status() == StatusCode::UPGRADE_REQUIRED {
            let bare = upstream_426::reoriginate(&mut response, decision, self.facts, around);
            self.connection.worker.counts.borrow_mut().bare_426 += u64::from(bare);
        }
        Ok(response)
    }

    /// The request with the fields of the next hop.
    fn outbound(&self, body: RequestBody) -> OutboundRequest {
        let mut headers = self.parts.headers.clone();
        let trailers = accepts_trailers(&headers);
        let believed = self.client_info.proxy.and_then(|proxy| proxy.reads.peer.as_deref());
        let chain =
            believed.filter(|name| *name == "x-forwarded-for").map(|name| joined(&headers, name));
        strip_hop_by_hop(&mut headers);
        let declares_length = headers.contains_key(header::CONTENT_LENGTH);
        // The codec sends the 100 itself, when the body is first read. The others are written
        // again.
        for name in [header::HOST, header::EXPECT, header::CONTENT_LENGTH] {
            headers.remove(name);
        }
        self.view.guarded.remove_aliases(&mut headers);
        set_forwarded(
            &mut headers,
            &ForwardedInfo {
                hop: self.connection.peer,
                client: self.client_info.client_ip.map(|peer| peer.to_canonical()),
                chain: chain.as_ref().filter(|chain| !chain.is_empty()),
                https: self.client_info.is_https(self.connection.tls),
                host: self.target.authority(),
            },
        );
        add_via(&mut headers, self.parts.version);
        headers.insert(X_REQUEST_ID, self.id.clone());
        join_cookies(&mut headers);
        decrement_max_forwards(&self.parts.method, &mut headers);
        OutboundRequest {
            method: self.parts.method.clone(),
            target: self.target.path.clone(),
            host: self.host(),
            trailers,
            declares_length,
            retryable: true,
            headers,
            body,
        }
    }

    /// The host as the upstream is to know it. Where the client names none, it is that of `public`:
    /// an upstream builds links from it, and one to its own address would show that to the client.
    fn host(&self) -> HeaderValue {
        let gateway = &self.view.snapshot.settings.file.gateway;
        let public = gateway.public.as_deref().filter(|_| self.target.host.is_empty());
        let named = public.and_then(|public| public.parse::<http::Uri>().ok());
        let authority = named.as_ref().and_then(http::Uri::authority);
        let host = authority.and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
        host.unwrap_or_else(|| self.target.host.clone())
    }
}

/// Tells whether a tunnel may be opened to the protocol: WebSocket, or one that a matching rule
/// names.
fn may_cross(token: &Protocol, decision: &Decision<'_>) -> bool {
    let required = || decision.matched().flat_map(|ruling| &ruling.rule.require);
    token.is_named("websocket")
        || required().any(
            |requirement| matches!(requirement, Requirement::Protocol(wanted) if wanted == token),
        )
}

fn facts<'a>(
    parts: &'a request::Parts,
    target: &'a Target,
    client_info: &ClientInfo<'_>,
    fields: &'a HeaderFields<'a>,
    has_content: bool,
) -> Facts<'a> {
    Facts {
        method: parts.method.as_str(),
        host: Facts::host_of(target.authority()),
        path: target.path.path(),
        query: target.path.query(),
        hop: client_info.hop,
        http: client_info.http,
        tls: client_info.tls,
        client_ip: client_info.client_ip.map(|peer| peer.to_canonical()),
        fields,
        has_content,
        protocol: target.protocol.as_ref().map(hyper::ext::Protocol::as_str),
    }
}

/// The answer to a request that met `fault`.
fn faulty(connection: &Connection, fault: &Fault, id: &HeaderValue) -> Response<ResponseBody> {
    let id = id.to_str().unwrap_or_default();
    connection.worker.count_fault(fault, id);
    respond::fault(fault, id)
}

/// All lines of the field `name` as one (RFC 9110 §5.3).
fn joined(headers: &HeaderMap, name: &str) -> HeaderValue {
    let lines: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    HeaderValue::from_bytes(&lines.join(&b", "[..])).unwrap_or(HeaderValue::from_static(""))
}

/// The last touches, which depend on what the client speaks.
fn finish(response: &mut Response<ResponseBody>, version: Version) {
    use http_body::Body as _;
    if version != Version::HTTP_10 {
        return;
    }
    // RFC 9112 §9.3: an HTTP/1.0 client knows the end of a body without length by the end of the
    // connection.
    if response.body().size_hint().exact().is_none() {
        add_close(response.headers_mut());
    }
    let closes = response.headers().get(header::CONNECTION).is_some_and(|options| {
        upshift_core::field::list_elements(std::iter::once(options.as_bytes()))
            .any(|option| option == b"close")
    });
    if closes {
        // Else the codec adds `keep-alive` to it.
        *response.version_mut() = Version::HTTP_10;
    }
}
