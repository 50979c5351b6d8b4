//! The numbers of a fleet, from a Prometheus that scrapes its gateways.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use tokio::time::timeout;
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
/// The time limit for all other queries together. Prometheus itself gives up on one after two
/// minutes.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// The report since `from` of all gateways that a Prometheus scrapes.
pub(super) async fn read_fleet(
    prometheus: PrometheusUrl,
    authorization: Option<HeaderValue>,
    period: (Timestamp, Timestamp),
) -> Result<AdoptionReport, VerbError> {
    let server = RemoteGateway::at_first_address(prometheus.url, None).await?;
    let asker = Asker { server: &server, authorization: authorization.as_ref() };
    asker.ask(FIRST_QUERY, FIRST_TIME_LIMIT).await?;
    asker.read_report(period, TIME_LIMIT).await
}

/// A server, and the credentials for it.
struct Asker<'a> {
    server: &'a RemoteGateway,
    authorization: Option<&'a HeaderValue>,
}

impl Asker<'_> {
    /// Sends all queries of a report.
    async fn read_report(
        &self,
        period: (Timestamp, Timestamp),
        limit: Duration,
    ) -> Result<AdoptionReport, VerbError> {
        match timeout(limit, self.query_report(period, limit)).await {
            Ok(report) => report,
            Err(_) => Err(VerbError::environment(format_args!(
                "{}: it did not answer all queries within {} seconds\n  help: choose a shorter \
                 period with --since",
                self.server.name(),
                limit.as_secs()
            ))),
        }
    }

    async fn query_report(
        &self,
        (from, now): (Timestamp, Timestamp),
        limit: Duration,
    ) -> Result<AdoptionReport, VerbError> {
        let mut reading = FleetReading::new(from, now);
        while let Some(query) = reading.next_query() {
            let (status, body) = self.ask(&query, limit).await?;
            let added = reading.with_answer(status.as_u16(), &body);
            reading = added.map_err(|error| error_of_answer(self.server, &error))?;
        }
        match reading.into_report() {
            Some(report) => Ok(report),
            None => Err(error_of_answer(self.server, &PrometheusError::NoMetrics)),
        }
    }

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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    const ANSWER: &str =
        "{\"status\":\"success\",\"data\":{\"result\":[{\"metric\":{},\"values\":[[0,\"1\"]]}]}}";

    /// Answers a request after some time. The client may have left by then.
    fn answer_late(mut client: TcpStream, after: Duration) {
        let mut head = [0; 4096];
        let _ = client.read(&mut head);
        client.set_read_timeout(Some(after)).unwrap();
        let _ = client.read(&mut head);
        let length = ANSWER.len();
        let _ = write!(
            client,
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{ANSWER}"
        );
    }

    /// Each query had a limit of its own, so that a slow Prometheus held a report up for minutes.
    #[tokio::test]
    async fn all_queries_together_have_one_limit() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                answer_late(client, Duration::from_millis(400));
            }
        });
        let server = RemoteGateway::at_first_address(url.parse().unwrap(), None).await.unwrap();
        let asker = Asker { server: &server, authorization: None };
        let period = (Timestamp::UNIX_EPOCH, Timestamp::from_second(7_200).unwrap());
        // Five queries take two seconds, and each of them less than the limit.
        let slow = asker.read_report(period, Duration::from_secs(1)).await;
        let text = format!("{:?}", slow.unwrap_err());
        assert!(text.contains("did not answer all queries within 1 seconds"), "{text}");
    }
}
