//! The families of `/metrics` as metrics of OpenTelemetry. A receiver that writes them for
//! Prometheus gives them the names that `/metrics` has: `upshift.http_requests` becomes
//! `upshift_http_requests_total` again.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, Sum,
};
use prometheus_client::encoding::prometheus_protobuf::prometheus_data_model as prometheus;

use super::attributes::text;
use super::span_of_time::SpanOfTime;

/// The metrics of the process that have another name in the conventions of OpenTelemetry.
const RENAMED: [(&str, &str); 5] = [
    ("process_cpu_seconds_total", "process.cpu.time"),
    ("process_resident_memory_bytes", "process.memory.usage"),
    ("process_virtual_memory_bytes", "process.memory.virtual"),
    ("process_open_fds", "process.unix.file_descriptor.count"),
    ("process_threads", "process.thread.count"),
];

/// The metrics of `families`.
pub(super) fn metrics_of(families: Vec<prometheus::MetricFamily>, time: SpanOfTime) -> Vec<Metric> {
    let mut metrics = Vec::new();
    for family in families {
        if let Some(data) = data_of(&family, time) {
            metrics.push(Metric {
                name: metric_name(&family.name, &family.unit),
                description: family.help,
                unit: unit_of(&family.unit, &family.name).to_owned(),
                data: Some(data),
                ..Metric::default()
            });
        }
    }
    metrics
}

/// The name without the endings that stand for the unit and the type.
fn metric_name(name: &str, unit: &str) -> String {
    if let Some((_, renamed)) = RENAMED.iter().find(|(known, _)| *known == name) {
        return (*renamed).to_owned();
    }
    let mut short = name.strip_suffix("_total").unwrap_or(name);
    let ending = if unit.is_empty() { "_ratio".to_owned() } else { format!("_{unit}") };
    short = short.strip_suffix(&ending).unwrap_or(short);
    match short.split_once('_') {
        Some((namespace, rest)) => format!("{namespace}.{rest}"),
        None => short.to_owned(),
    }
}

/// The unit, as UCUM writes it.
fn unit_of(unit: &str, name: &str) -> &'static str {
    match unit {
        "seconds" => "s",
        "bytes" => "By",
        _ if name.ends_with("_ratio") => "1",
        _ => "",
    }
}

fn data_of(family: &prometheus::MetricFamily, time: SpanOfTime) -> Option<Data> {
    let cumulative = AggregationTemporality::Cumulative as i32;
    match family.r#type() {
        prometheus::MetricType::Counter => Some(Data::Sum(Sum {
            data_points: number_points(family, time),
            aggregation_temporality: cumulative,
            is_monotonic: true,
        })),
        prometheus::MetricType::Histogram => {
            let mut data_points = Vec::new();
            for metric in &family.metric {
                data_points.extend(histogram_point(metric, time));
            }
            Some(Data::Histogram(Histogram { data_points, aggregation_temporality: cumulative }))
        }
        prometheus::MetricType::Gauge => {
            Some(Data::Gauge(Gauge { data_points: number_points(family, time) }))
        }
        // The gateway has no family of another type.
        _ => None,
    }
}

fn number_points(family: &prometheus::MetricFamily, time: SpanOfTime) -> Vec<NumberDataPoint> {
    let mut points = Vec::new();
    for metric in &family.metric {
        let (value, start) = match (&metric.counter, &metric.gauge) {
            (Some(counter), _) => (counter.value, time.start),
            (None, Some(gauge)) => (gauge.value, 0),
            (None, None) => continue,
        };
        points.push(NumberDataPoint {
            attributes: attributes_of(metric),
            start_time_unix_nano: start,
            time_unix_nano: time.end,
            value: Some(Value::AsDouble(value)),
            ..NumberDataPoint::default()
        });
    }
    points
}

fn histogram_point(metric: &prometheus::Metric, time: SpanOfTime) -> Option<HistogramDataPoint> {
    let histogram = metric.histogram.as_ref()?;
    let (mut counts, mut bounds, mut before) = (Vec::new(), Vec::new(), 0);
    for bucket in &histogram.bucket {
        counts.push(bucket.cumulative_count - before);
        before = bucket.cumulative_count;
        if bucket.upper_bound.is_finite() {
            bounds.push(bucket.upper_bound);
        }
    }
    Some(HistogramDataPoint {
        attributes: attributes_of(metric),
        start_time_unix_nano: time.start,
        time_unix_nano: time.end,
        count: histogram.sample_count,
        sum: Some(histogram.sample_sum),
        bucket_counts: counts,
        explicit_bounds: bounds,
        ..HistogramDataPoint::default()
    })
}

fn attributes_of(metric: &prometheus::Metric) -> Vec<KeyValue> {
    let mut attributes = Vec::new();
    for label in &metric.label {
        attributes.push(text(&label.name, &label.value));
    }
    attributes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_namespace_and_no_endings() {
        for (name, unit, expected) in [
            ("upshift_http_requests_total", "", "upshift.http_requests"),
            ("upshift_http_request_duration_seconds", "seconds", "upshift.http_request_duration"),
            ("upshift_http_received_bytes_total", "bytes", "upshift.http_received"),
            ("upshift_rule_rollout_ratio", "", "upshift.rule_rollout"),
            ("upshift_build_info", "", "upshift.build_info"),
            ("process_cpu_seconds_total", "seconds", "process.cpu.time"),
            ("process_max_fds", "", "process.max_fds"),
        ] {
            assert_eq!(metric_name(name, unit), expected);
        }
        assert_eq!(unit_of("", "upshift_rule_rollout_ratio"), "1");
    }
}
