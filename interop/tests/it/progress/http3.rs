//! HTTP/3 clients that stall, and keep their connection alive with PINGs.

use std::time::Duration;

use interop::{Gateway, Program, Stalling, peers, start_script};
use serde_json::Value;

use super::{SOON, gateway};

/// The memory that a client may take with frames that never end, in KiB. Some 20 MiB are sent.
const MEMORY: u64 = 12 * 1024;

/// Answers are given up if the client leaves them no window. Such a client once held its requests
/// forever.
#[test]
fn http3_answers_without_window_are_given_up() {
    peers!("python packages");
    let upstream = Stalling::start();
    let gateway = gateway(upstream.address());
    let mut client = stall(&gateway, "window", "/pour/4194304");
    gateway.assert_reaches(20);
    gateway.assert_releases(SOON, 0);
    assert_over(&mut client);
}

/// An upload that stops is given up, even if its connection stays alive.
#[test]
fn http3_uploads_that_stop_are_given_up() {
    peers!("python packages");
    let upstream = Stalling::start();
    let gateway = gateway(upstream.address());
    let mut client = stall(&gateway, "upload", "/deaf");
    gateway.assert_reaches(1);
    gateway.assert_releases(SOON, 0);
    assert_over(&mut client);
}

/// A HEADERS frame without end is given up before it takes much memory (RFC 9114 §4.2.2, §10.5.1).
/// It once had no bound in size or time.
#[test]
fn http3_field_sections_without_end_are_given_up() {
    peers!("python packages");
    assert_bounded("headers");
}

/// The same for a frame of an unknown type, which is ignored (RFC 9114 §9).
#[test]
fn http3_unknown_frames_without_end_are_given_up() {
    peers!("python packages");
    assert_bounded("grease");
}

/// The same for SETTINGS, on the control stream.
#[test]
fn http3_settings_without_end_are_given_up() {
    peers!("python packages");
    assert_bounded("settings");
}

/// `header-timeout` applies to HTTP/3 as well.
#[test]
fn http3_field_sections_that_stop_are_given_up() {
    peers!("python packages");
    let upstream = Stalling::start();
    let gateway = gateway(upstream.address());
    assert_over(&mut stall(&gateway, "headers_begun", "/"));
}

/// A connection without requests is closed, even if PINGs keep it alive: `idle` is the time between
/// two requests.
#[test]
fn http3_connections_without_requests_are_given_up() {
    peers!("python packages");
    let upstream = Stalling::start();
    let gateway = gateway(upstream.address());
    assert_over(&mut stall(&gateway, "idle", "/"));
}

/// Starts a scenario of `h3_stalls.py`.
fn stall(gateway: &Gateway, scenario: &str, path: &str) -> Program {
    let limit = (SOON + Duration::from_secs(2)).as_secs().to_string();
    let address = gateway.https().to_string();
    let mut client = start_script("h3_stalls.py", &[&address, scenario, path, &limit]);
    client.wait_for("connection", |lines| (!lines.is_empty()).then_some(()));
    client
}

/// Checks that the gateway soon ends all streams of the client, or its connection.
fn assert_over(client: &mut Program) {
    let line = client.wait_for("outcome", |lines| lines.get(1).cloned());
    let outcome: Value = serde_json::from_str(&line).unwrap_or_default();
    let soon = outcome["seconds"].as_f64().is_some_and(|seconds| seconds < SOON.as_secs_f64());
    assert!(outcome["over"] == true && soon, "{outcome}");
}

/// Checks that the gateway soon ends the streams, and takes little memory in the meantime.
fn assert_bounded(scenario: &str) {
    let upstream = Stalling::start();
    let mut gateway = gateway(upstream.address()).gateway;
    let before = gateway.program().peak_memory();
    let mut client = stall(&gateway, scenario, "/");
    assert_over(&mut client);
    let grown = gateway.program().peak_memory() - before;
    assert!(grown < MEMORY, "{scenario}: {grown} KiB more");
}
