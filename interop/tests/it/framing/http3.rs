//! Requests over HTTP/3 that are malformed (RFC 9114 §4.1.2, §4.2, §4.3).

use interop::{H3Reply, Recorder, ask_http3, peers};
use serde_json::{Value, json};

use super::{NO_LENGTHS, SMUGGLED, SOUND_LENGTHS, WRONG_LENGTHS};
use super::{assert_none, gateway, wrong_arrivals};

/// Catches a `Content-Length` that is not a plain number and is forwarded unchanged, without a
/// body. The next request, of another client, would become its content and bypass every rule.
#[test]
fn http3_lengths_that_are_no_number_are_malformed() {
    peers!("python packages");
    let mut asked = Vec::new();
    for lines in NO_LENGTHS {
        for method in ["POST", "GET", "DELETE"] {
            for content in [SMUGGLED, "hello"] {
                let path = format!("/case/{}", asked.len());
                asked.push(with_lengths(method, &path, lines, &[content]));
            }
        }
    }
    assert_malformed(&asked);
}

/// Catches content over HTTP/3 whose length differs from `Content-Length` (RFC 9114 §4.1.2).
#[test]
fn http3_content_of_another_length_is_malformed() {
    peers!("python packages");
    let mut asked = Vec::new();
    for length in WRONG_LENGTHS {
        for method in ["POST", "GET"] {
            for content in [&["hello"][..], &["he", "llo"]] {
                let path = format!("/case/{}", asked.len());
                asked.push(with_lengths(method, &path, &[length], content));
            }
        }
    }
    for method in ["POST", "GET"] {
        asked.push(with_lengths(method, &format!("/case/{}", asked.len()), &["5"], &[]));
    }
    assert_malformed(&asked);
}

/// RFC 9110 §8.6: a length in digits holds, and reaches the upstream as the gateway writes it.
#[test]
fn http3_lengths_in_digits_pass_as_one() {
    peers!("python packages");
    let upstream = Recorder::start();
    let gateway = gateway(&upstream);
    let mut asked = vec![with_lengths("GET", "/case/0", &["0"], &[])];
    asked.push(with_lengths("POST", "/case/1", &[], &["hello"]));
    for lines in SOUND_LENGTHS {
        asked.push(with_lengths("POST", &format!("/case/{}", asked.len()), lines, &["hel", "lo"]));
    }
    let replies = ask_each(&gateway, &asked);
    for reply in &replies[..3] {
        assert_eq!((reply.status(), reply.body()), (200, "origin"), "{reply:?}");
    }
    let mut others = replies.iter().filter(|reply| reply.status() != 200);
    assert!(others.all(H3Reply::is_malformed), "{replies:?}");
    assert_none(&wrong_arrivals(&upstream, &targets(&asked)));
}

/// Fields of which each makes a GET malformed.
const ADDED: [(&str, &str); 20] = [
    ("connection", "close"),
    ("connection", "x-named"),
    ("transfer-encoding", "chunked"),
    ("keep-alive", "timeout=5"),
    ("proxy-connection", "keep-alive"),
    ("upgrade", "websocket"),
    ("te", "gzip"),
    ("te", "trailers, gzip"),
    ("X-Capital", "1"),
    ("x space", "1"),
    ("", "1"),
    (":path", "/account/7"),
    (":method", "DELETE"),
    (":scheme", "http"),
    (":authority", "other"),
    (":status", "200"),
    (":unknown", "1"),
    ("host", "other"),
    ("x", "a\nb"),
    ("x", "a\0b"),
];

/// Catches malformed HTTP/3 messages (RFC 9114) that are served, such as those with connection
/// fields or two `:path` fields.
#[test]
fn http3_messages_against_the_rules_are_malformed() {
    peers!("python packages");
    let mut asked = Vec::new();
    for pair in ADDED {
        let mut fields = pseudo("GET", &format!("/case/{}", asked.len()));
        fields.push((pair.0.to_owned(), pair.1.to_owned()));
        asked.push(request(&fields, &[]));
    }
    for left_out in [":method", ":scheme", ":path"] {
        let mut fields = pseudo("GET", &format!("/case/{}", asked.len()));
        fields.retain(|(name, _)| name != left_out);
        asked.push(request(&fields, &[]));
    }
    for late in [":method", ":path", ":authority"] {
        let mut fields = pseudo("GET", &format!("/case/{}", asked.len()));
        let at = fields.iter().position(|(name, _)| name == late).unwrap_or_default();
        let field = fields.remove(at);
        fields.extend([("x".to_owned(), "1".to_owned()), field]);
        asked.push(request(&fields, &[]));
    }
    asked.push(request(&pseudo("GET", ""), &[]));
    assert_malformed(&asked);
}

type Fields = Vec<(String, String)>;

fn pseudo(method: &str, path: &str) -> Fields {
    let fields = [(":method", method), (":scheme", "https"), (":authority", "h"), (":path", path)];
    fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

fn request(fields: &Fields, content: &[&str]) -> Value {
    json!({ "fields": fields, "content": content })
}

fn with_lengths(method: &str, path: &str, lines: &[&str], content: &[&str]) -> Value {
    let mut fields = pseudo(method, path);
    fields.extend(lines.iter().map(|line| ("content-length".to_owned(), (*line).to_owned())));
    request(&fields, content)
}

/// Each on a connection of its own.
fn ask_each(gateway: &interop::Gateway, asked: &[Value]) -> Vec<H3Reply> {
    let connections: Vec<Vec<Value>> = asked.iter().map(|request| vec![request.clone()]).collect();
    ask_http3(gateway.https(), &connections).into_iter().flatten().collect()
}

fn targets(asked: &[Value]) -> Vec<String> {
    let paths = asked.iter().map(|request| request["fields"][3][1].as_str().unwrap_or_default());
    paths.map(str::to_owned).collect()
}

/// Each is malformed, none reaches the upstream, and the next request is served, by the rules.
fn assert_malformed(asked: &[Value]) {
    let upstream = Recorder::start();
    let gateway = gateway(&upstream);
    let mut wrong = Vec::new();
    for (request, reply) in asked.iter().zip(ask_each(&gateway, asked)) {
        if !reply.is_malformed() {
            wrong.push(format!("{request}: {reply:?}"));
        }
    }
    let after = ["/after", "/account/7"].map(|path| request(&pseudo("GET", path), &[]));
    let statuses: Vec<u64> = ask_each(&gateway, &after).iter().map(H3Reply::status).collect();
    assert_eq!(statuses, [200, 426]);
    wrong.extend(wrong_arrivals(&upstream, &["/after".to_owned()]));
    assert_none(&wrong);
}
