//! Opens a tunnel, or returns the upstream's refusal to open one.

use std::rc::Rc;

use http::Response;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::spawn_local;

use super::counted_stream::CountedStream;
use super::handshake::{accept_switch, prepare_request};
use super::offer::{OfferedVia, TunnelOffer};
use super::relay::{TunnelEnd, TunnelTimeouts, relay};
use crate::core_local::CoreLocal;
use crate::forward::{self, OutboundRequest, UpstreamTimeouts};
use crate::http1_client::Http1Client;
use crate::local_reply::LocalReply;
use crate::progress::activity::Activity;
use crate::response_body::ResponseBody;
use crate::telemetry::disconnect::DisconnectReason;
use crate::telemetry::exchange_report::ExchangeReport;
use crate::upstream::http1::SwitchedStream;
use crate::upstream::{Cluster, EndpointFailure, InFlightGuard};

/// The upstream's end of a tunnel.
pub(crate) struct UpstreamTunnel {
    upstream: SwitchedStream,
    timeouts: TunnelTimeouts,
    core: Rc<CoreLocal>,
    report: Rc<ExchangeReport>,
    /// A tunnel counts as a request in flight at its endpoint.
    _guard: InFlightGuard,
}

/// The client that offers another protocol.
pub(crate) struct TunnelClient<'a> {
    /// The core that serves it.
    pub(crate) core: &'a Rc<CoreLocal>,
    /// The activity of its connection.
    pub(crate) activity: &'a Rc<Activity>,
    /// The report of the exchange, which ends with the tunnel.
    pub(crate) report: &'a Rc<ExchangeReport>,
    /// Its end of the tunnel, once the response was sent.
    pub(crate) upgrade: Option<OnUpgrade>,
    /// The client, if it speaks HTTP/1.
    pub(crate) http1: Option<&'a Http1Client<'a>>,
}

/// The upstream's answer to an offer.
pub(crate) struct OpenedTunnel {
    /// The response to the client.
    pub(crate) response: Response<ResponseBody>,
    /// The tunnel that the client's connection is to relay.
    pub(crate) tunnel: Option<UpstreamTunnel>,
}

/// Sends the upgrade request for `offer` to `cluster`, and returns the response for the client.
///
/// For an HTTP/1.1 upgrade, the tunnel is returned, and the client's connection relays it. For an
/// extended CONNECT, it starts once the response was sent.
pub(crate) async fn open_tunnel(
    client: TunnelClient<'_>,
    offer: &TunnelOffer,
    mut request: Box<OutboundRequest>,
    cluster: &Cluster,
    timeouts: UpstreamTimeouts,
) -> Result<OpenedTunnel, LocalReply> {
    let prepared = prepare_request(offer, &mut request.method, &mut request.headers);
    let key = prepared.map_err(|_| LocalReply::Transition(offer.token().to_string()))?;
    // Its `Connection: te` would replace `Connection: Upgrade`.
    request.trailers = false;
    let TunnelClient { core, report, http1, .. } = client;
    let requested =
        forward::request_upgrade(request, cluster, &core.random, timeouts, report, http1);
    let (response, checkout, name) = requested.await?;
    let (mut parts, mut body) = response.into_parts();
    match accept_switch(offer, key.as_ref(), &mut parts) {
        Err(error) => {
            checkout.fail_response(EndpointFailure::Broken);
            return Err(LocalReply::BadGateway(name.to_owned(), error.to_string()));
        }
        Ok(false) => {
            let refusal = Response::from_parts(parts, body);
            let response =
                forward::receive_response(refusal, checkout, name, false, timeouts).await?;
            return Ok(OpenedTunnel { response, tunnel: None });
        }
        Ok(true) => {}
    }
    let names = body.take_names();
    let Some(upstream) = body.into_switched() else {
        checkout.fail_response(EndpointFailure::Broken);
        return Err(LocalReply::BadGateway(name.to_owned(), "closed the connection".to_owned()));
    };
    let tunnel = UpstreamTunnel::new(upstream, core, report, checkout.into_guard());
    let response = forward::relay_head(parts, ResponseBody::empty().with_names(names));
    match (offer.offered_via(), client.upgrade) {
        (OfferedVia::Connect, Some(upgrade)) => {
            tunnel.spawn_relay(upgrade, Rc::clone(client.activity));
            Ok(OpenedTunnel { response, tunnel: None })
        }
        _ => Ok(OpenedTunnel { response, tunnel: Some(tunnel) }),
    }
}

impl UpstreamTunnel {
    fn new(
        upstream: SwitchedStream,
        core: &Rc<CoreLocal>,
        report: &Rc<ExchangeReport>,
        guard: InFlightGuard,
    ) -> Self {
        let limits = core.limits();
        let timeouts = TunnelTimeouts { idle: limits.tunnel_idle, stall: limits.idle };
        report.begin_tunnel();
        Self { upstream, timeouts, core: Rc::clone(core), report: Rc::clone(report), _guard: guard }
    }

    /// Ends a tunnel that cannot begin.
    pub(crate) fn abandon(self, reason: DisconnectReason) {
        self.report.end_tunnel(Some(reason));
    }

    /// Relays bytes between `client` and the upstream until the tunnel ends.
    pub(crate) async fn relay_bytes<S: AsyncRead + AsyncWrite + Unpin>(self, client: S) {
        let Self { upstream, timeouts, core, report, .. } = self;
        let _open = core.open_tunnel();
        let client = CountedStream::new(client, Rc::clone(&report));
        let cause = match relay(client, upstream, timeouts).await {
            TunnelEnd::Closed => None,
            TunnelEnd::Idle => Some(DisconnectReason::TunnelIdle),
            TunnelEnd::Stalled => Some(DisconnectReason::TunnelStalled),
            TunnelEnd::Broken => Some(DisconnectReason::TunnelBroken),
        };
        report.end_tunnel(cause);
        if let Some(cause) = cause {
            core.count_disconnect(cause);
        }
    }

    /// Relays bytes between an HTTP/2 stream and the upstream, in a task of its own. The client's
    /// connection is not idle as long.
    fn spawn_relay(self, client: OnUpgrade, activity: Rc<Activity>) {
        spawn_local(async move {
            let _busy = activity.begin_busy();
            // This fails if the client reset the stream before the response was sent.
            let Ok(stream) = client.await else { return };
            self.core.counts.borrow_mut().transitions.add_one("tunnel");
            self.relay_bytes(TokioIo::new(stream)).await;
        });
    }
}
