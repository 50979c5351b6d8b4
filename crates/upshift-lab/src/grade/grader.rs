//! Runs a client against peers, one after the other or several at a time.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use upshift_record::grade::{GRADE_SCHEMA, GradeReport, PeerGrade, PeerVerdict};

use super::client_template::{ClientTemplate, TemplateValues};
use super::judgement::judge;
use super::letter::score;
use super::observation::{RunTokens, observe};
use crate::client_run::run_client;
use crate::mock::{ClientKind, FirstPort, MockError, MockEvent, MockOptions, MockPeer, Scenario};

/// The limits of each run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GradeLimits {
    /// The time after which a client hung.
    pub time: Duration,
    /// The number of connections and requests together after which a client loops.
    pub messages: usize,
    /// The number of clients that run at a time.
    pub at_a_time: usize,
}

impl Default for GradeLimits {
    fn default() -> Self {
        Self { time: Duration::from_secs(10), messages: 60, at_a_time: 2 }
    }
}

/// A grade that could not be given.
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

/// After the client has ended, its last octets may still be on their way to the peer.
const LAST_OCTETS: Duration = Duration::from_millis(100);

/// Runs the client against each peer, and grades it. `progress` is called with each result.
///
/// # Errors
/// If a peer cannot be started, or its certificate cannot be written to a file.
pub async fn grade_client(
    template: &ClientTemplate,
    peers: Vec<Scenario>,
    limits: GradeLimits,
    mut progress: impl FnMut(&PeerGrade),
) -> Result<GradeReport, GradeError> {
    let permits = Arc::new(Semaphore::new(limits.at_a_time.max(1)));
    let mut running = JoinSet::new();
    for (place, scenario) in peers.into_iter().enumerate() {
        let (template, permits) = (template.clone(), Arc::clone(&permits));
        running.spawn(async move {
            // The semaphore is never closed.
            let _permit = permits.acquire().await;
            (place, grade_with_peer(&template, scenario, limits).await)
        });
    }
    let mut grades = Vec::new();
    while let Some(joined) = running.join_next().await {
        let (place, grade) = match joined {
            Ok((place, grade)) => (place, grade?),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        progress(&grade);
        grades.push((place, grade));
    }
    grades.sort_by_key(|(place, _)| *place);
    let peers: Vec<PeerGrade> = grades.into_iter().map(|(_, grade)| grade).collect();
    let score = score(&peers);
    Ok(GradeReport {
        schema: GRADE_SCHEMA,
        command: template.words(),
        letter: score.letter.map(super::Letter::as_char),
        points: score.points,
        most_points: score.most_points,
        limited_by: score.limited_by,
        peers,
    })
}

async fn grade_with_peer(
    template: &ClientTemplate,
    scenario: Scenario,
    limits: GradeLimits,
) -> Result<PeerGrade, GradeError> {
    if let Some(why) = why_not_played(template, &scenario) {
        return Ok(not_played(&scenario, why));
    }
    let (wanted, expect, name) =
        (scenario.wanted(), scenario.expect().to_owned(), scenario.name().to_owned());
    let begins_with_tls = scenario.first_port() == FirstPort::Https;
    let counter = Arc::new(MessageCounter::new(limits.messages));
    let counting = Arc::clone(&counter);
    let options = MockOptions::new().scenario(scenario);
    let peer = options.on_event(move |event| counting.count(event)).start().await?;
    let certificate = CertificateFile::create(peer.certificate_pem())?;
    let values = values_for(&peer, begins_with_tls, certificate.path());
    let command = template.fill(&values);
    let output = run_client(&command, limits.time, counter.wait_for_excess()).await;
    tokio::time::sleep(LAST_OCTETS).await;
    let record = peer.stop().await;
    let tokens = RunTokens {
        secret: template.uses("{secret}").then_some(&values.secret),
        body: template.uses("{body}").then_some(&values.body),
        began_with_tls: begins_with_tls,
    };
    let judgement = judge(wanted, &observe(&record, &output, tokens));
    Ok(PeerGrade {
        peer: name,
        expect,
        verdict: judgement.verdict,
        behaviours: judgement.behaviours,
        evidence: judgement.evidence,
        requests: record.requests().len(),
        connections: record.connections.len(),
        exit: output.exit_code(),
        took_ms: u64::try_from(output.took.as_millis()).unwrap_or(u64::MAX),
    })
}

/// A WebSocket client cannot play a peer that has no WebSocket, and others cannot play one that is
/// about the handshake.
fn why_not_played(template: &ClientTemplate, scenario: &Scenario) -> Option<&'static str> {
    match (template.is_websocket(), scenario.client_kind()) {
        (true, ClientKind::Http) => Some("it is about HTTP, and the client opens a WebSocket"),
        (false, ClientKind::Websocket) => Some("it is about WebSockets, which `{ws-url}` opens"),
        _ => None,
    }
}

fn not_played(scenario: &Scenario, why: &str) -> PeerGrade {
    PeerGrade {
        peer: scenario.name().to_owned(),
        expect: scenario.expect().to_owned(),
        verdict: PeerVerdict::Unsupported,
        behaviours: Vec::new(),
        evidence: vec![why.to_owned()],
        requests: 0,
        connections: 0,
        exit: None,
        took_ms: 0,
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
