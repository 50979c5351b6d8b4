//! The listeners of a peer, and what its connections share.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::connection::serve_tcp;
use super::record::Transport;
use super::recorder::Recorder;
use super::routes::Routes;
use super::scenario::Placeholders;
use super::tls::TlsConfigs;

/// The time that connections have to end when the peer stops.
const STOP_TIMEOUT: Duration = Duration::from_millis(300);

/// The most connections of one listener that are accepted after the stop: as many as wait in its
/// queue.
const MAX_BACKLOG: usize = 1024;

/// The parts of a peer that its connections share.
pub(crate) struct Server {
    pub(crate) routes: Routes,
    pub(crate) tls: TlsConfigs,
    pub(crate) recorder: Recorder,
    pub(crate) http: SocketAddr,
    pub(crate) https: SocketAddr,
    pub(crate) stop: watch::Receiver<bool>,
}

/// The sockets of a peer.
pub(crate) struct Listeners {
    pub(crate) http: TcpListener,
    pub(crate) https: TcpListener,
    pub(crate) quic: Option<quinn::Endpoint>,
}

impl Server {
    /// Resolves when the peer stops.
    pub(crate) async fn stopped(&self) {
        // Fails only if the sender is gone, and then the peer is stopping, too.
        let _ = self.stop.clone().wait_for(|stops| *stops).await;
    }

    /// The values of placeholders without a request.
    pub(crate) fn placeholders(&self) -> Placeholders {
        Placeholders {
            http_port: self.http.port(),
            https_port: self.https.port(),
            ..Placeholders::default()
        }
    }

    /// The authority of this peer in a URL.
    pub(crate) fn authority(&self, is_cleartext: bool) -> String {
        let address = if is_cleartext { self.http } else { self.https };
        address.to_string()
    }

    /// Accepts connections until the peer stops, and waits for them to end.
    pub(crate) async fn run(self: Arc<Self>, listeners: Listeners) {
        let mut connections = JoinSet::new();
        let quic = listeners.quic.clone();
        loop {
            tokio::select! {
                // Connections that clients have made already shall be recorded.
                biased;
                accepted = listeners.http.accept() => {
                    self.spawn(&mut connections, accepted, Transport::Tcp);
                }
                accepted = listeners.https.accept() => {
                    self.spawn(&mut connections, accepted, Transport::Tls);
                }
                Some(incoming) = accept_quic(quic.as_ref()) => {
                    connections.spawn(super::http3::serve(Arc::clone(&self), incoming));
                }
                Some(_) = connections.join_next() => {}
                () = self.stopped() => break,
            }
        }
        self.accept_the_rest(&listeners, &mut connections).await;
        let all_over = async { while connections.join_next().await.is_some() {} };
        // Connections that wait for a request end by themselves. A scenario may hold others for as
        // long as it likes.
        let _ = timeout(STOP_TIMEOUT, all_over).await;
        connections.shutdown().await;
    }

    /// Accepts the connections that were made before the stop, and that the runtime may not have
    /// noticed yet.
    async fn accept_the_rest(
        self: &Arc<Self>,
        listeners: &Listeners,
        connections: &mut JoinSet<()>,
    ) {
        tokio::task::yield_now().await;
        let both = [(&listeners.http, Transport::Tcp), (&listeners.https, Transport::Tls)];
        for (listener, transport) in both {
            // Ends: a client that goes on connecting meets the limit.
            for _ in 0..MAX_BACKLOG {
                let Ok(accepted) = timeout(Duration::ZERO, listener.accept()).await else { break };
                self.spawn(connections, accepted, transport);
            }
        }
    }

    fn spawn(
        self: &Arc<Self>,
        connections: &mut JoinSet<()>,
        accepted: std::io::Result<(TcpStream, SocketAddr)>,
        transport: Transport,
    ) {
        // A connection that is gone already needs no answer. With too few file descriptors the next
        // one waits in the queue of the socket.
        if let Ok((tcp, _)) = accepted {
            connections.spawn(serve_tcp(Arc::clone(self), tcp, transport));
        }
    }
}

async fn accept_quic(endpoint: Option<&quinn::Endpoint>) -> Option<quinn::Incoming> {
    match endpoint {
        Some(endpoint) => endpoint.accept().await,
        None => std::future::pending().await,
    }
}
