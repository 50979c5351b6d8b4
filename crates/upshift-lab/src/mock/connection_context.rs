//! The parts of a connection that all of its protocols need.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::timeout;
use upshift_record::{Protection, RecordedRequest};

use super::peer_stream::PeerStream;
use super::recorder::ConnectionRecorder;
use super::scenario::Placeholders;
use super::server::Server;

/// The parts of a connection that its protocols need. Clones are about the same connection.
#[derive(Clone)]
pub(crate) struct ConnectionContext {
    pub(crate) server: Arc<Server>,
    pub(crate) recorder: ConnectionRecorder,
    pub(crate) protection: Protection,
    /// True after a switch to TLS in band.
    pub(crate) is_in_band: bool,
    requests: Arc<AtomicU64>,
    /// A second handle of the socket, to reset it under the layers above.
    socket: Option<Arc<socket2::Socket>>,
}

impl ConnectionContext {
    /// The context of a TCP connection, before anything was read.
    pub(crate) fn for_tcp(
        server: Arc<Server>,
        recorder: ConnectionRecorder,
        tcp: &TcpStream,
    ) -> Self {
        Self {
            server,
            recorder,
            protection: Protection::Cleartext,
            is_in_band: false,
            requests: Arc::default(),
            socket: SockRef::from(tcp).try_clone().ok().map(Arc::new),
        }
    }

    /// The context of a QUIC connection.
    pub(crate) fn for_quic(server: Arc<Server>, recorder: ConnectionRecorder) -> Self {
        Self {
            server,
            recorder,
            protection: Protection::Tls {
                version: Some("1.3".to_owned()),
                alpn: Some("h3".to_owned()),
            },
            is_in_band: false,
            requests: Arc::default(),
            socket: None,
        }
    }

    /// Reads ahead. `None` at the end of the connection, and when the peer stops.
    pub(crate) async fn read_more(&self, stream: &mut PeerStream) -> Option<usize> {
        tokio::select! {
            // Octets that are there already shall be recorded before the peer stops.
            biased;
            read = stream.read_ahead() => match read {
                Ok(0) | Err(_) => None,
                Ok(count) => Some(count),
            },
            () = self.server.stopped() => {
                // The runtime may not have noticed yet what came before.
                tokio::task::yield_now().await;
                match timeout(Duration::ZERO, stream.read_ahead()).await {
                    Ok(Ok(count @ 1..)) => Some(count),
                    _ => None,
                }
            }
        }
    }

    /// Waits; `None` if the peer stops meanwhile.
    pub(crate) async fn wait(&self, time: Duration) -> Option<()> {
        if time.is_zero() {
            return Some(());
        }
        tokio::select! {
            () = tokio::time::sleep(time) => Some(()),
            () = self.server.stopped() => None,
        }
    }

    /// Counts a request of this connection, and returns its number from 1.
    pub(crate) fn count_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The values of placeholders in the answer to `request`.
    pub(crate) fn placeholders(&self, request: &RecordedRequest) -> Placeholders {
        let ports = self.server.placeholders();
        Placeholders::for_request(request, ports.http_port, ports.https_port)
    }

    /// Makes the end of the connection a reset.
    pub(crate) fn reset_on_close(&self) {
        if let Some(socket) = &self.socket {
            // If it fails, the connection is closed as any other.
            let _ = socket.set_linger(Some(Duration::ZERO));
        }
    }
}
