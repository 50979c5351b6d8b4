//! A running peer. It has a thread of its own, so that tests with and without an async runtime can
//! use it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use tokio::sync::{oneshot, watch};

use super::binding::bind;
use super::catalogue;
use super::error::MockError;
use super::event::{EVENT_SCHEMA, MockEvent};
use super::options::MockOptions;
use super::record::MockRecord;
use super::recorder::Recorder;
use super::scenario::Scenario;
use super::server::Server;

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

impl MockOptions {
    /// Starts the peer.
    ///
    /// # Errors
    /// If an address cannot be bound, the certificate cannot be used, or the scenarios cannot share
    /// the ports.
    pub async fn start(self) -> Result<MockPeer, MockError> {
        let (sender, started) = tokio::sync::oneshot::channel();
        let peer = StartingPeer::spawn(self, move |result| {
            // The caller has gone if it fails, and the peer stops with its handle.
            let _ = sender.send(result);
        })?;
        peer.finish(started.await.ok())
    }

    /// Starts the peer, for callers without an async runtime. It blocks the thread until the peer
    /// listens.
    ///
    /// # Errors
    /// As [`MockOptions::start`].
    pub fn start_blocking(self) -> Result<MockPeer, MockError> {
        let (sender, started) = std::sync::mpsc::channel();
        let peer = StartingPeer::spawn(self, move |result| {
            // As above.
            let _ = sender.send(result);
        })?;
        peer.finish(started.recv().ok())
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
        listeners.serve(Arc::new(server)).await;
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
