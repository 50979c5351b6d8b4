//! One request: facts → decision → answer or upstream. HTTP/1, 2 and 3 all come through here.

use std::rc::Rc;

use http::header::{self, HeaderMap, HeaderValue};
use http::{HeaderName, Method, Request, Response, StatusCode, Version, request};
use hyper::upgrade::OnUpgrade;
use upshift_core::answer::{self, Circumstances};
use upshift_core::field::Protocol;
use upshift_core::policy::Requirement;
use upshift_core::{Decision, Facts, Fields, HttpVersion, Timestamp, TlsState, notice};

use crate::access::Access;
use crate::arrival::{Arrival, Seen};
use crate::body::{Body, RequestBody};
use crate::connection::Connection;
use crate::control;
use crate::fault::Fault;
use crate::forward::{self, Outbound, hop};
use crate::request_id::{self, X_REQUEST_ID};
use crate::target::Target;
use crate::transition::{self, Asked};
use crate::tunnel::{self, Offer};
use crate::worker::View;
use crate::{refuse, respond, upstream_426};

/// Answers `request`.
pub(crate) async fn serve(connection: &Rc<Connection>, request: Request<RequestBody>) -> Response<Body> {
    let in_flight = connection.pulse.request();
    let worker = &connection.worker;
    let (mut parts, body) = request.into_parts();
    hop::withdraw(&mut parts.headers);
    let version = parts.version;
    let id = request_id::take_or_make(&parts.headers, &mut worker.random.borrow_mut());
    let mut response = match Target::of(&parts) {
        // RFC 9110 §7.6.2: a recipient at 0 "MUST NOT forward the request; instead, it MUST respond as the final recipient".
        Ok(_) if parts.method == Method::OPTIONS && hop::forwards_left(&parts.method, &parts.headers) == Some(0) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
        Ok(target) => match Asked::read(connection, &parts, &body) {
            Asked::Nothing => {
                let upgrade = parts.extensions.remove::<OnUpgrade>();
                decided(connection, &parts, &target, body, upgrade, &id).await
            }
            Asked::H2c(settings) => {
                let switched = transition::to_h2c(connection, parts, body, settings).await;
                switched.unwrap_or_else(|fault| faulty(connection, &fault, &id))
            }
            Asked::Tls => transition::to_tls(connection, parts),
        },
        Err(fault) => {
            let mut response = faulty(connection, &fault, &id);
            refuse::discard(body, &parts, &worker.limits(), &mut response);
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
    response.map(|body| body.holding(in_flight))
}

/// Answers a request that can be decided on.
async fn decided(
    connection: &Rc<Connection>,
    parts: &request::Parts,
    target: &Target,
    body: RequestBody,
    upgrade: Option<OnUpgrade>,
    id: &HeaderValue,
) -> Response<Body> {
    let worker = &connection.worker;
    let view = worker.view();
    let settings = &view.snapshot.settings;
    let now = Timestamp::now();
    let seen = Seen { peer: connection.peer.ip(), http: http_version(parts.version), tls: connection.tls };
    let arrival = Arrival::read(seen, &parts.headers, &settings.proxies);
    if arrival.undeclared {
        worker.sighted(seen.peer);
    }
    let fields = HeaderFields(&parts.headers);
    let facts = facts(parts, target, &arrival, &fields, !body.is_empty());
    let decision = view.snapshot.policy.decide(&facts, now);
    worker.counts.borrow_mut().decided(&decision, seen.http);
    control::count(&mut worker.tally.borrow_mut(), worker.shared.control.key(), &decision, &facts, now);
    let around = Circumstances {
        proxied: arrival.proxy.is_some(),
        h2c: settings.h2c_upgrade && connection.tls == TlsState::Cleartext,
        tls_in_band: view.snapshot.in_band_tls.is_some() && connection.tls == TlsState::Cleartext,
        alt_svc: worker.shared.alt_svc.as_ref().and_then(|value| value.to_str().ok()),
        upgrade_field: arrival.proxy.is_some_and(|proxy| proxy.upgrade_field),
        public: settings.public.as_deref(),
        request_id: id.to_str().unwrap_or_default(),
        now,
    };
    let access = Access::begin(settings.access_log, &facts, &decision, view.snapshot.policy.revision(), id);
    let mut response = match answer::refuse(&decision, &facts, &around) {
        Some(answer) => {
            let mut response = refuse::response(answer);
            refuse::discard(body, parts, &settings.limits, &mut response);
            response
        }
        None => {
            let admitted = Admitted { connection, parts, target, arrival: &arrival, view: &view, facts: &facts, id };
            match admitted.forward(&decision, &around, body, upgrade).await {
                Ok(response) => response,
                Err(fault) => faulty(connection, &fault, id),
            }
        }
    };
    // RFC 6797 §7.2: never over cleartext, whoever says it.
    if !arrival.is_https(connection.tls) {
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
    arrival: &'a Arrival<'a>,
    view: &'a View,
    facts: &'a Facts<'a>,
    id: &'a HeaderValue,
}

impl Admitted<'_> {
    /// Sends it to its upstream, and gives the answer the fields that the decision asks for.
    async fn forward(
        &self,
        decision: &Decision<'_>,
        around: &Circumstances<'_>,
        body: RequestBody,
        upgrade: Option<OnUpgrade>,
    ) -> Result<Response<Body>, Fault> {
        let offer = Offer::read(self.parts, !body.is_empty(), |token| may_cross(token, decision))?;
        let site = self.view.site(self.facts).ok_or(Fault::NoUpstream)?;
        let patience = self.view.snapshot.settings.limits.upstream_response;
        let candidates = site.candidates(&mut self.connection.worker.random.borrow_mut());
        let outbound = self.outbound(body);
        let mut response = match offer {
            Some(offer) => tunnel::open(self.connection, &offer, outbound, upgrade, candidates, patience).await?,
            None => forward::forward(outbound, candidates, patience).await?,
        };
        for change in notice::changes(decision, &HeaderFields(response.headers())) {
            apply(change, response.headers_mut());
        }
        if response.status() == StatusCode::UPGRADE_REQUIRED {
            let bare = upstream_426::reoriginate(&mut response, decision, self.facts, around);
            self.connection.worker.counts.borrow_mut().bare_426 += u64::from(bare);
        }
        Ok(response)
    }

    /// The request with the fields of the next hop.
    fn outbound(&self, body: RequestBody) -> Outbound {
        let mut headers = self.parts.headers.clone();
        let trailers = hop::accepts_trailers(&headers);
        let believed = self.arrival.proxy.and_then(|proxy| proxy.reads.peer.as_deref());
        let chain = believed.filter(|name| *name == "x-forwarded-for").map(|name| joined(&headers, name));
        hop::strip(&mut headers);
        headers.remove(header::HOST);
        // The codec sends the 100 itself, when the body is first read.
        headers.remove(header::EXPECT);
        hop::tell(
            &mut headers,
            &hop::Told {
                hop: self.connection.peer,
                client: self.arrival.peer.to_canonical(),
                chain: chain.as_ref().filter(|chain| !chain.is_empty()),
                https: self.arrival.is_https(self.connection.tls),
                host: self.target.authority(),
            },
        );
        hop::via(&mut headers, self.parts.version);
        headers.insert(X_REQUEST_ID, self.id.clone());
        hop::join_cookies(&mut headers);
        hop::count_down(&self.parts.method, &mut headers);
        Outbound {
            method: self.parts.method.clone(),
            target: self.target.path.clone(),
            host: self.target.host.clone(),
            trailers,
            headers,
            body,
        }
    }
}

/// Whether a tunnel may be opened to the protocol: WebSocket, or one that a matching rule names.
fn may_cross(token: &Protocol, decision: &Decision<'_>) -> bool {
    let required = || decision.matched().flat_map(|ruling| &ruling.rule.require);
    token.is("websocket")
        || required().any(|requirement| matches!(requirement, Requirement::Protocol(wanted) if wanted == token))
}

/// The fields of a header map, as the core reads them.
pub(crate) struct HeaderFields<'h>(pub(crate) &'h HeaderMap);

impl Fields for HeaderFields<'_> {
    fn nth(&self, name: &str, index: usize) -> Option<&[u8]> {
        self.0.get_all(name).iter().nth(index).map(HeaderValue::as_bytes)
    }
}

fn facts<'a>(
    parts: &'a request::Parts,
    target: &'a Target,
    arrival: &Arrival<'_>,
    fields: &'a HeaderFields<'a>,
    has_content: bool,
) -> Facts<'a> {
    Facts {
        method: parts.method.as_str(),
        host: Facts::host_of(target.authority()),
        path: target.path.path(),
        query: target.path.query(),
        hop: arrival.hop,
        http: arrival.http,
        tls: arrival.tls,
        peer: Some(arrival.peer.to_canonical()),
        fields,
        has_content,
        protocol: target.protocol.as_ref().map(hyper::ext::Protocol::as_str),
    }
}

/// The answer to a request that met `fault`.
fn faulty(connection: &Connection, fault: &Fault, id: &HeaderValue) -> Response<Body> {
    connection.worker.count_fault(fault);
    respond::fault(fault, id.to_str().unwrap_or_default())
}

fn apply(change: notice::Change, headers: &mut HeaderMap) {
    let (name, value, replace) = match change {
        notice::Change::Set(name, value) => (name, value, true),
        notice::Change::Append(name, value) => (name, value, false),
    };
    let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(&value)) else { return };
    if replace {
        headers.insert(name, value);
    } else {
        headers.append(name, value);
    }
}

/// All lines of the field `name` as one (RFC 9110 §5.3).
fn joined(headers: &HeaderMap, name: &str) -> HeaderValue {
    let lines: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    HeaderValue::from_bytes(&lines.join(&b", "[..])).unwrap_or(HeaderValue::from_static(""))
}

/// The last touches, which depend on what the client speaks.
fn finish(response: &mut Response<Body>, version: Version) {
    use http_body::Body as _;
    if version != Version::HTTP_10 {
        return;
    }
    // RFC 9112 §9.3: an HTTP/1.0 client knows the end of a body without length by the end of the connection.
    if response.body().size_hint().exact().is_none() {
        refuse::close(response.headers_mut());
    }
    let closes = response.headers().get(header::CONNECTION).is_some_and(|options| {
        upshift_core::field::elements(std::iter::once(options.as_bytes())).any(|option| option == b"close")
    });
    if closes {
        // Else the codec adds `keep-alive` to it.
        *response.version_mut() = Version::HTTP_10;
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
