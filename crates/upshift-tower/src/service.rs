//! The service: decide, then refuse or pass on.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use tower_service::Service;
use upshift_core::answer::{Answer, AnswerContext, refusal_for};
use upshift_core::client_info::{ClientInfo, ConnectionInfo};
use upshift_core::notice::changes;
use upshift_core::policy::why_undecidable;
use upshift_core::proxy::UndeclaredProxy;
use upshift_core::{Fields, Known, Policy, Timestamp};
use upshift_http::{HeaderFields, answer_response, apply_change};

use crate::drain::discard;
use crate::facts::{Kept, View};
use crate::judgement::Judgements;
use crate::{Peer, UpgradeBody, UpgradeLayer};

/// A service behind a policy.
#[derive(Clone, Debug)]
pub struct Upgrade<S> {
    pub(crate) inner: S,
    pub(crate) settings: UpgradeLayer,
}

impl<S, B, R> Service<Request<B>> for Upgrade<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    S::Error: 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    R: Body<Data = Bytes> + Send + 'static,
{
    type Response = Response<UpgradeBody<R>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let outcome = self.settings.judge(&request, Timestamp::now());
        let mut refused = match outcome {
            Outcome::Refuse(answer, judgements) => refusal(answer, judgements),
            Outcome::Undecidable(why) => undecidable(why),
            Outcome::Pass(judgements) => {
                let passing = self.inner.call(request);
                return Box::pin(async move {
                    Ok(judged(passing.await?, judgements).map(UpgradeBody::service))
                });
            }
            Outcome::Tell(telling) => {
                let (passing, settings) = (self.inner.call(request), self.settings.clone());
                return Box::pin(async move {
                    let response = settings.tell(&telling, passing.await?);
                    Ok(judged(response, telling.judgements).map(UpgradeBody::service))
                });
            }
        };
        discard(request, self.settings.drain, self.settings.drain_timeout, refused.headers_mut());
        Box::pin(async move { Ok(refused) })
    }
}

/// What becomes of a request.
enum Outcome {
    Refuse(Answer, Judgements),
    /// No decision can be made on its path.
    Undecidable(&'static str),
    Pass(Judgements),
    Tell(Box<Telling>),
}

/// A request that passes, and whose answer is to say something. What, depends on what the service
/// says itself, and the decision borrows from the request; so a copy of its head is decided once
/// more then, by the same policy and for the same moment.
struct Telling {
    policy: Arc<Policy>,
    head: Kept,
    now: Timestamp,
    judgements: Judgements,
}

impl UpgradeLayer {
    fn judge<B: Body>(&self, request: &Request<B>, now: Timestamp) -> Outcome {
        let view = self.view(request);
        if let Some(why) = why_undecidable(view.uri.path()) {
            return Outcome::Undecidable(why);
        }
        let policy = (self.source)();
        let client_info = self.client_info(&view);
        let facts = view.facts(&client_info);
        let decision = policy.decide(&facts, now);
        let judgements = Judgements::of(&decision);
        let request_id = request
            .headers()
            .get("x-request-id")
            .and_then(|id| id.to_str().ok())
            .unwrap_or_default();
        let around = AnswerContext {
            proxied: self.answers_a_proxy(&view, &client_info),
            upgrade_field: client_info.proxy.is_some_and(|proxy| proxy.upgrade_field),
            public_url: self.public.as_deref(),
            alt_svc: self.alt_svc.as_deref(),
            request_id,
            now,
            ..AnswerContext::default()
        };
        if let Some(answer) = refusal_for(&decision, &facts, &around) {
            return Outcome::Refuse(answer, judgements);
        }
        let silent: Vec<(&str, &str)> = Vec::new();
        if changes(&decision, &silent).is_empty() {
            return Outcome::Pass(judgements);
        }
        let head = view.kept();
        Outcome::Tell(Box::new(Telling { policy, head, now, judgements }))
    }

    /// Merges what the policy has to say into what the service said.
    fn tell<R>(&self, telling: &Telling, mut response: Response<R>) -> Response<R> {
        let view = telling.head.view();
        let facts = view.facts(&self.client_info(&view));
        let decision = telling.policy.decide(&facts, telling.now);
        for change in changes(&decision, &HeaderFields(response.headers())) {
            apply_change(response.headers_mut(), change);
        }
        response
    }

    fn view<'r, B: Body>(&self, request: &'r Request<B>) -> View<'r> {
        View {
            method: request.method(),
            uri: (self.read.original_uri)(request.extensions()).unwrap_or(request.uri()),
            version: request.version(),
            lines: HeaderFields(request.headers()),
            peer: self.peer_of(request.extensions()),
            protocol: (self.read.protocol)(request.extensions()),
            has_content: !request.body().is_end_stream(),
        }
    }

    fn peer_of(&self, extensions: &http::Extensions) -> Peer {
        let peer = extensions.get::<Peer>().copied().unwrap_or(self.connection);
        Peer { address: peer.address.or_else(|| (self.read.peer)(extensions)), ..peer }
    }

    /// What is known of the client, with what the proxies in front tell.
    fn client_info(&self, view: &View<'_>) -> ClientInfo<'_> {
        let tls = view.peer.tls.map_or(Known::Unknown, Known::Is);
        let seen = ConnectionInfo { peer: view.peer.address, http: view.hop(), tls };
        let undeclared = match self.proxied {
            Some(false) => UndeclaredProxy::Ignore,
            _ => UndeclaredProxy::Unknown,
        };
        let client_info = ClientInfo::resolve(seen, &view.lines, &self.proxies, undeclared);
        if self.proxied == Some(true) && client_info.proxy.is_none() {
            return client_info.behind_undeclared_proxy();
        }
        client_info
    }

    /// Whether the next hop is a proxy, declared or recognized by what it adds. A client that adds
    /// it itself only gets another answer, not another decision.
    fn answers_a_proxy(&self, view: &View<'_>, client_info: &ClientInfo<'_>) -> bool {
        let fields: &dyn Fields = &view.lines;
        let forwarded = ["x-forwarded-proto", "x-forwarded-for", "forwarded", "via"]
            .iter()
            .any(|name| fields.has(name));
        client_info.proxy.is_some()
            || client_info.undeclared
            || (forwarded && self.proxied.is_none())
    }
}

fn judged<R>(mut response: Response<R>, judgements: Judgements) -> Response<R> {
    if let Some(deciding) = judgements.deciding() {
        response.extensions_mut().insert(deciding.clone());
        response.extensions_mut().insert(judgements);
    }
    response
}

fn refusal<R>(answer: Answer, judgements: Judgements) -> Response<UpgradeBody<R>> {
    judged(answer_response(answer).map(UpgradeBody::refusal), judgements)
}

/// The 400 for a path of which nothing can be said.
fn undecidable<R>(why: &'static str) -> Response<UpgradeBody<R>> {
    let mut response = Response::new(UpgradeBody::refusal(format!("{why}\n").into_bytes()));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
