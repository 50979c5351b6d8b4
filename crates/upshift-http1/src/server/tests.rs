//! Tests of the server's side: whole exchanges, in the order of a connection's life.
#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use super::*;
use crate::driver::Received;
use crate::driver::Wants;
use crate::fault::FaultClass;
use crate::field_table::Field;
use crate::framing::Framing;
use crate::limits::Limits;
use crate::send_error::SendError;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: ResponseStart<'_> = ResponseStart { status: 200, reason: b"OK" };

/// A connection with its unconsumed input and its output.
struct Peer {
    connection: ServerConnection,
    received: Vec<u8>,
    out: Vec<u8>,
    ended: bool,
}

impl Peer {
    fn with(received: &[u8]) -> Self {
        let connection = ServerConnection::new(Limits::default());
        Self { connection, received: received.to_vec(), out: Vec::new(), ended: false }
    }

    /// The next event, as text.
    fn next(&mut self) -> String {
        let Received { consumed, event } = self.connection.receive(&self.received, self.ended);
        let text = match event {
            RequestEvent::Head(head) => {
                let target = head.target(&self.received).to_vec();
                format!("head {} {:?}", String::from_utf8(target).unwrap(), head.framing())
            }
            RequestEvent::Data(range) => {
                format!("data {}", String::from_utf8_lossy(&self.received[range]))
            }
            RequestEvent::Trailers(table) => format!("trailers {}", table.len()),
            RequestEvent::Fault(fault) => format!("fault {}", fault.class.name()),
            other => format!("{other:?}"),
        };
        self.received.drain(..consumed);
        text
    }

    fn respond(&mut self, framing: Framing) -> Framing {
        self.connection.send_response(&mut self.out, OK, [], framing).unwrap()
    }

    fn written(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.out)).unwrap()
    }
}

#[test]
fn a_connection_serves_pipelined_requests_one_by_one() {
    let mut peer =
        Peer::with(&[GET, b"POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxy"].concat());
    assert_eq!(peer.connection.wants(), Wants::Idle);
    assert_eq!(peer.next(), "head / None");
    assert_eq!(peer.next(), "End");
    assert_eq!(peer.next(), "Paused", "the first response comes first");
    assert_eq!(peer.connection.wants(), Wants::Write);
    assert_eq!(peer.respond(Framing::None), Framing::Length(0));
    assert_eq!(peer.written(), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(peer.next(), "head /b Length(2)");
    assert_eq!(peer.next(), "data xy");
    assert_eq!(peer.next(), "End");
    peer.respond(Framing::Length(0));
    assert_eq!(peer.next(), "NeedMore");
    assert_eq!(peer.connection.wants(), Wants::Idle);
}

/// RFC 9112 §9.6.
#[test]
fn nothing_is_served_after_close() {
    let mut peer =
        Peer::with(&[b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", GET].concat());
    peer.next();
    peer.next();
    peer.respond(Framing::None);
    assert!(peer.written().ends_with("Connection: close\r\n\r\n"));
    assert_eq!(peer.next(), "Closed");
    assert_eq!(peer.connection.wants(), Wants::Linger);
    peer.ended = true;
    assert_eq!(peer.next(), "Closed");
    assert_eq!(peer.connection.wants(), Wants::Close);
}

#[test]
fn a_close_of_either_side_ends_the_connection() {
    let mut peer = Peer::with(GET);
    peer.next();
    let close = [Field::new(b"Connection", b"x, close")];
    peer.connection.send_response(&mut peer.out, OK, close, Framing::None).unwrap();
    assert_eq!(peer.written().matches("close").count(), 1);
    assert_eq!(peer.next(), "Closed");
}

/// RFC 9112 §9.3, and C.2.2.
#[test]
fn http10_persists_only_if_both_sides_say_so() {
    let mut peer = Peer::with(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    peer.next();
    peer.next();
    peer.respond(Framing::Length(0));
    assert!(peer.written().contains("Connection: keep-alive\r\n"));
    assert_eq!(peer.connection.wants(), Wants::Idle);

    let mut peer = Peer::with(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    peer.next();
    peer.next();
    assert_eq!(peer.respond(Framing::Chunked), Framing::UntilClose, "1.0 has no chunks");
    assert_eq!(peer.written(), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    assert_eq!(peer.connection.send_content(3).unwrap().prefix(), b"");
    peer.connection.finish_response(&mut peer.out, []).unwrap();
    assert_eq!(peer.connection.wants(), Wants::Linger);
}

#[test]
fn chunked_content_and_trailers_are_read_and_written() {
    let mut peer = Peer::with(
        b"POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n\
          3;a=\"b\"\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n",
    );
    assert_eq!(peer.next(), "head / Chunked");
    assert_eq!(peer.next(), "data abc");
    assert_eq!(peer.next(), "trailers 1");
    assert_eq!(peer.next(), "End");
    peer.respond(Framing::Chunked);
    let frame = peer.connection.send_content(17).unwrap();
    assert_eq!((frame.prefix(), frame.suffix()), (&b"11\r\n"[..], &b"\r\n"[..]));
    let trailers = [Field::new(b"X-Sum", b"2"), Field::new(b"Content-Length", b"9")];
    peer.connection.finish_response(&mut peer.out, trailers).unwrap();
    assert_eq!(
        peer.written(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 2\r\n\r\n"
    );
}

/// RFC 9110 §6.5.1: trailers are sent only to clients that accept them.
#[test]
fn trailers_are_dropped_for_a_client_that_does_not_ask() {
    let mut peer = Peer::with(GET);
    peer.next();
    peer.respond(Framing::Chunked);
    peer.out.clear();
    peer.connection.finish_response(&mut peer.out, [Field::new(b"X-Sum", b"2")]).unwrap();
    assert_eq!(peer.written(), "0\r\n\r\n");
}

/// RFC 9112 §6.3 and RFC 9110 §8.6.
#[test]
fn responses_without_content_say_what_a_get_would_get() {
    let head = b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
    for (status, request, framing, line) in [
        (200, &head[..], Framing::Length(7), "Content-Length: 7\r\n"),
        (200, head, Framing::Chunked, "Transfer-Encoding: chunked\r\n"),
        (200, head, Framing::None, ""),
        (304, GET, Framing::Length(7), "Content-Length: 7\r\n"),
        (204, GET, Framing::Length(7), ""),
    ] {
        let mut peer = Peer::with(request);
        peer.next();
        let start = ResponseStart { status, reason: b"" };
        let framing = peer.connection.send_response(&mut peer.out, start, [], framing).unwrap();
        assert_eq!(framing, Framing::None);
        assert_eq!(peer.written(), format!("HTTP/1.1 {status} \r\n{line}\r\n"));
        assert_eq!(peer.connection.send_content(1), Err(SendError::ContentNotAllowed));
        assert_eq!(peer.connection.finish_response(&mut peer.out, []), Ok(()));
        assert_eq!(peer.next(), "End");
        assert_eq!(peer.connection.wants(), Wants::Idle);
    }
}

const EXPECTS: &[u8] =
    b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";

/// RFC 9110 §10.1.1.
#[test]
fn a_continue_is_sent_once_asked_for() {
    let mut peer = Peer::with(EXPECTS);
    peer.next();
    assert!(peer.connection.awaits_continue());
    let start = ResponseStart { status: 100, reason: b"Continue" };
    peer.connection.send_interim(&mut peer.out, start, []).unwrap();
    assert!(!peer.connection.awaits_continue());
    assert_eq!(peer.written(), "HTTP/1.1 100 Continue\r\n\r\n");
    peer.received.extend_from_slice(b"xy");
    assert_eq!(peer.next(), "data xy");
    peer.next();
    peer.respond(Framing::None);
    assert_eq!(peer.connection.wants(), Wants::Idle);
}

/// Catches content, sent despite the final response, that is read as the next request.
#[test]
fn a_final_response_in_place_of_continue_closes() {
    let mut peer = Peer::with(EXPECTS);
    peer.next();
    peer.respond(Framing::None);
    assert!(peer.written().contains("Connection: close\r\n"));
    peer.received.extend_from_slice(GET);
    assert_eq!(peer.next(), "Closed");
    assert_eq!(peer.connection.wants(), Wants::Linger);
}

#[test]
fn content_that_arrives_unasked_ends_the_wait() {
    let mut peer = Peer::with(&[EXPECTS, b"x"].concat());
    peer.next();
    assert_eq!(peer.next(), "data x");
    peer.respond(Framing::None);
    assert!(!peer.written().contains("close"));
    assert_eq!(peer.connection.wants(), Wants::Read, "the rest is drained");
    peer.received.extend_from_slice(b"y");
    assert_eq!(peer.next(), "data y");
    assert_eq!(peer.next(), "End");
    assert_eq!(peer.connection.wants(), Wants::Idle);
}

const OFFER: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";

/// RFC 9110 §7.8 and RFC 9931.
#[test]
fn a_switch_leaves_later_bytes_to_the_other_protocol() {
    let mut peer = Peer::with(&[OFFER, b"raw"].concat());
    peer.next();
    assert_eq!(peer.next(), "End");
    assert_eq!(peer.next(), "Paused", "before the 101, they are held");
    let start = ResponseStart { status: 101, reason: b"Switching Protocols" };
    let fields = [Field::new(b"Upgrade", b"x")];
    let framing = peer.connection.send_response(&mut peer.out, start, fields, Framing::None);
    assert_eq!(framing, Ok(Framing::Tunnel));
    assert_eq!(
        peer.written(),
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
    );
    assert_eq!(peer.next(), "Switched");
    assert_eq!((peer.connection.wants(), &peer.received[..]), (Wants::Switch, &b"raw"[..]));
}

#[test]
fn an_offer_that_is_not_taken_leaves_http() {
    let mut peer = Peer::with(&[OFFER, GET].concat());
    peer.next();
    peer.next();
    peer.respond(Framing::None);
    assert_eq!(peer.next(), "head / None");
}

#[test]
fn a_switch_needs_an_offer_and_the_continue_before_it() {
    let start = ResponseStart { status: 101, reason: b"" };
    let mut peer = Peer::with(GET);
    peer.next();
    let result = peer.connection.send_response(&mut peer.out, start, [], Framing::None);
    assert_eq!(result, Err(SendError::SwitchNotOffered));

    let both = b"PUT / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\
        Expect: 100-continue\r\nContent-Length: 1\r\n\r\n";
    let mut peer = Peer::with(both);
    peer.next();
    let result = peer.connection.send_response(&mut peer.out, start, [], Framing::None);
    assert_eq!(result, Err(SendError::ContinueFirst));
    peer.received.extend_from_slice(b"zraw");
    assert_eq!(peer.next(), "data z");
    peer.connection.send_response(&mut peer.out, start, [], Framing::None).unwrap();
    assert_eq!(peer.next(), "End", "the request ends before the switch");
    assert_eq!(peer.next(), "Switched");
    assert_eq!(peer.received, b"raw");
}

#[test]
fn a_connect_becomes_a_tunnel_with_2xx_only() {
    let connect = b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\nraw";
    let mut peer = Peer::with(connect);
    peer.next();
    peer.next();
    assert_eq!(peer.respond(Framing::Chunked), Framing::Tunnel);
    assert_eq!(peer.written(), "HTTP/1.1 200 OK\r\n\r\n");
    assert_eq!(peer.next(), "Switched");
    assert_eq!(peer.received, b"raw");

    let mut peer = Peer::with(connect);
    peer.next();
    peer.next();
    let start = ResponseStart { status: 403, reason: b"" };
    peer.connection.send_response(&mut peer.out, start, [], Framing::None).unwrap();
    assert_eq!(peer.next(), "NeedMore", "the bytes are read as a request");
}

/// Catches bytes after a malformed request that are read as another request.
#[test]
fn a_fault_is_answered_and_final() {
    let mut peer = Peer::with(&[b"GET / HTTP/1.1\r\n\r\n", GET].concat());
    for _ in 0..2 {
        assert_eq!(peer.next(), "fault host");
    }
    assert_eq!(peer.connection.wants(), Wants::Write);
    peer.respond(Framing::None);
    assert!(peer.written().contains("Connection: close\r\n"));
    assert_eq!(peer.next(), "fault host");
    assert_eq!(peer.connection.wants(), Wants::Linger);
}

#[test]
fn a_fault_in_content_is_answered_if_no_response_has_begun() {
    let bad = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
    let mut peer = Peer::with(bad);
    peer.next();
    assert_eq!(peer.next(), "fault chunk-size");
    assert_eq!(peer.connection.wants(), Wants::Write);

    let mut peer = Peer::with(bad);
    peer.next();
    peer.respond(Framing::Chunked);
    assert_eq!(peer.next(), "fault chunk-size");
    assert_eq!(peer.connection.wants(), Wants::Close);
}

#[test]
fn the_place_of_a_fault_counts_from_the_start_of_the_connection() {
    let mut peer = Peer::with(&[GET, b"GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n"].concat());
    peer.next();
    peer.next();
    peer.respond(Framing::None);
    let RequestEvent::Fault(fault) = peer.connection.receive(&peer.received, false).event else {
        panic!("no fault");
    };
    assert_eq!(fault.class, FaultClass::SpaceBeforeColon);
    assert_eq!(fault.offset, (GET.len() + b"GET / HTTP/1.1\r\nHost: a\r\nX".len()) as u64);
}

/// RFC 9112 §9.6 and §8.
#[test]
fn an_end_is_the_last_request_or_a_fault() {
    let mut idle = Peer::with(b"");
    idle.ended = true;
    assert_eq!(idle.next(), "Closed");
    assert_eq!(idle.connection.wants(), Wants::Close);

    let mut full = Peer::with(GET);
    full.ended = true;
    full.next();
    assert_eq!(full.next(), "End");
    full.respond(Framing::None);
    assert!(full.written().contains("Connection: close\r\n"), "it is answered all the same");
    assert_eq!(full.connection.wants(), Wants::Close);

    for (bytes, class) in [
        (&GET[..20], "fault head-cut-short"),
        (&EXPECTS[..EXPECTS.len() - 1], "fault head-cut-short"),
    ] {
        let mut cut = Peer::with(bytes);
        cut.ended = true;
        assert_eq!(cut.next(), class);
        assert_eq!(cut.connection.wants(), Wants::Close, "no answer is owed");
    }
    let mut cut = Peer::with(&[EXPECTS, b"x"].concat());
    cut.ended = true;
    cut.next();
    assert_eq!(cut.next(), "data x");
    assert_eq!(cut.next(), "fault body-cut-short");
}

#[test]
fn a_response_that_is_too_short_is_broken_off() {
    let mut peer = Peer::with(GET);
    peer.next();
    peer.respond(Framing::Length(3));
    assert_eq!(peer.connection.send_content(4), Err(SendError::TooMuchContent));
    peer.connection.send_content(2).unwrap();
    let result = peer.connection.finish_response(&mut peer.out, []);
    assert_eq!(result, Err(SendError::TooLittleContent));
    assert_eq!(peer.connection.wants(), Wants::Close);
}

#[test]
fn a_request_that_never_ends_can_be_answered() {
    let mut peer = Peer::with(&GET[..20]);
    assert_eq!(peer.next(), "NeedMore");
    assert_eq!(peer.connection.wants(), Wants::Read);
    let start = ResponseStart { status: 408, reason: b"" };
    peer.connection.send_response(&mut peer.out, start, [], Framing::None).unwrap();
    assert!(peer.written().contains("Connection: close\r\n"));
    assert_eq!(peer.connection.wants(), Wants::Linger);
}

#[test]
fn finish_ends_an_idle_connection_at_once_and_a_busy_one_after_its_response() {
    let mut peer = Peer::with(b"");
    peer.connection.finish();
    assert_eq!(peer.connection.wants(), Wants::Close);

    let mut peer = Peer::with(GET);
    peer.next();
    peer.connection.finish();
    peer.respond(Framing::None);
    assert!(peer.written().contains("Connection: close\r\n"));
}

/// Catches response splitting by a line break in a field value.
#[test]
fn nothing_is_written_of_an_invalid_response() {
    for field in [
        Field::new(b"X", b"a\r\nSet-Cookie: b"),
        Field::new(b"X", b"a\0"),
        Field::new(b"X", b" a"),
        Field::new(b"X: a\r\nY", b"b"),
        Field::new(b"", b"b"),
    ] {
        let mut peer = Peer::with(GET);
        peer.next();
        let result = peer.connection.send_response(&mut peer.out, OK, [field], Framing::None);
        assert!(result.is_err(), "{field:?}");
        assert_eq!(peer.written(), "");
        peer.respond(Framing::None);
    }
}

/// Catches an upload that is cut off when its response ends first.
#[test]
fn content_in_use_is_read_on_after_the_last_response() {
    for reads_on in [true, false] {
        let mut peer = Peer::with(
            b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nab",
        );
        assert_eq!(peer.next(), "head / Length(4)");
        assert_eq!(peer.next(), "data ab");
        if reads_on {
            peer.connection.read_on();
        }
        peer.respond(Framing::None);
        peer.received.extend_from_slice(b"cd");
        if reads_on {
            assert_eq!(peer.next(), "data cd");
            assert_eq!(peer.next(), "End");
        }
        assert_eq!(peer.next(), "Closed");
    }
}

/// RFC 9110 §7.6.1.
#[test]
fn options_that_name_the_framing_are_a_fault_or_ignored() {
    let request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: host, content-length\r\n\r\n";
    let mut peer = Peer::with(request);
    assert_eq!(peer.next(), "fault connection-option");
    let limits = Limits { ignores_essential_options: true, ..Limits::default() };
    let mut tolerant = Peer::with(request);
    tolerant.connection = ServerConnection::new(limits);
    assert_eq!(tolerant.next(), "head / None");
}

/// RFC 9112 §3.2.
#[test]
fn a_host_is_checked_here_or_by_the_caller() {
    let request = b"GET / HTTP/1.1\r\n\r\n";
    let mut peer = Peer::with(request);
    assert_eq!(peer.next(), "fault host");
    let mut unchecked = Peer::with(request);
    let limits = Limits { checks_host: false, ..Limits::default() };
    unchecked.connection = ServerConnection::new(limits);
    assert_eq!(unchecked.next(), "head / None");
}

/// RFC 9112 §2.2.
#[test]
fn a_lone_lf_ends_a_line_only_if_configured() {
    let request =
        b"POST / HTTP/1.1\nHost: a\r\nTransfer-Encoding: chunked\n\n1\r\nx\r\n0\r\nT: u\n\n";
    assert_eq!(Peer::with(request).next(), "fault bare-lf");
    let limits = Limits { accepts_bare_lf: true, ..Limits::default() };
    let mut peer = Peer::with(request);
    peer.connection = ServerConnection::new(limits);
    assert_eq!(peer.next(), "head / Chunked");
    assert_eq!([peer.next(), peer.next()], ["data x", "trailers 1"]);
    // In chunked framing it is a fault all the same.
    peer = Peer::with(b"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n1\nx\n0\n\n");
    peer.connection = ServerConnection::new(limits);
    assert_eq!(peer.next(), "head / Chunked");
    assert!(peer.next().starts_with("fault chunk"));
}
