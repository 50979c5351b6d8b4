//! What is answered by the gateway itself, because something is wrong.

use std::io::Write;
use std::net::TcpListener;
use std::time::Duration;

use upshift_gateway::{Gateway, Limits, Settings, StartError};

use crate::support::{
    Running, TestUpstream, connect, exchange, field, read_message, refusing_address, rest,
    settings, settings_with, status,
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn answered(request: &str) -> (u16, String) {
    let upstream = TestUpstream::answering(OK);
    let gateway = Running::before(&upstream);
    let answer = exchange(gateway.http(), request);
    if status(&answer) != 200 {
        assert_eq!(
            field(&answer, "content-type").as_deref(),
            Some("application/problem+json"),
            "{answer}"
        );
        assert_eq!(upstream.seen().len(), 0, "a faulty request reached the upstream");
    }
    (status(&answer), answer)
}

/// RFC 9110 §15.6.6, §2.5.
#[test]
fn versions_that_are_not_ours() {
    assert_eq!(answered("GET / HTTP/3.7\r\nHost: a\r\n\r\n").0, 505);
    assert_eq!(answered("GET / HTTP/1.7\r\nHost: a\r\nConnection: close\r\n\r\n").0, 200);
    assert_eq!(answered("EHLO example.com\r\n").0, 400);
}

/// RFC 9112 §3.2.
#[test]
fn a_host_that_is_missing_doubled_or_no_host_is_400() {
    assert_eq!(answered("GET / HTTP/1.1\r\nConnection: close\r\n\r\n").0, 400);
    assert_eq!(
        answered("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n").0,
        400
    );
    assert_eq!(answered("GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n").0, 400);
    assert_eq!(answered("GET / HTTP/1.1\r\nHost: u@a\r\nConnection: close\r\n\r\n").0, 400);
    assert_eq!(answered("GET / HTTP/1.0\r\n\r\n").0, 200);
}

/// RFC 9112 §6.3.
#[test]
fn a_length_in_doubt_is_400() {
    let (code, _) = answered(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    );
    assert_eq!(code, 400);
}

#[test]
fn a_nul_in_the_path_is_400() {
    let (code, answer) = answered("GET /a%00b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(code, 400);
    assert!(answer.contains("NUL"), "{answer}");
}

/// RFC 9110 §9.3.6, RFC 9931.
#[test]
fn connect_is_not_implemented() {
    assert_eq!(
        answered("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nConnection: close\r\n\r\n").0,
        501
    );
}

/// RFC 6585 §5, RFC 9110 §15.5.15.
#[test]
fn what_is_too_long_says_what() {
    let long = "a".repeat(70_000);
    assert_eq!(answered(&format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n")).0, 414);
    assert_eq!(answered(&format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n")).0, 431);
}

/// RFC 9110 §15.5.9.
#[test]
fn a_head_that_never_ends_is_408() {
    let upstream = TestUpstream::answering(OK);
    let limits = Limits { header_timeout: Duration::from_millis(200), ..Limits::default() };
    let gateway =
        Running::start(settings_with(upstream.address, |settings| settings.file.limits = limits));
    let mut client = connect(gateway.http());
    client.write_all(b"GET / HTTP/1.1\r\nHost:").expect("written");
    assert_eq!(status(&rest(&mut client)), 408);
    // So it is on later requests of a connection.
    let mut client = connect(gateway.http());
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("written");
    assert_eq!(status(&read_message(&mut client).expect("an answer")), 200);
    client.write_all(b"GET / HTTP/1.1\r\nHost:").expect("written");
    assert_eq!(status(&rest(&mut client)), 408);
    gateway.admin("/metrics", |text| {
        text.contains("upshift_connection_errors_total{cause=\"head-timeout\"} 1")
    });
}

/// RFC 9110 §15.6.3.
#[test]
fn an_upstream_that_is_not_there_is_502_and_not_named_to_the_client() {
    let (_socket, gone) = refusing_address();
    let gateway = Running::start(settings(gone));
    let answer = exchange(gateway.http(), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(status(&answer), 502, "{answer}");
    assert!(!answer.contains(&gone.port().to_string()), "{answer}");
    gateway.admin("/metrics", |text| {
        text.contains("upshift_faults_total{cause=\"upstream-unreachable\"} 1")
    });
}

/// RFC 9110 §15.6.5.
#[test]
fn an_upstream_that_does_not_answer_is_504_and_not_named_to_the_client() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = silent.local_addr().expect("bound");
    let limits = Limits { upstream_response: Duration::from_millis(200), ..Limits::default() };
    let gateway = Running::start(settings_with(address, |settings| settings.file.limits = limits));
    let answer = exchange(gateway.http(), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(status(&answer), 504, "{answer}");
    assert!(!answer.contains(&address.port().to_string()), "{answer}");
}

/// RFC 9110 §15.2.2: nobody switches unasked.
#[test]
fn an_unsolicited_101_is_502() {
    let upstream = TestUpstream::answering(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
    );
    let gateway = Running::before(&upstream);
    let answer = exchange(gateway.http(), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(status(&answer), 502, "{answer}");
}

/// RFC 9112 §9.3.1: a request that cannot have been seen, or is safe to repeat, outlives a
/// connection that rested.
#[test]
fn a_pooled_connection_that_died_is_replaced() {
    let upstream =
        TestUpstream::scripted(|_| Some(OK.replace("200 OK\r\n", "200 OK\r\nX-Then: close\r\n")));
    let gateway = Running::before(&upstream);
    for _ in 0..2 {
        let answer =
            exchange(gateway.http(), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert_eq!(status(&answer), 200, "{answer}");
    }
    let flaky = TestUpstream::scripted({
        let count = std::sync::atomic::AtomicUsize::new(0);
        // Every second request on the upstream dies before its answer.
        move |_| {
            count
                .fetch_add(1, std::sync::atomic::Ordering::SeqCst)
                .is_multiple_of(2)
                .then(|| OK.to_owned())
        }
    });
    let gateway = Running::before(&flaky);
    for _ in 0..4 {
        let answer =
            exchange(gateway.http(), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert_eq!(status(&answer), 200, "{answer}");
    }
    // A POST is not sent twice: its second connection use dies, and that is told.
    let gateway = Running::before(&flaky);
    let mut codes = Vec::new();
    for _ in 0..4 {
        let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx";
        codes.push(status(&exchange(gateway.http(), post)));
    }
    assert!(codes.contains(&502) && codes.contains(&200), "{codes:?}");
}

#[test]
fn a_port_in_use_is_an_error_and_nowhere_to_listen_is_one() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound");
    let mut settings = Settings::default();
    settings.file.gateway.http = Some(address);
    let outcome = Gateway::bind(settings);
    assert!(matches!(outcome, Err(StartError::Bind { address: told, .. }) if told == address));
    assert!(matches!(Gateway::bind(Settings::default()), Err(StartError::NoListener)));
}

/// Open requests finish, new connections are refused, readiness goes first.
#[test]
fn shutting_down_lets_open_requests_finish() {
    let (let_go, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let upstream = TestUpstream::scripted(move |_| {
        let _ = held.lock().expect("unpoisoned").recv_timeout(crate::support::PATIENCE);
        Some(OK.to_owned())
    });
    let limits = Limits { lame_duck: Duration::from_secs(2), ..Limits::default() };
    let mut gateway =
        Running::start(settings_with(upstream.address, |settings| settings.file.limits = limits));
    let mut client = connect(gateway.http());
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("written");
    gateway.admin("/metrics", |text| {
        text.contains(
            "upshift_http_requests_total{verdict=\"admit\",network_protocol_version=\"1.1\"} 1",
        )
    });
    gateway.admin("/readyz", |answer| status(answer) == 200);
    gateway.stop();
    gateway.admin("/readyz", |answer| status(answer) == 503);
    // The lame duck ends before the request does, and its answer says so.
    while std::net::TcpStream::connect(gateway.http()).is_ok() {
        std::thread::yield_now();
    }
    let_go.send(()).expect("the upstream waits");
    let answer = rest(&mut client);
    assert_eq!(status(&answer), 200, "{answer}");
    assert_eq!(field(&answer, "connection").as_deref(), Some("close"));
    gateway.join();
    assert!(std::net::TcpStream::connect(gateway.http()).is_err());
}

/// A connection on which nothing was asked yet holds nobody up.
#[test]
fn shutting_down_does_not_wait_for_who_has_not_begun() {
    let upstream = TestUpstream::answering(OK);
    let limits = Limits { drain: crate::support::PATIENCE * 10, ..Limits::default() };
    let mut gateway =
        Running::start(settings_with(upstream.address, |settings| settings.file.limits = limits));
    let mut silent = connect(gateway.http());
    let mut kept = connect(gateway.http());
    kept.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("written");
    assert_eq!(status(&read_message(&mut kept).expect("an answer")), 200);
    gateway.stop();
    assert_eq!((rest(&mut silent), rest(&mut kept)), (String::new(), String::new()));
    gateway.join();
}

/// RFC 9112 §9.6, §2.2: an answer is not lost because more came behind the request.
#[test]
fn bytes_behind_a_request_do_not_eat_its_answer() {
    assert_eq!(answered("GET / HTTP/1.0\r\nHost: a\r\n\r\n\r\n").0, 200);
    assert_eq!(answered("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nmore").0, 200);
    let (code, answer) = answered("GET / HTTP/1.1\r\nHost: a\r\n\r\ngarbage\r\n\r\n");
    assert_eq!(code, 200);
    assert!(answer.contains("400 Bad Request"), "{answer}");
}

/// RFC 9112 §3.2.3, §3.2.4, §6.1; RFC 9110 §7.6.2.
#[test]
fn forms_codings_and_hops_that_upstreams_would_read_differently() {
    assert_eq!(
        answered("GET evil.example HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").0,
        400
    );
    assert_eq!(answered("GET * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").0, 400);
    assert_eq!(answered("GET ftp://a/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").0, 400);
    let coded = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\nConnection: close\r\n\r\n0\r\n\r\n";
    assert_eq!(answered(coded).0, 501);
    assert_eq!(
        answered("TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\nConnection: close\r\n\r\n").0,
        501
    );
}

/// RFC 9110 §9.3.2.
#[test]
fn a_reply_to_head_has_no_content() {
    for request in [
        "HEAD /x HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n",
        "HEAD /x HTTP/3.0\r\nHost: a\r\n\r\n",
        "\r\nHEAD /#x HTTP/1.1\r\nHost: a\r\n\r\n",
        "HEAD /x HTTP/1.1\r\nConnection: close\r\n\r\n",
    ] {
        let answer = exchange(Running::before(&TestUpstream::answering(OK)).http(), request);
        assert!(status(&answer) >= 400 && answer.ends_with("\r\n\r\n"), "{answer}");
        assert_ne!(field(&answer, "content-length").as_deref(), Some("0"), "{answer}");
    }
}

/// RFC 9110 §15.5.9: the rest of the content could be taken for the next request, or the other way
/// round.
#[test]
fn a_body_that_never_ends_is_the_last_one() {
    let upstream = TestUpstream::answering(OK);
    let gateway = Running::start(settings_with(upstream.address, |settings| {
        settings.file.limits.idle = Duration::from_millis(300);
    }));
    let mut client = connect(gateway.http());
    let begun = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nab";
    client.write_all(begun).expect("written");
    let answer = rest(&mut client);
    assert_eq!(status(&answer), 408, "{answer}");
    assert_eq!(field(&answer, "connection").as_deref(), Some("close"), "{answer}");
}

/// RFC 9112 §3.2.1: the path of such a URL is sent as `/`.
#[test]
fn a_url_may_have_a_query_and_no_path() {
    let upstream = TestUpstream::answering(OK);
    let gateway = Running::before(&upstream);
    let request = "GET http://a?x=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&exchange(gateway.http(), request)), 200);
    assert!(upstream.only().starts_with("GET /?x=1 HTTP/1.1\r\n"), "{}", upstream.only());
}
