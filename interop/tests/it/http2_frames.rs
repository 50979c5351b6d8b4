//! HTTP/2 frame by frame: what RFC 9113, 7541 and 8441 say to a client that breaks their rules, or
//! uses their corners. Fields are literals without indexing, so that no codec stands between the
//! test and the wire.
//!
//! No registry that the tests draw from has a conformance suite for HTTP/2; `docs/suites.md` has
//! what h2spec, built by hand, found.

use std::net::SocketAddr;

use interop::h2_frames::*;
use interop::{Gateway, Origin};

// RFC 9113 §7.
const FLOW_CONTROL_ERROR: u32 = 3;
const STREAM_CLOSED: u32 = 5;
const FRAME_SIZE_ERROR: u32 = 6;
const COMPRESSION_ERROR: u32 = 9;
const ENHANCE_YOUR_CALM: u32 = 11;

/// For what it cannot read, the codec says PROTOCOL_ERROR, "for use when a more specific error code
/// is not available" (§7), where these are. The connection ends all the same, which is what matters
/// to a peer that is broken.
const UNREADABLE: &[u32] =
    &[FRAME_SIZE_ERROR, COMPRESSION_ERROR, FLOW_CONTROL_ERROR, PROTOCOL_ERROR];

/// What must come.
enum Then {
    /// 200 on stream 1.
    Answer,
    /// An acknowledgement of that kind, with that payload.
    Acknowledged(u8, &'static [u8]),
    /// A setting in the first SETTINGS.
    Setting(u16, u32),
    /// The stream ends with one of these codes, or the connection does: "An endpoint MAY treat a
    /// stream error as a connection error" (§5.4.2).
    Reset(&'static [u32]),
    /// The connection ends with one of these codes: GOAWAY, then nothing more.
    Goaway(&'static [u32]),
}

struct Case {
    section: &'static str,
    what: &'static str,
    sent: Vec<u8>,
    then: Then,
}

#[test]
fn every_frame_is_taken_as_the_rfc_says() {
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), "");
    let cases: Vec<Case> = starting()
        .into_iter()
        .chain(framing())
        .chain(settings_and_windows())
        .chain(messages())
        .chain(floods())
        .collect();
    let wrong: Vec<String> = cases.iter().filter_map(|case| wrong(gateway.http(), case)).collect();
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    // Whatever they did, the next client is served.
    let last =
        Case { section: "§5.4.1", what: "the next connection", sent: get(1), then: Then::Answer };
    assert_eq!(wrong_or_not(gateway.http(), &last), Ok(()));
    assert!(
        origin.arrived().iter().all(
            |request| request.line.starts_with("GET / ") || request.line.starts_with("POST / ")
        )
    );
}

fn case(section: &'static str, what: &'static str, sent: Vec<u8>, then: Then) -> Case {
    Case { section, what, sent, then }
}

fn starting() -> Vec<Case> {
    vec![
        case("§3.4", "SETTINGS are acknowledged", vec![], Then::Acknowledged(SETTINGS, b"")),
        case("RFC 8441 §3", "extended CONNECT is announced", vec![], Then::Setting(8, 1)),
        case(
            "§6.7",
            "PING comes back",
            frame(PING, 0, 0, b"upshift!"),
            Then::Acknowledged(PING, b"upshift!"),
        ),
        case("§8.1", "GET", get(1), Then::Answer),
        case("§8.2.2", "TE: trailers passes", with(&[("te", "trailers")]), Then::Answer),
        case(
            "§5.5",
            "an unknown frame is ignored",
            [frame(0xfa, 0, 0, b"?"), get(1)].concat(),
            Then::Answer,
        ),
        case("§6.10", "fields in three frames", in_three(), Then::Answer),
    ]
}

fn framing() -> Vec<Case> {
    let goaway = |codes| Then::Goaway(codes);
    let split = frame(HEADERS, END_STREAM, 1, &field_block(&REQUEST));
    vec![
        case(
            "§4.2",
            "a frame above the maximum",
            frame(DATA, 0, 1, &[0; 16_385]),
            goaway(&[FRAME_SIZE_ERROR]),
        ),
        case(
            "§5.1",
            "DATA on an idle stream",
            frame(DATA, END_STREAM, 1, b"x"),
            goaway(&[PROTOCOL_ERROR]),
        ),
        case(
            "§5.1",
            "RST_STREAM on an idle stream",
            frame(RST_STREAM, 0, 1, &[0; 4]),
            goaway(&[PROTOCOL_ERROR]),
        ),
        case(
            "§5.1",
            "HEADERS after END_STREAM",
            [get(1), get(1)].concat(),
            Then::Reset(&[STREAM_CLOSED, PROTOCOL_ERROR]),
        ),
        case("§5.1.1", "an even stream", get(2), goaway(&[PROTOCOL_ERROR])),
        case(
            "§5.1.1",
            "a stream below the last",
            [get(3), get(1)].concat(),
            Then::Reset(&[PROTOCOL_ERROR, STREAM_CLOSED]),
        ),
        case("§6.1", "DATA on stream 0", frame(DATA, 0, 0, b"x"), goaway(&[PROTOCOL_ERROR])),
        case(
            "§6.2",
            "HEADERS on stream 0",
            frame(HEADERS, WHOLE, 0, &field_block(&REQUEST)),
            goaway(&[PROTOCOL_ERROR]),
        ),
        case(
            "§6.2",
            "PING between HEADERS and CONTINUATION",
            [split.clone(), frame(PING, 0, 0, &[0; 8])].concat(),
            goaway(&[PROTOCOL_ERROR]),
        ),
        case(
            "§6.2",
            "another stream's HEADERS there",
            [split, get(3)].concat(),
            goaway(&[PROTOCOL_ERROR]),
        ),
        case(
            "§6.4",
            "RST_STREAM of three octets",
            [get(1), frame(RST_STREAM, 0, 1, &[0; 3])].concat(),
            goaway(UNREADABLE),
        ),
        case("§6.7", "PING of seven octets", frame(PING, 0, 0, &[0; 7]), goaway(UNREADABLE)),
        case(
            "§6.10",
            "CONTINUATION after END_HEADERS",
            [get(1), frame(CONTINUATION, END_HEADERS, 1, b"")].concat(),
            goaway(&[PROTOCOL_ERROR]),
        ),
        case(
            "§8.4",
            "PUSH_PROMISE from a client",
            [get(1), frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2])].concat(),
            goaway(&[PROTOCOL_ERROR]),
        ),
        case("RFC 7541 §6.1", "index 0", frame(HEADERS, WHOLE, 1, &[0x80]), goaway(UNREADABLE)),
        case(
            "RFC 7541 §6.3",
            "a table above the setting",
            frame(HEADERS, WHOLE, 1, &[0x3f, 0xe2, 0x1f]),
            goaway(UNREADABLE),
        ),
    ]
}

fn settings_and_windows() -> Vec<Case> {
    let most = 0x7fff_ffff;
    vec![
        case(
            "§6.5",
            "SETTINGS of five octets",
            frame(SETTINGS, 0, 0, &[0; 5]),
            Then::Goaway(UNREADABLE),
        ),
        case(
            "§6.5",
            "an acknowledgement with content",
            frame(SETTINGS, ACK, 0, &[0; 6]),
            Then::Goaway(UNREADABLE),
        ),
        case(
            "§6.5",
            "SETTINGS on a stream",
            frame(SETTINGS, 0, 1, b""),
            Then::Goaway(&[PROTOCOL_ERROR]),
        ),
        case("§6.5.2", "ENABLE_PUSH of 2", setting(2, 2), Then::Goaway(&[PROTOCOL_ERROR])),
        case(
            "§6.5.2",
            "INITIAL_WINDOW_SIZE of 2^31",
            setting(INITIAL_WINDOW_SIZE, 1 << 31),
            Then::Goaway(UNREADABLE),
        ),
        case(
            "§6.5.2",
            "MAX_FRAME_SIZE below the least",
            setting(5, 16_383),
            Then::Goaway(&[PROTOCOL_ERROR]),
        ),
        case(
            "§6.5.2",
            "an unknown setting is ignored",
            [setting(0xfafa, 1), get(1)].concat(),
            Then::Answer,
        ),
        case("§6.9", "a window grows by 0", window_update(0, 0), Then::Goaway(&[PROTOCOL_ERROR])),
        case(
            "§6.9.1",
            "the connection's window overflows",
            [window_update(0, most), window_update(0, most)].concat(),
            Then::Goaway(&[FLOW_CONTROL_ERROR]),
        ),
        case(
            "§6.9.1",
            "a stream's window overflows",
            [open_post(), window_update(1, most), window_update(1, most)].concat(),
            Then::Reset(&[FLOW_CONTROL_ERROR]),
        ),
    ]
}

fn messages() -> Vec<Case> {
    let malformed = || Then::Reset(&[PROTOCOL_ERROR]);
    let block = |list: &[(&str, &str)]| frame(HEADERS, WHOLE, 1, &field_block(list));
    let [method, scheme, path, host] = REQUEST;
    let long = [open_post_of("5"), frame(DATA, END_STREAM, 1, b"four")].concat();
    vec![
        case("§8.2", "a name in capitals", with(&[("X-Capital", "1")]), malformed()),
        case("§8.2.1", "a colon in a name", with(&[("a:b", "1")]), malformed()),
        case("§8.2.1", "a line feed in a value", with(&[("x", "a\nb")]), malformed()),
        case("§8.2.2", "Connection", with(&[("connection", "keep-alive")]), malformed()),
        case("§8.2.2", "Upgrade", with(&[("upgrade", "websocket")]), malformed()),
        case("§8.2.2", "Transfer-Encoding", with(&[("transfer-encoding", "chunked")]), malformed()),
        case("§8.2.2", "Keep-Alive", with(&[("keep-alive", "5")]), malformed()),
        case("§8.2.2", "TE with something else", with(&[("te", "gzip")]), malformed()),
        case(
            "§8.3",
            "a pseudo-field after a field",
            block(&[method, scheme, host, ("x", "1"), path]),
            malformed(),
        ),
        case("§8.3", "an unknown pseudo-field", with_first(&[(":upshift", "1")]), malformed()),
        case("§8.3.1", "no :path", block(&[method, scheme, host]), malformed()),
        case(
            "§8.3.1",
            "an empty :path",
            block(&[method, scheme, (":path", ""), host]),
            malformed(),
        ),
        case("§8.3.1", "no :method", block(&[scheme, path, host]), malformed()),
        case("§8.3.1", "no :scheme", block(&[method, path, host]), malformed()),
        case("§8.3.1", "two of :path", block(&[method, scheme, path, path, host]), malformed()),
        case("§8.3.2", ":status in a request", with_first(&[(":status", "200")]), malformed()),
        case("§8.1.1", "less content than Content-Length", long, malformed()),
        case(
            "RFC 8441 §4",
            ":protocol without CONNECT",
            with_first(&[(":protocol", "websocket")]),
            malformed(),
        ),
    ]
}

fn floods() -> Vec<Case> {
    let reset =
        |stream: u32| [get(stream), frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())].concat();
    let rapid: Vec<u8> = (0..5_000).flat_map(|number| reset(2 * number + 1)).collect();
    let padding = field_block(&[("x", &"y".repeat(120))]).repeat(100);
    let endless = [
        frame(HEADERS, END_STREAM, 1, &field_block(&REQUEST)),
        frame(CONTINUATION, 0, 1, &padding).repeat(200),
    ]
    .concat();
    vec![
        case("§10.5", "rapid reset (CVE-2023-44487)", rapid, Then::Goaway(&[ENHANCE_YOUR_CALM])),
        case(
            "§10.5",
            "CONTINUATION without end (CVE-2024-27316)",
            endless,
            Then::Goaway(&[ENHANCE_YOUR_CALM, COMPRESSION_ERROR, PROTOCOL_ERROR]),
        ),
    ]
}

const REQUEST: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "localhost")];

fn get(stream: u32) -> Vec<u8> {
    frame(HEADERS, WHOLE, stream, &field_block(&REQUEST))
}

/// A GET on stream 1 with these fields after the others.
fn with(more: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, WHOLE, 1, &field_block(&[&REQUEST, more].concat()))
}

/// A GET on stream 1 with these fields before the others.
fn with_first(more: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, WHOLE, 1, &field_block(&[more, &REQUEST].concat()))
}

/// A GET on stream 1, of which one field comes alone.
fn in_three() -> Vec<u8> {
    let [method, rest @ ..] = REQUEST;
    let parts = [
        frame(HEADERS, END_STREAM, 1, &field_block(&[method])),
        frame(CONTINUATION, 0, 1, &field_block(&rest)),
    ];
    [parts.concat(), frame(CONTINUATION, END_HEADERS, 1, &field_block(&[("x", "1")]))].concat()
}

/// A POST on stream 1 whose content is still to come.
fn open_post() -> Vec<u8> {
    open_post_of("100")
}

fn open_post_of(length: &str) -> Vec<u8> {
    let [_, rest @ ..] = REQUEST;
    let list = [&[(":method", "POST")], &rest[..], &[("content-length", length)]].concat();
    frame(HEADERS, END_HEADERS, 1, &field_block(&list))
}

fn wrong(to: SocketAddr, case: &Case) -> Option<String> {
    wrong_or_not(to, case).err().map(|what| format!("{} {}: {what}", case.section, case.what))
}

fn wrong_or_not(to: SocketAddr, case: &Case) -> Result<(), String> {
    let mut stream = open_http2(to, &case.sent).map_err(|error| error.to_string())?;
    let mut came = Vec::new();
    loop {
        match next_frame(&mut stream) {
            Ok(Some(frame)) => came.push(frame),
            Ok(None) => {
                return if fulfilled(&case.then, &came, true) {
                    Ok(())
                } else {
                    Err(format!("it closed; {}", told(&came)))
                };
            }
            Err(error) => return Err(format!("{error}; {}", told(&came))),
        }
        if came[0].kind != SETTINGS || came[0].flags & ACK != 0 {
            return Err(format!("§3.4: the first frame is SETTINGS; {}", told(&came)));
        }
        if fulfilled(&case.then, &came, false) {
            return Ok(());
        }
    }
}

fn fulfilled(then: &Then, came: &[Frame], closed: bool) -> bool {
    let goaway = |codes: &[u32]| {
        came.iter().any(|frame| frame.kind == GOAWAY && codes.contains(&number(&frame.payload, 4)))
    };
    match then {
        // Field 8 of the static table is `:status: 200`, which every encoder uses.
        Then::Answer => came.iter().any(|frame| {
            (frame.kind, frame.stream, frame.payload.first()) == (HEADERS, 1, Some(&0x88))
        }),
        Then::Acknowledged(kind, payload) => came.iter().any(|frame| {
            (frame.kind, frame.flags & ACK, frame.payload.as_slice()) == (*kind, ACK, *payload)
        }),
        Then::Setting(id, value) => came[0]
            .payload
            .chunks(6)
            .any(|setting| setting == [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()),
        Then::Reset(codes) => {
            let reset = |frame: &Frame| {
                frame.kind == RST_STREAM && codes.contains(&number(&frame.payload, 0))
            };
            came.iter().any(reset) || (closed && goaway(codes))
        }
        // RFC 9113 §5.4.1: "After sending the GOAWAY frame for an error condition, the endpoint
        // MUST close the TCP connection."
        Then::Goaway(codes) => closed && goaway(codes),
    }
}

fn told(came: &[Frame]) -> String {
    let each = came.iter().map(|frame| match frame.kind {
        GOAWAY => format!("GOAWAY({})", number(&frame.payload, 4)),
        RST_STREAM => format!("RST_STREAM({}) on {}", number(&frame.payload, 0), frame.stream),
        kind => format!(
            "{kind} flags {:#x} on {}, {} octets",
            frame.flags,
            frame.stream,
            frame.payload.len()
        ),
    });
    format!("came: {}", each.collect::<Vec<_>>().join("; "))
}
