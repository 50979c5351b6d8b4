//! The spans of exchanges: one of the gateway as a server, and one as a client for each attempt to
//! get a response from an upstream.

use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};

use super::attributes::{number, text};
use super::http_metrics::{outcome_attributes, request_attributes, server_attributes};
use super::ids::id_bytes;
use super::span_of_time::nanoseconds;
use crate::telemetry::trace_context::SpanId;
use crate::telemetry::traces::{FinishedAttempt, FinishedExchange};

/// The flag for a span whose parent is known to be in another process (`SpanFlags`), and that for
/// knowing it.
const HAS_REMOTE_PARENT: u32 = 0x300;

/// The flag for knowing that the parent is in this process.
const HAS_LOCAL_PARENT: u32 = 0x100;

/// The spans of one exchange.
pub(super) fn spans_of(exchange: &FinishedExchange) -> Vec<Span> {
    let mut spans = vec![server_span(exchange)];
    for (number, attempt) in exchange.attempts.iter().enumerate() {
        spans.push(client_span(exchange, attempt, number));
    }
    spans
}

fn server_span(exchange: &FinishedExchange) -> Span {
    let FinishedExchange { trace, labels, request, .. } = exchange;
    let mut attributes = request_attributes(labels);
    attributes.push(text("network.protocol.version", labels.http));
    attributes.extend(outcome_attributes(exchange.status, exchange.error));
    attributes.push(text("url.path", &request.path));
    if !request.host.is_empty() {
        attributes.push(text("server.address", &request.host));
    }
    attributes.extend(request.peer.map(|peer| text("client.address", peer.to_string())));
    attributes.extend(exchange.verdict.map(|verdict| text("upshift.verdict", verdict)));
    if let Some([rule, phase, reason]) = &request.decision {
        attributes.push(text("upshift.rule", rule));
        attributes.push(text("upshift.phase", phase));
        attributes.push(text("upshift.reason", reason));
    }
    let parent = trace.context.parent;
    Span {
        parent_span_id: parent.map(|parent| id_bytes(parent.as_str())).unwrap_or_default(),
        flags: if parent.is_some() { HAS_REMOTE_PARENT } else { HAS_LOCAL_PARENT },
        kind: SpanKind::Server as i32,
        attributes,
        status: error_status(exchange.error),
        ..new_span(exchange, trace.span_id, exchange.duration, exchange.duration)
    }
}

fn client_span(exchange: &FinishedExchange, attempt: &FinishedAttempt, earlier: usize) -> Span {
    let mut attributes = vec![text("http.request.method", exchange.labels.method)];
    attributes.extend(server_attributes(&attempt.endpoint));
    attributes.push(text("url.full", format!("{}{}", attempt.endpoint, exchange.request.path)));
    attributes.extend(outcome_attributes(attempt.status, attempt.error));
    if earlier > 0 {
        attributes.push(number("http.request.resend_count", earlier as i64));
    }
    Span {
        parent_span_id: id_bytes(exchange.trace.span_id.as_str()),
        flags: HAS_LOCAL_PARENT,
        kind: SpanKind::Client as i32,
        attributes,
        status: error_status(attempt.error),
        ..new_span(exchange, attempt.span_id, attempt.before_end, attempt.took)
    }
}

/// A span of `exchange` that began `before_end` of its end, and took so long.
fn new_span(
    exchange: &FinishedExchange,
    span_id: SpanId,
    before_end: Duration,
    took: Duration,
) -> Span {
    let ended = nanoseconds(exchange.ended);
    let began = ended.saturating_sub(before_end.as_nanos() as u64);
    // The name of a span has few values, so that spans can be compared: it has no path. The
    // conventions have `HTTP` for a method that is not known.
    let method = exchange.labels.method;
    Span {
        trace_id: id_bytes(exchange.trace.context.trace_id.as_str()),
        span_id: id_bytes(span_id.as_str()),
        name: if method == "_OTHER" { "HTTP".to_owned() } else { method.to_owned() },
        start_time_unix_nano: began,
        end_time_unix_nano: began + took.as_nanos() as u64,
        ..Span::default()
    }
}

fn error_status(error: Option<&str>) -> Option<Status> {
    error.map(|_| Status { code: StatusCode::Error as i32, ..Status::default() })
}
