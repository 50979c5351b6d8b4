//! One connection of a client: a loop over the protocols that it switches to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use upshift_record::{Protection, RecordedRequest};

use super::peer_stream::PeerStream;
use super::pending_request::PendingRequest;
use super::record::Transport;
use super::recorder::ConnectionRecorder;
use super::scenario::{HandshakeFault, Placeholders};
use super::server::Server;
use super::{http1, http2, tls, websocket};
use crate::wire_log::RecordedStream;

/// The time in which a client has to take the end of a connection.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

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

/// What a connection does next.
pub(crate) enum Next {
    /// HTTP/1.x, beginning with a request that was read before.
    Http1(PeerStream, Option<PendingRequest>),
    /// HTTP/2, with a request of HTTP/1.1 as stream 1 after `Upgrade: h2c`.
    Http2(PeerStream, Option<PendingRequest>),
    /// TLS in band.
    Tls(PeerStream, PendingRequest),
    /// A WebSocket.
    WebSocket(PeerStream),
    /// Octets are sent back.
    Echo(PeerStream),
    /// An orderly end.
    Close(PeerStream),
    /// A reset.
    Reset(PeerStream),
    /// Nothing more is sent.
    Hang(PeerStream),
    /// The connection is over.
    Over,
}

/// Serves a connection to its end.
pub(crate) async fn serve_tcp(server: Arc<Server>, tcp: TcpStream, transport: Transport) {
    let Ok(client) = tcp.peer_addr() else { return };
    // Each write of a scenario shall be a segment of its own.
    let _ = tcp.set_nodelay(true);
    let socket = SockRef::from(&tcp).try_clone().ok().map(Arc::new);
    let recorder = server.recorder.open(client, transport);
    let stream = PeerStream::new(RecordedStream::new(tcp, recorder.wire()));
    let context = ConnectionContext {
        server: Arc::clone(&server),
        recorder: recorder.clone(),
        protection: Protection::Cleartext,
        is_in_band: false,
        requests: Arc::default(),
        socket,
    };
    let first = match transport {
        Transport::Tcp if context.has_greeting() => context.begin_cleartext(stream).await,
        // Clients that follow a 426 to TLS may stay on the port for cleartext.
        Transport::Tcp | Transport::Tls => context.detect_tls(stream).await,
        Transport::Quic => context.begin_cleartext(stream).await,
    };
    if let Some((context, next)) = first {
        context.run(next).await;
    }
    recorder.finish();
}

impl ConnectionContext {
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

    fn has_greeting(&self) -> bool {
        let settings = self.server.routes.connection_settings();
        settings.is_some_and(|scenario| scenario.greeting().is_some())
    }

    async fn begin_cleartext(self, mut stream: PeerStream) -> Option<(Self, Next)> {
        let settings = self.server.routes.connection_settings();
        if let Some(greeting) = settings.and_then(|scenario| scenario.greeting()) {
            let octets = self.server.placeholders().render(greeting, false);
            stream.write_all(&octets).await.ok()?;
        }
        Some((self, Next::Http1(stream, None)))
    }

    /// Begins TLS if the client does, else cleartext: on both ports.
    async fn detect_tls(self, mut stream: PeerStream) -> Option<(Self, Next)> {
        while stream.unread().is_empty() {
            self.read_more(&mut stream).await?;
        }
        // RFC 8446 §5.1: the content type of a handshake record is 22.
        if stream.unread()[0] != 22 {
            return self.begin_cleartext(stream).await;
        }
        let settings = self.server.routes.connection_settings();
        if let Some(fault) = settings.and_then(|scenario| scenario.tls().handshake) {
            let next = match fault {
                HandshakeFault::Close => Next::Close(stream),
                HandshakeFault::Reset => Next::Reset(stream),
                HandshakeFault::Hang => Next::Hang(stream),
            };
            return Some((self, next));
        }
        let config = Arc::clone(&self.server.tls.config);
        let (context, stream, is_http2) = self.shake_hands(stream, config).await?;
        let next = match is_http2 {
            true => Next::Http2(stream, None),
            false => Next::Http1(stream, None),
        };
        Some((context, next))
    }

    /// Handshakes, and returns the context and the stream inside TLS, and true if ALPN chose `h2`.
    async fn shake_hands(
        mut self,
        stream: PeerStream,
        config: Arc<rustls::ServerConfig>,
    ) -> Option<(Self, PeerStream, bool)> {
        let accepted = tokio::select! {
            biased;
            accepted = tls::accept(stream, config) => accepted,
            () = self.server.stopped() => return None,
        };
        let tls = match accepted {
            Ok(tls) => tls,
            Err(error) => {
                self.recorder.handshake_failed(&format!("the TLS handshake failed: {error}"));
                return None;
            }
        };
        self.protection = tls::protection_of(&tls);
        let is_http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
        let log = self.recorder.begin_tls(&self.protection);
        Some((self, PeerStream::new(RecordedStream::new(tls, log)), is_http2))
    }

    async fn run(mut self, mut next: Next) {
        // Each turn is a switch that a step asks for, and ends when the client leaves.
        loop {
            next = match next {
                Next::Http1(stream, first) => http1::serve(&self, stream, first).await,
                Next::Http2(stream, first) => {
                    http2::serve(&self, stream, first).await;
                    Next::Over
                }
                Next::Tls(stream, request) => {
                    let config = Arc::clone(&self.server.tls.in_band_config);
                    let Some((inside, stream, _)) = self.shake_hands(stream, config).await else {
                        return;
                    };
                    self = Self { is_in_band: true, ..inside };
                    Next::Http1(stream, Some(request))
                }
                Next::WebSocket(stream) => websocket::echo_messages(&self, stream).await,
                Next::Echo(stream) => self.echo(stream).await,
                Next::Close(stream) => self.close(stream).await,
                Next::Reset(stream) => self.reset(stream),
                Next::Hang(stream) => self.hang(stream).await,
                Next::Over => return,
            };
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

    async fn close(&self, mut stream: PeerStream) -> Next {
        if stream.shutdown().await.is_ok() {
            // RFC 9112 §9.6: what the client still sends is read, or a reset could destroy the
            // answer on its way.
            let _ = timeout(CLOSE_TIMEOUT, self.read_to_end(&mut stream)).await;
        }
        Next::Over
    }

    /// Makes the end of the connection a reset.
    pub(crate) fn reset_on_close(&self) {
        if let Some(socket) = &self.socket {
            // If it fails, the connection is closed as any other.
            let _ = socket.set_linger(Some(Duration::ZERO));
        }
    }

    fn reset(&self, stream: PeerStream) -> Next {
        self.reset_on_close();
        drop(stream);
        Next::Over
    }

    async fn hang(&self, mut stream: PeerStream) -> Next {
        self.read_to_end(&mut stream).await;
        Next::Over
    }

    async fn echo(&self, mut stream: PeerStream) -> Next {
        // Ends with the connection.
        loop {
            let octets = stream.take_unread();
            let sent = async {
                stream.write_all(&octets).await?;
                stream.flush().await
            };
            if sent.await.is_err() || self.read_more(&mut stream).await.is_none() {
                return Next::Close(stream);
            }
        }
    }

    async fn read_to_end(&self, stream: &mut PeerStream) {
        while self.read_more(stream).await.is_some() {
            // They are in the record, and nothing else is done with them.
            drop(stream.take_unread());
        }
    }
}
