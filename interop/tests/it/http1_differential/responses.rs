//! Responses, passed on by proxies and read by clients.
//!
//! An upstream plays each case on a connection of its own, and closes it. Of a proxy, the status and
//! the content that reach a client are compared, if the message is whole.

use std::net::SocketAddr;

use conformance::OddMessages;
use interop::strict::is_number;
use interop::{Gateway, Http1Peer, ResponsePlayer, go_program, peers, script};

use super::codec::read_response;
use super::comparison::Comparison;
use super::conversation::{Ending, Response, converse, split_responses};
use super::outcome::Outcome;
use super::response_rules::RULES;
use super::{for_each, generate};

#[test]
fn nginx_passes_on_the_same_responses() {
    peers!("nginx");
    let (cases, upstream) = play();
    let nginx = Http1Peer::nginx(upstream.address(), false);
    compare_passed(&["nginx"], &cases, &ask_all(nginx.address(), cases.len()));
}

#[test]
fn haproxy_passes_on_the_same_responses() {
    peers!("haproxy");
    let (cases, upstream) = play();
    let haproxy = Http1Peer::haproxy(upstream.address(), false);
    compare_passed(&["haproxy"], &cases, &ask_all(haproxy.address(), cases.len()));
}

#[test]
fn the_gateway_passes_on_the_same_responses() {
    let (cases, upstream) = play();
    let gateway = Gateway::start(upstream.address(), "");
    let passed = ask_all(gateway.http(), cases.len());
    compare_passed(&["gateway"], &cases, &passed);
    let mut wrong = Vec::new();
    for (case, bytes) in cases.iter().zip(&passed) {
        if !split_responses(bytes).iter().all(is_well_framed) {
            wrong.push(format!("{} became {}", case.escape_ascii(), bytes.escape_ascii()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn node_reads_the_same_responses() {
    peers!("node");
    let (cases, upstream) = play();
    let arguments = [upstream.address().to_string(), cases.len().to_string()];
    let printed = script("http1/client.cjs", &[&arguments[0], &arguments[1]]).ok();
    compare(&["node"], &cases, &read_printed(&printed));
}

#[test]
fn go_reads_the_same_responses() {
    peers!("go");
    let (cases, upstream) = play();
    let arguments = [upstream.address().to_string(), cases.len().to_string()];
    let printed = go_program("http1/client.go", &[&arguments[0], &arguments[1]]).ok();
    compare(&["go"], &cases, &read_printed(&printed));
}

fn play() -> (Vec<Vec<u8>>, ResponsePlayer) {
    let cases = generate([OddMessages::response, OddMessages::framed_response]);
    let upstream = ResponsePlayer::start(cases.clone());
    (cases, upstream)
}

/// Asks a proxy for each case, and returns the bytes that came back.
fn ask_all(to: SocketAddr, count: usize) -> Vec<Vec<u8>> {
    for_each(count, |number| {
        let head = format!("GET /{number} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        converse(to, head.as_bytes(), Ending::Waits)
    })
}

/// The lines of a client: the number of the case, and the result behind a comma.
fn read_printed(printed: &str) -> Vec<Outcome> {
    let mut results = Vec::new();
    for line in printed.lines() {
        let (number, result) = line.split_once(',').unwrap_or_default();
        let number: usize = number.parse().unwrap_or_else(|error| panic!("{line}: {error}"));
        results.push((number, Outcome::of_client(result)));
    }
    results.sort_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, outcome)| outcome).collect()
}

/// Returns true if the framing of a response has one meaning.
fn is_well_framed(response: &Response) -> bool {
    let reply = &response.reply;
    let (length, coding) = (reply.field("content-length"), reply.field("transfer-encoding"));
    match (length.as_str(), coding.as_str()) {
        ("", "") => true,
        // RFC 9110 §8.6: a 204 has no Content-Length; RFC 9112 §6.1: nor Transfer-Encoding.
        _ if reply.status == 204 => false,
        (length, "") => is_number(length),
        ("", coding) => coding == "chunked" && reply.status != 304,
        _ => false,
    }
}

fn compare_passed(programs: &'static [&'static str], cases: &[Vec<u8>], passed: &[Vec<u8>]) {
    let outcomes: Vec<Outcome> = passed.iter().map(|bytes| Outcome::of_response(bytes)).collect();
    compare(programs, cases, &outcomes);
}

fn compare(programs: &'static [&'static str], cases: &[Vec<u8>], outcomes: &[Outcome]) {
    assert_eq!(cases.len(), outcomes.len(), "{programs:?} have read another number of cases");
    let mut comparison = Comparison::new(programs, RULES);
    for (case, outcome) in cases.iter().zip(outcomes) {
        comparison.add(case, &read_response(case), outcome);
    }
    comparison.finish();
}
