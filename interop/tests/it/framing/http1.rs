//! Requests over HTTP/1.1 whose length is in doubt (RFC 9112 §6, §7.1).

use std::io::Write;

use interop::{Gateway, Recorder, Reply, exchange, is_over, read_reply, send};

use super::{NO_LENGTHS, SMUGGLED, SOUND_LENGTHS};
use super::{assert_none, gateway, length_lines, wrong_arrivals};

/// Catches a `Content-Length` that is not a plain number and is accepted, on the first and on a
/// later request over HTTP/1.1.
#[test]
fn http1_lengths_that_are_no_number_are_400() {
    let mut cases = Vec::new();
    for lines in NO_LENGTHS {
        let lengths = length_lines(lines);
        cases.push(post(&lengths, SMUGGLED));
        cases.push(post(&lengths, "hello"));
    }
    assert_malformed(&cases);
}

/// Catches transfer codings that two recipients could read differently (RFC 9112 §6.1), on the
/// first and on a later request.
#[test]
fn http1_codings_in_doubt_are_400() {
    let coded = format!("5\r\nhello\r\n0\r\n\r\n{SMUGGLED}");
    let mut cases = Vec::new();
    for lines in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding:\r\n",
        "Transfer-Encoding : chunked\r\n",
    ] {
        cases.push(post(lines, &coded));
    }
    assert_malformed(&cases);
}

/// Catches a malformed first chunk that is answered with an empty reply.
#[test]
fn http1_chunks_that_are_none_are_400() {
    let mut cases = Vec::new();
    for content in [
        "x\r\n",
        "5\r\nhello\r\nx\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "11111111111111111\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nno trailer\r\n\r\n",
    ] {
        cases.push(post("Transfer-Encoding: chunked\r\n", content));
    }
    assert_malformed(&cases);
}

/// RFC 9112 §6.1: a coding in a message of HTTP/1.0 makes its framing faulty, and the connection
/// ends.
#[test]
fn http1_codings_in_http_1_0_are_400_or_end_the_connection() {
    let upstream = Recorder::start();
    let gateway = gateway(&upstream);
    let coded = format!("5\r\nhello\r\n0\r\n\r\n{SMUGGLED}");
    let request = post("Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n", &coded);
    let request = request.replacen("HTTP/1.1", "HTTP/1.0", 1);
    let (reply, closed) = exchange(gateway.http(), request.as_bytes(), false);
    assert!(reply.status == 400 || reply.status == 200, "{reply:?}");
    assert!(closed, "{reply:?}");
    assert_none(&wrong_arrivals(&upstream, &["/bad".to_owned()]));
}

/// RFC 9110 §8.6: a length in digits holds, and reaches the upstream as the gateway writes it.
#[test]
fn http1_lengths_in_digits_pass_as_one() {
    let upstream = Recorder::start();
    let gateway = gateway(&upstream);
    let mut admitted = Vec::new();
    for lines in SOUND_LENGTHS {
        let path = format!("/case/{}", admitted.len());
        let lengths = length_lines(lines);
        let request = post(&lengths, "hello").replace("/bad", &path);
        let (reply, _) = exchange(gateway.http(), request.as_bytes(), false);
        let refused = lines != ["5"] && reply.status == 400;
        assert!(reply.status == 200 || refused, "{lines:?}: {reply:?}");
        admitted.push(path);
    }
    let chunked = post("Transfer-Encoding: Chunked\r\n", "5\r\nhello\r\n0\r\n\r\n");
    let chunked = chunked.replace("/bad", "/chunked");
    assert_eq!(exchange(gateway.http(), chunked.as_bytes(), false).0.status, 200);
    admitted.push("/chunked".to_owned());
    assert_none(&wrong_arrivals(&upstream, &admitted));
}

fn post(lines: &str, content: &str) -> String {
    format!("POST /bad HTTP/1.1\r\nHost: h\r\n{lines}\r\n{content}")
}

/// Each is 400, explained in the body, as the first request of a connection and as a later one;
/// none reaches the upstream.
fn assert_malformed(cases: &[String]) {
    let upstream = Recorder::start();
    let gateway = gateway(&upstream);
    let mut wrong = Vec::new();
    let mut admitted = Vec::new();
    for case in cases {
        let (first, closed) = exchange(gateway.http(), case.as_bytes(), false);
        if !is_explained(&first) || !closed {
            wrong.push(format!("first: {case:?}: {first:?}, closed: {closed}"));
        }
        let path = format!("/before/{}", admitted.len());
        let (later, closed) = ask_later(&gateway, &path, case);
        if !is_explained(&later) || !closed {
            wrong.push(format!("later: {case:?}: {later:?}, closed: {closed}"));
        }
        admitted.push(path);
    }
    wrong.extend(wrong_arrivals(&upstream, &admitted));
    assert_none(&wrong);
}

/// A GET of `path`, and after its answer the bytes of `case` on the same connection.
fn ask_later(gateway: &Gateway, path: &str, case: &str) -> (Reply, bool) {
    let before = format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n");
    let mut stream = send(gateway.http(), before.as_bytes());
    assert_eq!(read_reply(&mut stream, false).status, 200);
    // It may be answered and closed before all is written.
    let _ = stream.write_all(case.as_bytes());
    let reply = read_reply(&mut stream, false);
    (reply, is_over(stream))
}

fn is_explained(reply: &Reply) -> bool {
    let problem = reply.field("content-type") == "application/problem+json";
    reply.status == 400 && problem && reply.json()["status"] == 400
}
