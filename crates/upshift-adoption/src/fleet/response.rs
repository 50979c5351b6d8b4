//! The answers of the HTTP API of Prometheus.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The labels of a series.
pub(super) type Labels = BTreeMap<String, String>;

/// Series of samples, each with its labels.
#[derive(Clone, Debug, Default)]
pub(super) struct Samples {
    pub(super) series: Vec<Series>,
}

#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) labels: Labels,
    /// Times in seconds since 1970, and values.
    pub(super) points: Vec<(f64, f64)>,
}

/// The reason why an answer has no samples.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrometheusError {
    /// It is not one of Prometheus.
    #[error("it does not answer as a Prometheus does: {0}")]
    NotPrometheus(String),
    /// Prometheus could not evaluate the query.
    #[error("it could not evaluate a query: {0}")]
    Failed(String),
    /// It asks for other credentials.
    #[error(
        "it asks for authorization: give a token in UPSHIFT_PROMETHEUS_TOKEN, or \
         http://user:password@host"
    )]
    Unauthorized,
    /// No gateway was scraped in the period.
    #[error(
        "it has no metrics of Upshift in this period: does it scrape /metrics of the admin \
         listeners?"
    )]
    NoMetrics,
    /// A part of the data is missing.
    #[error("its answer is not complete: {0}")]
    Partial(String),
}

#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Vec<String>,
    data: Option<AnswerData>,
}

#[derive(Deserialize)]
struct AnswerData {
    #[serde(default)]
    result: Vec<AnswerSeries>,
}

#[derive(Deserialize)]
struct AnswerSeries {
    metric: Labels,
    value: Option<(f64, String)>,
    #[serde(default)]
    values: Vec<(f64, String)>,
}

impl Samples {
    /// Returns true if there is no series.
    pub(super) fn is_empty(&self) -> bool {
        self.series.is_empty()
    }
}

/// Reads the body of an answer of `/api/v1/query` or `/api/v1/query_range`, and its HTTP status.
///
/// # Errors
/// If it is not one, or has no samples, or not all of them.
pub(super) fn read_answer(http_status: u16, body: &[u8]) -> Result<Samples, PrometheusError> {
    let Ok(answer) = serde_json::from_slice::<Answer>(body) else {
        // Another server answers with a page, or with JSON of its own: a gateway with its problem
        // details, for example.
        let message = format!(
            "status {http_status}, and no answer of its HTTP API; the URL must be that of a \
             Prometheus, not of a gateway"
        );
        return Err(PrometheusError::NotPrometheus(message));
    };
    let Answer { status, error, warnings, data } = answer;
    match (status.as_str(), data) {
        ("success", Some(data)) => {
            // Thanos and Mimir warn if a part of the stores did not answer.
            if let Some(warning) = warnings.into_iter().next() {
                return Err(PrometheusError::Partial(warning));
            }
            data.result
                .into_iter()
                .map(Series::try_from)
                .collect::<Result<_, _>>()
                .map(Samples::new)
        }
        ("error", _) => Err(PrometheusError::Failed(error)),
        (status, _) => Err(PrometheusError::NotPrometheus(format!("status {status:?}"))),
    }
}

impl Samples {
    fn new(series: Vec<Series>) -> Self {
        Self { series }
    }
}

impl TryFrom<AnswerSeries> for Series {
    type Error = PrometheusError;

    fn try_from(answer: AnswerSeries) -> Result<Self, PrometheusError> {
        let mut points = Vec::with_capacity(answer.values.len());
        for (time, value) in answer.value.into_iter().chain(answer.values) {
            let Ok(value) = value.parse() else {
                return Err(PrometheusError::NotPrometheus(format!("a value {value:?}")));
            };
            points.push((time, value));
        }
        Ok(Self { labels: answer.metric, points })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    #[test]
    fn answers_are_samples_or_a_reason() {
        let matrix = r#"{"status":"success","data":{"resultType":"matrix","result":[
            {"metric":{"rule":"a"},"values":[[10,"1"],[20.5,"3"]]}]}}"#;
        let samples = read_answer(200, matrix.as_bytes()).unwrap();
        assert_eq!(samples.series[0].points, [(10.0, 1.0), (20.5, 3.0)]);
        let failed = r#"{"status":"error","errorType":"timeout","error":"query timed out"}"#;
        assert!(read_answer(503, failed.as_bytes()).unwrap_err().to_string().contains("timed out"));
        assert!(matches!(read_answer(200, b"<html>"), Err(PrometheusError::NotPrometheus(_))));
        let partial = r#"{"status":"success","warnings":["store x is down"],"data":{"result":[]}}"#;
        assert!(matches!(read_answer(200, partial.as_bytes()), Err(PrometheusError::Partial(_))));
    }

    /// The message was one of the JSON parser: "invalid type: integer `404`, expected a string".
    #[test]
    fn an_answer_of_a_gateway_is_named_as_such() {
        let problem = br#"{"type":"about:blank","title":"Not Found","status":404}"#;
        let error = read_answer(404, problem).unwrap_err().to_string();
        let expected = "it does not answer as a Prometheus does: status 404, and no answer of its \
                        HTTP API; the URL must be that of a Prometheus, not of a gateway";
        assert_eq!(error, expected);
    }
}
