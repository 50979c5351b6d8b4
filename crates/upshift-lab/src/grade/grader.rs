//! Runs a client against peers, one after the other or several at a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use upshift_record::grade::{GRADE_SCHEMA, GradeReport, PeerGrade, PeerVerdict};

use super::client_template::ClientTemplate;
use super::letter::score;
use super::session::{ClientSession, GradeError};
use crate::mock::{ClientKind, Scenario};

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
    let session = ClientSession { scenario, time: limits.time, messages: limits.messages };
    let run = session.run(|values| template.fill(values), std::future::pending()).await?;
    let has_secret = template.uses("{secret}");
    Ok(run.grade(has_secret, template.uses("{body}")))
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
