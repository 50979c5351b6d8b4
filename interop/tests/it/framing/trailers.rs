//! Trailers of requests: nothing in them frames, routes or speaks for a client (RFC 9110 §6.5.1,
//! §7.6.1).

use std::net::SocketAddr;
use std::time::Duration;

use interop::h2_frames::*;
use interop::{Gateway, Program, Recorder, Reply, ask_http3, exchange_within, peers, start_script};
use serde_json::{Value, json};

use super::assert_none;

/// Trailers that must not cross.
const HELD_BACK: [(&str, &str); 10] = [
    ("content-length", "99"),
    ("transfer-encoding", "chunked"),
    ("host", "evil.example"),
    ("connection", "x-fine"),
    ("keep-alive", "timeout=5"),
    ("te", "trailers"),
    ("upgrade", "h2c"),
    ("x-forwarded-for", "192.0.2.66"),
    ("forwarded", "for=192.0.2.66"),
    ("x_forwarded_for", "192.0.2.66"),
];

/// A trailer that must not cross where `Connection` names it, which only HTTP/1 has.
const NAMED: (&str, &str) = ("x-named", "1");

/// The `Trailer` field of the requests over HTTP/2 and 3: a codec of HTTP/1 sends only these.
const ANNOUNCED: &str = "x-fine, host, content-length, x-forwarded-for";

/// Time for an answer; a request that the gateway cannot send on has one, too.
const ENOUGH: Duration = Duration::from_secs(3);

/// A trailer that crosses.
const FINE: (&str, &str) = ("x-fine", "1");

/// Catches trailers that are forwarded although a hop may not forward them, such as those that
/// `Connection` names.
#[test]
fn http1_trailers_that_frame_or_are_named_do_not_cross() {
    peers!("python packages");
    let upstreams = Both::start();
    let names = HELD_BACK.map(|(name, _)| name).join(", ");
    let mut wrong = Vec::new();
    let named = ["/1/named", "/2/named"].map(|path| (path.to_owned(), vec![FINE, NAMED]));
    for (path, trailers) in cases().into_iter().chain(named) {
        let lines = field_lines(&trailers);
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: h\r\nConnection: x-named, close\r\n\
             TE: trailers\r\nTrailer: x-fine, x-named, {names}\r\n\
             Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n{lines}\r\n"
        );
        let reply = exchange_within(upstreams.gateway.http(), request.as_bytes(), ENOUGH);
        if !matches!(reply, Some(Reply { status: 200 | 400, .. })) {
            wrong.push(format!("{trailers:?}: {reply:?}"));
        }
    }
    wrong.extend(upstreams.wrong_trailers());
    assert_none(&wrong);
}

/// The same over HTTP/2, where `Connection` cannot be sent (RFC 9113 §8.2.2).
#[test]
fn http2_trailers_that_frame_do_not_cross() {
    peers!("python packages");
    let upstreams = Both::start();
    let mut wrong = Vec::new();
    for (path, trailers) in cases() {
        let fields = pseudo_fields("POST", &path);
        let head = field_block(&[&fields[..], &[("trailer", ANNOUNCED)]].concat());
        let frames = [
            frame(HEADERS, END_HEADERS, 1, &head),
            frame(DATA, 0, 1, b"hello"),
            frame(HEADERS, WHOLE, 1, &field_block(&trailers)),
        ];
        let reply = ask_http2(upstreams.gateway.http(), &frames.concat());
        let reply = reply.unwrap_or_else(|error| panic!("{trailers:?}: {error}"));
        if reply.status != Some(200) && !reply.is_malformed() {
            wrong.push(format!("{trailers:?}: {reply:?}"));
        }
    }
    wrong.extend(upstreams.wrong_trailers());
    assert_none(&wrong);
}

/// The same over HTTP/3 (RFC 9114 §4.2).
#[test]
fn http3_trailers_that_frame_do_not_cross() {
    peers!("python packages");
    let upstreams = Both::start();
    let mut asked = Vec::new();
    for (path, trailers) in cases() {
        let fields = json!([
            [":method", "POST"],
            [":scheme", "https"],
            [":path", path],
            [":authority", "h"],
            ["trailer", ANNOUNCED]
        ]);
        asked.push(vec![json!({ "fields": fields, "content": ["hello"], "trailers": trailers })]);
    }
    let mut wrong = Vec::new();
    for (request, reply) in asked.iter().zip(ask_http3(upstreams.gateway.https(), &asked)) {
        if reply[0].status() != 200 && !reply[0].is_malformed() {
            wrong.push(format!("{request:?}: {reply:?}"));
        }
    }
    wrong.extend(upstreams.wrong_trailers());
    assert_none(&wrong);
}

type Trailers = Vec<(&'static str, &'static str)>;

/// Each alone with [`FINE`], and all together, to both upstreams.
fn cases() -> Vec<(String, Trailers)> {
    let mut cases = Vec::new();
    for upstream in ["1", "2"] {
        for (index, trailer) in HELD_BACK.into_iter().enumerate() {
            cases.push((format!("/{upstream}/{index}"), vec![FINE, trailer]));
        }
        cases.push((format!("/{upstream}/none"), vec![FINE]));
    }
    cases
}

/// A gateway in front of two upstreams that record: `/1/**` goes to one of HTTP/1.1, `/2/**` to one
/// of HTTP/2.
struct Both {
    gateway: Gateway,
    http1: Recorder,
    http2: Program,
}

impl Both {
    fn start() -> Self {
        let http1 = Recorder::start();
        let mut http2 = start_script("h2_recorder.py", &[]);
        let port = http2.wait_for("port", |lines| {
            let printed: Value = serde_json::from_str(lines.first()?).ok()?;
            u16::try_from(printed["port"].as_u64()?).ok()
        });
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let second = format!(
            "[[upstream]]\npaths = [\"/2/**\"]\naddresses = [\"http://{address}\"]\n\
             http = \"2\"\n"
        );
        let gateway = Gateway::with(http1.address(), "http3 = true", &second, &[]);
        Self { gateway, http1, http2 }
    }

    /// Says which trailers crossed although they must not, and where the one that may did not.
    fn wrong_trailers(&self) -> Vec<String> {
        let mut wrong = self.http1.faults();
        for request in self.http1.requests() {
            let names = request.trailers.iter().map(|(name, _)| name.as_str());
            note_wrong(&request.line, names, &mut wrong);
        }
        for line in self.http2.lines().iter().skip(1) {
            let request: Value = serde_json::from_str(line).unwrap_or_default();
            let trailers = request["trailers"].as_array().map(Vec::as_slice).unwrap_or_default();
            let names = trailers.iter().filter_map(|trailer| trailer[0].as_str());
            note_wrong(&request["fields"].to_string(), names, &mut wrong);
        }
        wrong
    }
}

fn note_wrong<'t>(request: &str, names: impl Iterator<Item = &'t str>, wrong: &mut Vec<String>) {
    let names: Vec<String> = names.map(str::to_ascii_lowercase).collect();
    let mut held_back = HELD_BACK.iter().chain([&NAMED]).map(|(name, _)| (*name).to_owned());
    if held_back.any(|name| names.contains(&name)) || names.is_empty() {
        wrong.push(format!("{request}: trailers {names:?}"));
    }
}

fn field_lines(trailers: &Trailers) -> String {
    trailers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect()
}
