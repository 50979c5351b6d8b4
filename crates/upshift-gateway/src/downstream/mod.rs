//! Connections of clients, from the first byte to the last.
//!
//! A connection is a loop over [`Next`]: each step takes the stream, speaks one protocol on it, and
//! returns what comes next. A switch of protocols is such a step.
//!
//! accept → TLS handshake → preamble → HTTP/1 or HTTP/2 → close, lingering where the client may
//! still be sending.

pub(crate) mod client_hello;
pub(crate) mod codec;
mod h2c;
mod http1;
mod http1_gate;
mod http2;
pub(crate) mod http3;
mod in_band_tls;
mod next;
mod preamble;
mod preamble_reader;
pub(crate) mod stream;
mod switch;

use std::net::SocketAddr;
use std::rc::Rc;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use upshift_core::TlsState;

use self::next::Next;
use crate::core_local::CoreLocal;
use crate::downstream::client_hello::NoHello;
use crate::downstream::stream::{ClientStream, ClientTransport};
use crate::exchange::connection::Connection;
use crate::exchange::respond;
use crate::local_reply::LocalReply;
use crate::progress::activity::Activity;
use crate::telemetry::disconnect::DisconnectReason;
use crate::tls::server::tls_state;

/// Serves a connection to the cleartext listener.
pub(crate) async fn serve_cleartext(
    core: Rc<CoreLocal>,
    tcp: TcpStream,
    peer: SocketAddr,
    activity: Rc<Activity>,
) {
    let stream = ClientStream::new(ClientTransport::Cleartext(tcp), Rc::clone(&activity));
    let connection = Connection { core, peer, tls: TlsState::Cleartext, activity, outer: None };
    serve_steps(connection, Next::Preamble(stream)).await;
}

/// Serves a connection to the TLS listener.
pub(crate) async fn serve_tls(
    core: Rc<CoreLocal>,
    tcp: TcpStream,
    peer: SocketAddr,
    activity: Rc<Activity>,
) {
    let generation = core.shared.generation.load_full();
    let Some(config) = generation.tls.clone() else { return };
    let limit = generation.settings.file.limits.header_timeout;
    drop(generation);
    let handshake = async {
        let hello = client_hello::read_client_hello(tcp).await?;
        activity.record_read();
        Ok::<_, NoHello>(hello.into_stream(config).await?)
    };
    let shaken = tokio::select! {
        biased;
        // In a box of its own, it does not make every connection as large as a handshake.
        shaken = Box::pin(timeout(limit, handshake)) => shaken,
        () = activity.wait_for_eviction() => return,
    };
    let tls = match shaken {
        Ok(Ok(tls)) => tls,
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "no TLS handshake");
            return core.count_disconnect(error.disconnect_reason());
        }
        Err(_) => return core.count_disconnect(DisconnectReason::TlsTimeout),
    };
    let state = tls_state(tls.get_ref().1.protocol_version());
    let http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
    activity.handshake_ended();
    let stream = ClientStream::new(ClientTransport::Tls(Box::new(tls)), Rc::clone(&activity));
    let first = if http2 { Next::Http2(stream, None) } else { Next::Preamble(stream) };
    serve_steps(Connection { core, peer, tls: state, activity, outer: None }, first).await;
}

/// Takes one step after the other until the connection has ended.
///
/// Each step is in a box of its own and gone before the next begins: an idle tunnel does not carry
/// the codec along.
async fn serve_steps(mut connection: Connection, mut next: Next) {
    loop {
        next = match next {
            Next::Preamble(stream) => {
                Box::pin(preamble_reader::read_preamble(stream, &connection)).await
            }
            Next::Http1(stream) => Box::pin(http1::serve_http1(stream, &connection)).await,
            Next::Http2(stream, first) => {
                Box::pin(http2::serve_http2(stream, &connection, first)).await;
                Next::Ended
            }
            Next::Switch(switch, stream, early) => {
                Box::pin(switch::perform_switch(switch, stream, early, &mut connection)).await
            }
            Next::Reply(stream, reply) => {
                Box::pin(send_local_reply(stream, &reply, &connection)).await;
                Next::Ended
            }
            Next::Linger(stream) => {
                let limits = connection.core.limits();
                let linger = Some((limits.discard_bytes, limits.discard_timeout));
                Box::pin(stream.close_gracefully(linger)).await;
                Next::Ended
            }
            Next::Close(stream) => {
                Box::pin(stream.close_gracefully(None)).await;
                Next::Ended
            }
            Next::Ended => return,
        };
    }
}

/// Sends the local reply to a message that no codec reads, and closes.
async fn send_local_reply(mut stream: ClientStream, reply: &LocalReply, connection: &Connection) {
    let limits = connection.core.limits();
    connection.core.count_local_reply(reply, "");
    let wire = respond::local_reply_bytes(reply, &respond::http_date());
    // The connection closes even if the client does not read the response.
    if let Ok(Ok(())) = timeout(limits.header_timeout, stream.write_all(&wire)).await {
        stream.close_gracefully(Some((limits.discard_bytes, limits.discard_timeout))).await;
    }
}
