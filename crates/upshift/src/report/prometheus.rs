//! The numbers of a fleet, from a Prometheus that scrapes its gateways.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{StatusCode, Uri};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use upshift_adoption::fleet::{
    FleetCounters, FleetInput, STEP, Samples, build_fleet_report, expressions, read_answer,
};
use upshift_core::Timestamp;
use upshift_record::Exit;
use upshift_record::adoption::AdoptionReport;

use crate::control::{RemoteGateway, parse_admin_url};
use crate::verb_error::VerbError;

/// The time limit for one query. Prometheus itself gives up after two minutes.
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// The most hours of which all samples are read. A fleet that is restarted more often is counted by
/// the last value of each hour.
const MOST_RAW_HOURS: usize = 500;

/// A Prometheus, by the URL of its HTTP API.
#[derive(Clone, Debug)]
pub(super) struct PrometheusUrl {
    url: Uri,
    /// The value of `Authorization` that the user and the password of the URL make.
    basic: Option<String>,
}

/// A connection to a Prometheus.
struct Prometheus {
    server: RemoteGateway,
    authorization: Option<String>,
}

/// Parses `http://user:password@host:9090/prefix`.
pub(super) fn parse_prometheus_url(text: &str) -> Result<PrometheusUrl, String> {
    let expected = || "expected a URL such as http://127.0.0.1:9090".to_owned();
    let Some((scheme, rest)) = text.split_once("://") else { return Err(expected()) };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (mut bare, mut basic) = (text.to_owned(), None);
    if let Some((user, _)) = authority.rsplit_once('@') {
        bare = format!("{scheme}://{}", &rest[user.len() + 1..]);
        // RFC 7617 §2: user, colon and password.
        let credentials = percent_decode_str(user).decode_utf8_lossy();
        basic = Some(format!("Basic {}", STANDARD.encode(credentials.as_bytes())));
    }
    let url = parse_admin_url(&bare).map_err(|_| expected())?;
    Ok(PrometheusUrl { url, basic })
}

/// The report since `from` of all gateways that a Prometheus scrapes.
pub(super) async fn read_fleet(
    prometheus: PrometheusUrl,
    token: Option<String>,
    (from, now): (Timestamp, Timestamp),
) -> Result<AdoptionReport, VerbError> {
    let PrometheusUrl { url, basic } = prometheus;
    let server = RemoteGateway::at_first_address(url, None).await?;
    let authorization = token.map(|token| format!("Bearer {token}")).or(basic);
    Prometheus { server, authorization }.report((from, now)).await
}

impl Prometheus {
    async fn report(
        &self,
        (from, now): (Timestamp, Timestamp),
    ) -> Result<AdoptionReport, VerbError> {
        let now_second = now.as_second();
        // Whole hours back from now.
        let steps = (now_second - from.as_second()).div_euclid(STEP) + 1;
        let from = now_second - steps * STEP;
        let range = |expression: &str| {
            let query = encoded(expression);
            format!("v1/query_range?query={query}&start={from}&end={now_second}&step={STEP}")
        };
        let starts = self.query(&range(expressions::STARTS)).await?;
        if starts.is_empty() {
            let message = "it has no metrics of Upshift in this period: does it scrape /metrics of \
                           the admin listeners?";
            return Err(VerbError::Message(Exit::NothingRun, self.named(message)));
        }
        let transport = self.query(&range(expressions::TRANSPORT)).await?;
        let rules = self.query(&range(expressions::RULES)).await?;
        let steps = usize::try_from(steps).unwrap_or_default();
        let counters = FleetCounters::new((from, steps), (transport, rules, starts));
        let restarts = self.query(&range(expressions::RESTARTS)).await?;
        let mut raw = Vec::new();
        for hour in counters.raw_hours(&restarts).into_iter().take(MOST_RAW_HOURS) {
            let query = encoded(&hour.expression());
            let samples = self.query(&format!("v1/query?query={query}&time={}", hour.to)).await?;
            raw.push((hour, samples));
        }
        let phases = encoded(expressions::PHASES);
        let phases = self.query(&format!("v1/query?query={phases}&time={now_second}")).await?;
        Ok(build_fleet_report(FleetInput { now, counters, raw, phases }))
    }

    async fn query(&self, path: &str) -> Result<Samples, VerbError> {
        let fetched = self.server.fetch_api(path, self.authorization.as_deref(), TIME_LIMIT).await;
        match fetched.map_err(|error| self.server.verb_error(&error))? {
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => {
                let message = "it asks for authorization: give a token in UPSHIFT_PROMETHEUS_TOKEN, \
                               or http://user:password@host";
                Err(VerbError::environment(self.named(message)))
            }
            (_, body) => match read_answer(&body) {
                Ok(samples) => Ok(samples),
                Err(error) => Err(VerbError::environment(self.named(&error.to_string()))),
            },
        }
    }

    /// A message with the name of the server.
    fn named(&self, message: &str) -> String {
        format!("{}: {message}", self.server.name())
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    #[test]
    fn the_password_does_not_stay_in_the_url() {
        let parsed = parse_prometheus_url("http://ada:p%40ss@prom:9090/sub").unwrap();
        assert_eq!(parsed.url.to_string(), "http://prom:9090/sub");
        // printf ada:p@ss | base64
        assert_eq!(parsed.basic.as_deref(), Some("Basic YWRhOnBAc3M="));
        let plain = parse_prometheus_url("https://prom.example.com").unwrap();
        assert_eq!((plain.url.scheme_str(), plain.basic), (Some("https"), None));
        assert!(parse_prometheus_url("prom:9090").is_err());
    }
}
