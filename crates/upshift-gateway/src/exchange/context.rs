//! The reader of requests: from a head to the facts that the policy decides on, and to the
//! circumstances that an answer depends on. Requests that are served and requests that are only
//! explained go through the same code.

use std::net::IpAddr;

use http::Method;
use upshift_core::answer::AnswerContext;
use upshift_core::client_info::{ClientInfo, ConnectionInfo};
use upshift_core::proxy::declared_proxy;
use upshift_core::{Facts, Fields, Known, Timestamp, TlsState};
use upshift_http::{Nominated, forwards_left};
use upshift_http1::FieldId;

use crate::exchange::target::Target;
use crate::framing::length_of_lines;
use crate::local_reply::LocalReply;
use crate::received_request::ReceivedRequest;
use crate::settings::Settings;
use crate::sockets::ListenerInfo;

/// Removes the fields that `Connection` names, before anything is decided: the policy must see
/// what the upstream will see. Fields that a declared proxy at `peer` wrote stay.
pub(crate) fn apply_connection_options(
    received: &mut ReceivedRequest<'_>,
    peer: IpAddr,
    settings: &Settings,
) -> Nominated {
    let proxy = declared_proxy(peer, &settings.file.gateway.proxies);
    let believed: Vec<&str> = match proxy {
        Some(proxy) => proxy.reads.names().collect(),
        None => Vec::new(),
    };
    received.fields.remove_nominated(&believed)
}

/// The target of a request whose end and whose target are beyond doubt.
///
/// # Errors
/// The local reply to a request that is malformed, or that an upstream could read differently.
pub(crate) fn check_head(
    received: &ReceivedRequest<'_>,
    has_content: bool,
    settings: &Settings,
) -> Result<Target, LocalReply> {
    let fields: &dyn Fields = &received.fields;
    let lines = fields.all(FieldId::ContentLength.as_str());
    let declared = length_of_lines(lines).map_err(|bad| LocalReply::Framing(bad.as_str()))?;
    // RFC 9113 §8.1.1, RFC 9114 §4.1.2: content that is shorter than declared makes the message
    // malformed.
    if declared.is_some_and(|length| length > 0) && !has_content {
        return Err(LocalReply::Framing("Content-Length announces content, and there is none."));
    }
    Target::of_request(received, settings.file.gateway.paths)
}

/// Returns true if the request is answered here and not forwarded.
///
/// RFC 9110 §7.6.2: a recipient at 0 "MUST NOT forward the request; instead, it MUST respond as the
/// final recipient".
pub(crate) fn ends_here(received: &ReceivedRequest<'_>) -> bool {
    received.method == Method::OPTIONS
        && forwards_left(&received.method, received.fields.map()) == Some(0)
}

/// A request as the policy and the answer see it.
pub(crate) struct Context<'a> {
    /// The client, as the connection and the declared proxies show it.
    pub(crate) client: ClientInfo<'a>,
    /// The facts that the policy decides on.
    pub(crate) facts: Facts<'a>,
    /// The circumstances that an answer depends on.
    pub(crate) answer_context: AnswerContext<'a>,
}

impl<'a> Context<'a> {
    /// Reads a request whose head was [checked](check_head).
    pub(crate) fn read(
        head: RequestHead<'a>,
        seen: ConnectionInfo,
        configured: Configured<'a>,
    ) -> Self {
        let RequestHead { received, target, has_content, request_id, now } = head;
        let Configured { settings, listeners } = configured;
        let gateway = &settings.file.gateway;
        let fields = &received.fields;
        let client = ClientInfo::resolve(seen, fields, &gateway.proxies, gateway.undeclared_proxy);
        let facts = Facts {
            method: received.method.as_str(),
            host: Facts::host_of(target.authority()),
            path: target.path.path(),
            query: target.path.query(),
            hop: client.hop,
            http: client.http,
            tls: client.tls,
            client_ip: client.client_ip.map(|address| address.to_canonical()),
            fields,
            has_content,
            protocol: target.protocol.as_ref().map(hyper::ext::Protocol::as_str),
        };
        let cleartext = seen.tls == Known::Is(TlsState::Cleartext);
        let answer_context = AnswerContext {
            proxied: client.proxy.is_some(),
            h2c: gateway.h2c_upgrade && cleartext,
            tls_in_band: gateway.in_band_tls && gateway.http.is_some() && cleartext,
            alt_svc: listeners.alt_svc.as_ref().and_then(|value| value.to_str().ok()),
            upgrade_field: client.proxy.is_some_and(|proxy| proxy.upgrade_field),
            public_url: gateway.public.as_deref(),
            https_listener: listeners.https,
            request_id,
            now,
        };
        Self { client, facts, answer_context }
    }
}

/// The parts of a request that a [`Context`] is read from.
#[derive(Clone, Copy)]
pub(crate) struct RequestHead<'a> {
    pub(crate) received: &'a ReceivedRequest<'a>,
    pub(crate) target: &'a Target,
    pub(crate) has_content: bool,
    pub(crate) request_id: &'a str,
    pub(crate) now: Timestamp,
}

/// The configuration that a [`Context`] is read under.
#[derive(Clone, Copy)]
pub(crate) struct Configured<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) listeners: &'a ListenerInfo,
}
