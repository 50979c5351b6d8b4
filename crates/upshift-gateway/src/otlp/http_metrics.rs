//! The metrics that the conventions of OpenTelemetry have for HTTP servers and clients. They are
//! made of the same counts as the families of `/metrics`.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Exemplar, Histogram, HistogramDataPoint, Metric, NumberDataPoint, Sum,
    exemplar,
};

use super::attributes::{flag, number, text};
use super::ids::id_bytes;
use super::span_of_time::{SpanOfTime, nanoseconds};
use crate::telemetry::exchange_counts::ExchangeCounts;
use crate::telemetry::histogram::{BOUNDS, DurationHistogram};
use crate::telemetry::http_series::{AttemptSeries, ExchangeSeries, HttpSeries};
use crate::telemetry::request_labels::RequestLabels;

/// The metrics of servers and clients.
pub(super) fn http_metrics(counts: &ExchangeCounts, time: SpanOfTime) -> Vec<Metric> {
    vec![
        server_durations(counts, time),
        active_requests(counts, time),
        client_durations(counts, time),
    ]
}

fn server_durations(counts: &ExchangeCounts, time: SpanOfTime) -> Metric {
    let mut points = Vec::new();
    for (ExchangeSeries { verdict, http }, histogram) in &counts.durations {
        let mut attributes = match http {
            HttpSeries::Uncounted => continue,
            HttpSeries::Overflow => vec![flag("otel.metric.overflow")],
            HttpSeries::Counted { request, status, error } => {
                let mut attributes = request_attributes(request);
                attributes.push(text("network.protocol.version", request.http));
                attributes.extend(outcome_attributes(*status, *error));
                attributes
            }
        };
        attributes.push(text("upshift.verdict", *verdict));
        points.push(histogram_point(histogram, attributes, time));
    }
    let description = "Duration of HTTP server requests.";
    duration_metric("http.server.request.duration", description, points)
}

fn client_durations(counts: &ExchangeCounts, time: SpanOfTime) -> Metric {
    let mut points = Vec::new();
    for (endpoint, series) in &counts.upstream_durations {
        for (series, histogram) in series {
            let mut attributes = match series {
                AttemptSeries::Uncounted => continue,
                AttemptSeries::Overflow => vec![flag("otel.metric.overflow")],
                AttemptSeries::Counted { method, status, error } => {
                    let mut attributes = vec![text("http.request.method", *method)];
                    attributes.extend(outcome_attributes(*status, *error));
                    attributes
                }
            };
            attributes.extend(server_attributes(endpoint));
            points.push(histogram_point(histogram, attributes, time));
        }
    }
    duration_metric("http.client.request.duration", "Duration of HTTP client requests.", points)
}

fn active_requests(counts: &ExchangeCounts, time: SpanOfTime) -> Metric {
    let mut data_points = Vec::new();
    for ((method, scheme), count) in &counts.in_flight {
        data_points.push(NumberDataPoint {
            attributes: vec![text("http.request.method", *method), text("url.scheme", *scheme)],
            start_time_unix_nano: time.start,
            time_unix_nano: time.end,
            value: Some(Value::AsInt(*count)),
            ..NumberDataPoint::default()
        });
    }
    Metric {
        name: "http.server.active_requests".to_owned(),
        description: "Number of active HTTP server requests.".to_owned(),
        unit: "{request}".to_owned(),
        data: Some(Data::Sum(Sum {
            data_points,
            aggregation_temporality: AggregationTemporality::Cumulative as i32,
            is_monotonic: false,
        })),
        ..Metric::default()
    }
}

/// The attributes of a request that a server knows with its head.
pub(super) fn request_attributes(request: &RequestLabels) -> Vec<KeyValue> {
    vec![text("http.request.method", request.method), text("url.scheme", request.scheme)]
}

/// The attributes of an outcome.
pub(super) fn outcome_attributes(status: Option<u16>, error: Option<&str>) -> Vec<KeyValue> {
    let mut attributes = Vec::new();
    attributes.extend(status.map(|status| number("http.response.status_code", status.into())));
    attributes.extend(error.map(|error| text("error.type", error)));
    attributes
}

/// The attributes of the server at `endpoint`, which is written as an origin.
pub(super) fn server_attributes(endpoint: &str) -> Vec<KeyValue> {
    let (scheme, authority) = endpoint.split_once("://").unwrap_or(("http", endpoint));
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, ""));
    let default = if scheme == "https" { 443 } else { 80 };
    vec![
        text("url.scheme", scheme),
        text("server.address", host.trim_matches(['[', ']'])),
        number("server.port", port.parse().unwrap_or(default)),
    ]
}

fn duration_metric(name: &str, description: &str, points: Vec<HistogramDataPoint>) -> Metric {
    Metric {
        name: name.to_owned(),
        description: description.to_owned(),
        unit: "s".to_owned(),
        data: Some(Data::Histogram(Histogram {
            data_points: points,
            aggregation_temporality: AggregationTemporality::Cumulative as i32,
        })),
        ..Metric::default()
    }
}

fn histogram_point(
    histogram: &DurationHistogram,
    attributes: Vec<KeyValue>,
    time: SpanOfTime,
) -> HistogramDataPoint {
    let (mut bucket_counts, mut exemplars) = (Vec::new(), Vec::new());
    for (index, (_, count)) in histogram.classic_buckets().into_iter().enumerate() {
        bucket_counts.push(count);
        if let Some(known) = histogram.exemplar(index) {
            exemplars.push(Exemplar {
                time_unix_nano: nanoseconds(known.at),
                trace_id: id_bytes(known.trace_id.as_str()),
                value: Some(exemplar::Value::AsDouble(known.seconds)),
                ..Exemplar::default()
            });
        }
    }
    HistogramDataPoint {
        attributes,
        start_time_unix_nano: time.start,
        time_unix_nano: time.end,
        count: histogram.count(),
        sum: Some(histogram.sum()),
        bucket_counts,
        explicit_bounds: BOUNDS.to_vec(),
        exemplars,
        ..HistogramDataPoint::default()
    }
}
