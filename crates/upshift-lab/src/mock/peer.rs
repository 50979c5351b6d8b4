//! A running peer. It has a thread of its own, so that tests with and without an async runtime can
//! use it.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread;

use quinn::crypto::rustls::QuicServerConfig;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use upshift_record::Lane;

use super::catalogue;
use super::error::MockError;
use super::event::{EVENT_SCHEMA, MockEvent};
use super::options::MockOptions;
use super::record::MockRecord;
use super::recorder::Recorder;
use super::routes::Routes;
use super::scenario::Scenario;
use super::server::{Listeners, Server};
use super::tls::{Identity, TlsConfigs};

/// A server that plays scenarios and records what its clients do. It stops when it is dropped.
#[derive(Debug)]
pub struct MockPeer {
    stop: watch::Sender<bool>,
    ended: oneshot::Receiver<MockRecord>,
    started: Started,
}

/// A peer whose thread was started.
pub(crate) struct StartingPeer {
    stop: watch::Sender<bool>,
    ended: oneshot::Receiver<MockRecord>,
}

/// The properties of a peer that listens.
#[derive(Clone, Debug)]
pub(crate) struct Started {
    http: SocketAddr,
    https: SocketAddr,
    has_http3: bool,
    certificate: String,
    recorder: Recorder,
}

impl MockPeer {
    /// Starts the peer of the catalogue with this name, on free ports of 127.0.0.1.
    ///
    /// # Errors
    /// If there is no such peer, or it cannot listen.
    pub async fn start(name: &str) -> Result<Self, MockError> {
        MockOptions::new().scenario(catalogue::find_scenario(name)?).start().await
    }

    /// Starts a peer that plays the scenario in `text` (TOML), on free ports of 127.0.0.1.
    ///
    /// # Errors
    /// If the text is no scenario, or the peer cannot listen.
    pub async fn start_toml(text: &str) -> Result<Self, MockError> {
        let scenario = Scenario::parse(text, "scenario.toml")?;
        MockOptions::new().scenario(scenario).start().await
    }

    /// The URL of the cleartext port, as `http://127.0.0.1:4711`.
    pub fn http_url(&self) -> String {
        format!("http://{}", self.http_address())
    }

    /// The URL of the port for TLS and HTTP/3.
    pub fn https_url(&self) -> String {
        format!("https://{}", self.https_address())
    }

    /// The address of the cleartext port.
    pub fn http_address(&self) -> SocketAddr {
        self.started.http
    }

    /// The address of the port for TLS, and for HTTP/3 if a scenario answers there.
    pub fn https_address(&self) -> SocketAddr {
        self.started.https
    }

    /// Returns true if the peer listens for HTTP/3.
    pub fn has_http3(&self) -> bool {
        self.started.has_http3
    }

    /// The certificate in PEM, for a client that verifies it.
    pub fn certificate_pem(&self) -> &str {
        &self.started.certificate
    }

    /// The record so far.
    pub fn record(&self) -> MockRecord {
        self.started.recorder.record()
    }

    /// Stops the peer and returns its record. It has all that clients sent before the call.
    pub async fn stop(self) -> MockRecord {
        self.stop.send_replace(true);
        match self.ended.await {
            Ok(record) => record,
            // The thread of the peer has failed, and the record so far is what there is.
            Err(_) => self.started.recorder.record(),
        }
    }

    /// Stops the peer and returns its record, for callers without an async runtime.
    pub fn stop_blocking(self) -> MockRecord {
        self.stop.send_replace(true);
        match self.ended.blocking_recv() {
            Ok(record) => record,
            // As above.
            Err(_) => self.started.recorder.record(),
        }
    }
}

impl StartingPeer {
    /// Starts the thread, which calls `report` once the peer listens, or cannot.
    pub(crate) fn spawn(
        options: MockOptions,
        report: impl FnOnce(Result<Started, MockError>) + Send + 'static,
    ) -> Result<Self, MockError> {
        options.check_routes()?;
        let (stop, stopping) = watch::channel(false);
        let (sender, ended) = oneshot::channel();
        let builder = thread::Builder::new().name("upshift-mock".to_owned());
        let work = move || {
            if let Some(record) = run_peer(options, stopping, report) {
                // The handle of the peer was dropped if it fails.
                let _ = sender.send(record);
            }
        };
        builder.spawn(work).map_err(MockError::Thread)?;
        Ok(Self { stop, ended })
    }

    /// The peer, once its thread has reported.
    pub(crate) fn finish(
        self,
        reported: Option<Result<Started, MockError>>,
    ) -> Result<MockPeer, MockError> {
        let Self { stop, ended } = self;
        match reported {
            Some(started) => Ok(MockPeer { stop, ended, started: started? }),
            None => {
                let error = io::Error::other("it ended before the peer listened");
                Err(MockError::Thread(error))
            }
        }
    }
}

/// Runs a peer until it is stopped. `None` if it does not start.
fn run_peer(
    options: MockOptions,
    stopping: watch::Receiver<bool>,
    report: impl FnOnce(Result<Started, MockError>),
) -> Option<MockRecord> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match built {
        Ok(runtime) => runtime,
        Err(error) => {
            report(Err(MockError::Thread(error)));
            return None;
        }
    };
    runtime.block_on(async {
        let (server, listeners, certificate) = match bind(options, stopping).await {
            Ok(bound) => bound,
            Err(error) => {
                report(Err(error));
                return None;
            }
        };
        let recorder = server.recorder.clone();
        let has_http3 = listeners.quic.is_some();
        recorder.report(&listening_event(&server, has_http3, &certificate));
        report(Ok(Started {
            http: server.http,
            https: server.https,
            has_http3,
            certificate,
            recorder: recorder.clone(),
        }));
        Arc::new(server).run(listeners).await;
        Some(recorder.record())
    })
}

fn listening_event(server: &Server, has_http3: bool, certificate: &str) -> MockEvent {
    let https = format!("https://{}", server.https);
    MockEvent::Listening {
        schema: EVENT_SCHEMA,
        http: format!("http://{}", server.http),
        h3: if has_http3 { Some(https.clone()) } else { None },
        https,
        certificate: certificate.to_owned(),
        scenarios: server.routes.served(),
    }
}

async fn bind(
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
