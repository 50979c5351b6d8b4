//! Requests, read by servers, by proxies in front of a strict origin, and by chains of two programs.
//!
//! Each case is sent on a connection of its own. The servers and the origin echo the requests that
//! they read, so that a request which a proxy did not send as one is seen.

use std::net::SocketAddr;

use conformance::OddMessages;
use interop::{EchoOrigin, Gateway, Http1Peer, peers};

use super::codec::{Reading, read_requests};
use super::comparison::Comparison;
use super::conversation::{Ending, converse};
use super::outcome::{End, Outcome, count_echoes};
use super::request_rules::RULES;
use super::{for_each, generate};

#[test]
fn node_reads_the_same_requests() {
    peers!("node");
    let node = Http1Peer::node();
    compare(&["node"], node.address());
}

#[test]
fn go_reads_the_same_requests() {
    peers!("go");
    let go = Http1Peer::go();
    compare(&["go"], go.address());
}

#[test]
fn nginx_reads_the_same_requests() {
    peers!("nginx");
    let origin = EchoOrigin::start();
    let nginx = Http1Peer::nginx(origin.address(), true);
    let echoed = compare(&["nginx"], nginx.address());
    assert_well_sent(&origin, echoed);
}

#[test]
fn haproxy_reads_the_same_requests() {
    peers!("haproxy");
    let origin = EchoOrigin::start();
    let haproxy = Http1Peer::haproxy(origin.address(), true);
    let echoed = compare(&["haproxy"], haproxy.address());
    // It forwards trailers whose names are no tokens, which the origin refuses.
    assert_eq!(echoed, origin.requests());
}

#[test]
fn the_gateway_reads_the_same_requests() {
    let origin = EchoOrigin::start();
    let gateway = Gateway::start(origin.address(), "");
    let echoed = compare(&["gateway"], gateway.http());
    assert_well_sent(&origin, echoed);
}

#[test]
fn node_behind_the_gateway_reads_the_same_requests() {
    peers!("node");
    let node = Http1Peer::node();
    let gateway = Gateway::start(node.address(), "");
    compare(&["gateway", "node"], gateway.http());
}

#[test]
fn go_behind_the_gateway_reads_the_same_requests() {
    peers!("go");
    let go = Http1Peer::go();
    let gateway = Gateway::start(go.address(), "");
    compare(&["gateway", "go"], gateway.http());
}

#[test]
fn the_gateway_behind_nginx_reads_the_same_requests() {
    peers!("nginx");
    let origin = EchoOrigin::start();
    let gateway = Gateway::start(origin.address(), "");
    let nginx = Http1Peer::nginx(gateway.http(), true);
    let echoed = compare(&["nginx", "gateway"], nginx.address());
    assert_well_sent(&origin, echoed);
}

#[test]
fn the_gateway_behind_haproxy_reads_the_same_requests() {
    peers!("haproxy");
    let origin = EchoOrigin::start();
    let gateway = Gateway::start(origin.address(), "");
    let haproxy = Http1Peer::haproxy(gateway.http(), true);
    let echoed = compare(&["haproxy", "gateway"], haproxy.address());
    assert_well_sent(&origin, echoed);
}

/// Compares the programs with the codec, and returns the number of requests that were echoed.
fn compare(programs: &'static [&'static str], to: SocketAddr) -> usize {
    let cases = generate([OddMessages::request, OddMessages::framed_request]);
    let readings: Vec<Reading> = cases.iter().map(|case| read_requests(case)).collect();
    let answers = for_each(cases.len(), |number| {
        let wanted = readings[number].outcome.messages.len();
        ask(programs, to, &cases[number], wanted)
    });
    let mut comparison = Comparison::new(programs, RULES);
    for (number, answer) in answers.iter().enumerate() {
        comparison.add(&cases[number], &readings[number], &answer.outcome);
    }
    comparison.finish();
    answers.iter().map(|answer| answer.echoes).sum()
}

/// The answer to a case.
struct Answer {
    outcome: Outcome,
    /// The requests that were echoed, also behind one that was refused.
    echoes: usize,
}

/// Sends a case in which the codec reads so many requests.
fn ask(programs: &[&str], to: SocketAddr, case: &[u8], wanted: usize) -> Answer {
    let bytes = converse(to, case, Ending::ShutsDown);
    let mut answer = Answer { outcome: Outcome::of_echoes(&bytes), echoes: count_echoes(&bytes) };
    let is_short = answer.outcome.end == End::Open && answer.outcome.messages.len() < wanted;
    if programs[0] == "haproxy" && is_short {
        // It may drop a request behind another one if the client has shut down its side.
        let bytes = converse(to, case, Ending::Waits);
        answer.outcome = Outcome::of_echoes(&bytes);
        answer.echoes += count_echoes(&bytes);
    }
    answer
}

/// The proxy has sent the origin strict requests, and no other ones than were answered.
fn assert_well_sent(origin: &EchoOrigin, echoed: usize) {
    assert_eq!(origin.faults(), Vec::<String>::new());
    assert_eq!(echoed, origin.requests());
}
