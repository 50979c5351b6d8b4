//! HTTP/3 on the UDP port of the TLS listener (RFC 9114).
//!
//! 1. Requests, decisions and responses are the same as over HTTP/2. `Alt-Svc` on the TLS listener
//!    advertises HTTP/3.
//! 2. 0-RTT is off: the policy must not decide on a request that may be replayed (RFC 8470).
//! 3. Client addresses are validated once there are many connections (RFC 9000 §8.1.2).
//! 4. There is no WebSocket: h3 does not accept `:protocol: websocket` yet (RFC 9220), so the
//!    setting is not sent.
//! 5. One core serves all of it: the connection of a packet is known only after it was read from
//!    the socket.
//! 6. Everything has a limit: frames ([`frame_guard`]), the time to a header section, each wait of
//!    a body, the windows, and the time without requests, which PINGs do not extend.

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
use quinn::{Endpoint, EndpointConfig, Incoming, TokioRuntime, VarInt};
use tokio::task::spawn_local;
use tokio::time::{Duration, Instant, sleep, sleep_until, timeout};
use upshift_config::Limits;
use upshift_core::{TlsState, TlsVersion};
use upshift_http::{is_hop_by_hop, remove_nominated, strip_hop_by_hop};

use self::body::H3Body;
use self::transport::GuardedConnection;
use crate::body::{BodyError, BodyTimedOut, RequestBody, ResponseBody};
use crate::core_local::CoreLocal;
use crate::exchange::connection::Connection;
use crate::exchange::respond;
use crate::exchange::serve;
use crate::framing::declared_length;
use crate::progress::activity::{Activity, Expired};
use crate::sockets::{Http3Socket, bind_udp};
use crate::telemetry::counts::Ending;

/// The number of connections from which on client addresses are validated.
const MAX_UNVALIDATED: usize = 256;

/// RFC 9114 §8.1.
const H3_NO_ERROR: u32 = 0x100;

/// The size of the pieces that h3 gets: a client that takes one within the time allowed makes
/// progress.
const PIECE: usize = 16 * 1024;

/// The interval at which binding an address is tried that another process still uses.
const TAKE_OVER_INTERVAL: Duration = Duration::from_millis(200);

type H3Codec = h3::server::Connection<GuardedConnection, Bytes>;
type H3Resolver = RequestResolver<GuardedConnection, Bytes>;
type ResponseSender = RequestStream<h3_quinn::SendStream<Bytes>, Bytes>;

/// Accepts connections on `socket` until the gateway drains, then waits for open ones to finish.
pub(crate) async fn serve_http3(core: Rc<CoreLocal>, socket: Http3Socket) -> io::Result<()> {
    let Some(config) = core.shared.generation.load().quic.clone() else { return Ok(()) };
    let mut draining = core.shared.draining.subscribe();
    let udp = match socket {
        Http3Socket::Bound(socket) => socket,
        Http3Socket::Awaited(address) => tokio::select! {
            socket = await_socket(address) => socket?,
            _ = draining.wait_for(|draining| *draining) => return Ok(()),
        },
    };
    let server_config = Some(quinn::ServerConfig::clone(&config));
    let endpoint =
        Endpoint::new(EndpointConfig::default(), server_config, udp, Arc::new(TokioRuntime))?;
    loop {
        let incoming = tokio::select! {
            biased;
            _ = draining.wait_for(|draining| *draining) => break,
            incoming = endpoint.accept() => incoming,
        };
        let Some(incoming) = incoming else { return Ok(()) };
        let (open, limits) = (endpoint.open_connections(), core.limits());
        if open >= limits.connections {
            incoming.refuse();
        } else if open >= MAX_UNVALIDATED
            && !incoming.remote_address_validated()
            && incoming.may_retry()
        {
            // Cannot fail: `may_retry` is true.
            let _ = incoming.retry();
        } else {
            spawn_local(serve_connection(Rc::clone(&core), incoming));
        }
    }
    endpoint.set_server_config(None);
    // A timeout here is fine: connections that are still open are closed either way.
    let _ = timeout(core.limits().drain, endpoint.wait_idle()).await;
    endpoint.close(VarInt::from_u32(H3_NO_ERROR), b"");
    Ok(())
}

/// Binds `address` as soon as the process that this one replaces has closed its socket.
async fn await_socket(address: SocketAddr) -> io::Result<UdpSocket> {
    tracing::info!(%address, "HTTP/3 starts once the other process has closed its UDP socket");
    loop {
        match bind_udp(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                sleep(TAKE_OVER_INTERVAL).await;
            }
            bound => return bound,
        }
    }
}

async fn serve_connection(core: Rc<CoreLocal>, incoming: Incoming) {
    core.counts.borrow_mut().connections += 1;
    let peer = incoming.remote_address();
    let Some(config) = core.shared.generation.load().quic.clone() else { return incoming.ignore() };
    let handshake = async { incoming.accept_with(config)?.await };
    let limits = core.limits();
    let quic = match timeout(limits.header_timeout, handshake).await {
        Ok(Ok(quic)) => quic,
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "no QUIC handshake");
            return core.count_ending(Ending::TlsHandshake);
        }
        Err(_) => return core.count_ending(Ending::TlsTimeout),
    };
    let mut builder = h3::server::builder();
    builder.max_field_section_size(limits.header_bytes as u64);
    let transport = GuardedConnection::new(quic, limits.header_bytes);
    // h3 sends SETTINGS first, for which the client may give no window.
    match timeout(limits.header_timeout, builder.build(transport)).await {
        Ok(Ok(codec)) => accept_requests(core, peer, codec, &limits).await,
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "no HTTP/3");
            core.count_ending(Ending::Parse);
        }
        Err(_) => core.count_ending(Ending::Expired(Expired::Stalled)),
    }
}

/// Accepts the requests of one connection and serves each in a task of its own.
async fn accept_requests(
    core: Rc<CoreLocal>,
    peer: SocketAddr,
    mut codec: H3Codec,
    limits: &Limits,
) {
    let mut draining = core.shared.draining.subscribe();
    let connection = Rc::new(Connection {
        core,
        peer,
        tls: TlsState::Version(TlsVersion::V1_3),
        activity: Activity::new(),
    });
    connection.activity.set_multiplexed();
    let mut finishing = false;
    loop {
        let accepted = tokio::select! {
            biased;
            _ = draining.wait_for(|draining| *draining), if !finishing => None,
            // RFC 9000 §10.1: PINGs keep QUIC's own idle timer from ever running out.
            () = wait_until_idle(&connection.activity, limits), if !finishing => None,
            accepted = codec.accept() => Some(accepted),
            // After the GOAWAY, the open requests have the same time to make progress.
            () = wait_until_idle(&connection.activity, limits), if finishing => return,
        };
        match accepted {
            None => {
                finishing = true;
                // RFC 9114 §5.2: after GOAWAY, open requests may finish.
                match timeout(limits.header_timeout, codec.shutdown(0)).await {
                    Ok(Ok(())) => {}
                    _ => return,
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

/// Resolves when there was no request for too long.
async fn wait_until_idle(activity: &Activity, limits: &Limits) {
    while let Ok(next) = activity.check_deadline(limits, Instant::now()) {
        sleep_until(next).await;
    }
}

async fn serve_stream(connection: Rc<Connection>, resolver: H3Resolver) {
    if let Err(error) = serve_request(&connection, resolver).await {
        if error.is::<BodyTimedOut>() {
            connection.core.count_ending(Ending::StreamStalled);
        }
        tracing::debug!(peer = %connection.peer, %error, "an exchange over HTTP/3 broke off");
    }
}

async fn serve_request(connection: &Rc<Connection>, resolver: H3Resolver) -> Result<(), BodyError> {
    let limits = connection.core.limits();
    let (request, stream) = in_time(limits.header_timeout, resolver.resolve_request()).await?;
    let (mut sender, receiver) = stream.split();
    if has_connection_fields(request.headers()) {
        // RFC 9114 §4.2: "An intermediary transforming an HTTP/1.x message to HTTP/3 MUST remove
        // connection-specific header fields […] Any message containing connection-specific fields
        // MUST be treated as malformed".
        sender.stop_stream(Code::H3_MESSAGE_ERROR);
        return Err("the request has connection-specific fields".into());
    }
    // An invalid length is answered by `serve`, which checks the fields again.
    let declared = declared_length(request.headers()).unwrap_or(Some(0));
    let mut h3_body = H3Body::new(receiver, declared);
    let body = if declared == Some(0) {
        if let Err(error) = in_time(limits.header_timeout, h3_body.expect_end()).await {
            sender.stop_stream(Code::H3_MESSAGE_ERROR);
            return Err(error);
        }
        RequestBody::empty()
    } else {
        RequestBody::from_boxed(Box::pin(h3_body), limits.idle)
    };
    let is_head = request.method() == Method::HEAD;
    let mut response = serve(connection, request.map(|()| body)).await.response;
    add_codec_fields(&mut response);
    if is_head {
        // RFC 9110 §9.3.2: "The HEAD method is identical to GET except that the server MUST NOT
        // send content in the response".
        *response.body_mut() = ResponseBody::empty();
    }
    let sent = send_response(&mut sender, response, limits.idle).await;
    if sent.is_err() {
        // RFC 9114 §4.1: a response that cannot be completed is reset, not finished.
        sender.stop_stream(Code::H3_INTERNAL_ERROR);
    }
    sent
}

/// Returns true if a request has connection-specific fields.
///
/// RFC 9114 §4.2: `TE` "MAY be present in an HTTP/3 request header; when it is, it MUST NOT contain
/// any value other than "trailers"".
fn has_connection_fields(headers: &HeaderMap) -> bool {
    let mut te = headers.get_all(header::TE).iter();
    te.any(|value| !value.as_bytes().eq_ignore_ascii_case(b"trailers"))
        || headers.keys().any(|name| *name != header::TE && is_hop_by_hop(name))
}

/// Awaits `step`, and fails if that takes longer than `limit`.
async fn in_time<T, E: Into<BodyError>>(
    limit: Duration,
    step: impl Future<Output = Result<T, E>>,
) -> Result<T, BodyError> {
    match timeout(limit, step).await {
        Ok(done) => done.map_err(Into::into),
        Err(_) => Err(BodyTimedOut.into()),
    }
}

async fn send_response(
    sender: &mut ResponseSender,
    response: Response<ResponseBody>,
    limit: Duration,
) -> Result<(), BodyError> {
    let (parts, mut body) = response.into_parts();
    in_time(limit, sender.send_response(Response::from_parts(parts, ()))).await?;
    while let Some(frame) = body.frame().await {
        match frame?.into_data() {
            // A piece of the upstream's may be too long to be sent in time on a slow connection.
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

/// Adds the fields that hyper adds by itself over HTTP/1 and HTTP/2.
fn add_codec_fields(response: &mut Response<ResponseBody>) {
    use http_body::Body as _;
    let body = response.body();
    let length = if body.is_end_stream() { None } else { body.size_hint().exact() };
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
