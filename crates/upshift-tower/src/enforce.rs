//! The decision on one request, and the notice that a response gets.

use std::sync::Arc;

use http::header::HeaderValue;
use http::{Extensions, HeaderMap, Request, Response};
use http_body::Body;
use upshift_core::answer::{Answer, AnswerContext, refusal_for};
use upshift_core::client_info::{ClientInfo, ConnectionInfo};
use upshift_core::notice::changes;
use upshift_core::policy::why_undecidable;
use upshift_core::proxy::UndeclaredProxy;
use upshift_core::{Fields, Known, Policy, Timestamp};
use upshift_http::{HeaderFields, apply_change};

use crate::facts::{RequestCopy, RequestView};
use crate::settings::LayerSettings;
use crate::{Judgements, Peer};

/// Fields by which a proxy is recognized that was not declared.
const ADDED_BY_PROXIES: [&str; 4] = ["x-forwarded-proto", "x-forwarded-for", "forwarded", "via"];

/// The outcome for one request.
pub(crate) enum Enforcement {
    Refuse(Answer, Judgements),
    /// The path cannot be decided on, for this reason.
    Undecidable(&'static str),
    Admit(Judgements),
    /// The request is admitted and its response gets a notice.
    Notify(Box<PendingNotice>),
}

/// A request that is admitted and whose response gets a notice.
///
/// The fields of the notice depend on those that the service sets itself, and a decision borrows
/// from the policy, so it cannot be kept next to it until then. So a copy of the request's head is
/// decided on again when the response is there, by the same policy and for the same time.
pub(crate) struct PendingNotice {
    policy: Arc<Policy>,
    head: RequestCopy,
    now: Timestamp,
    pub(crate) judgements: Judgements,
}

impl LayerSettings {
    /// Decides on a request by the policy that is in force.
    pub(crate) fn enforce_policy<B: Body>(
        &self,
        request: &Request<B>,
        now: Timestamp,
    ) -> Enforcement {
        let view = self.view_request(request);
        // Before any rule: an upstream may read such a path in a way that was not decided on.
        if let Some(why) = why_undecidable(view.uri.path()) {
            return Enforcement::Undecidable(why);
        }
        // Asked once: the notice must be by the policy that admitted the request.
        let policy = (self.policy_source)();
        let client = self.resolve_client(&view);
        let facts = view.facts_about(&client);
        let decision = policy.decide(&facts, now);
        let judgements = Judgements::of_decision(&decision);
        let context = AnswerContext {
            request_id: request_id(request.headers()),
            now,
            ..self.answer_context(&view, &client)
        };
        if let Some(answer) = refusal_for(&decision, &facts, &context) {
            return Enforcement::Refuse(answer, judgements);
        }
        // The service's response is not known yet, so one without fields stands in for it. Fields
        // of the service's own make changes unnecessary and never add one.
        let no_fields: Vec<(&str, &str)> = Vec::new();
        if changes(&decision, &no_fields).is_empty() {
            return Enforcement::Admit(judgements);
        }
        let head = view.to_copy();
        // It borrows the policy, which moves into the notice.
        drop(decision);
        Enforcement::Notify(Box::new(PendingNotice { policy, head, now, judgements }))
    }

    /// The part of an answer's context that does not depend on the time.
    fn answer_context(&self, view: &RequestView<'_>, client: &ClientInfo<'_>) -> AnswerContext<'_> {
        AnswerContext {
            proxied: self.answers_a_proxy(view, client),
            upgrade_field: matches!(client.proxy, Some(proxy) if proxy.upgrade_field),
            public_url: self.public.as_deref(),
            alt_svc: self.alt_svc.as_deref(),
            ..AnswerContext::default()
        }
    }

    /// Merges the policy's notice into the service's own fields.
    pub(crate) fn add_notice<R>(&self, pending: &PendingNotice, response: &mut Response<R>) {
        let view = pending.head.as_view();
        let facts = view.facts_about(&self.resolve_client(&view));
        let decision = pending.policy.decide(&facts, pending.now);
        for change in changes(&decision, &HeaderFields(response.headers())) {
            apply_change(response.headers_mut(), change);
        }
    }

    fn view_request<'r, B: Body>(&self, request: &'r Request<B>) -> RequestView<'r> {
        let extensions = request.extensions();
        RequestView {
            method: request.method(),
            uri: (self.readers.original_uri)(extensions).unwrap_or(request.uri()),
            version: request.version(),
            headers: HeaderFields(request.headers()),
            peer: self.peer_of(extensions),
            protocol: (self.readers.protocol)(extensions),
            has_content: !request.body().is_end_stream(),
        }
    }

    fn peer_of(&self, extensions: &Extensions) -> Peer {
        let known = extensions.get::<Peer>().unwrap_or(&self.connection);
        // An acceptor may know the protection but not the address.
        let address = match known.address {
            Some(address) => Some(address),
            None => (self.readers.peer)(extensions),
        };
        Peer { tls: known.tls, address }
    }

    /// The facts about the client, with what the proxies in front report.
    fn resolve_client(&self, view: &RequestView<'_>) -> ClientInfo<'_> {
        let tls = match view.peer.tls {
            Some(state) => Known::Is(state),
            None => Known::Unknown,
        };
        let seen = ConnectionInfo { peer: view.peer.address, http: view.hop_version(), tls };
        // Without a setting, a private peer that sends `X-Forwarded-Proto` may be a proxy: then its
        // clients' protection is unknown, and refusing all of them would be an outage.
        let undeclared = match self.proxied {
            Some(false) => UndeclaredProxy::Ignore,
            _ => UndeclaredProxy::Unknown,
        };
        let client = ClientInfo::resolve(seen, &view.headers, &self.proxies, undeclared);
        if self.proxied == Some(true) && client.proxy.is_none() {
            return client.behind_undeclared_proxy();
        }
        client
    }

    /// Returns true if the next hop is a proxy, declared or recognized by the fields that it adds.
    /// A client that adds such a field itself changes the form of its refusal, not the decision.
    fn answers_a_proxy(&self, view: &RequestView<'_>, client: &ClientInfo<'_>) -> bool {
        if client.proxy.is_some() || client.undeclared {
            return true;
        }
        let fields: &dyn Fields = &view.headers;
        self.proxied.is_none() && ADDED_BY_PROXIES.iter().any(|name| fields.has(name))
    }
}

/// The id of the request; empty if it has none.
fn request_id(headers: &HeaderMap) -> &str {
    match headers.get("x-request-id").map(HeaderValue::to_str) {
        Some(Ok(id)) => id,
        _ => "",
    }
}
