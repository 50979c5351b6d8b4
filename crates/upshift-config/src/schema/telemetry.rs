//! `[telemetry]`.

use std::collections::BTreeMap;

use schemars::JsonSchema;

use super::values::{DurationValue, OrFalse, ShareValue};

/// Traces, and the export of metrics and traces.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Telemetry")]
pub(super) struct TelemetryTable {
    /// A forwarded request without a valid `traceparent` begins a trace.
    start_traces: Option<bool>,
    /// The share of the traces begun here that is sampled; left out: as `OTEL_TRACES_SAMPLER` says,
    /// else all of them.
    sample: Option<ShareValue>,
    /// The export over OTLP; false: none, even if the environment names an endpoint.
    otlp: Option<OrFalse<OtlpTable>>,
}

/// The export over OTLP.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Otlp")]
pub(super) struct OtlpTable {
    /// The URL that `/v1/metrics` and `/v1/traces` are appended to; left out: as
    /// `OTEL_EXPORTER_OTLP_ENDPOINT` says, else `http://localhost:4318`.
    endpoint: Option<String>,
    /// Fields of every request, such as one with a token.
    headers: Option<BTreeMap<String, String>>,
    /// The time between two exports of metrics; 1 second at least.
    interval: Option<DurationValue>,
    /// The resource attribute `service.name`; left out: as `OTEL_SERVICE_NAME` says, else
    /// `upshift`.
    service_name: Option<String>,
    /// Metrics are exported.
    metrics: Option<bool>,
    /// Traces are exported.
    traces: Option<bool>,
}
