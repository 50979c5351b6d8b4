//! The numbers of a fleet, from a Prometheus that scrapes its gateways.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use upshift_adoption::fleet::{FleetReading, PrometheusError};
use upshift_core::Timestamp;
use upshift_record::Exit;
use upshift_record::adoption::AdoptionReport;

use crate::control::RemoteGateway;
use crate::prometheus_url::PrometheusUrl;
use crate::verb_error::VerbError;

/// The time limit for the first query, which a Prometheus answers without reading its data.
const FIRST_TIME_LIMIT: Duration = Duration::from_secs(8);
/// The query that only asks whether a Prometheus answers.
const FIRST_QUERY: &str = "v1/query?query=vector(1)";
/// The time limit for each other query. Prometheus itself gives up after two minutes.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// The report since `from` of all gateways that a Prometheus scrapes.
pub(super) async fn read_fleet(
    prometheus: PrometheusUrl,
    authorization: Option<HeaderValue>,
    (from, now): (Timestamp, Timestamp),
) -> Result<AdoptionReport, VerbError> {
    let server = RemoteGateway::at_first_address(prometheus.url, None).await?;
    let asker = Asker { server: &server, authorization: authorization.as_ref() };
    asker.ask(FIRST_QUERY, FIRST_TIME_LIMIT).await?;
    let mut reading = FleetReading::new(from, now);
    while let Some(query) = reading.next_query() {
        let (status, body) = asker.ask(&query, TIME_LIMIT).await?;
        let added = reading.with_answer(status.as_u16(), &body);
        reading = added.map_err(|error| error_of_answer(&server, &error))?;
    }
    match reading.into_report() {
        Some(report) => Ok(report),
        None => Err(error_of_answer(&server, &PrometheusError::NoMetrics)),
    }
}

/// A server, and the credentials for it.
struct Asker<'a> {
    server: &'a RemoteGateway,
    authorization: Option<&'a HeaderValue>,
}

impl Asker<'_> {
    async fn ask(&self, query: &str, limit: Duration) -> Result<(StatusCode, Bytes), VerbError> {
        let fetched = self.server.fetch_api(query, self.authorization, limit).await;
        let advice = "is Prometheus running? --prometheus names another one";
        fetched.map_err(|error| self.server.verb_error_with_advice(&error, advice))
    }
}

fn error_of_answer(server: &RemoteGateway, error: &PrometheusError) -> VerbError {
    let exit = match error {
        PrometheusError::NoMetrics => Exit::NothingRun,
        _ => return VerbError::environment(format_args!("{}: {error}", server.name())),
    };
    VerbError::Message(exit, format!("{}: {error}", server.name()))
}
