//! The listeners of a peer: they accept connections until it stops.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::connection::serve_tcp;
use super::http3;
use super::record::Transport;
use super::server::Server;

/// The time that connections have to end when the peer stops.
const STOP_TIMEOUT: Duration = Duration::from_millis(300);

/// The time before the next attempt when a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// The most connections of one listener that are accepted after the stop: as many as wait in its
/// queue.
const MAX_BACKLOG: usize = 1024;

/// The sockets of a peer.
pub(crate) struct Listeners {
    pub(crate) http: TcpListener,
    pub(crate) https: TcpListener,
    pub(crate) quic: Option<quinn::Endpoint>,
}

impl Listeners {
    /// Accepts connections until the peer stops, and waits for them to end.
    pub(crate) async fn serve(self, server: Arc<Server>) {
        let mut connections = JoinSet::new();
        let quic = self.quic.clone();
        loop {
            tokio::select! {
                // Connections that clients have made already shall be recorded.
                biased;
                accepted = self.http.accept() => {
                    spawn(&server, &mut connections, accepted, Transport::Tcp).await;
                }
                accepted = self.https.accept() => {
                    spawn(&server, &mut connections, accepted, Transport::Tls).await;
                }
                Some(incoming) = accept_quic(quic.as_ref()) => {
                    connections.spawn(http3::serve(Arc::clone(&server), incoming));
                }
                Some(_) = connections.join_next() => {}
                () = server.stopped() => break,
            }
        }
        self.accept_the_rest(&server, &mut connections).await;
        let all_over = async { while connections.join_next().await.is_some() {} };
        // Connections that wait for a request end by themselves. A scenario may hold others for as
        // long as it likes.
        let _ = timeout(STOP_TIMEOUT, all_over).await;
        connections.shutdown().await;
    }

    /// Accepts the connections that were made before the stop, and that the runtime may not have
    /// noticed yet.
    async fn accept_the_rest(&self, server: &Arc<Server>, connections: &mut JoinSet<()>) {
        tokio::task::yield_now().await;
        let both = [(&self.http, Transport::Tcp), (&self.https, Transport::Tls)];
        for (listener, transport) in both {
            // Ends: a client that goes on connecting meets the limit.
            for _ in 0..MAX_BACKLOG {
                let Ok(accepted) = timeout(Duration::ZERO, listener.accept()).await else { break };
                spawn(server, connections, accepted, transport).await;
            }
        }
    }
}

async fn spawn(
    server: &Arc<Server>,
    connections: &mut JoinSet<()>,
    accepted: std::io::Result<(TcpStream, SocketAddr)>,
    transport: Transport,
) {
    match accepted {
        Ok((tcp, _)) => {
            connections.spawn(serve_tcp(Arc::clone(server), tcp, transport));
        }
        // The client is gone, or there are too few file descriptors, and then the next attempt
        // would fail at once.
        Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
    }
}

async fn accept_quic(endpoint: Option<&quinn::Endpoint>) -> Option<quinn::Incoming> {
    match endpoint {
        Some(endpoint) => endpoint.accept().await,
        None => std::future::pending().await,
    }
}
