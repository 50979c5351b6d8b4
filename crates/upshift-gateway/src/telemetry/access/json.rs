//! The access record as JSON.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use http::{HeaderValue, Method};
use serde::Serialize;
use upshift_core::{HttpVersion, Known, TlsState};
use upshift_record::DecisionRecord;

use crate::telemetry::exchange_report::ExchangeReport;
use crate::telemetry::logged_request::{LoggedDecision, LoggedRequest};

/// The members of a record.
#[derive(Serialize)]
struct JsonRecord<'a> {
    time: String,
    request_id: Option<&'a str>,
    peer: Option<IpAddr>,
    method: Option<&'a str>,
    host: &'a str,
    path: &'a str,
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
    caller: Option<String>,
    trace_id: Option<&'a str>,
    #[serde(flatten)]
    decision: Option<&'a DecisionRecord>,
}

/// The line of a finished exchange.
pub(crate) fn json_line(report: &ExchangeReport, mut request: LoggedRequest) -> Vec<u8> {
    let status = report.status().map(|status| status.as_u16());
    if let Some(LoggedDecision { record, is_refused: true, .. }) = &mut request.decided {
        // The status of an admitted request is the upstream's, and no part of the decision.
        record.status = status;
    }
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
        caller: decided.and_then(|decided| decided.caller).map(|caller| caller.to_string()),
        trace_id: trace_id.as_ref().map(|id| id.as_str()),
        decision: decided.map(|decided| &decided.record),
    };
    let mut line = serde_json::to_vec(&record).unwrap_or_default();
    line.push(b'\n');
    line
}

/// The name of a version of HTTP.
fn http_name(http: Known<HttpVersion>) -> &'static str {
    match http {
        Known::Is(version) => version.as_str(),
        Known::Unknown => "unknown",
    }
}

/// The name of the protection of a connection.
fn tls_name(tls: Known<TlsState>) -> &'static str {
    match tls {
        Known::Is(TlsState::Cleartext) => "none",
        Known::Is(TlsState::Version(version)) => version.as_str(),
        Known::Is(TlsState::SomeVersion) => "some",
        Known::Unknown => "unknown",
    }
}

/// Milliseconds, with three digits after the point.
fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// The value of a field as text, with U+FFFD in place of invalid UTF-8.
fn text_of(value: &HeaderValue) -> Cow<'_, str> {
    String::from_utf8_lossy(value.as_bytes().trim_ascii())
}
