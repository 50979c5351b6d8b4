//! One run of a client against one mock peer.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use upshift_record::grade::PeerGrade;

use super::client_template::TemplateValues;
use super::judgement::judge;
use super::observation::{RunTokens, observe};
use crate::client_run::{ClientCommand, ClientOutput, run_client};
use crate::mock::{FirstPort, MockError, MockEvent, MockOptions, MockPeer, MockRecord, Scenario};

/// After the client has ended, its last octets may still be on their way to the peer.
const LAST_OCTETS: Duration = Duration::from_millis(100);

/// A run that could not take place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GradeError {
    /// A peer could not be started.
    #[error(transparent)]
    Mock(#[from] MockError),
    /// The certificate of a peer could not be written.
    #[error("cannot write the certificate of the peer to {path}: {source}")]
    CertificateFile {
        /// The file.
        path: PathBuf,
        /// The failure.
        source: std::io::Error,
    },
}

/// A client that is about to be run against a peer.
pub(crate) struct ClientSession {
    /// The scenario of the peer.
    pub(crate) scenario: Scenario,
    /// The time after which a client hung.
    pub(crate) time: Duration,
    /// The number of connections and requests together after which a client loops.
    pub(crate) messages: usize,
}

/// A client that was run against a peer.
pub(crate) struct SessionRun {
    /// The scenario of the peer.
    pub(crate) scenario: Scenario,
    /// The command, with its placeholders filled.
    pub(crate) command: ClientCommand,
    /// The output of the client.
    pub(crate) output: ClientOutput,
    /// The record of the peer.
    pub(crate) record: MockRecord,
    values: TemplateValues,
}

impl ClientSession {
    /// Starts the peer, and runs the command that `fill` makes until it ends, a limit is reached, or
    /// `stop` is ready.
    pub(crate) async fn run(
        self,
        fill: impl FnOnce(&TemplateValues) -> ClientCommand,
        stop: impl Future<Output = ()>,
    ) -> Result<SessionRun, GradeError> {
        let begins_with_tls = self.scenario.first_port() == FirstPort::Https;
        let counter = Arc::new(MessageCounter::new(self.messages));
        let counting = Arc::clone(&counter);
        let options = MockOptions::new().scenario(self.scenario.clone());
        let peer = options.on_event(move |event| counting.count(event)).start().await?;
        let certificate = CertificateFile::create(peer.certificate_pem())?;
        let values = values_for(&peer, begins_with_tls, certificate.path());
        let command = fill(&values);
        let stop = async {
            tokio::select! {
                () = counter.wait_for_excess() => {}
                () = stop => {}
            }
        };
        let output = run_client(&command, self.time, stop).await;
        tokio::time::sleep(LAST_OCTETS).await;
        let record = peer.stop().await;
        Ok(SessionRun { scenario: self.scenario, command, output, record, values })
    }
}

impl SessionRun {
    /// The grade of the client with this peer. `has_secret` and `has_body` say if the command has
    /// the placeholder.
    pub(crate) fn grade(&self, has_secret: bool, has_body: bool) -> PeerGrade {
        let tokens = RunTokens {
            secret: has_secret.then_some(self.values.secret.as_str()),
            body: has_body.then_some(self.values.body.as_str()),
            began_with_tls: self.scenario.first_port() == FirstPort::Https,
        };
        let seen = observe(&self.record, &self.output, tokens);
        let judgement = judge(self.scenario.wanted(), &seen);
        PeerGrade {
            peer: self.scenario.name().to_owned(),
            expect: self.scenario.expect().to_owned(),
            verdict: judgement.verdict,
            behaviours: judgement.behaviours,
            evidence: judgement.evidence,
            requests: self.record.requests().len(),
            connections: self.record.connections.len(),
            exit: self.output.exit_code(),
            took_ms: u64::try_from(self.output.took.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

fn values_for(peer: &MockPeer, begins_with_tls: bool, certificate: &Path) -> TemplateValues {
    let (base, address) = if begins_with_tls {
        (peer.https_url(), peer.https_address())
    } else {
        (peer.http_url(), peer.http_address())
    };
    let base = base.trim_end_matches('/');
    TemplateValues {
        url: format!("{base}/"),
        authority: (address.ip().to_string(), address.port()),
        certificate: certificate.to_string_lossy().into_owned(),
        secret: format!("secret-{}", random_text()),
        body: format!("content-{}", random_text()),
    }
}

/// 16 hexadecimal digits. They are not for cryptography, but for being found again.
fn random_text() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

/// Counts connections and requests, and wakes a waiter when there are too many.
struct MessageCounter {
    messages: AtomicUsize,
    most: usize,
    excess: Notify,
}

impl MessageCounter {
    fn new(most: usize) -> Self {
        Self { messages: AtomicUsize::new(0), most, excess: Notify::new() }
    }

    fn count(&self, event: &MockEvent) {
        if matches!(event, MockEvent::Connection { .. } | MockEvent::Request { .. })
            && self.messages.fetch_add(1, Ordering::Relaxed) + 1 > self.most
        {
            // It keeps a permit, for a waiter that comes later.
            self.excess.notify_one();
        }
    }

    async fn wait_for_excess(&self) {
        self.excess.notified().await;
    }
}

/// A file with the certificate of a peer, removed when it is dropped.
struct CertificateFile(PathBuf);

impl CertificateFile {
    fn create(certificate: &str) -> Result<Self, GradeError> {
        let path = std::env::temp_dir().join(format!("upshift-grade-{}.pem", random_text()));
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(|source| GradeError::CertificateFile { path: path.clone(), source })?;
        let guard = Self(path.clone());
        file.write_all(certificate.as_bytes())
            .map_err(|source| GradeError::CertificateFile { path, source })?;
        Ok(guard)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for CertificateFile {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = std::fs::remove_file(&self.0);
    }
}
