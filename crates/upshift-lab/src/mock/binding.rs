//! The sockets of a peer, bound to the addresses of its settings.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use quinn::crypto::rustls::QuicServerConfig;
use tokio::net::TcpListener;
use tokio::sync::watch;
use upshift_record::Lane;

use super::error::MockError;
use super::listeners::Listeners;
use super::options::MockOptions;
use super::recorder::Recorder;
use super::routes::Routes;
use super::server::Server;
use super::tls::{Identity, TlsConfigs};

/// Binds the sockets. Returns the server with them, and its certificate in PEM.
pub(super) async fn bind(
    mut options: MockOptions,
    stop: watch::Receiver<bool>,
) -> Result<(Server, Listeners, String), MockError> {
    let routes = Routes::new(options.take_routes());
    let identity = match options.identity.take() {
        Some(identity) => identity,
        None => Identity::self_signed()?,
    };
    let tls = TlsConfigs::build(&identity, &routes)?;
    let http = bind_tcp(options.http).await?;
    let (https, quic) = match routes.answer_framed(Lane::Http3) {
        true => bind_with_quic(options.https, &tls).await?,
        false => (bind_tcp(options.https).await?, None),
    };
    let server = Server {
        recorder: Recorder::begin(options.sink.clone(), options.keeps_ended),
        http: local_address(&http, options.http)?,
        https: local_address(&https, options.https)?,
        routes,
        tls,
        stop,
    };
    Ok((server, Listeners { http, https, quic }, identity.certificate))
}

async fn bind_tcp(address: SocketAddr) -> Result<TcpListener, MockError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|source| MockError::Bind { address, source })
}

fn local_address(listener: &TcpListener, wanted: SocketAddr) -> Result<SocketAddr, MockError> {
    listener.local_addr().map_err(|source| MockError::Bind { address: wanted, source })
}

/// The times that another free port is tried, where the UDP port of the same number is taken.
const PORT_ATTEMPTS: usize = 16;

/// Binds TCP and UDP with the same port.
async fn bind_with_quic(
    wanted: SocketAddr,
    tls: &TlsConfigs,
) -> Result<(TcpListener, Option<quinn::Endpoint>), MockError> {
    let mut attempt = 1;
    loop {
        let tcp = bind_tcp(wanted).await?;
        let address = local_address(&tcp, wanted)?;
        match UdpSocket::bind(address) {
            Ok(udp) => return Ok((tcp, Some(quic_endpoint(udp, address, tls)?))),
            Err(_) if wanted.port() == 0 && attempt < PORT_ATTEMPTS => attempt += 1,
            Err(source) => return Err(MockError::Bind { address, source }),
        }
    }
}

fn quic_endpoint(
    udp: UdpSocket,
    address: SocketAddr,
    tls: &TlsConfigs,
) -> Result<quinn::Endpoint, MockError> {
    let crypto = QuicServerConfig::try_from(Arc::clone(&tls.quic_config))
        .map_err(|error| MockError::Certificate(error.to_string()))?;
    let config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    let runtime = Arc::new(quinn::TokioRuntime);
    quinn::Endpoint::new(quinn::EndpointConfig::default(), Some(config), udp, runtime)
        .map_err(|source| MockError::Bind { address, source })
}
