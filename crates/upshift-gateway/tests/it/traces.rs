//! `traceparent` and `tracestate` through the gateway, without an export (W3C Trace Context).

use crate::support::{Running, TestUpstream, exchange, field, settings_with, status};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

const CALLER: &str = "00f067aa0ba902b7";

/// The request that arrives at the upstream when a client sends these fields.
fn forwarded(start_traces: bool, fields: &str) -> String {
    let upstream = TestUpstream::answering(OK);
    let gateway = Running::start(settings_with(upstream.address, |settings| {
        settings.file.telemetry.start_traces = start_traces;
    }));
    let request = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}Connection: close\r\n\r\n");
    assert_eq!(status(&exchange(gateway.http(), &request)), 200);
    upstream.only()
}

/// The parts of the one `traceparent` of a request: version, trace, span, flags.
fn traceparent(request: &str) -> Vec<String> {
    let count = request.to_ascii_lowercase().matches("\r\ntraceparent:").count();
    assert_eq!(count, 1, "{request}");
    let value = field(request, "traceparent").unwrap_or_default();
    value.split('-').map(str::to_owned).collect()
}

#[test]
fn a_valid_context_goes_on_unchanged() {
    for value in [
        format!("00-{TRACE}-{CALLER}-01"),
        format!("00-{TRACE}-{CALLER}-00"),
        format!("cc-{TRACE}-{CALLER}-01-what-is-to-come"),
    ] {
        for start_traces in [true, false] {
            let fields = format!("TraceParent: {value}\r\ntracestate: a=1\r\ntracestate: b=2\r\n");
            let request = forwarded(start_traces, &fields);
            assert_eq!(field(&request, "traceparent").as_deref(), Some(&*value));
            assert!(request.contains("a=1") && request.contains("b=2"), "{request}");
        }
    }
}

#[test]
fn a_request_without_a_context_begins_a_trace() {
    let [one, other] = [forwarded(true, ""), forwarded(true, "")].map(|it| traceparent(&it));
    for parts in [&one, &other] {
        let lengths: Vec<usize> = parts.iter().map(String::len).collect();
        assert_eq!(lengths, [2, 32, 16, 2], "{parts:?}");
        assert_eq!((&*parts[0], &*parts[3]), ("00", "01"), "a new trace is sampled by default");
    }
    assert_ne!(one[1], other[1]);
}

/// §4.3: with an invalid `traceparent` "the vendor creates a new traceparent header and deletes
/// tracestate".
#[test]
fn an_invalid_context_is_replaced() {
    let valid = format!("traceparent: 00-{TRACE}-{CALLER}-01\r\n");
    for fields in [
        format!("{valid}{valid}"),
        format!("traceparent: ff-{TRACE}-{CALLER}-01\r\n"),
        format!("traceparent: 00-{TRACE}-{CALLER}-01-more\r\n"),
        format!("traceparent: 00-{}-{CALLER}-01\r\n", "0".repeat(32)),
        format!("traceparent: 00-{TRACE}-{}-01\r\n", "0".repeat(16)),
        format!("trace-parent: 00-{TRACE}-{CALLER}-01\r\n"),
        String::new(),
    ] {
        let sent = format!("{fields}tracestate: a=1\r\n");
        let request = forwarded(true, &sent);
        assert_ne!(traceparent(&request)[1], TRACE, "{sent}");
        assert_eq!(field(&request, "tracestate"), None, "{sent}");
        let request = forwarded(false, &sent);
        assert_eq!(field(&request, "traceparent"), None, "{sent}");
        assert_eq!(field(&request, "tracestate"), None, "{sent}");
    }
}

#[test]
fn the_share_of_new_traces_that_is_sampled_can_be_set() {
    let upstream = TestUpstream::answering(OK);
    let gateway = Running::start(settings_with(upstream.address, |settings| {
        settings.file.telemetry.sample = Some(0.0);
    }));
    exchange(gateway.http(), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(traceparent(&upstream.only())[3], "00");
}
