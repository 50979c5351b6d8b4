//! What `/metrics` shows: formats, series from the start, and no series that a client makes.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use upshift_core::policy::{PolicySpec, Requirement, RuleSpec};
use upshift_core::{Policy, TlsVersion};

use crate::support::{
    Running, TestUpstream, connect, exchange, field, read_message, settings_with, status,
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

const OPENMETRICS: &str = "application/openmetrics-text;version=1.0.0";

/// A policy of this many rules, which apply to every request and refuse cleartext.
fn tls_policy(count: usize) -> Policy {
    let mut rules = Vec::new();
    for number in 0..count {
        let require = vec![Requirement::Tls(TlsVersion::V1_2)];
        rules.push(RuleSpec::new(&format!("rule-{number}"), require));
    }
    Policy::new(PolicySpec { rules, ..PolicySpec::default() }).expect("a valid policy")
}

fn start(upstream: &TestUpstream, rules: usize) -> Running {
    Running::start(settings_with(upstream.address, |settings| {
        settings.file.policy = tls_policy(rules);
    }))
}

/// The answer of `/metrics` to a client with this `Accept`.
fn scrape(gateway: &Running, accept: &str) -> String {
    let admin = gateway.addresses.admin.expect("an admin listener");
    let fields = format!("Host: localhost\r\nAccept: {accept}\r\nConnection: close");
    exchange(admin, &format!("GET /metrics HTTP/1.1\r\n{fields}\r\n\r\n"))
}

fn get(gateway: &Running, fields: &str) -> String {
    exchange(
        gateway.http(),
        &format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}Connection: close\r\n\r\n"),
    )
}

/// The names of all series, with their labels.
fn series_names(scraped: &str) -> BTreeSet<String> {
    let (_, body) = scraped.split_once("\r\n\r\n").expect("a head");
    let lines = body.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned())).collect()
}

/// The value of the series that begins with `name`.
fn value(scraped: &str, name: &str) -> Option<f64> {
    let line = scraped.lines().find(|line| line.starts_with(name))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

#[test]
fn exemplars_are_for_openmetrics() {
    let upstream = TestUpstream::answering(OK);
    let gateway = start(&upstream, 0);
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let answer = get(&gateway, &format!("traceparent: 00-{trace}-00f067aa0ba902b7-01\r\n"));
    assert_eq!(status(&answer), 200, "{answer}");
    assert!(upstream.only().contains(trace), "the trace goes on to the upstream");
    let count = "upshift_http_request_duration_seconds_count{verdict=\"admit\"} 1";
    gateway.admin("/metrics", |text| text.contains(count));
    let text = scrape(&gateway, "text/plain");
    let content_type = field(&text, "content-type").unwrap_or_default();
    assert_eq!(content_type, "text/plain; version=0.0.4; charset=utf-8");
    assert!(!text.contains("trace_id") && !text.contains("# EOF"), "{text}");
    let openmetrics = scrape(&gateway, OPENMETRICS);
    let content_type = field(&openmetrics, "content-type").unwrap_or_default();
    assert_eq!(content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(openmetrics.ends_with("\n# EOF\n"), "{openmetrics}");
    let exemplar = format!(" # {{trace_id=\"{trace}\"}} ");
    assert_eq!(openmetrics.matches(&exemplar).count(), 2, "exchange and upstream: {openmetrics}");
    assert!(openmetrics.contains(count), "{openmetrics}");
}

/// `increase()` ignores the first value of a series, so that a first event is seen only if the
/// series was there before.
#[test]
fn series_are_there_before_their_first_event() {
    let gateway = start(&TestUpstream::answering(OK), 1);
    let text = scrape(&gateway, "");
    for series in [
        "upshift_rule_requests_total{rule=\"rule-0\",verdict=\"refuse\"}",
        "upshift_rule_reasons_total{rule=\"rule-0\",verdict=\"refuse\",reason=\"unmet\",\
         phase=\"enforce\"}",
        "upshift_rule_standing_requests_total{rule=\"rule-0\",verdict=\"refuse\",\
         standing=\"behind\"}",
        "upshift_http_responses_total{code=\"426\"}",
        "upshift_http_requests_total{verdict=\"refuse\",network_protocol_version=\"1.1\"}",
        "upshift_faults_total{cause=\"upstream-unreachable\"}",
        "upshift_connection_errors_total{cause=\"head-timeout\"}",
        "upshift_tls_handshake_failures_total{cause=\"certificate-rejected\"}",
        "upshift_reloads_total{outcome=\"failed\"}",
        "upshift_http_request_duration_seconds_bucket{verdict=\"refuse\",le=\"+Inf\"}",
    ] {
        assert_eq!(value(&text, series), Some(0.0), "{series} in {text}");
    }
    assert_eq!(value(&text, "upshift_last_reload_successful"), Some(1.0));
    assert!(value(&text, "process_resident_memory_bytes") > Some(1e6), "{text}");
    assert!(!text.contains("_total_total") && !text.contains("_seconds_seconds"), "{text}");
}

#[test]
fn clients_and_upstreams_make_no_series() {
    let upstream = TestUpstream::scripted(|request| {
        let code = field(request, "x-code").unwrap_or_default();
        Some(format!("HTTP/1.1 {code} Odd\r\nContent-Length: 0\r\n\r\n"))
    });
    let gateway = start(&upstream, 0);
    let before = series_names(&scrape(&gateway, ""));
    for code in ["299", "499", "599", "777", "404"] {
        get(&gateway, &format!("X-Code: {code}\r\n"));
    }
    for request in [
        "FROBNICATE /odd-path HTTP/1.1\r\nHost: odd.example\r\nX-Code: 200\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.7\r\nHost: a\r\nX-Code: 200\r\nConnection: close\r\n\r\n",
        "GET / HTTP/3.0\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: odd/9\r\nConnection: upgrade, close\r\nX-Code: 200\r\n\r\n",
        "\u{16}\u{3}\u{1}",
        "odd\r\n\r\n",
    ] {
        exchange(gateway.http(), request);
    }
    // A status above 599 is not one of HTTP (RFC 9110 §15), so 777 becomes a 502.
    let text = gateway.admin("/metrics", |text| {
        value(text, "upshift_http_responses_total{code=\"other\"}") == Some(3.0)
    });
    assert_eq!(value(&text, "upshift_http_responses_total{code=\"404\"}"), Some(1.0));
    let after = series_names(&scrape(&gateway, ""));
    let made: Vec<_> = after.difference(&before).collect();
    assert!(made.is_empty(), "{made:#?}");
}

#[test]
fn a_reload_that_removes_a_rule_removes_its_series() {
    let upstream = TestUpstream::answering(OK);
    let gateway = start(&upstream, 2);
    assert_eq!(status(&get(&gateway, "")), 426);
    let reasons = "upshift_rule_reasons_total{rule=\"rule-1\",verdict=\"refuse\"";
    gateway.admin("/metrics", |text| value(text, reasons) == Some(1.0));
    let fewer = settings_with(upstream.address, |settings| settings.file.policy = tls_policy(1));
    gateway.handle.reload(fewer).expect("valid settings");
    let text = scrape(&gateway, "");
    assert!(text.contains("rule=\"rule-0\"") && !text.contains("rule=\"rule-1\""), "{text}");
    let again = settings_with(upstream.address, |settings| settings.file.policy = tls_policy(2));
    gateway.handle.reload(again).expect("valid settings");
    let requests = "upshift_rule_requests_total{rule=\"rule-1\",verdict=\"refuse\"}";
    assert_eq!(value(&scrape(&gateway, ""), requests), Some(0.0), "it is another rule");
}

#[test]
fn what_is_open_is_counted_until_it_closes() {
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let upstream = TestUpstream::scripted(move |request| {
        if request.starts_with("GET /slow") {
            let _ = released.lock().expect("one at a time").recv();
        }
        Some(OK.to_owned())
    });
    let gateway = start(&upstream, 0);
    let open = "upshift_open_connections{listener=\"http\"}";
    let upstream_open = "upshift_upstream_endpoint_connections{";
    let in_flight = "upshift_http_requests_in_flight";
    let mut client = connect(gateway.http());
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("written");
    assert!(read_message(&mut client).is_some());
    gateway.admin("/metrics", |text| {
        value(text, open) == Some(1.0)
            && value(text, upstream_open) == Some(1.0)
            && value(text, "upshift_upstream_endpoint_requests_total{") == Some(1.0)
    });
    client.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").expect("written");
    gateway.admin("/metrics", |text| value(text, in_flight) == Some(1.0));
    drop(release);
    assert!(read_message(&mut client).is_some());
    drop(client);
    gateway.admin("/metrics", |text| {
        value(text, open) == Some(0.0) && value(text, in_flight) == Some(0.0)
    });
}

#[test]
fn a_client_that_leaves_is_counted() {
    let upstream = TestUpstream::scripted(|_| {
        let content = "x".repeat(50_000_000);
        Some(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{content}", content.len()))
    });
    let gateway = start(&upstream, 0);
    let mut client = connect(gateway.http());
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("written");
    client.read_exact(&mut [0; 1024]).expect("the beginning of the response");
    drop(client);
    let text = gateway.admin("/metrics", |text| {
        value(text, "upshift_http_aborts_total{cause=\"client-gone\"}") == Some(1.0)
    });
    let sent = value(&text, "upshift_http_sent_bytes_total").unwrap_or_default();
    assert!((1.0..50e6).contains(&sent), "{sent}");
}

/// A scrape of many rules has to end within the time that Prometheus gives it, and must not stop the
/// cores. Without requests, a rule of them has no series but its phase.
#[test]
fn a_scrape_of_ten_thousand_rules_is_short() {
    let gateway = start(&TestUpstream::answering(OK), 10_000);
    let began = Instant::now();
    let text = scrape(&gateway, "");
    let took = began.elapsed();
    assert_eq!(text.matches("upshift_rule_phase{").count(), 10_000);
    assert_eq!(text.matches("rule=\"rule-9999\"").count(), 1);
    println!("{took:?} for {} bytes", text.len());
    assert!(took < Duration::from_secs(1), "{took:?}");
    // Each of them applies to this request.
    assert_eq!(status(&get(&gateway, "")), 426);
    let requests = "upshift_rule_requests_total{rule=\"rule-9999\",verdict=\"refuse\"} 1";
    gateway.admin("/metrics", |text| text.contains(requests));
    let began = Instant::now();
    let text = scrape(&gateway, "");
    println!("{:?} for {} bytes after a request", began.elapsed(), text.len());
}
