//! Opens a tunnel, or returns the upstream's refusal to open one.

use std::rc::Rc;

use http::Response;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::spawn_local;

use super::handshake::{accept_switch, prepare_request};
use super::offer::{OfferedVia, TunnelOffer};
use super::relay::{TunnelEnd, TunnelTimeouts, relay};
use crate::body::ResponseBody;
use crate::downstream::Connection;
use crate::downstream::switch::Switch;
use crate::forward::{self, OutboundRequest, UpstreamTimeouts};
use crate::local_reply::Fault;
use crate::telemetry::counts::{Counts, Ending};
use crate::upstream::{Cluster, EndpointFailure, InFlightGuard};
use crate::worker::Worker;

/// The upstream's end of a tunnel.
pub(crate) struct UpstreamTunnel {
    upstream: Upgraded,
    timeouts: TunnelTimeouts,
    worker: Rc<Worker>,
    /// A tunnel counts as a request in flight at its endpoint.
    _guard: InFlightGuard,
}

/// Sends the upgrade request for `offer` to `cluster`, and returns the response for the client.
///
/// For an HTTP/1.1 upgrade, the tunnel becomes the connection's next [`Switch`]. For an extended
/// CONNECT, it starts once the response was sent and `client` resolves.
pub(crate) async fn open_tunnel(
    connection: &Rc<Connection>,
    offer: &TunnelOffer,
    mut request: OutboundRequest,
    client: Option<OnUpgrade>,
    cluster: &Cluster,
    timeouts: UpstreamTimeouts,
) -> Result<Response<ResponseBody>, Fault> {
    let prepared = prepare_request(offer, &mut request.method, &mut request.headers);
    let key = prepared.map_err(|_| Fault::Transition(offer.token().to_string()))?;
    // A tunnel has no trailers, and a response without a tunnel needs none.
    request.trailers = false;
    let (mut response, checkout, name) =
        forward::request_upgrade(request, cluster, &connection.worker.random, timeouts).await?;
    let upgrade = hyper::upgrade::on(&mut response);
    let (mut parts, body) = response.into_parts();
    match accept_switch(offer, key.as_ref(), &mut parts) {
        Err(error) => {
            checkout.fail_response(EndpointFailure::Broken);
            return Err(Fault::BadGateway(name.to_owned(), error.to_string()));
        }
        Ok(false) => {
            let response = Response::from_parts(parts, body);
            return forward::receive_response(response, checkout, name, false, timeouts).await;
        }
        Ok(true) => {}
    }
    let Ok(upstream) = upgrade.await else {
        checkout.fail_response(EndpointFailure::Broken);
        return Err(Fault::BadGateway(name.to_owned(), "closed the connection".to_owned()));
    };
    let worker = Rc::clone(&connection.worker);
    let limits = worker.limits();
    let tunnel_timeouts = TunnelTimeouts { idle: limits.tunnel_idle, stall: limits.idle };
    let tunnel = UpstreamTunnel {
        upstream,
        timeouts: tunnel_timeouts,
        worker,
        _guard: checkout.into_guard(),
    };
    match (offer.offered_via(), client) {
        (OfferedVia::Connect, Some(client)) => tunnel.spawn_relay(client, Rc::clone(connection)),
        _ => drop(connection.switch.replace(Some(Switch::Tunnel(tunnel)))),
    }
    Ok(forward::relay_head(parts, ResponseBody::empty()))
}

impl UpstreamTunnel {
    /// Relays bytes between `client` and the upstream until the tunnel ends.
    pub(crate) async fn relay_bytes<S: AsyncRead + AsyncWrite + Unpin>(self, client: S) {
        match relay(client, TokioIo::new(self.upstream), self.timeouts).await {
            TunnelEnd::Closed => {}
            TunnelEnd::Idle => self.worker.count_ending(Ending::TunnelIdle),
            TunnelEnd::Stalled => self.worker.count_ending(Ending::TunnelStalled),
            TunnelEnd::Broken => self.worker.count_ending(Ending::TunnelBroken),
        }
    }

    /// Relays bytes between an HTTP/2 stream and the upstream, in a task of its own. The client's
    /// connection is not idle as long.
    fn spawn_relay(self, client: OnUpgrade, connection: Rc<Connection>) {
        spawn_local(async move {
            let _active = connection.activity.begin_request();
            // This fails if the client reset the stream before the response was sent.
            let Ok(stream) = client.await else { return };
            Counts::add(&mut self.worker.counts.borrow_mut().transitions, "tunnel");
            self.relay_bytes(TokioIo::new(stream)).await;
        });
    }
}
