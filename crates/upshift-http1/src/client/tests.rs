//! Tests of the client's side: whole exchanges.
#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use super::*;
use crate::driver::Received;
use crate::driver::Wants;
use crate::field_table::Field;
use crate::framing::Framing;
use crate::limits::Limits;
use crate::send_error::SendError;
use crate::version::Version;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

struct Peer {
    connection: ClientConnection,
    received: Vec<u8>,
    out: Vec<u8>,
    ended: bool,
}

impl Peer {
    /// A connection that has sent a request and has received this response.
    fn asked(method: &[u8], fields: &[Field<'_>], framing: Framing, received: &[u8]) -> Self {
        let connection = ClientConnection::new(Limits::default());
        let mut peer =
            Self { connection, received: received.to_vec(), out: Vec::new(), ended: false };
        peer.ask(method, fields, framing).unwrap();
        peer
    }

    fn got(received: &[u8]) -> Self {
        Self::asked(b"GET", &[], Framing::None, received)
    }

    fn ask(
        &mut self,
        method: &[u8],
        fields: &[Field<'_>],
        framing: Framing,
    ) -> Result<(), SendError> {
        let target: &[u8] = if method == b"CONNECT" { b"a:443" } else { b"/" };
        let start = RequestStart { method, target, version: Version::Http11 };
        let host = [Field::new(b"Host", b"a")];
        let all = host.iter().chain(fields).copied();
        self.connection.send_request(&mut self.out, start, all, framing)
    }

    fn next(&mut self) -> String {
        let Received { consumed, event } = self.connection.receive(&self.received, self.ended);
        let text = match event {
            ResponseEvent::Interim(head) => format!("interim {}", head.status()),
            ResponseEvent::Head(head) => format!("head {} {:?}", head.status(), head.framing()),
            ResponseEvent::Data(range) => {
                format!("data {}", String::from_utf8_lossy(&self.received[range]))
            }
            ResponseEvent::Trailers(table) => format!("trailers {}", table.len()),
            ResponseEvent::Fault(fault) => format!("fault {}", fault.class.name()),
            other => format!("{other:?}"),
        };
        self.received.drain(..consumed);
        text
    }

    /// All events, including the one after which nothing more can be read.
    fn events(&mut self) -> Vec<String> {
        let mut events = Vec::new();
        loop {
            let event = self.next();
            let is_last = matches!(event.as_str(), "NeedMore" | "Paused" | "Switched" | "Closed")
                || event.starts_with("fault");
            events.push(event);
            if is_last {
                return events;
            }
        }
    }
}

#[test]
fn a_connection_is_reused_after_a_complete_exchange() {
    let mut peer = Peer::got(OK);
    assert_eq!(peer.out, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(peer.connection.wants(), Wants::Read);
    assert_eq!(peer.events(), ["head 200 Length(2)", "data ok", "End", "NeedMore"]);
    assert_eq!(peer.connection.wants(), Wants::Idle);
    peer.ask(b"GET", &[], Framing::None).unwrap();
    assert_eq!(peer.ask(b"GET", &[], Framing::None), Err(SendError::OutOfTurn));
}

/// RFC 9112 §9.2.
#[test]
fn bytes_that_were_not_asked_for_are_no_response() {
    let mut peer = Peer::got(&[OK, OK].concat());
    assert_eq!(peer.events().last().unwrap(), "fault unsolicited");
    assert_eq!(peer.connection.wants(), Wants::Close);
    assert_eq!(peer.ask(b"GET", &[], Framing::None), Err(SendError::OutOfTurn));

    let mut idle = ClientConnection::new(Limits::default());
    let event = idle.receive(b"\r\n", false).event;
    assert!(matches!(event, ResponseEvent::Fault(_)), "not even an empty line");
}

#[test]
fn a_pooled_connection_that_the_server_closes_takes_no_request() {
    let mut peer = Peer::got(OK);
    peer.events();
    peer.ended = true;
    assert_eq!(peer.next(), "Closed");
    assert_eq!(peer.connection.wants(), Wants::Close);
}

/// RFC 9112 §9.6.
#[test]
fn a_close_of_either_side_prevents_reuse() {
    let mut peer =
        Peer::got(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\nrest");
    assert_eq!(peer.events(), ["head 200 Length(0)", "End", "Closed"]);
    let close = [Field::new(b"Connection", b"close")];
    let mut peer = Peer::asked(b"GET", &close, Framing::None, OK);
    assert_eq!(peer.events().last().unwrap(), "Closed");
    let mut peer = Peer::got(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(peer.events().last().unwrap(), "Closed");
    let mut peer =
        Peer::got(b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(peer.events().last().unwrap(), "NeedMore");
}

/// RFC 9112 §6.3, in its order.
#[test]
fn the_length_of_a_response_depends_on_method_status_and_fields() {
    let long = "Content-Length: 5\r\n";
    let chunked = "Transfer-Encoding: chunked\r\n";
    for (method, status, fields, framing) in [
        ("HEAD", 200, long, "None"),
        ("HEAD", 200, chunked, "None"),
        ("GET", 204, long, "None"),
        ("GET", 304, long, "None"),
        ("GET", 304, chunked, "None"),
        ("CONNECT", 200, long, "Tunnel"),
        ("CONNECT", 204, chunked, "Tunnel"),
        ("CONNECT", 407, long, "Length(5)"),
        ("GET", 200, chunked, "Chunked"),
        ("GET", 200, "Content-Length: 9\r\nTransfer-Encoding: chunked\r\n", "Chunked"),
        ("GET", 200, "Content-Length: 5, 5\r\n", "Length(5)"),
        ("GET", 200, "", "UntilClose"),
    ] {
        let response = format!("HTTP/1.1 {status} x\r\n{fields}\r\n");
        let mut peer = Peer::asked(method.as_bytes(), &[], Framing::None, response.as_bytes());
        assert_eq!(peer.next(), format!("head {status} {framing}"), "{method} {fields:?}");
    }
}

/// RFC 9112 §6.3, 3: the response may be an attempt at smuggling.
#[test]
fn a_response_with_length_and_coding_prevents_reuse() {
    let mut peer = Peer::got(
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    );
    assert_eq!(peer.events(), ["head 200 Chunked", "End", "Closed"]);
}

#[test]
fn content_until_close_ends_with_the_connection() {
    let mut peer = Peer::got(b"HTTP/1.1 200 OK\r\n\r\nab");
    assert_eq!(peer.events(), ["head 200 UntilClose", "data ab", "NeedMore"]);
    peer.ended = true;
    assert_eq!(peer.events(), ["End", "Closed"]);
}

/// RFC 9112 §8.
#[test]
fn content_that_is_cut_short_is_a_fault() {
    for response in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"[..],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n",
    ] {
        let mut peer = Peer::got(response);
        peer.ended = true;
        assert_eq!(peer.events().last().unwrap(), "fault body-cut-short");
    }
    for (response, class) in [("", "fault no-response"), ("HTTP/1.1 2", "fault head-cut-short")] {
        let mut peer = Peer::got(response.as_bytes());
        peer.ended = true;
        assert_eq!(peer.next(), class);
    }
}

/// RFC 9110 §15.2.
#[test]
fn interim_responses_come_before_the_final_one() {
    let interim = b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n";
    let mut peer = Peer::got(&[interim, interim, OK].concat());
    assert_eq!(peer.events()[..3], ["interim 103", "interim 103", "head 200 Length(2)"]);
    let mut peer = Peer::got(&[interim.repeat(33), OK.to_vec()].concat());
    assert_eq!(peer.events().last().unwrap(), "fault too-many-interim");
}

/// RFC 9110 §7.8.
#[test]
fn a_switch_needs_an_offer() {
    let switch = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nContent-Length: 9\r\n\r\nraw";
    assert_eq!(Peer::got(switch).events(), ["fault switch-not-offered"]);
    let offer = [Field::new(b"Upgrade", b"x")];
    let mut peer = Peer::asked(b"GET", &offer, Framing::None, switch);
    assert!(peer.out.ends_with(b"Upgrade: x\r\nConnection: upgrade\r\n\r\n"));
    assert_eq!(peer.events(), ["head 101 Tunnel", "End", "Switched"]);
    assert_eq!(peer.received, b"raw");
    assert_eq!(peer.connection.wants(), Wants::Switch);
}

/// RFC 9110 §10.1.1.
#[test]
fn content_waits_for_100_or_for_the_driver() {
    let expect = [Field::new(b"Expect", b"100-continue")];
    let mut peer = Peer::asked(b"PUT", &expect, Framing::Length(2), b"");
    assert!(peer.connection.awaits_continue());
    assert_eq!(peer.connection.wants(), Wants::Read);
    peer.received.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(peer.next(), "interim 100");
    assert_eq!(peer.connection.wants(), Wants::Write);
    peer.connection.send_content(2).unwrap();
    peer.connection.finish_request(&mut peer.out, []).unwrap();
    peer.received.extend_from_slice(OK);
    assert_eq!(peer.events().last().unwrap(), "NeedMore");

    let mut refused = Peer::asked(b"PUT", &expect, Framing::Length(2), OK);
    assert_eq!(refused.events().last().unwrap(), "Closed", "its content is not sent");

    let mut late = Peer::asked(b"PUT", &expect, Framing::Length(2), OK);
    late.connection.stop_awaiting_continue();
    assert_eq!(late.events().last().unwrap(), "Paused", "its content is still to be sent");
    late.connection.send_content(2).unwrap();
    late.connection.finish_request(&mut late.out, []).unwrap();
    assert_eq!(late.connection.wants(), Wants::Idle);
}

#[test]
fn a_response_before_the_end_of_the_request_waits_for_it() {
    let mut peer = Peer::asked(b"PUT", &[], Framing::Chunked, OK);
    assert_eq!(peer.events(), ["head 200 Length(2)", "data ok", "End", "Paused"]);
    assert_eq!(peer.connection.wants(), Wants::Write);
    peer.connection.send_content(1).unwrap();
    peer.connection.finish_request(&mut peer.out, []).unwrap();
    assert_eq!(peer.connection.wants(), Wants::Idle);
}

/// RFC 9112 §5.1: "A proxy MUST remove any such whitespace from a response message".
#[test]
fn space_before_a_colon_is_removed_before_the_framing_is_decided() {
    let mut peer = Peer::got(b"HTTP/1.1 200 OK\r\nX: a\r\nContent-Length \t: 2\r\n\r\nok");
    assert_eq!(peer.events()[..2], ["head 200 Length(2)", "data ok"]);
}

#[test]
fn an_invalid_request_is_not_sent() {
    let mut peer = Peer::got(OK);
    peer.events();
    peer.out.clear();
    let second_host = [Field::new(b"Host", b"b")];
    assert_eq!(peer.ask(b"GET", &second_host, Framing::None), Err(SendError::InvalidHost));
    assert_eq!(peer.ask(b"GET", &[], Framing::UntilClose), Err(SendError::InvalidFraming));
    assert_eq!(peer.ask(b"TRACE", &[], Framing::Length(1)), Err(SendError::InvalidFraming));
    assert_eq!(peer.ask(b"G T", &[], Framing::None), Err(SendError::InvalidMethod));
    let length = [Field::new(b"Content-Length", b"9")];
    assert_eq!(peer.ask(b"GET", &length, Framing::Length(1)), Ok(()));
    assert_eq!(peer.out, b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n");
}
