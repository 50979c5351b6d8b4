//! Properties of any input: divided or whole, malformed or not.

use conformance::OddMessages;
use proptest::prelude::*;
use upshift_http1::{Field, Framing, Limits, RequestEvent, ResponseStart, ServerConnection, Wants};

use crate::client_run::ClientRun;
use crate::gateway_run::{forward_requests, forward_responses};
use crate::server_run::ServerRun;
use crate::transcript::{Transcript, text_of};

/// Cases per property. `PROPTEST_CASES` is not read, so that a run is the same everywhere.
const CASES: u32 = 2000;

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) }
}

/// The pieces of `bytes` between these places.
fn pieces_of<'b>(bytes: &'b [u8], places: &[usize]) -> Vec<&'b [u8]> {
    let mut ends: Vec<usize> = places.iter().map(|place| place % (bytes.len() + 1)).collect();
    ends.sort_unstable();
    let mut pieces = Vec::new();
    let mut start = 0;
    for end in ends {
        pieces.push(&bytes[start..end]);
        start = end;
    }
    pieces.push(&bytes[start..]);
    pieces
}

fn requests_of(seed: u64, count: usize) -> Vec<u8> {
    let mut messages = OddMessages::new(seed);
    (0..count).flat_map(|_| messages.request()).collect()
}

fn responses_of(seed: u64, count: usize) -> Vec<u8> {
    let mut messages = OddMessages::new(seed);
    (0..count).flat_map(|_| messages.response()).collect()
}

/// Any run of the bytes that matter to a parser.
fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    let alphabet = b"\r\n\r\n \t:;,=\"\\0123aefGETHPX/.-\0\xff";
    proptest::collection::vec(proptest::sample::select(alphabet.as_slice()), 0..200)
}

fn methods() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(["GET", "HEAD", "CONNECT", "POST"].as_slice())
}

proptest! {
    #![proptest_config(config())]

    /// Catches framing that depends on how the bytes of a message are divided into reads.
    #[test]
    fn requests_are_the_same_however_they_are_divided(
        seed: u64,
        count in 1usize..4,
        places in proptest::collection::vec(any::<usize>(), 0..5),
    ) {
        let bytes = requests_of(seed, count);
        let run = ServerRun::default();
        let whole = run.serve(&[&bytes]);
        prop_assert_eq!(&run.serve(&pieces_of(&bytes, &places)), &whole);
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        prop_assert_eq!(&run.serve(&single), &whole);
    }

    #[test]
    fn responses_are_the_same_however_they_are_divided(
        seed: u64,
        count in 1usize..3,
        method in methods(),
        places in proptest::collection::vec(any::<usize>(), 0..5),
    ) {
        let bytes = responses_of(seed, count);
        let run = ClientRun { method: method.to_owned(), ..ClientRun::default() };
        let whole = run.read(&[&bytes]);
        prop_assert_eq!(&run.read(&pieces_of(&bytes, &places)), &whole);
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        prop_assert_eq!(&run.read(&single), &whole);
    }

    #[test]
    fn any_bytes_end_in_events_or_a_fault(
        bytes in any_bytes(),
        content in any_bytes(),
        place: usize,
        ends: bool,
    ) {
        let head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        for input in [bytes.clone(), [head, content.as_slice()].concat()] {
            let run = ServerRun { ends, ..ServerRun::default() };
            let whole = run.serve(&[&input]);
            let pieces = pieces_of(&input, &[place]);
            // The end comes with the last piece, which must not be empty.
            if !ends || pieces.last().is_some_and(|last| !last.is_empty()) {
                prop_assert_eq!(run.serve(&pieces), whole);
            }
        }
        ClientRun { ends, ..ClientRun::default() }.read(&[&bytes]);
    }

    /// Catches request smuggling: a forwarded message that the server reads as two.
    #[test]
    fn a_forwarded_request_is_read_as_the_same_request(seed: u64, count in 1usize..4) {
        let bytes = requests_of(seed, count);
        let run = ServerRun::default();
        let received = run.serve(&[&bytes]);
        let forwarded = forward_requests(&bytes, false);
        let read = run.serve(&[&forwarded]);
        prop_assert!(read.fault.is_none(), "{} became {}", text_of(&bytes), text_of(&forwarded));
        prop_assert_eq!(&read.messages, &complete_messages(&received));
        prop_assert_eq!(forward_requests(&forwarded, false), forwarded, "written twice");
    }

    #[test]
    fn a_forwarded_response_is_read_as_the_same_response(seed: u64, method in methods()) {
        let bytes = responses_of(seed, 1);
        let run = ClientRun { method: method.to_owned(), ends: true, ..ClientRun::default() };
        let received = run.read(&[&bytes]);
        let forwarded = forward_responses(&run, &bytes);
        let read = run.read(&[&forwarded]);
        if received.fault.is_none() {
            prop_assert!(read.fault.is_none(), "{} became {}", text_of(&bytes), text_of(&forwarded));
            prop_assert_eq!(&read.messages, &received.messages);
        }
    }

    /// RFC 9110 §5.5: no written field contains a line end, for any source of its value.
    #[test]
    fn what_is_written_has_the_lines_that_were_given(name in any_bytes(), value in any_bytes()) {
        let mut server = ServerConnection::new(Limits::default());
        server.receive(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", false);
        let mut out = Vec::new();
        let start = ResponseStart { status: 200, reason: b"OK" };
        let field = Field::new(&name, &value);
        let is_framing = field.id().is_framing();
        let sent = server.send_response(&mut out, start, [field], Framing::Length(1));
        let lines = out.iter().filter(|byte| **byte == b'\n').count();
        let returns = out.iter().filter(|byte| **byte == b'\r').count();
        let wanted = match sent {
            Err(_) => 0,
            Ok(_) if is_framing => 3,
            Ok(_) => 4,
        };
        prop_assert_eq!((lines, returns), (wanted, wanted));
        prop_assert!(!out.contains(&0));
    }

    /// Catches bytes after a switch that are lost or parsed as HTTP.
    #[test]
    fn no_byte_after_a_switch_is_lost(bytes in any_bytes(), place: usize) {
        let offer = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
        let input = [offer.as_slice(), &bytes].concat();
        let run = ServerRun { respond: 101, ..ServerRun::default() };
        prop_assert_eq!(run.serve(&[&input]).rest, Some(bytes.clone()));
        let (first, second) = bytes.split_at(place % (bytes.len() + 1));
        let rest = run.serve(&[&[offer.as_slice(), first].concat(), second]).rest;
        prop_assert_eq!(rest, Some(bytes));
    }

    /// Catches deadlocks, in which each side waits for the other.
    #[test]
    fn a_server_always_wants_something(seed: u64, count in 1usize..4) {
        prop_assert!(reaches_end(&requests_of(seed, count)));
    }
}

/// Serves a connection that the client shuts down after `bytes`, and does what the server wants;
/// returns true if it comes to an end.
fn reaches_end(bytes: &[u8]) -> bool {
    let mut server = ServerConnection::new(Limits::default());
    let mut unread = bytes;
    for _ in 0..10 * bytes.len() + 10 {
        let received = server.receive(unread, true);
        unread = &unread[received.consumed..];
        match (received.event, server.wants()) {
            (RequestEvent::Closed | RequestEvent::Fault(_), Wants::Close) => return true,
            (RequestEvent::Paused | RequestEvent::Fault(_), Wants::Write) => {
                let start = ResponseStart { status: 400, reason: b"" };
                server.send_response(&mut Vec::new(), start, [], Framing::None).unwrap();
            }
            (RequestEvent::NeedMore | RequestEvent::Closed | RequestEvent::Paused, _) => {
                return false;
            }
            _ => {}
        }
    }
    false
}

/// The messages that ended.
fn complete_messages(transcript: &Transcript) -> Vec<String> {
    let mut complete = transcript.messages.clone();
    complete.retain(|message| !message.ends_with('…'));
    complete
}
