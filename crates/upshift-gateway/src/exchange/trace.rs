//! The trace of an exchange: the one that the request belongs to, or one that begins here.

use std::cell::RefCell;

use http::HeaderMap;

use crate::fields::request_fields::RequestFields;
use crate::random::Random;
use crate::telemetry::exchange_report::ExchangeReport;
use crate::telemetry::plan::TelemetryPlan;
use crate::telemetry::trace_context::{SpanId, TRACEPARENT, TRACESTATE, TraceContext};
use crate::telemetry::traces::ExchangeTrace;

/// The trace of a request with these fields. Without an export, the gateway has no span of its own,
/// and a request that belongs to no trace has none until it is forwarded.
pub(super) fn begin_trace(
    fields: &RequestFields<'_>,
    plan: &TelemetryPlan,
    random: &RefCell<Random>,
) -> Option<ExchangeTrace> {
    let received = TraceContext::from_fields(fields);
    if plan.traces.is_none() {
        let context = received?;
        return Some(ExchangeTrace { context, span_id: context.parent?, is_recorded: false });
    }
    let random = &mut *random.borrow_mut();
    let context = match received {
        Some(received) => received,
        None if plan.start_traces => TraceContext::start(random),
        None => return None,
    };
    let is_recorded = plan.sampler.is_sampled(&context);
    let context = context.with_sampled(is_recorded);
    Some(ExchangeTrace { context, span_id: SpanId::generate(random), is_recorded })
}

/// Sets the fields that name the trace of a request that is forwarded.
pub(super) fn forward_trace(
    headers: &mut HeaderMap,
    plan: &TelemetryPlan,
    random: &RefCell<Random>,
    report: &ExchangeReport,
) {
    let Some(trace) = report.trace() else {
        // W3C Trace Context §4.3: if the field cannot be used, "the vendor creates a new traceparent
        // header and deletes tracestate". §4.4: a proxy may also just remove it.
        headers.remove(TRACEPARENT);
        headers.remove(TRACESTATE);
        if plan.start_traces {
            let trace = start_trace(plan, &mut random.borrow_mut());
            headers.insert(TRACEPARENT, trace.context.field_value(trace.span_id));
            report.set_trace(trace);
        }
        return;
    };
    // Without a span of its own, the gateway passes on what it received.
    if plan.traces.is_none() {
        return;
    }
    headers.insert(TRACEPARENT, trace.context.field_value(trace.span_id));
    // §3.3: state without a valid `traceparent` has to be discarded.
    if trace.context.parent.is_none() {
        headers.remove(TRACESTATE);
    }
}

fn start_trace(plan: &TelemetryPlan, random: &mut Random) -> ExchangeTrace {
    let context = TraceContext::start(random);
    let context = context.with_sampled(plan.sampler.is_sampled(&context));
    ExchangeTrace { context, span_id: SpanId::generate(random), is_recorded: false }
}
