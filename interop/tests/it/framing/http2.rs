//! Requests over HTTP/2 that are malformed (RFC 9113 §8.1.1, §8.3.1).

use interop::h2_frames::*;
use interop::{Gateway, Recorder};

use super::{NO_LENGTHS, SMUGGLED, SOUND_LENGTHS, WRONG_LENGTHS};
use super::{assert_none, gateway, wrong_arrivals};

/// Catches a `Content-Length` that is not a plain number and is accepted over HTTP/2.
#[test]
fn http2_lengths_that_are_no_number_are_malformed() {
    let mut cases = Vec::new();
    for lines in NO_LENGTHS {
        for method in ["POST", "GET", "DELETE"] {
            for content in [SMUGGLED, "hello"] {
                let name = format!("{method} {lines:?}");
                cases.push((name, with_lengths(method, "/bad", lines, content)));
            }
        }
    }
    assert_malformed(&cases);
}

/// Catches content over HTTP/2 whose length differs from `Content-Length` (RFC 9113 §8.1.1).
#[test]
fn http2_content_of_another_length_is_malformed() {
    let mut cases = Vec::new();
    for length in WRONG_LENGTHS {
        for method in ["POST", "GET"] {
            let name = format!("{method} {length}");
            cases.push((name, with_lengths(method, "/bad", &[length], "hello")));
        }
    }
    for method in ["POST", "GET"] {
        let name = format!("{method} 5 without content");
        cases.push((name, with_lengths(method, "/bad", &["5"], "")));
    }
    assert_malformed(&cases);
}

/// RFC 9110 §8.6: a length in digits holds, and reaches the upstream as the gateway writes it.
#[test]
fn http2_lengths_in_digits_pass_as_one() {
    let upstream = Recorder::start();
    let gateway = gateway(&upstream);
    let mut admitted = Vec::new();
    for lines in SOUND_LENGTHS {
        let path = format!("/case/{}", admitted.len());
        let reply = ask(&gateway, &with_lengths("POST", &path, lines, "hello"));
        let sound = reply.status == Some(200) && reply.content == b"origin";
        assert!(sound || lines != ["5"] && reply.is_malformed(), "{lines:?}: {reply:?}");
        admitted.push(path);
    }
    assert_none(&wrong_arrivals(&upstream, &admitted));
}

/// Catches a `Host` that differs from `:authority` (RFC 9113 §8.3.1), and similar cases: the rules
/// would decide on one of them, and the upstream may read the other.
#[test]
fn http2_hosts_that_differ_are_malformed() {
    let bare = [(":method", "GET"), (":scheme", "http"), (":path", "/bad")];
    let each: [&[(&str, &str)]; 6] = [
        &[(":authority", "a.example"), ("host", "b.example")],
        &[(":authority", "a.example"), ("host", "a.example:81")],
        &[(":authority", "a.example"), ("host", "")],
        &[(":authority", "a.example"), ("host", "a.example"), ("host", "b.example")],
        &[("host", "a.example"), ("host", "b.example")],
        &[(":authority", "a.example"), (":authority", "b.example")],
    ];
    let mut cases = Vec::new();
    for fields in each {
        let block = field_block(&[&bare, fields].concat());
        cases.push((format!("{fields:?}"), frame(HEADERS, WHOLE, 1, &block)));
    }
    assert_malformed(&cases);
}

/// RFC 9113 §8.3.1: `Host` alone, or one that says the same, is sound.
#[test]
fn http2_hosts_that_agree_are_served() {
    let upstream = Recorder::start();
    let gateway = gateway(&upstream);
    let bare = [(":method", "GET"), (":scheme", "http"), (":path", "/good")];
    let (authority, host) = ((":authority", "a.example"), ("host", "a.example"));
    let each: [&[(&str, &str)]; 2] = [&[host], &[authority, host]];
    for fields in each {
        let block = field_block(&[&bare, fields].concat());
        let reply = ask(&gateway, &frame(HEADERS, WHOLE, 1, &block));
        assert_eq!(reply.status, Some(200), "{fields:?}: {reply:?}");
    }
    let requests = upstream.requests();
    let hosts: Vec<Vec<&str>> = requests.iter().map(|request| request.values("host")).collect();
    assert_eq!(hosts, [["a.example"], ["a.example"]]);
}

/// A request with these `Content-Length` lines; without content, it ends with its fields.
fn with_lengths(method: &str, path: &str, lines: &[&str], content: &str) -> Vec<u8> {
    let mut fields = pseudo_fields(method, path).to_vec();
    fields.extend(lines.iter().map(|line| ("content-length", *line)));
    let block = field_block(&fields);
    if content.is_empty() {
        return frame(HEADERS, WHOLE, 1, &block);
    }
    let data = frame(DATA, END_STREAM, 1, content.as_bytes());
    [frame(HEADERS, END_HEADERS, 1, &block), data].concat()
}

fn ask(gateway: &Gateway, frames: &[u8]) -> H2Reply {
    ask_http2(gateway.http(), frames).unwrap_or_else(|error| panic!("no end: {error}"))
}

/// Each is malformed, none reaches the upstream, and the next request is served.
fn assert_malformed(cases: &[(String, Vec<u8>)]) {
    let upstream = Recorder::start();
    let gateway = gateway(&upstream);
    let mut wrong = Vec::new();
    for (name, frames) in cases {
        let reply = ask(&gateway, frames);
        if !reply.is_malformed() {
            wrong.push(format!("{name}: {reply:?}"));
        }
    }
    assert_eq!(ask(&gateway, &with_lengths("GET", "/after", &[], "")).status, Some(200));
    wrong.extend(wrong_arrivals(&upstream, &["/after".to_owned()]));
    assert_none(&wrong);
}
