//! HTTP/2 clients that stall, and keep their connection busy with frames that make no progress.

use interop::h2_frames::*;
use interop::{Gateway, H2Session, Stalling};

use super::{SOON, ends_despite, gateway};

/// The number of concurrent requests on one connection.
const MANY: usize = 100;

/// Answers are given up if the client leaves them no window. There was once one timeout for the
/// whole connection, and every PING postponed it, so such a client held an upstream connection per
/// request forever.
#[test]
fn http2_answers_without_window_are_given_up() {
    for window in [0, 1, 65_535] {
        let upstream = Stalling::start();
        let gateway = gateway(upstream.address());
        let session = ask_many(&gateway, &setting(INITIAL_WINDOW_SIZE, window));
        gateway.assert_reaches(MANY + 1);
        gateway.assert_releases_despite(SOON, 1, || session.ping());
        let seen = ends_despite(SOON, || session.ping(), || are_all_broken(&session));
        assert!(seen, "with windows of {window}, no end is seen");
    }
}

/// The same for answers that the codec buffers completely as soon as there is window for one byte.
#[test]
fn http2_answers_with_window_for_a_byte_are_given_up() {
    let upstream = Stalling::start();
    let gateway = gateway(upstream.address());
    let mut first = [setting(INITIAL_WINDOW_SIZE, 1), window_update(0, 1 << 20)].concat();
    for number in 0..20 {
        let length = if number % 2 == 0 { 8_000 } else { 40 };
        first.extend(get(stream_id(number), &format!("/pour/{length}")));
    }
    // A stream that makes progress, so that the connection is not idle.
    first.extend([get(101, "/trickle/40960"), window_update(101, 1 << 20)].concat());
    let session = H2Session::open(gateway.http(), &first);
    let done = ends_despite(
        SOON,
        || session.ping(),
        || (0..20).all(|number| session.is_broken(stream_id(number))),
    );
    let left = (0..20).filter(|number| !session.is_broken(stream_id(*number))).count();
    assert!(done, "{left} of 20 streams are held");
}

/// The same if the client enlarges the window of the connection only, and not those of the streams.
#[test]
fn http2_windows_of_the_connection_are_no_progress() {
    let upstream = Stalling::start();
    let gateway = gateway(upstream.address());
    let session = ask_many(&gateway, &setting(INITIAL_WINDOW_SIZE, 0));
    gateway.assert_reaches(MANY + 1);
    let grow = window_update(0, 1024);
    gateway.assert_releases_despite(SOON, 1, || session.send(&grow));
}

/// An upload that stops is given up, even if the client sends PINGs. A single PING once kept it
/// forever.
#[test]
fn http2_uploads_that_stop_are_given_up() {
    for content in [&b""[..], b"hello"] {
        let upstream = Stalling::start();
        let gateway = gateway(upstream.address());
        let session = H2Session::open(gateway.http(), &post(content));
        gateway.assert_reaches(2);
        gateway.assert_releases_despite(SOON, 1, || session.ping());
        let answered = ends_despite(SOON, || session.ping(), || is_answered(&session));
        assert!(answered, "after {} bytes, no answer", content.len());
    }
}

/// A stream that stalls is given up by itself: the others on its connection go on.
#[test]
fn http2_streams_beside_a_stalled_one_are_served() {
    let upstream = Stalling::start();
    let gateway = gateway(upstream.address());
    let asked = [setting(INITIAL_WINDOW_SIZE, 0), get(1, "/pour/33554432")].concat();
    let session = H2Session::open(gateway.http(), &asked);
    gateway.assert_reaches(2);
    session.send(&[get(3, "/trickle/40960"), window_update(3, 1 << 20)].concat());
    let given_up = ends_despite(SOON, || session.ping(), || session.is_broken(1));
    assert!(given_up, "the stalled stream is held");
    let served = ends_despite(SOON * 2, || session.ping(), || session.is_complete(3));
    assert!(served, "the other stream had {} bytes", session.content(3));
}

fn are_all_broken(session: &H2Session) -> bool {
    (0..MANY).all(|number| session.is_broken(stream_id(number)))
}

fn is_answered(session: &H2Session) -> bool {
    let answers = session.count(|frame| frame.stream == 1 && frame.kind != WINDOW_UPDATE);
    answers > 0 || session.is_closed()
}

fn stream_id(number: usize) -> u32 {
    u32::try_from(2 * number + 1).unwrap_or(u32::MAX)
}

fn get(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, WHOLE, stream, &field_block(&pseudo_fields("GET", path)))
}

fn ask_many(gateway: &Gateway, first: &[u8]) -> H2Session {
    let session = H2Session::open(gateway.http(), first);
    for number in 0..MANY {
        session.send(&get(stream_id(number), "/pour/4194304"));
    }
    session
}

/// A POST of 1,000 bytes, of which only `content` is sent.
fn post(content: &[u8]) -> Vec<u8> {
    let mut fields = pseudo_fields("POST", "/deaf").to_vec();
    fields.push(("content-length", "1000"));
    let head = frame(HEADERS, END_HEADERS, 1, &field_block(&fields));
    [head, frame(DATA, 0, 1, content)].concat()
}
