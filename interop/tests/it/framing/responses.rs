//! Answers of an upstream whose length is in doubt, towards clients of every version.

use interop::strict::{Message, is_number};
use interop::{Recorder, peers, plain, script};
use serde_json::{Value, json};

use super::{assert_none, gateway};

type Text = &'static str;

/// An answer of an upstream, and the statuses that a client may see.
struct Odd {
    name: Text,
    /// The status line without its version, and the field lines.
    head: Text,
    content: Text,
    /// 502 says that the answer was none.
    allowed: &'static [u64],
}

const fn odd(name: Text, head: Text, content: Text, allowed: &'static [u64]) -> Odd {
    Odd { name, head, content, allowed }
}

impl Odd {
    fn method(&self) -> Text {
        if self.name.starts_with("head") { "HEAD" } else { "GET" }
    }

    fn bytes(&self) -> Vec<u8> {
        format!("HTTP/1.1 {}\r\n\r\n{}", self.head, self.content).into_bytes()
    }
}

const CHUNKED: &str = "200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked";

/// RFC 9112 §6.3: a length that is not valid is an unrecoverable error, "unless the field value can
/// be successfully parsed as a comma-separated list … and all values in the list are the same";
/// else a proxy sends 502.
const LENGTHS: [Odd; 12] = [
    odd("list", "200 OK\r\nContent-Length: 2, 2", "ok", &[200, 502]),
    odd("lines", "200 OK\r\nContent-Length: 2\r\nContent-Length: 2", "ok", &[200, 502]),
    odd("zeros", "200 OK\r\nContent-Length: 002", "ok", &[200, 502]),
    odd("both", "200 OK\r\nContent-Length: 2\r\nContent-Length: 3", "ok", &[502]),
    odd("both-in-a-list", "200 OK\r\nContent-Length: 2, 3", "ok", &[502]),
    odd("plus", "200 OK\r\nContent-Length: +2", "ok", &[502]),
    odd("minus", "200 OK\r\nContent-Length: -2", "ok", &[502]),
    odd("hexadecimal", "200 OK\r\nContent-Length: 0x2", "ok", &[502]),
    odd("words", "200 OK\r\nContent-Length: 2 2", "ok", &[502]),
    odd("empty", "200 OK\r\nContent-Length:", "ok", &[502]),
    odd("great", "200 OK\r\nContent-Length: 18446744073709551616", "ok", &[502]),
    odd("chunked", CHUNKED, "2\r\nok\r\n0\r\n\r\n", &[200, 502]),
];

/// A whole answer, which must never become that of another request.
const POISON: &str = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";

/// RFC 9110 §6.4.1, §8.6, §15.3.5, §15.3.6, §15.4.5: answers that have no content. Those with
/// [`POISON`] send something all the same.
const BODILESS: [Odd; 12] = [
    odd("none", "204 No Content", "", &[204]),
    odd("none-long", "204 No Content\r\nContent-Length: 5", "", &[204, 502]),
    odd("none-poison", "204 No Content\r\nContent-Length: 44", POISON, &[204, 502]),
    odd("none-coded", "204 No Content\r\nTransfer-Encoding: chunked", "", &[204, 502]),
    odd("same", "304 Not Modified\r\nContent-Length: 5", "", &[304]),
    odd("same-poison", "304 Not Modified\r\nContent-Length: 44", POISON, &[304, 502]),
    odd("reset", "205 Reset Content\r\nContent-Length: 0", "", &[205]),
    odd("head", "200 OK\r\nContent-Length: 6", "", &[200]),
    odd("head-list", "200 OK\r\nContent-Length: 6, 6", "", &[200, 502]),
    odd("head-poison", "200 OK\r\nContent-Length: 44", POISON, &[200, 502]),
    odd("head-coded", "200 OK\r\nTransfer-Encoding: chunked", "", &[200, 502]),
    odd("switch", "101 Switching Protocols\r\nUpgrade: a\r\nConnection: upgrade", "", &[502]),
];

/// RFC 9112 §7.1, §6.1.
const BROKEN: [Odd; 4] = [
    odd("chunk", "200 OK\r\nTransfer-Encoding: chunked", "zz\r\nabc\r\n0\r\n\r\n", &[502]),
    odd("bare-chunk", "200 OK\r\nTransfer-Encoding: chunked", "3\nabc\n0\n\n", &[502]),
    odd("signed-chunk", "200 OK\r\nTransfer-Encoding: chunked", "+3\r\nabc\r\n0\r\n\r\n", &[502]),
    odd(
        "twice",
        "200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "0\r\n\r\n",
        &[502],
    ),
];

/// A final answer for those that come after others.
const FINAL: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// RFC 9110 §15.2: interim responses, and [`FINAL`].
const INTERIM: [Odd; 4] = [
    odd("early", "103 Early Hints\r\nLink: </a>", FINAL, &[200]),
    odd("early-long", "103 Early Hints\r\nContent-Length: 5", FINAL, &[200, 502]),
    odd("early-coded", "103 Early Hints\r\nTransfer-Encoding: chunked", FINAL, &[200, 502]),
    odd("continue", "100 Continue", FINAL, &[200]),
];

/// Catches an upstream's malformed `Content-Length` that is forwarded unchanged, such as `2, 2`.
#[test]
fn lengths_of_an_upstream_are_one_number_or_502() {
    peers!("python packages");
    assert_sound(&LENGTHS, "ok");
}

/// Catches a response with malformed chunks, or with a coding applied twice, of which any part is
/// sent to the client.
#[test]
fn answers_that_are_broken_from_the_start_are_502() {
    peers!("python packages");
    assert_sound(&BROKEN, "");
}

/// Catches a length on a response without content, which is malformed over HTTP/2 and HTTP/3. Over
/// HTTP/1, the next response would be read as its content.
#[test]
fn answers_without_content_say_no_length_that_misleads() {
    peers!("python packages");
    assert_sound(&BODILESS, "");
}

/// The same for interim responses.
#[test]
fn interim_responses_with_a_length_change_nothing() {
    peers!("python packages");
    assert_sound(&INTERIM, "ok");
}

fn answer(request: &Message) -> Vec<u8> {
    let name = request.target().trim_start_matches('/');
    for odd in LENGTHS.iter().chain(&BODILESS).chain(&INTERIM).chain(&BROKEN) {
        if odd.name == name {
            return odd.bytes();
        }
    }
    plain(request)
}

/// Asks for each over every version, and after each for something else on the same connection.
fn assert_sound(odds: &[Odd], content: &str) {
    let upstream = Recorder::answering(answer);
    let gateway = gateway(&upstream);
    let mut asked = Vec::new();
    for odd in odds {
        asked.push(json!([odd.method(), format!("/{}", odd.name)]));
    }
    let address = gateway.https().to_string();
    let text = script("answers.py", &[&address, &json!(asked).to_string()]).ok();
    let printed: Result<Vec<Value>, _> = serde_json::from_str(&text);
    let outcomes = printed.unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(outcomes.len(), 3 * odds.len());
    let mut wrong = Vec::new();
    for (index, outcome) in outcomes.iter().enumerate() {
        let odd = &odds[index % odds.len()];
        let own_answer = outcome["next"]["status"] == 200 && outcome["next"]["body"] == "origin";
        if !own_answer || !is_allowed(odd, content, &outcome["first"]) {
            wrong.push(format!("{} {}: {outcome}", outcome["version"], odd.name));
        }
    }
    assert_none(&wrong);
}

fn is_allowed(odd: &Odd, content: &str, first: &Value) -> bool {
    let status = first["status"].as_u64().unwrap_or_default();
    let body = first["body"].as_str().unwrap_or_default();
    let sound = status == 502 || body == content;
    odd.allowed.contains(&status) && sound && has_sound_length(odd, status, first)
}

/// At most one line, in digits: none on 204, and that of the content unless the answer is one to
/// HEAD, or 304.
fn has_sound_length(odd: &Odd, status: u64, first: &Value) -> bool {
    let mut lengths = Vec::new();
    for line in first["lines"].as_array().map(Vec::as_slice).unwrap_or_default() {
        if line[0] == "content-length" {
            lengths.push(line[1].as_str().unwrap_or_default());
        }
    }
    let length = first["body"].as_str().unwrap_or_default().len().to_string();
    match lengths.as_slice() {
        [] => true,
        [one] if status == 304 || odd.method() == "HEAD" => is_number(one),
        [one] => status != 204 && *one == length,
        _ => false,
    }
}
