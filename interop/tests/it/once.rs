//! Retries: a request is sent at most twice, and at most once if it is not idempotent.
//!
//! RFC 9110 §9.2.2: a failed automatic retry is not retried. A request was once sent again on every
//! idle connection of a core: with 400 of them, one DELETE arrived 208 times.

use std::time::Duration;

use interop::{Gateway, Resting, exchange_within, rest_connections};

/// The number of connections that are idle before each request, over all cores.
const RESTING: usize = 400;

/// The time limit for an answer, long enough for a gateway that tries all its connections.
const ENOUGH: Duration = Duration::from_secs(10);

/// A request with an idempotent method (RFC 9110 §9.2.2) may be sent again once.
#[test]
fn an_idempotent_request_goes_out_twice_at_most() {
    for method in ["GET", "HEAD", "DELETE", "PUT", "OPTIONS"] {
        let (arrived, status) = ask_breaking(method, "", "");
        assert!((1..=2).contains(&arrived), "{method} arrived {arrived} times");
        assert_eq!(status, Some(502), "{method}");
    }
}

/// The same with content: such a request may be sent again only if the content was kept.
#[test]
fn an_idempotent_request_with_content_goes_out_twice_at_most() {
    for method in ["PUT", "DELETE"] {
        let (arrived, status) = ask_breaking(method, "Content-Length: 5\r\n", "hello");
        assert!((1..=2).contains(&arrived), "{method} arrived {arrived} times");
        assert_eq!(status, Some(502), "{method}");
    }
}

/// RFC 9110 §9.2.2: "A proxy MUST NOT automatically retry non-idempotent requests."
#[test]
fn a_request_that_is_not_idempotent_goes_out_once() {
    for method in ["POST", "PATCH", "LOCK"] {
        let empty = ask_breaking(method, "Content-Length: 0\r\n", "");
        assert_eq!(empty, (1, Some(502)), "{method}");
        let full = ask_breaking(method, "Content-Length: 5\r\n", "hello");
        assert_eq!(full, (1, Some(502)), "{method} with content");
    }
}

/// With two replicas there is one retry in all, not one for each.
#[test]
fn a_request_goes_out_twice_at_most_to_all_replicas_together() {
    for method in ["DELETE", "POST"] {
        let replicas = [Resting::start(), Resting::start()];
        let both = replicas.each_ref();
        let gateway = before_breaking(both, true);
        let reply = exchange_within(gateway.http(), request(method, "", "").as_bytes(), ENOUGH);
        let arrived: usize = both.iter().map(|replica| replica.arrived().len()).sum();
        let most = if method == "POST" { 1 } else { 2 };
        assert!((1..=most).contains(&arrived), "{method} arrived {arrived} times");
        assert_eq!(reply.map(|reply| reply.status), Some(502), "{method}");
    }
}

/// RFC 9112 §9.3.1: the retry opens a new connection, because the idle ones are as old as the one
/// that broke.
#[test]
fn the_one_retry_takes_a_new_connection() {
    let upstream = Resting::start();
    let gateway = Gateway::start(upstream.address(), "");
    rest_connections(gateway.http(), &[&upstream], RESTING);
    upstream.break_connections(false);
    let reply = exchange_within(gateway.http(), request("GET", "", "").as_bytes(), ENOUGH);
    assert_eq!(reply.map(|reply| reply.status), Some(200));
    assert_eq!(upstream.arrived().len(), 2);
}

/// The same with two replicas, whose connections went stale at the same time.
#[test]
fn the_retry_at_another_replica_takes_a_new_connection() {
    let replicas = [Resting::start(), Resting::start()];
    let gateway = before_breaking(replicas.each_ref(), false);
    for _ in 0..4 {
        let reply = exchange_within(gateway.http(), request("GET", "", "").as_bytes(), ENOUGH);
        assert_eq!(reply.map(|reply| reply.status), Some(200));
    }
}

/// A gateway whose idle connections to both replicas break from now on, as do new ones if `new`.
fn before_breaking(both: [&Resting; 2], new: bool) -> Gateway {
    let addresses = both.map(|replica| format!("\"http://{}\"", replica.address())).join(", ");
    let site = format!("[[upstream]]\npaths = [\"/**\"]\naddresses = [{addresses}]\n");
    let gateway = Gateway::start(both[0].address(), &site);
    rest_connections(gateway.http(), &both, RESTING);
    for replica in both {
        replica.break_connections(new);
    }
    gateway
}

fn request(method: &str, fields: &str, content: &str) -> String {
    format!("{method} /once HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{fields}\r\n{content}")
}

/// Sends a request to an upstream that breaks all its connections. Returns how often it arrived,
/// and the status that the client got.
fn ask_breaking(method: &str, fields: &str, content: &str) -> (usize, Option<u16>) {
    let upstream = Resting::start();
    let gateway = Gateway::start(upstream.address(), "");
    rest_connections(gateway.http(), &[&upstream], RESTING);
    upstream.break_connections(true);
    let asked = request(method, fields, content);
    let reply = exchange_within(gateway.http(), asked.as_bytes(), ENOUGH);
    (upstream.arrived().len(), reply.map(|reply| reply.status))
}
