//! An admitted request: forwarded to its upstream, or carried through a tunnel.

use std::rc::Rc;

use http::header::{self, HeaderMap, HeaderValue};
use http::{Response, StatusCode, Version};
use hyper::upgrade::OnUpgrade;
use upshift_core::field::{Protocol, list_elements};
use upshift_core::policy::Requirement;
use upshift_core::{Decision, Fields, notice};
use upshift_http::{
    HeaderFields, accepts_trailers, apply_change, decrement_max_forwards, join_cookies,
    strip_hop_by_hop,
};
use upshift_http1::FieldId;

use crate::body::RequestBody;
use crate::core_local::LocalGeneration;
use crate::exchange::connection::Connection;
use crate::exchange::context::Context;
use crate::exchange::request_id::X_REQUEST_ID;
use crate::exchange::switch::Switch;
use crate::exchange::target::Target;
use crate::exchange::trace;
use crate::fields::forwarded::{ForwardedInfo, add_via, is_looping, set_forwarded};
use crate::forward::{self, OutboundRequest, UpstreamTimeouts, upstream_426};
use crate::http1_client::Http1Client;
use crate::local_reply::LocalReply;
use crate::received_request::ReceivedRequest;
use crate::response_body::ResponseBody;
use crate::rollout;
use crate::telemetry::exchange_report::ExchangeReport;
use crate::tunnel::{self, TunnelOffer};

/// The number of fields that are added to a forwarded request, at most.
const ADDED_FIELDS: usize = 8;

/// A request that the policy admits.
pub(crate) struct Admitted<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) generation: &'a LocalGeneration,
    pub(crate) received: &'a ReceivedRequest<'a>,
    pub(crate) target: &'a Target,
    pub(crate) context: &'a Context<'a>,
    pub(crate) decision: Decision<'a>,
    pub(crate) id: &'a HeaderValue,
    pub(crate) report: &'a Rc<ExchangeReport>,
    /// The client, if it speaks HTTP/1.
    pub(crate) client: Option<&'a Http1Client<'a>>,
}

impl Admitted<'_> {
    /// Sends the request to its upstream, and adds the fields that the decision asks for to the
    /// response. A switch is one that the client's connection has to perform.
    pub(crate) async fn forward(
        self,
        body: RequestBody,
    ) -> Result<(Response<ResponseBody>, Option<Switch>), LocalReply> {
        let has_content = !body.is_empty();
        let offer = TunnelOffer::from_request(self.received, has_content, |token| {
            may_cross(token, &self.decision)
        })?;
        let cluster = self.generation.cluster(&self.context.facts).ok_or(LocalReply::NoUpstream)?;
        let fields: &dyn Fields = &self.received.fields;
        if is_looping(fields.all(FieldId::Via.as_str())) {
            return Err(LocalReply::Loop(cluster.name()));
        }
        let core = &self.connection.core;
        let timeouts = UpstreamTimeouts::from_limits(&self.generation.shared.settings.file.limits);
        let outbound = self.outbound(body);
        let (mut response, switch) = match offer {
            None => {
                let forwarded = forward::forward_request(
                    outbound,
                    cluster,
                    &core.random,
                    timeouts,
                    self.report,
                    self.client,
                );
                (forwarded.await?, None)
            }
            Some(offer) => {
                let Connection { core, activity, .. } = self.connection;
                let (report, http1) = (self.report, self.client);
                // The stream of an extended CONNECT, which hyper hands over once the response was
                // sent.
                let upgrade = self.received.extensions.get::<OnUpgrade>().cloned();
                let client = tunnel::TunnelClient { core, activity, report, upgrade, http1 };
                let opening = tunnel::open_tunnel(client, &offer, outbound, cluster, timeouts);
                // In a box of its own: other requests do not pay for its size.
                let opened = Box::pin(opening).await?;
                (opened.response, opened.tunnel.map(Switch::Tunnel))
            }
        };
        self.amend(&mut response);
        Ok((response, switch))
    }

    /// Adds to an upstream's response what the decision asks for, and makes its own 426 fit for
    /// this hop.
    fn amend(&self, response: &mut Response<ResponseBody>) {
        let core = &self.connection.core;
        let Context { facts, answer_context, .. } = self.context;
        for change in notice::changes(&self.decision, &HeaderFields(response.headers())) {
            apply_change(response.headers_mut(), change);
        }
        if response.status().is_success() {
            let key = core.shared.control.key();
            rollout::count_accepted(&mut core.tally_mut(), &self.decision, facts, key);
        }
        if response.status() == StatusCode::UPGRADE_REQUIRED {
            let bare = upstream_426::reoriginate(response, &self.decision, facts, answer_context);
            core.counts.borrow_mut().bare_426 += u64::from(bare);
        }
    }

    /// The request with the fields of the next hop.
    fn outbound(&self, body: RequestBody) -> Box<OutboundRequest> {
        let mut headers = self.received.fields.to_map(ADDED_FIELDS);
        let trailers = accepts_trailers(&headers);
        let chain = self.believed_chain(&headers);
        strip_hop_by_hop(&mut headers);
        let declares_length = headers.contains_key(header::CONTENT_LENGTH);
        let expects_continue = expects_continue(self.received, &body);
        // They are written again.
        for name in [header::HOST, header::EXPECT, header::CONTENT_LENGTH] {
            headers.remove(name);
        }
        self.generation.guarded.remove_aliases(&mut headers);
        let client = &self.context.client;
        let forwarded = ForwardedInfo {
            peer: self.connection.peer,
            client_ip: client.client_ip.map(|address| address.to_canonical()),
            chain: chain.as_ref(),
            https: client.is_https(self.connection.tls),
            host: &self.target.host,
        };
        set_forwarded(&mut headers, &forwarded);
        add_via(&mut headers, self.received.version);
        headers.insert(X_REQUEST_ID, self.id.clone());
        let plan = &self.generation.shared.telemetry;
        trace::forward_trace(&mut headers, plan, &self.connection.core.random, self.report);
        join_cookies(&mut headers);
        decrement_max_forwards(&self.received.method, &mut headers);
        Box::new(OutboundRequest {
            method: self.received.method.clone(),
            target: self.target.path.clone(),
            host: self.upstream_host(),
            trailers,
            declares_length,
            expects_continue,
            retryable: true,
            headers,
            body,
        })
    }

    /// The `X-Forwarded-For` of a declared proxy that writes it, to be continued.
    fn believed_chain(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let proxy = self.context.client.proxy?;
        let name = proxy.reads.peer.as_deref()?;
        if name != "x-forwarded-for" {
            return None;
        }
        let chain = joined_lines(headers, name);
        if chain.is_empty() { None } else { Some(chain) }
    }

    /// The host as the upstream is to know it. Where the client names none, it is that of `public`:
    /// an upstream builds links from it, and one to its own address would show that to the client.
    fn upstream_host(&self) -> HeaderValue {
        let settings = &self.generation.shared.settings;
        if self.target.host.is_empty()
            && let Some(public) = &settings.file.gateway.public
            && let Ok(public) = public.parse::<http::Uri>()
            && let Some(authority) = public.authority()
            && let Ok(host) = HeaderValue::from_str(authority.as_str())
        {
            return host;
        }
        self.target.host.clone()
    }
}

/// Returns true if the client waits for 100 (Continue) before it sends its content. Any other
/// expectation ends here.
///
/// RFC 9110 §10.1.1: "A server that receives a 100-continue expectation in an HTTP/1.0 request MUST
/// ignore that expectation", and so does one that receives it in a request without content.
fn expects_continue(received: &ReceivedRequest<'_>, body: &RequestBody) -> bool {
    if received.version < Version::HTTP_11 || body.is_empty() {
        return false;
    }
    let fields: &dyn Fields = &received.fields;
    let lines = fields.all(FieldId::Expect.as_str());
    list_elements(lines).any(|expected| expected.eq_ignore_ascii_case(b"100-continue"))
}

/// Returns true if a tunnel may be opened to the protocol: WebSocket, or one that a matching rule
/// names.
fn may_cross(token: &Protocol, decision: &Decision<'_>) -> bool {
    if token.is_named("websocket") {
        return true;
    }
    for ruling in decision.matched() {
        for requirement in &ruling.rule.require {
            if matches!(requirement, Requirement::Protocol(wanted) if wanted == token) {
                return true;
            }
        }
    }
    false
}

/// All lines of the field `name` as one (RFC 9110 §5.3).
fn joined_lines(headers: &HeaderMap, name: &str) -> HeaderValue {
    let lines: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    HeaderValue::from_bytes(&lines.join(&b", "[..])).unwrap_or(HeaderValue::from_static(""))
}
