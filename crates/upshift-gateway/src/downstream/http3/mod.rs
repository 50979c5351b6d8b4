//! HTTP/3 on the UDP port of the TLS listener (RFC 9114).
//!
//! 1. The same requests, decisions and answers as over HTTP/2; `Alt-Svc` on the TLS listener says
//!    that it is there.
//! 2. 0-RTT is off: a request that may be replayed is not decided on (RFC 8470).
//! 3. An address must show that it is its sender's once there are many connections (RFC 9000
//!    §8.1.2).
//! 4. No WebSocket: the codec does not take `:protocol: websocket` yet (RFC 9220), so the setting
//!    is not sent.
//! 5. One core serves it: the packets of one socket cannot be told apart by connection before they
//!    are read.
//! 6. Everything has a bound: frames ([`frame_guard`]), the time to a head, each wait of a body,
//!    the windows, and the life of a connection without requests, which PINGs do not prolong.

mod body;
mod field_section;
mod frame_guard;
mod transport;

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use h3::error::Code;
use h3::server::{RequestResolver, RequestStream};
use http::{HeaderMap, HeaderValue, Method, Response, header};
use http_body_util::BodyExt;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Endpoint, EndpointConfig, Incoming, TokioRuntime, TransportConfig, VarInt};
use rustls::ServerConfig;
use tokio::task::spawn_local;
use tokio::time::{Duration, Instant, sleep, sleep_until, timeout};
use upshift_config::Limits;
use upshift_core::{TlsState, TlsVersion};
use upshift_http::{http3_alt_svc, is_hop_by_hop, remove_nominated, strip_hop_by_hop};

use self::body::H3Body;
use self::transport::GuardedConnection;
use crate::body::{Body, BodyError, RequestBody, Silent};
use crate::downstream::Connection;
use crate::exchange::respond;
use crate::exchange::serve;
use crate::framing::declared_length;
use crate::progress::activity::{Activity, Expired};
use crate::sockets::{Http3Socket, bind_udp};
use crate::telemetry::counts::Ending;
use crate::worker::Worker;

/// How many connections there may be before addresses are asked to show themselves.
const UNVALIDATED: usize = 256;

/// RFC 9114 §8.1.
const H3_NO_ERROR: u32 = 0x100;

/// As many requests at once per connection as over HTTP/2.
const STREAMS: u32 = 200;

/// As many unidirectional streams of the client as are open at once: it needs three (RFC 9114
/// §6.2).
const UNIDIRECTIONAL_STREAMS: u32 = 8;

/// What a client may send before it is read, in bytes: on one stream, and on a connection.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 8 * 1024 * 1024;

/// As much as is kept of a connection for sending it again, in bytes.
const SEND_WINDOW: u64 = 2 * 1024 * 1024;

/// As long a piece as is handed to the codec: a client that takes so much within the time allowed
/// makes progress.
const PIECE: usize = 16 * 1024;

/// How often an address that another process still has is tried.
const TAKE_OVER_INTERVAL: Duration = Duration::from_millis(200);

type Codec = h3::server::Connection<GuardedConnection, Bytes>;
type Resolver = RequestResolver<GuardedConnection, Bytes>;
type Sender = RequestStream<h3_quinn::SendStream<Bytes>, Bytes>;

/// What QUIC is served with, from what TLS is served with.
///
/// # Errors
/// If its certificate or ciphers are not those of TLS 1.3.
pub(crate) fn config(
    tls: &ServerConfig,
    limits: &Limits,
) -> Result<Arc<quinn::ServerConfig>, rustls::Error> {
    let mut tls = tls.clone();
    tls.alpn_protocols = vec![b"h3".to_vec()];
    tls.max_early_data_size = 0;
    let crypto = QuicServerConfig::try_from(tls)
        .map_err(|error| rustls::Error::General(error.to_string()))?;
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    let mut transport = TransportConfig::default();
    transport.max_idle_timeout(quinn::IdleTimeout::try_from(limits.idle).ok());
    transport.max_concurrent_bidi_streams(VarInt::from_u32(STREAMS));
    transport.max_concurrent_uni_streams(VarInt::from_u32(UNIDIRECTIONAL_STREAMS));
    transport.stream_receive_window(VarInt::from_u32(STREAM_WINDOW));
    transport.receive_window(VarInt::from_u32(CONNECTION_WINDOW));
    transport.send_window(SEND_WINDOW);
    config.transport_config(Arc::new(transport));
    Ok(Arc::new(config))
}

/// `Alt-Svc` for a listener on `port`.
pub(crate) fn alt_svc(port: u16) -> Option<HeaderValue> {
    HeaderValue::from_str(&http3_alt_svc(port)).ok()
}

/// Accepts on `socket` until the gateway drains, then lets what is open finish.
pub(crate) async fn listen(worker: Rc<Worker>, socket: Http3Socket) -> io::Result<()> {
    let Some(config) = worker.shared.snapshot.load().quic.clone() else { return Ok(()) };
    let mut draining = worker.shared.draining.subscribe();
    let socket = match socket {
        Http3Socket::Bound(socket) => socket,
        Http3Socket::Awaited(address) => tokio::select! {
            socket = await_socket(address) => socket?,
            _ = draining.wait_for(|draining| *draining) => return Ok(()),
        },
    };
    let config = Some(quinn::ServerConfig::clone(&config));
    let endpoint =
        Endpoint::new(EndpointConfig::default(), config, socket, Arc::new(TokioRuntime))?;
    loop {
        let incoming = tokio::select! {
            biased;
            _ = draining.wait_for(|draining| *draining) => break,
            incoming = endpoint.accept() => incoming,
        };
        let Some(incoming) = incoming else { return Ok(()) };
        let (open, limits) = (endpoint.open_connections(), worker.limits());
        if open >= limits.connections {
            incoming.refuse();
        } else if open >= UNVALIDATED
            && !incoming.remote_address_validated()
            && incoming.may_retry()
        {
            // It can fail only for one that was retried, which this one may be.
            let _ = incoming.retry();
        } else {
            spawn_local(serve_connection(Rc::clone(&worker), incoming));
        }
    }
    endpoint.set_server_config(None);
    // Past the limit, what is still open is cut off.
    let _ = tokio::time::timeout(worker.limits().drain, endpoint.wait_idle()).await;
    endpoint.close(VarInt::from_u32(H3_NO_ERROR), b"");
    Ok(())
}

/// Binds `address` as soon as the process that this one replaces has closed its socket there.
async fn await_socket(address: SocketAddr) -> io::Result<UdpSocket> {
    tracing::info!(%address, "HTTP/3 begins once the other process has closed its UDP socket");
    loop {
        match bind_udp(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                sleep(TAKE_OVER_INTERVAL).await
            }
            bound => return bound,
        }
    }
}

async fn serve_connection(worker: Rc<Worker>, incoming: Incoming) {
    worker.counts.borrow_mut().connections += 1;
    let peer = incoming.remote_address();
    let Some(config) = worker.shared.snapshot.load().quic.clone() else { return incoming.ignore() };
    let shake = async { incoming.accept_with(config)?.await };
    let limits = worker.limits();
    let quic = match timeout(limits.header_timeout, shake).await {
        Ok(Ok(quic)) => quic,
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "no QUIC handshake");
            return worker.count_ending(Ending::TlsHandshake);
        }
        Err(_) => return worker.count_ending(Ending::TlsTimeout),
    };
    let mut builder = h3::server::builder();
    builder.max_field_section_size(limits.header_bytes as u64);
    let transport = GuardedConnection::new(quic, limits.header_bytes);
    // It sends SETTINGS, for which the client may give no window.
    match timeout(limits.header_timeout, builder.build(transport)).await {
        Ok(Ok(codec)) => accept_requests(worker, peer, codec, &limits).await,
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "no HTTP/3");
            worker.count_ending(Ending::Parse);
        }
        Err(_) => worker.count_ending(Ending::Expired(Expired::Stalled)),
    }
}

/// Serves the requests of one connection, each in a task of its own.
async fn accept_requests(worker: Rc<Worker>, peer: SocketAddr, mut codec: Codec, limits: &Limits) {
    let mut draining = worker.shared.draining.subscribe();
    let connection = Rc::new(Connection::new(
        worker,
        peer,
        TlsState::Version(TlsVersion::V1_3),
        Activity::new(),
    ));
    connection.activity.multiplexed();
    let mut finishing = false;
    loop {
        let accepted = tokio::select! {
            biased;
            _ = draining.wait_for(|draining| *draining), if !finishing => None,
            // RFC 9000 §10.1: PINGs keep QUIC's own idle timer from ever running out.
            () = idle(&connection.activity, limits), if !finishing => None,
            accepted = codec.accept() => Some(accepted),
            // What is still open when the client has been told to go may take this long to become
            // idle.
            () = idle(&connection.activity, limits), if finishing => return,
        };
        match accepted {
            None => {
                finishing = true;
                // RFC 9114 §5.2: GOAWAY, and what is open may finish.
                if !matches!(timeout(limits.header_timeout, codec.shutdown(0)).await, Ok(Ok(()))) {
                    return;
                }
            }
            Some(Ok(Some(resolver))) => {
                spawn_local(serve_stream(Rc::clone(&connection), resolver));
            }
            Some(Ok(None)) => return,
            Some(Err(error)) if error.is_h3_no_error() => return,
            Some(Err(error)) => {
                tracing::debug!(%peer, %error, "a connection of HTTP/3 ended");
                return;
            }
        }
    }
}

/// Resolves when there has been no request for too long.
async fn idle(activity: &Activity, limits: &Limits) {
    while let Ok(next) = activity.check(limits, Instant::now()) {
        sleep_until(next).await;
    }
}

async fn serve_stream(connection: Rc<Connection>, resolver: Resolver) {
    if let Err(error) = exchange(&connection, resolver).await {
        if error.is::<Silent>() {
            connection.worker.count_ending(Ending::StreamStalled);
        }
        tracing::debug!(peer = %connection.peer, %error, "an exchange over HTTP/3 broke off");
    }
}

async fn exchange(connection: &Rc<Connection>, resolver: Resolver) -> Result<(), BodyError> {
    let limits = connection.worker.limits();
    let (request, stream) = in_time(limits.header_timeout, resolver.resolve_request()).await?;
    let (mut sender, receiver) = stream.split();
    if has_connection_fields(request.headers()) {
        // RFC 9114 §4.2: "An intermediary transforming an HTTP/1.x message to HTTP/3 MUST remove
        // connection-specific header fields […] Any message containing connection-specific fields
        // MUST be treated as malformed".
        sender.stop_stream(Code::H3_MESSAGE_ERROR);
        return Err("the request has connection-specific fields".into());
    }
    // What is no length is answered by `serve`, which reads the fields again.
    let declared = declared_length(request.headers()).unwrap_or(Some(0));
    let mut body = H3Body::new(receiver, declared);
    let body = if declared == Some(0) {
        if let Err(error) = in_time(limits.header_timeout, body.ends()).await {
            sender.stop_stream(Code::H3_MESSAGE_ERROR);
            return Err(error);
        }
        RequestBody::empty()
    } else {
        RequestBody::any(Box::pin(body), limits.idle)
    };
    let is_head = request.method() == Method::HEAD;
    let mut response = serve(connection, request.map(|()| body)).await;
    of_http3(&mut response);
    if is_head {
        // RFC 9110 §9.3.2: "The HEAD method is identical to GET except that the server MUST NOT
        // send content in the response".
        *response.body_mut() = Body::empty();
    }
    let sent = send(&mut sender, response, limits.idle).await;
    if sent.is_err() {
        // RFC 9114 §4.1: a response that cannot be completed is broken off, not ended.
        sender.stop_stream(Code::H3_INTERNAL_ERROR);
    }
    sent
}

/// RFC 9114 §4.2: `TE` "MAY be present in an HTTP/3 request header; when it is, it MUST NOT contain
/// any value other than "trailers"".
fn has_connection_fields(headers: &HeaderMap) -> bool {
    let te = headers
        .get_all(header::TE)
        .iter()
        .any(|te| !te.as_bytes().eq_ignore_ascii_case(b"trailers"));
    te || headers.keys().any(|name| *name != header::TE && is_hop_by_hop(name))
}

/// The end of `step`, unless the client keeps it waiting for longer than `limit`.
async fn in_time<T, E: Into<BodyError>>(
    limit: Duration,
    step: impl Future<Output = Result<T, E>>,
) -> Result<T, BodyError> {
    match timeout(limit, step).await {
        Ok(done) => done.map_err(Into::into),
        Err(_) => Err(Silent.into()),
    }
}

async fn send(
    sender: &mut Sender,
    response: Response<Body>,
    limit: Duration,
) -> Result<(), BodyError> {
    let (parts, mut body) = response.into_parts();
    in_time(limit, sender.send_response(Response::from_parts(parts, ()))).await?;
    while let Some(frame) = body.frame().await {
        match frame?.into_data() {
            Ok(mut data) => {
                while !data.is_empty() {
                    let piece = data.split_to(data.len().min(PIECE));
                    in_time(limit, sender.send_data(piece)).await?;
                }
            }
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    in_time(limit, sender.send_trailers(trailers)).await?;
                }
            }
        }
    }
    in_time(limit, sender.finish()).await
}

/// What the codecs of the older versions do by themselves.
fn of_http3(response: &mut Response<Body>) {
    use http_body::Body as _;
    let length = response.body().size_hint().exact().filter(|_| !response.body().is_end_stream());
    let headers = response.headers_mut();
    // RFC 9114 §4.2: "An endpoint MUST NOT generate an HTTP/3 field section containing
    // connection-specific fields".
    remove_nominated(headers, &[]);
    strip_hop_by_hop(headers);
    if let Some(length) = length {
        headers.entry(header::CONTENT_LENGTH).or_insert_with(|| length.into());
    }
    if let Ok(date) = HeaderValue::from_str(&respond::date()) {
        headers.entry(header::DATE).or_insert(date);
    }
}
