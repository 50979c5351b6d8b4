//! From an offer to a tunnel, or to the upstream's answer that it will not have one.

use std::rc::Rc;

use http::Response;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::spawn_local;

use super::handshake::{accepted, ask};
use super::offer::{Door, Offer};
use super::relay::{Ended, Patience, relay};
use crate::body::Body;
use crate::downstream::Connection;
use crate::downstream::switch::Switch;
use crate::forward::{self, Outbound, Timeouts};
use crate::local_reply::Fault;
use crate::telemetry::counts::{Counts, Ending};
use crate::upstream::{Failure, Load, Site};
use crate::worker::Worker;

/// The upstream's end of a tunnel.
pub(crate) struct Tunnel {
    upstream: Upgraded,
    patience: Patience,
    worker: Rc<Worker>,
    /// The replica is under load as long as the tunnel is open.
    _load: Load,
}

/// Asks `site` for the protocol of `offer`, and answers the client.
///
/// The tunnel is the connection's next [`Switch`] where the client upgrades; where it connects, it
/// starts when the answer has gone out, which `client` tells.
pub(crate) async fn open(
    connection: &Rc<Connection>,
    offer: &Offer,
    mut request: Outbound,
    client: Option<OnUpgrade>,
    site: &Site,
    timeouts: Timeouts,
) -> Result<Response<Body>, Fault> {
    let no_random = |_| Fault::Transition(offer.token().to_string());
    let key = ask(offer, &mut request.method, &mut request.headers).map_err(no_random)?;
    request.trailers = false;
    let (mut response, lease, name) =
        forward::ask(request, site, &connection.worker.random, timeouts).await?;
    let switched = hyper::upgrade::on(&mut response);
    let (mut parts, body) = response.into_parts();
    let misbehaved = |what: String| Fault::BadGateway(name.to_owned(), what);
    match accepted(offer, key.as_ref(), &mut parts) {
        Err(error) => {
            lease.fail(Failure::Broken);
            return Err(misbehaved(error.to_string()));
        }
        Ok(false) => {
            return forward::inbound(
                Response::from_parts(parts, body),
                lease,
                name,
                false,
                timeouts,
            )
            .await;
        }
        Ok(true) => {}
    }
    let Ok(upstream) = switched.await else {
        lease.fail(Failure::Broken);
        return Err(misbehaved("closed the connection".to_owned()));
    };
    let worker = Rc::clone(&connection.worker);
    let limits = worker.limits();
    let patience = Patience { idle: limits.tunnel_idle, stall: limits.idle };
    let tunnel = Tunnel { upstream, patience, worker, _load: lease.into_load() };
    match (offer.door(), client) {
        (Door::Connect, Some(client)) => tunnel.start(client, Rc::clone(connection)),
        _ => drop(connection.switch.replace(Some(Switch::Tunnel(tunnel)))),
    }
    Ok(forward::passed(parts, Body::empty()))
}

impl Tunnel {
    /// Carries bytes until the tunnel ends.
    pub(crate) async fn carry<S: AsyncRead + AsyncWrite + Unpin>(self, client: S) {
        match relay(client, TokioIo::new(self.upstream), self.patience).await {
            Ended::Closed => {}
            Ended::Idle => self.worker.count_ending(Ending::TunnelIdle),
            Ended::Stalled => self.worker.count_ending(Ending::TunnelStalled),
            Ended::Broken => self.worker.count_ending(Ending::TunnelBroken),
        }
    }

    /// The same for a stream of HTTP/2, beside the others of its connection, which is busy as long.
    fn start(self, client: OnUpgrade, connection: Rc<Connection>) {
        spawn_local(async move {
            let _busy = connection.activity.request();
            // It fails if the client gave up before the answer.
            let Ok(client) = client.await else { return };
            Counts::add(&mut self.worker.counts.borrow_mut().transitions, "tunnel");
            self.carry(TokioIo::new(client)).await;
        });
    }
}
