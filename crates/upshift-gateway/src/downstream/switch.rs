//! The switch of a connection after our `101`.
//!
//! The codec for HTTP/1.1 ends with the `101` and gives the stream back, with the bytes that it
//! read too much. There must be none: a client that did not wait for the `101` sent bytes of the
//! new protocol where a refusal would have made them a request (RFC 9931 §3), so its connection
//! ends here.

use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use http::Request;
use tokio::time::timeout;
use upshift_core::Timestamp;

use super::h2c::read_opening;
use super::in_band_tls;
use super::next::Next;
use super::stream::{ClientStream, ClientTransport};
use crate::body::RequestBody;
use crate::exchange::connection::Connection;
use crate::exchange::h2c_offer::H2cSettings;
use crate::exchange::switch::Switch;
use crate::telemetry::disconnect::DisconnectReason;
use crate::tls::server::tls_state;

/// Goes on with `stream`, of which the codec had read `early` when it ended.
pub(super) async fn perform_switch(
    switch: Box<Switch>,
    stream: ClientStream,
    early: Bytes,
    connection: &mut Connection,
) -> Next {
    let core = &connection.core;
    if !early.is_empty() {
        core.count_disconnect(DisconnectReason::EarlyBytes);
        if let Switch::Tunnel(tunnel) = *switch {
            tunnel.abandon(DisconnectReason::EarlyBytes);
        }
        return Next::Linger(stream);
    }
    // Empty as it is, it may be all that keeps the codec's buffer.
    drop(early);
    core.counts.borrow_mut().transitions.add_one(switch.name());
    match *switch {
        Switch::Tunnel(tunnel) => {
            let _busy = connection.activity.begin_busy();
            tunnel.relay_bytes(stream).await;
            Next::Ended
        }
        // In boxes of their own, they do not make a tunnel as large as a handshake.
        Switch::H2c(kept, settings) => {
            Box::pin(switch_to_http2(stream, kept, &settings, connection)).await
        }
        Switch::Tls(replayed) => Box::pin(switch_to_tls(stream, replayed, connection)).await,
    }
}

async fn switch_to_http2(
    mut stream: ClientStream,
    kept: Box<Request<RequestBody>>,
    settings: &H2cSettings,
    connection: &Connection,
) -> Next {
    let limit = connection.core.limits().header_timeout;
    match timeout(limit, read_opening(&mut stream, settings, kept.method())).await {
        Ok(Ok(opening)) => stream.put_back(opening),
        other => {
            tracing::debug!(peer = %connection.peer, ?other, "no HTTP/2 after the switch");
            connection.core.count_disconnect(DisconnectReason::NoHttp2);
            return Next::Linger(stream);
        }
    }
    Next::Http2(stream, Some(kept))
}

async fn switch_to_tls(stream: ClientStream, replayed: Bytes, connection: &mut Connection) -> Next {
    let core = &connection.core;
    let generation = core.shared.generation.load_full();
    let (Some(tls), Some(tcp)) = (&generation.in_band_tls, stream.into_cleartext()) else {
        return Next::Ended;
    };
    let config = tls.config_under(&generation.policy, Timestamp::now());
    let limits = &generation.settings.file.limits;
    let handshaking = connection.activity.begin_busy();
    let handshake = in_band_tls::handshake(tcp, config);
    let tls = match timeout(limits.header_timeout, handshake).await {
        Ok(Ok(tls)) => tls,
        Ok(Err(error)) => {
            tracing::debug!(peer = %connection.peer, %error, "no TLS after the switch");
            core.count_handshake_failure(error.disconnect_reason(), error.handshake_failure());
            return Next::Ended;
        }
        Err(_) => {
            core.count_handshake_timeout();
            return Next::Ended;
        }
    };
    connection.tls = tls_state(tls.get_ref().1.protocol_version());
    core.count_handshake(connection.tls);
    drop(handshaking);
    let activity = Rc::clone(&connection.activity);
    let stream = ClientStream::new(ClientTransport::Tls(Box::new(tls)), activity);
    Next::Http1(stream, BytesMut::from(replayed))
}
