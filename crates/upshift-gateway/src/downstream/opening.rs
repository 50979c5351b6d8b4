//! From the socket that a listener accepted to a connection: its stream, its peer and its protection.
//! Both TCP listeners come through here.

use std::net::SocketAddr;
use std::rc::Rc;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use upshift_core::TlsState;

use super::client_hello::{NoHello, read_client_hello};
use super::next::Next;
use super::stream::{ClientStream, ClientTransport};
use crate::core_local::CoreLocal;
use crate::exchange::connection::Connection;
use crate::progress::activity::Activity;
use crate::tls::server::tls_state;

/// A TCP listener for clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientListener {
    /// Cleartext.
    Http,
    /// TLS.
    Https,
}

impl ClientListener {
    /// The value of the metric label `listener`.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// A TCP connection that a listener accepted.
pub(crate) struct AcceptedTcp {
    pub(crate) tcp: TcpStream,
    /// The address of the socket's other end.
    pub(crate) peer: SocketAddr,
    pub(crate) listener: ClientListener,
}

/// Returns the connection and its first step; `None` if it ended before.
pub(super) async fn open_connection(
    core: Rc<CoreLocal>,
    accepted: AcceptedTcp,
    activity: Rc<Activity>,
) -> Option<(Connection, Next)> {
    let AcceptedTcp { tcp, peer, listener } = accepted;
    if let Err(error) = tcp.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let (transport, tls, http2) = match listener {
        ClientListener::Http => (ClientTransport::Cleartext(tcp), TlsState::Cleartext, false),
        ClientListener::Https => {
            // In a box of its own, it does not make every connection as large as a handshake.
            let stream = Box::pin(accept_tls(&core, tcp, peer, &activity)).await?;
            let session = stream.get_ref().1;
            let tls = tls_state(session.protocol_version());
            core.count_handshake(tls);
            let http2 = session.alpn_protocol() == Some(b"h2");
            (ClientTransport::Tls(Box::new(stream)), tls, http2)
        }
    };
    let stream = ClientStream::new(transport, Rc::clone(&activity));
    let first = if http2 { Next::Http2(stream, None) } else { Next::Preamble(stream) };
    Some((Connection { core, peer, tls, activity }, first))
}

/// Performs the TLS handshake. A failure is counted.
async fn accept_tls(
    core: &CoreLocal,
    tcp: TcpStream,
    peer: SocketAddr,
    activity: &Activity,
) -> Option<TlsStream<TcpStream>> {
    let generation = core.shared.generation.load_full();
    let config = generation.tls.clone()?;
    let limit = generation.settings.file.limits.header_timeout;
    drop(generation);
    let handshake = async {
        let hello = read_client_hello(tcp).await?;
        activity.record_read();
        Ok::<_, NoHello>(hello.into_stream(config).await?)
    };
    let shaken = tokio::select! {
        biased;
        shaken = timeout(limit, handshake) => shaken,
        () = activity.wait_for_eviction() => return None,
    };
    match shaken {
        Ok(Ok(tls)) => {
            activity.handshake_ended();
            Some(tls)
        }
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "no TLS handshake");
            core.count_handshake_failure(error.disconnect_reason(), error.handshake_failure());
            None
        }
        Err(_) => {
            core.count_handshake_timeout();
            None
        }
    }
}
