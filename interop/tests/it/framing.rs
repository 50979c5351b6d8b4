//! Framing: the length of a message in every HTTP version and in both directions. A received field
//! never frames an outgoing message.
//!
//! Catches a length or a message that two recipients could read differently and that is forwarded
//! unchanged.

mod cut_short;
mod http1;
mod http2;
mod http3;
mod responses;
mod trailers;

use interop::{Count, Gateway, Recorder, tally};

/// Content that an upstream reads as a request where the framing is lost: past the rule below, were
/// it one.
const SMUGGLED: &str = "GET /account/7 HTTP/1.1\r\nHost: h\r\n\r\n";

/// `/account/**` is refused to all that these tests send.
const GUARDED: &str = r#"
[[rule]]
id      = "accounts"
paths   = ["/account/**"]
require = { api = { minimum = "2.0", read = "header:X-Api-Version" } }
on      = { missing = "refuse" }
"#;

/// `Content-Length` lines of which none says one length in digits (RFC 9110 §8.6).
const NO_LENGTHS: [&[&str]; 11] = [
    &["5, 5"],
    &["+5"],
    &[" 5x"],
    &["-1"],
    &[""],
    &["0x5"],
    &["5.0"],
    &["5 5"],
    &["18446744073709551616"],
    &["0", "7"],
    &["7", "0"],
];

/// Lengths of `hello` that are allowed, and must reach the upstream as one line `5`, or chunked.
const SOUND_LENGTHS: [&[&str]; 3] = [&["5"], &["005"], &["5", "5"]];

/// Lengths that `hello` does not have.
const WRONG_LENGTHS: [&str; 3] = ["0", "3", "10"];

/// `Content-Length` lines of HTTP/1 with these values.
fn length_lines(values: &[&str]) -> String {
    values.iter().map(|value| format!("Content-Length: {value}\r\n")).collect()
}

/// A gateway that speaks all versions, in front of `upstream`, with [`GUARDED`].
fn gateway(upstream: &Recorder) -> Gateway {
    Gateway::with(upstream.address(), "http3 = true", GUARDED, &[])
}

/// Says what is wrong with the requests that came whole: their targets must be among `admitted`,
/// each once, and framed by the gateway itself.
fn wrong_arrivals(upstream: &Recorder, admitted: &[String]) -> Vec<String> {
    let mut wrong = upstream.faults();
    let mut seen = Vec::new();
    for request in upstream.requests() {
        let target = request.target().to_owned();
        if !admitted.contains(&target) || seen.contains(&target) {
            wrong.push(format!("{} should not have come", request.line));
        }
        let length = request.content.len().to_string();
        if request.values("content-length").iter().any(|value| *value != length) {
            wrong.push(format!("{} came with {:?}", request.line, request.fields));
        }
        seen.push(target);
    }
    wrong
}

/// Fails if anything is wrong, with all that is.
fn assert_none(wrong: &[String]) {
    tally(Count::Bypasses, wrong.len());
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
