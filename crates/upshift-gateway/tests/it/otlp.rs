//! The export over OTLP, to a receiver that keeps what it gets.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use upshift_config::load;
use upshift_gateway::Settings;

use crate::support::{
    Running, TestUpstream, exchange, field, refusing_address, settings_with, status,
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

const RULE: &str = "[[rule]]\nid = \"tls\"\npaths = [\"/secure\"]\nrequire = { tls = \"1.2\" }\n";

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

const CALLER: &str = "00f067aa0ba902b7";

/// The longest wait for an export.
const PATIENCE: Duration = Duration::from_secs(20);

/// The head and the content of a request.
type ReceivedRequest = (String, Vec<u8>);

/// A receiver of OTLP over HTTP.
struct TestReceiver {
    address: SocketAddr,
    received: Arc<Mutex<Vec<ReceivedRequest>>>,
}

impl TestReceiver {
    /// Answers the first requests with these statuses, and later ones with 200.
    fn answering(statuses: &'static [u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let received = Arc::<Mutex<Vec<_>>>::default();
        let (kept, count) = (Arc::clone(&received), AtomicUsize::new(0));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Some((head, body)) = read_request(&stream) else { continue };
                let number = count.fetch_add(1, Ordering::Relaxed);
                let status = statuses.get(number).copied().unwrap_or(200);
                if status == 200 {
                    kept.lock().expect("no test thread panicked").push((head, body));
                }
                let answer = format!("HTTP/1.1 {status} S\r\nContent-Length: 0\r\n\r\n");
                let _ = (&stream).write_all(answer.as_bytes());
            }
        });
        Self { address, received }
    }

    fn bodies(&self, path: &str) -> Vec<Vec<u8>> {
        let received = self.received.lock().expect("no test thread panicked");
        let start = format!("POST {path} ");
        let ours = received.iter().filter(|(head, _)| head.starts_with(&start));
        ours.map(|(_, body)| body.clone()).collect()
    }

    fn spans(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        for body in self.bodies("/v1/traces") {
            let request = ExportTraceServiceRequest::decode(&*body).expect("a request");
            for resource in request.resource_spans {
                let attributes = resource.resource.expect("a resource").attributes;
                assert_eq!(text(&attributes, "service.name"), "edge");
                spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
            }
        }
        spans
    }

    fn metrics(&self) -> Vec<Metric> {
        let Some(body) = self.bodies("/v1/metrics").pop() else { return Vec::new() };
        let request = ExportMetricsServiceRequest::decode(&*body).expect("a request");
        let mut metrics = Vec::new();
        for resource in request.resource_metrics {
            metrics.extend(resource.scope_metrics.into_iter().flat_map(|scope| scope.metrics));
        }
        metrics
    }
}

fn read_request(mut stream: &TcpStream) -> Option<ReceivedRequest> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let mut body = vec![0; field(&head, "content-length")?.parse().ok()?];
    stream.read_exact(&mut body).ok()?;
    assert_eq!(field(&head, "content-type").as_deref(), Some("application/x-protobuf"));
    assert_eq!(field(&head, "x-token").as_deref(), Some("a b"));
    Some((head, body))
}

/// The settings of a gateway that exports to `receiver`, with further variables.
fn exporting(upstream: &TestUpstream, receiver: SocketAddr, further: &[(&str, &str)]) -> Settings {
    settings_with(upstream.address, |settings| {
        let endpoint = format!("http://{receiver}");
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-token=a%20b"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "1000"),
            ("OTEL_SERVICE_NAME", "edge"),
        ];
        for (name, value) in variables.iter().chain(further) {
            settings.telemetry_variables.insert((*name).to_owned(), (*value).to_owned());
        }
        settings.file.policy = load(RULE, "upshift.toml").expect("a valid file").file.policy;
    })
}

fn start(upstream: &TestUpstream, receiver: SocketAddr, further: &[(&str, &str)]) -> Running {
    Running::start(exporting(upstream, receiver, further))
}

fn get(gateway: &Running, path: &str, fields: &str) -> String {
    let fields = format!("Host: a.example\r\nUser-Agent: secret-agent/1\r\n{fields}");
    let request = format!("GET {path} HTTP/1.1\r\n{fields}Connection: close\r\n\r\n");
    exchange(gateway.http(), &request)
}

fn eventually(what: &str, mut is_done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_done() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::yield_now();
    }
}

/// The value of an attribute as text; empty if there is none.
fn text(attributes: &[KeyValue], name: &str) -> String {
    let Some(attribute) = attributes.iter().find(|attribute| attribute.key == name) else {
        return String::new();
    };
    match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        _ => String::new(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn an_exchange_and_its_attempt_have_spans_in_the_callers_trace() {
    let (upstream, receiver) = (TestUpstream::answering(OK), TestReceiver::answering(&[]));
    let mut gateway = start(&upstream, receiver.address, &[]);
    let fields = format!("traceparent: 00-{TRACE}-{CALLER}-01\r\ntracestate: a=1\r\n");
    assert_eq!(status(&get(&gateway, "/orders/7?token=secret", &fields)), 200);
    // What is left is exported when the gateway stops.
    gateway.stop();
    gateway.join();
    let spans = receiver.spans();
    let [server, client] = spans.as_slice() else { panic!("two spans: {spans:?}") };
    assert_eq!((hex(&server.trace_id), hex(&client.trace_id)), (TRACE.into(), TRACE.into()));
    assert_eq!((hex(&server.parent_span_id), server.kind), (CALLER.to_owned(), 2));
    assert_eq!((&client.parent_span_id, client.kind), (&server.span_id, 3));
    let sent = format!("00-{TRACE}-{}-01", hex(&client.span_id));
    let request = upstream.only();
    assert_eq!(field(&request, "traceparent"), Some(sent));
    assert_eq!(field(&request, "tracestate").as_deref(), Some("a=1"));
    for (name, value) in [
        ("http.request.method", "GET"),
        ("url.scheme", "http"),
        ("url.path", "/orders/7"),
        ("network.protocol.version", "1.1"),
        ("http.response.status_code", "200"),
        ("server.address", "a.example"),
        ("client.address", "127.0.0.1"),
        ("upshift.verdict", "admit"),
        ("error.type", ""),
    ] {
        assert_eq!(text(&server.attributes, name), value, "{name}");
    }
    assert_eq!(text(&client.attributes, "server.port"), upstream.address.port().to_string());
    assert_eq!((server.name.as_str(), &server.status), ("GET", &None));
    assert!(server.start_time_unix_nano <= client.start_time_unix_nano);
    assert!(client.end_time_unix_nano <= server.end_time_unix_nano);
    let sent = format!("{spans:?}");
    assert!(!sent.contains("token=secret") && !sent.contains("secret-agent"), "{sent}");
}

#[test]
fn a_trace_that_is_not_sampled_has_no_spans_and_says_so_upstream() {
    let (upstream, receiver) = (TestUpstream::answering(OK), TestReceiver::answering(&[]));
    let mut gateway = start(&upstream, receiver.address, &[("OTEL_TRACES_SAMPLER", "always_off")]);
    get(&gateway, "/", &format!("traceparent: 00-{TRACE}-{CALLER}-01\r\n"));
    gateway.stop();
    gateway.join();
    assert_eq!(receiver.spans(), []);
    let sent = field(&upstream.only(), "traceparent").unwrap_or_default();
    assert!(sent.starts_with(&format!("00-{TRACE}-")) && sent.ends_with("-00"), "{sent}");
    // W3C Trace Context §3.4: the flag may change only together with the id.
    assert!(!sent.contains(CALLER), "{sent}");
}

#[test]
fn an_attempt_that_fails_is_a_span_with_an_error() {
    let upstream = TestUpstream::scripted(|_| None);
    let receiver = TestReceiver::answering(&[]);
    let mut gateway = start(&upstream, receiver.address, &[]);
    assert_eq!(status(&get(&gateway, "/", "")), 502);
    assert_eq!(status(&get(&gateway, "/secure", "")), 426);
    gateway.stop();
    gateway.join();
    let spans = receiver.spans();
    let failed: Vec<&Span> = spans.iter().filter(|span| span.status.is_some()).collect();
    assert!(failed.len() >= 2, "the exchange, and each attempt: {spans:?}");
    for span in failed {
        assert_eq!(text(&span.attributes, "error.type"), "upstream-misbehaved", "{span:?}");
    }
    let refused = spans.iter().find(|span| text(&span.attributes, "url.path") == "/secure");
    let refused = refused.unwrap_or_else(|| panic!("a span of the refusal: {spans:?}"));
    assert_eq!(text(&refused.attributes, "upshift.rule"), "tls");
    assert_eq!(text(&refused.attributes, "upshift.verdict"), "refuse");
    assert_eq!(refused.status, None, "an error of the client is none of the server");
    assert!(refused.parent_span_id.is_empty());
}

#[test]
fn metrics_have_the_names_of_the_conventions_and_our_own() {
    let (upstream, receiver) = (TestUpstream::answering(OK), TestReceiver::answering(&[]));
    let gateway = start(&upstream, receiver.address, &[]);
    get(&gateway, "/orders/7", "");
    get(&gateway, "/secure", "");
    let mut counts = Vec::new();
    eventually("the durations of both requests", || {
        let metrics = receiver.metrics();
        counts.clear();
        for metric in &metrics {
            if let ("http.server.request.duration", Some(Data::Histogram(histogram))) =
                (metric.name.as_str(), &metric.data)
            {
                assert_eq!(metric.unit, "s");
                for point in &histogram.data_points {
                    let names = ["http.request.method", "url.scheme", "http.response.status_code"];
                    let labels = names.map(|name| text(&point.attributes, name)).join(" ");
                    counts.push((labels, point.count));
                }
            }
        }
        counts.sort();
        counts == [("GET http 200".to_owned(), 1), ("GET http 426".to_owned(), 1)]
    });
    let metrics = receiver.metrics();
    for name in [
        "http.client.request.duration",
        "http.server.active_requests",
        "upshift.http_requests",
        "upshift.http_request_duration",
        "upshift.rule_requests",
        "process.cpu.time",
    ] {
        assert!(metrics.iter().any(|metric| metric.name == name), "{name}: {metrics:#?}");
    }
    let all = format!("{metrics:?}");
    assert!(!all.contains("/orders") && !all.contains("secret-agent"), "{all}");
    // One source: the scrape shows the same exchanges.
    let admitted = "upshift_http_request_duration_seconds_count{verdict=\"admit\"} 1\n";
    gateway.admin("/metrics", |text| text.contains(admitted));
}

#[test]
fn an_export_is_tried_again_and_a_rejected_one_is_counted() {
    let upstream = TestUpstream::answering(OK);
    let receiver = TestReceiver::answering(&[503]);
    let gateway = start(&upstream, receiver.address, &[("OTEL_METRICS_EXPORTER", "none")]);
    get(&gateway, "/", "");
    eventually("the spans, after a retry", || receiver.spans().len() == 2);
    drop(gateway);

    let receiver = TestReceiver::answering(&[400]);
    let gateway = start(&upstream, receiver.address, &[("OTEL_METRICS_EXPORTER", "none")]);
    get(&gateway, "/", "");
    gateway.admin("/metrics", |text| {
        text.contains("upshift_otlp_spans_dropped_total 2\n")
            && text.contains("upshift_otlp_export_failures_total{signal=\"traces\"} 1\n")
    });
}

/// A receiver that cannot be reached, and one that never answers, cost no request anything and do
/// not keep the gateway from stopping.
#[test]
fn a_receiver_that_is_down_holds_up_nothing() {
    let upstream = TestUpstream::answering(OK);
    let (_refusing, refusing) = refusing_address();
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let silent_address = silent.local_addr().expect("it is bound");
    for receiver in [refusing, silent_address] {
        let mut gateway = start(&upstream, receiver, &[]);
        let begun = Instant::now();
        for _ in 0..50 {
            assert_eq!(status(&get(&gateway, "/", "")), 200);
        }
        assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
        let stopping = Instant::now();
        gateway.stop();
        gateway.join();
        assert!(stopping.elapsed() < Duration::from_secs(10), "{:?}", stopping.elapsed());
    }
}

#[test]
fn a_reload_begins_and_ends_the_export() {
    let (upstream, receiver) = (TestUpstream::answering(OK), TestReceiver::answering(&[]));
    let gateway = start(&upstream, receiver.address, &[("OTEL_SDK_DISABLED", "true")]);
    get(&gateway, "/", "");
    let enabled = exporting(&upstream, receiver.address, &[("OTEL_SDK_DISABLED", "false")]);
    gateway.handle.reload(enabled).expect("a reload");
    get(&gateway, "/", "");
    eventually("the spans of the second request", || receiver.spans().len() == 2);
}
