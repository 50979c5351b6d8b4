//! The numbers of a fleet for the dashboard, from a Prometheus that scrapes its gateways.
//!
//! 1. A report is kept for a short time, and read once for all pages that are shown meanwhile. So is
//!    a failure: a Prometheus that does not answer does not delay every page.
//! 2. The reading has a time limit as a whole, and goes on if the browser leaves.
//! 3. Answers are parsed on another thread, so that the other routes do not wait.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use rustls::ClientConfig;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};
use upshift_adoption::fleet::FleetReading;
use upshift_core::Timestamp;
use upshift_record::adoption::AdoptionReport;

use crate::settings::PrometheusServer;
use crate::upstream::GetRequest;

/// The time for which a report or a failure is kept.
const FRESH: Duration = Duration::from_secs(10);
/// The time limit for all queries of a report.
const TIME_LIMIT: Duration = Duration::from_secs(5);
/// The most bytes of one answer.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// The most characters of an error. Prometheus writes them.
const MOST_CHARACTERS: usize = 300;

/// The report of a fleet, or the reason that there is none.
type Outcome = Result<Arc<AdoptionReport>, String>;

/// The latest outcome for one period. The lock is held while it is read.
type Slot = tokio::sync::Mutex<Option<(Instant, Outcome)>>;

/// Reads the numbers of a fleet, and keeps them for a short time.
pub(crate) struct FleetNumbers {
    server: PrometheusServer,
    tls: Arc<ClientConfig>,
    /// The slots by the length of the period in seconds.
    slots: Mutex<BTreeMap<i64, Arc<Slot>>>,
}

impl FleetNumbers {
    /// Numbers from `server`.
    pub(crate) fn new(server: PrometheusServer, tls: Arc<ClientConfig>) -> Self {
        Self { server, tls, slots: Mutex::default() }
    }

    /// The URL of the Prometheus for people, without credentials.
    pub(crate) fn url_text(&self) -> String {
        let url = &self.server.url;
        let authority = url.authority().map_or("", |authority| authority.as_str());
        let host = authority.rsplit('@').next().unwrap_or_default();
        let path = url.path().trim_end_matches('/');
        format!("{}://{host}{path}", url.scheme_str().unwrap_or("http"))
    }

    /// The report of the last `seconds`.
    ///
    /// # Errors
    /// If Prometheus does not give it in time; the text says why.
    pub(crate) async fn read_report(self: Arc<Self>, seconds: i64) -> Outcome {
        // A task of its own, so that reloading a page does not send the queries again.
        let reading = tokio::spawn(async move { self.fresh_outcome(seconds).await });
        reading.await.unwrap_or_else(|_| Err("its answers could not be read".to_owned()))
    }

    async fn fresh_outcome(&self, seconds: i64) -> Outcome {
        let slot = self.slot(seconds);
        let mut kept = slot.lock().await;
        if let Some((at, outcome)) = &*kept
            && at.elapsed() < FRESH
        {
            return outcome.clone();
        }
        let outcome = match timeout(TIME_LIMIT, self.query_report(seconds)).await {
            Ok(Ok(report)) => Ok(Arc::new(report)),
            Ok(Err(error)) => Err(error.chars().take(MOST_CHARACTERS).collect()),
            Err(_) => Err(format!("it did not answer all queries in {} s", TIME_LIMIT.as_secs())),
        };
        if let Err(error) = &outcome {
            tracing::warn!(
                url = self.url_text(),
                "Prometheus gives the dashboard no numbers: {error}"
            );
        }
        *kept = Some((Instant::now(), outcome.clone()));
        outcome
    }

    fn slot(&self, seconds: i64) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(seconds).or_default())
    }

    async fn query_report(&self, seconds: i64) -> Result<AdoptionReport, String> {
        let now = Timestamp::now();
        let from = Timestamp::from_second(now.as_second() - seconds).unwrap_or(now);
        let mut reading = FleetReading::new(from, now);
        while let Some(query) = reading.next_query() {
            let (status, body) = self.ask(&query).await?;
            let parsing = spawn_blocking(move || reading.with_answer(status.as_u16(), &body));
            let parsed = parsing.await.map_err(|error| error.to_string())?;
            reading = parsed.map_err(|error| error.to_string())?;
        }
        match spawn_blocking(move || reading.into_report()).await {
            Ok(Some(report)) => Ok(report),
            Ok(None) => Err("its answers are not complete".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn ask(&self, query: &str) -> Result<(StatusCode, Bytes), String> {
        let PrometheusServer { url, authorization } = &self.server;
        let target = format!("{}/api/{query}", url.path().trim_end_matches('/'));
        let request = GetRequest {
            url,
            target: &target,
            authorization: authorization.as_ref(),
            most_bytes: MOST_BYTES,
        };
        request.send(Arc::clone(&self.tls), TIME_LIMIT).await
    }
}
