//! One connection of a client: a loop over the protocols that it switches to.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use upshift_record::Lane;

use super::connection_context::ConnectionContext;
use super::next::Next;
use super::peer_stream::PeerStream;
use super::record::Transport;
use super::scenario::HandshakeFault;
use super::server::Server;
use super::{http1, http2, tls, websocket};
use crate::wire_log::RecordedStream;

/// The time in which a client has to take the end of a connection.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Serves a connection to its end.
pub(crate) async fn serve_tcp(server: Arc<Server>, tcp: TcpStream, transport: Transport) {
    let Ok(client) = tcp.peer_addr() else { return };
    // Each write of a scenario shall be a segment of its own.
    let _ = tcp.set_nodelay(true);
    let recorder = server.recorder.open(client, transport);
    let context = ConnectionContext::for_tcp(server, recorder.clone(), &tcp);
    let stream = PeerStream::new(RecordedStream::new(tcp, recorder.wire()));
    let connection = Connection { context };
    let first = match transport {
        Transport::Tcp if connection.has_greeting() => connection.begin_cleartext(stream).await,
        // Clients that follow a 426 to TLS may stay on the port for cleartext.
        Transport::Tcp | Transport::Tls => connection.detect_tls(stream).await,
        Transport::Quic => connection.begin_cleartext(stream).await,
    };
    if let Some((connection, next)) = first {
        connection.run(next).await;
    }
    recorder.finish();
}

/// A connection that is being served.
struct Connection {
    context: ConnectionContext,
}

impl Connection {
    fn has_greeting(&self) -> bool {
        let settings = self.context.server.routes.connection_settings();
        settings.is_some_and(|scenario| scenario.greeting().is_some())
    }

    async fn begin_cleartext(self, mut stream: PeerStream) -> Option<(Self, Next)> {
        let settings = self.context.server.routes.connection_settings();
        if let Some(greeting) = settings.and_then(|scenario| scenario.greeting()) {
            let octets = self.context.server.placeholders().render(greeting, false);
            stream.write_all(&octets).await.ok()?;
        }
        Some((self, Next::Http1(stream, None)))
    }

    /// Begins TLS if the client does, else cleartext: on both ports.
    async fn detect_tls(self, mut stream: PeerStream) -> Option<(Self, Next)> {
        while stream.unread().is_empty() {
            self.context.read_more(&mut stream).await?;
        }
        // RFC 8446 §5.1: the content type of a handshake record is 22.
        if stream.unread()[0] != 22 {
            return self.begin_cleartext(stream).await;
        }
        let settings = self.context.server.routes.connection_settings();
        if let Some(fault) = settings.and_then(|scenario| scenario.tls().handshake) {
            let next = match fault {
                HandshakeFault::Close => Next::Close(stream),
                HandshakeFault::Reset => Next::Reset(stream),
                HandshakeFault::Hang => Next::Hang(stream),
            };
            return Some((self, next));
        }
        let config = Arc::clone(&self.context.server.tls.config);
        let (connection, stream, chose_http2) = self.shake_hands(stream, config).await?;
        // A scenario that offers h2 by ALPN without a step for it goes on in HTTP/1.1.
        let routes = &connection.context.server.routes;
        let next = match chose_http2 && routes.answer_framed(Lane::Http2) {
            true => Next::Http2(stream, None),
            false => Next::Http1(stream, None),
        };
        Some((connection, next))
    }

    /// Handshakes, and returns the connection and the stream inside TLS, and true if ALPN chose
    /// `h2`.
    async fn shake_hands(
        mut self,
        stream: PeerStream,
        config: Arc<rustls::ServerConfig>,
    ) -> Option<(Self, PeerStream, bool)> {
        let accepted = tokio::select! {
            biased;
            accepted = tls::accept(stream, config) => accepted,
            () = self.context.server.stopped() => return None,
        };
        let tls = match accepted {
            Ok(tls) => tls,
            Err(error) => {
                let error = format!("the TLS handshake failed: {error}");
                self.context.recorder.handshake_failed(&error);
                return None;
            }
        };
        self.context.protection = tls::protection_of(&tls);
        let is_http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
        let log = self.context.recorder.begin_tls(&self.context.protection);
        Some((self, PeerStream::new(RecordedStream::new(tls, log)), is_http2))
    }

    async fn run(mut self, mut next: Next) {
        // Each turn is a switch that a step asks for, and ends when the client leaves.
        loop {
            next = match next {
                Next::Http1(stream, first) => http1::serve(&self.context, stream, first).await,
                Next::Http2(stream, first) => {
                    http2::serve(&self.context, stream, first).await;
                    Next::Over
                }
                Next::Tls(stream, request) => {
                    let config = Arc::clone(&self.context.server.tls.in_band_config);
                    let Some((inside, stream, _)) = self.shake_hands(stream, config).await else {
                        return;
                    };
                    self = inside;
                    self.context.is_in_band = true;
                    Next::Http1(stream, Some(request))
                }
                Next::WebSocket(stream) => websocket::echo_messages(&self.context, stream).await,
                Next::Echo(stream) => self.echo(stream).await,
                Next::Close(stream) => self.close(stream).await,
                Next::Reset(stream) => self.reset(stream),
                Next::Hang(stream) => self.hang(stream).await,
                Next::Over => return,
            };
        }
    }

    async fn close(&self, mut stream: PeerStream) -> Next {
        if stream.shutdown().await.is_ok() {
            // RFC 9112 §9.6: what the client still sends is read, or a reset could destroy the
            // answer on its way.
            let _ = timeout(CLOSE_TIMEOUT, self.read_to_end(&mut stream)).await;
        }
        Next::Over
    }

    fn reset(&self, stream: PeerStream) -> Next {
        self.context.reset_on_close();
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
            if sent.await.is_err() || self.context.read_more(&mut stream).await.is_none() {
                return Next::Close(stream);
            }
        }
    }

    async fn read_to_end(&self, stream: &mut PeerStream) {
        while self.context.read_more(stream).await.is_some() {
            // They are in the record, and nothing else is done with them.
            drop(stream.take_unread());
        }
    }
}
