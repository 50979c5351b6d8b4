//! The access record as JSON.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use http::{HeaderValue, Method};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use upshift_record::DecisionRecord;

use super::names::{http_name, tls_name};
use crate::telemetry::exchange_report::ExchangeReport;
use crate::telemetry::logged_request::{LoggedField, LoggedRequest};

/// The members of a record.
#[derive(Serialize)]
struct JsonRecord<'a> {
    time: String,
    request_id: Option<&'a str>,
    peer: Option<IpAddr>,
    method: Option<&'a str>,
    host: &'a str,
    path: &'a str,
    query: Option<&'a str>,
    protocol: Option<&'a str>,
    http: Option<&'a str>,
    tls: &'a str,
    sent_status: Option<u16>,
    cause: Option<&'a str>,
    milliseconds: f64,
    first_byte_milliseconds: Option<f64>,
    bytes_in: u64,
    bytes_out: u64,
    upstream: Option<&'a str>,
    upstream_milliseconds: Option<f64>,
    attempts: u32,
    user_agent: Option<Cow<'a, str>>,
    fields: FieldValues<'a>,
    caller: Option<String>,
    trace_id: Option<&'a str>,
    #[serde(flatten)]
    decision: Option<&'a DecisionRecord>,
}

/// The values of the fields that requirements read, by their names.
struct FieldValues<'a>(&'a [LoggedField]);

impl Serialize for FieldValues<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for field in self.0 {
            match field.lines.as_slice() {
                [] => map.serialize_entry(&*field.name, &())?,
                [only] => map.serialize_entry(&*field.name, &text_of(only))?,
                lines => {
                    let texts: Vec<Cow<'_, str>> = lines.iter().map(text_of).collect();
                    map.serialize_entry(&*field.name, &texts)?;
                }
            }
        }
        map.end()
    }
}

/// The line of a finished exchange.
pub(super) fn json_line(report: &ExchangeReport, request: &LoggedRequest) -> Vec<u8> {
    let status = report.status().map(|status| status.as_u16());
    let upstream = report.upstream();
    let trace_id = report.trace_id();
    let decided = request.decided.as_ref();
    let record = JsonRecord {
        time: request.time.to_string(),
        request_id: request.request_id.as_ref().and_then(|id| id.to_str().ok()),
        peer: request.peer,
        method: request.method.as_ref().map(Method::as_str),
        host: &request.host,
        path: &request.path,
        query: request.query.as_deref(),
        protocol: request.protocol.as_deref(),
        http: request.http.map(http_name),
        tls: tls_name(request.tls),
        sent_status: status,
        cause: report.cause(),
        milliseconds: milliseconds(report.duration()),
        first_byte_milliseconds: report.first_byte().map(milliseconds),
        bytes_in: report.bytes_in(),
        bytes_out: report.bytes_out(),
        upstream: upstream.as_ref().map(|(endpoint, _)| &**endpoint),
        upstream_milliseconds: upstream.as_ref().map(|(_, took)| milliseconds(*took)),
        attempts: report.attempts(),
        user_agent: request.user_agent.as_ref().map(text_of),
        fields: FieldValues(&request.fields),
        caller: decided.and_then(|decided| decided.caller).map(|caller| caller.to_string()),
        trace_id: trace_id.as_ref().map(|id| id.as_str()),
        decision: decided.map(|decided| &decided.record),
    };
    let mut line = serde_json::to_vec(&record).unwrap_or_default();
    line.push(b'\n');
    line
}

/// Milliseconds, with three digits after the point.
fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// The value of a field as text, with U+FFFD in place of invalid UTF-8.
fn text_of(value: &HeaderValue) -> Cow<'_, str> {
    String::from_utf8_lossy(value.as_bytes().trim_ascii())
}
