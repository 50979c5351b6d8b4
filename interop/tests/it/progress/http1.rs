//! HTTP/1.1 clients that stall.

use std::net::Shutdown;

use interop::{Stalling, peers, python_server, read_reply, send};

use super::{SOON, gateway};

/// A large answer in cleartext that the client does not read is given up.
#[test]
fn an_unread_answer_in_cleartext_is_given_up() {
    let upstream = Stalling::start();
    let gateway = gateway(upstream.address());
    let request = b"GET /pour/33554432 HTTP/1.1\r\nHost: h\r\n\r\n";
    let clients = [send(gateway.http(), request), send(gateway.http(), request)];
    gateway.assert_reaches(4);
    gateway.assert_releases(SOON, 0);
    drop(clients);
}

/// The same over TLS, where `close_notify` cannot be written either.
#[test]
fn an_unread_answer_over_tls_is_given_up() {
    peers!("python packages");
    let upstream = Stalling::start();
    let gateway = gateway(upstream.address());
    let address = gateway.https();
    let port = address.port().to_string();
    let mut client = python_server(UNREAD, &[&address.ip().to_string(), &port]);
    client.wait_for("request", |lines| lines.iter().any(|line| line == "asked").then_some(()));
    gateway.assert_reaches(2);
    gateway.assert_releases(SOON, 0);
}

/// Sends a request over TLS, and reads nothing.
const UNREAD: &str = r#"
import socket, ssl, sys, time

context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 10) as peer:
    tls = context.wrap_socket(peer, server_hostname="localhost")
    tls.sendall(b"GET /pour/33554432 HTTP/1.1\r\nHost: h\r\n\r\n")
    print("asked")
    time.sleep(30)
"#;

/// A client that closes its sending side after its last request still gets the answer.
#[test]
fn clients_that_end_their_direction_are_answered() {
    let upstream = Stalling::start();
    let gateway = gateway(upstream.address());
    let mut client = send(gateway.http(), b"GET /trickle/2048 HTTP/1.1\r\nHost: h\r\n\r\n");
    client.shutdown(Shutdown::Write).unwrap_or_else(|error| panic!("{error}"));
    let reply = read_reply(&mut client, false);
    assert_eq!((reply.status, reply.body.len()), (200, 2048));
    gateway.assert_releases(SOON, 1);
}

/// A request is given up if the client stops sending its content.
#[test]
fn an_upload_that_stops_is_given_up() {
    let upstream = Stalling::start();
    let gateway = gateway(upstream.address());
    let head = "POST /deaf HTTP/1.1\r\nHost: h\r\n";
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    let sized = format!("{head}Content-Length: 1000\r\n\r\nhello");
    let clients = [chunked, sized].map(|request| send(gateway.http(), request.as_bytes()));
    gateway.assert_reaches(4);
    gateway.assert_releases(SOON, 0);
    drop(clients);
}
