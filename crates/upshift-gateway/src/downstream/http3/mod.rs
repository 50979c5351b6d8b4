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
mod request;
mod transport;

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use h3::error::{ConnectionError, LocalError};
use quinn::{Endpoint, EndpointConfig, Incoming, TokioRuntime, VarInt};
use tokio::task::spawn_local;
use tokio::time::{Duration, Instant, sleep, sleep_until, timeout};
use upshift_config::Limits;
use upshift_core::{HttpVersion, TlsState, TlsVersion};

use self::request::serve_stream;
use self::transport::GuardedConnection;
use crate::core_local::CoreLocal;
use crate::exchange::connection::Connection;
use crate::exchange::unread::begin_unread;
use crate::progress::activity::{Activity, ActivityTimeouts, Expired};
use crate::sockets::{Http3Socket, bind_udp};
use crate::telemetry::disconnect::DisconnectReason;
use crate::telemetry::handshake::HandshakeFailure;

/// The number of connections from which on client addresses are validated.
const MAX_UNVALIDATED: usize = 256;

/// RFC 9114 §8.1.
const H3_NO_ERROR: u32 = 0x100;

/// The interval at which binding an address is tried that another process still uses.
const TAKE_OVER_INTERVAL: Duration = Duration::from_millis(200);

type H3Codec = h3::server::Connection<GuardedConnection, Bytes>;

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
    let _open = core.open_connection("http3");
    let peer = incoming.remote_address();
    let Some(config) = core.shared.generation.load().quic.clone() else { return incoming.ignore() };
    let handshake = async { incoming.accept_with(config)?.await };
    let limits = core.limits();
    let quic = match timeout(limits.header_timeout, handshake).await {
        Ok(Ok(quic)) => quic,
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "no QUIC handshake");
            let failure = HandshakeFailure::of_quic_error(&error);
            return core.count_handshake_failure(DisconnectReason::TlsHandshake, failure);
        }
        Err(_) => return core.count_handshake_timeout(),
    };
    core.count_handshake(TlsState::Version(TlsVersion::V1_3));
    let mut builder = h3::server::builder();
    builder.max_field_section_size(limits.header_bytes as u64);
    let transport = GuardedConnection::new(quic, limits.header_bytes);
    // h3 sends SETTINGS first, for which the client may give no window.
    match timeout(limits.header_timeout, builder.build(transport)).await {
        Ok(Ok(codec)) => accept_requests(core, peer, codec, &limits).await,
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "no HTTP/3");
            core.count_disconnect(DisconnectReason::Parse);
        }
        Err(_) => core.count_disconnect(DisconnectReason::Expired(Expired::Stalled)),
    }
}

/// Accepts the requests of one connection and serves each in a task of its own.
async fn accept_requests(
    core: Rc<CoreLocal>,
    peer: SocketAddr,
    mut codec: H3Codec,
    limits: &Limits,
) {
    let activity = core.new_activity();
    activity.set_multiplexed();
    let connection = Rc::new(Connection {
        core,
        peer,
        tls: TlsState::Version(TlsVersion::V1_3),
        activity: Rc::clone(&activity),
    });
    let timeouts = ActivityTimeouts::from(limits);
    let mut finishing = false;
    loop {
        let accepted = tokio::select! {
            biased;
            () = activity.wait_for_goodbye(), if !finishing => None,
            // RFC 9000 §10.1: PINGs keep QUIC's own idle timer from ever running out.
            () = wait_until_idle(&activity, timeouts), if !finishing => None,
            accepted = codec.accept() => Some(accepted),
            // After the GOAWAY, the open requests have the same time to make progress.
            () = wait_until_idle(&activity, timeouts), if finishing => return,
        };
        match accepted {
            None => {
                finishing = true;
                // RFC 9114 §5.2: after GOAWAY, open requests may finish.
                let Ok(Ok(())) = timeout(limits.header_timeout, codec.shutdown(0)).await else {
                    return;
                };
            }
            Some(Ok(Some(resolver))) => {
                spawn_local(serve_stream(Rc::clone(&connection), resolver));
            }
            Some(Ok(None)) => return,
            Some(Err(error)) if error.is_h3_no_error() => return,
            Some(Err(error)) => {
                tracing::debug!(%peer, %error, "a connection of HTTP/3 ended");
                report_violation(&connection, &error);
                return;
            }
        }
    }
}

/// Counts and reports a connection that was closed because of what the client sent.
fn report_violation(connection: &Connection, error: &ConnectionError) {
    if let ConnectionError::Local { error: LocalError::Application { .. }, .. } = error {
        connection.core.count_disconnect(DisconnectReason::Parse);
        let report = begin_unread(connection, HttpVersion::V3, Instant::now());
        report.set_cause(DisconnectReason::Parse.as_str());
    }
}

/// Resolves when there was no request for too long.
async fn wait_until_idle(activity: &Activity, timeouts: ActivityTimeouts) {
    while let Ok(next) = activity.check_deadline(timeouts, Instant::now()) {
        sleep_until(next).await;
    }
}
