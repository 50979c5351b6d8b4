//! Versions that two programs read differently, under rules that refuse ambiguous requests.
//!
//! The gateway must not read a version in a place or in a way that the upstream does not.

use interop::{Gateway, Recorder};

use super::{assert_none, get, is_refused, send_one};

const STRICT: &str = r#"on = { missing = "refuse", ambiguous = "refuse", malformed = "refuse" }"#;

/// Rules that require version 2 or later, each read from another place.
fn rules() -> String {
    let mut rules = String::new();
    for (path, reader) in [
        ("media", "media-type:v"),
        ("dotted", "query:api.version"),
        ("plain", "query:api_version"),
        ("header", "header:X-Api-Version"),
    ] {
        rules += &format!(
            "[[rule]]\nid = \"{path}\"\npaths = [\"/{path}/**\"]\n{STRICT}\n\
             require = {{ api = {{ minimum = \"2\", read = \"{reader}\" }} }}\n"
        );
    }
    rules
}

/// RFC 9110 §5.6.6: parameters within a quoted string do not count, and a parameter that occurs
/// twice is ambiguous.
#[test]
fn a_media_type_in_doubt_is_refused() {
    // The preferred media type is the last member.
    let many = format!("{}a/b;v=1", "a/b;v=2;q=0.1, ".repeat(69));
    let lines = "Accept: a/b;v=2;q=0.1\r\n".repeat(69) + "Accept: a/b;v=1\r\n";
    let commas = format!("Accept: a/b;v=2;q=0.1{}a/b;v=1\r\n", ",".repeat(300));
    assert_refused(
        "/media/a",
        &[
            "Accept: a/b;x=\"a;v=2\";v=1\r\n",
            "Accept: a/b;x=\"a\\\";v=2\";v=1\r\n",
            "Accept: a/b;x=\"a, c/d;v=2\";v=1\r\n",
            "Accept: a/b;v=1;v=2\r\n",
            "Accept: a/b;v=2;v=1\r\n",
            "Accept: a/b;v=2;V=1\r\n",
            &format!("Accept: {many}\r\n"),
            &lines,
            &commas,
        ],
    );
}

/// An empty value next to another one is refused: which of the two Go, PHP and Node read depends on
/// the order.
#[test]
fn an_empty_version_beside_another_is_refused() {
    assert_refused(
        "/header/a",
        &[
            "X-Api-Version:\r\nX-Api-Version: 2\r\n",
            "X-Api-Version: 2\r\nX-Api-Version: \r\n",
            "X-Api-Version:\r\n",
        ],
    );
    for query in
        ["?api_version=&api_version=2", "?api_version=2&api_version=", "?api_version&api_version=2"]
    {
        assert_refused(&format!("/plain/a{query}"), &[""]);
    }
    // RFC 9110 §12.4.2: `q=0` means "not acceptable", so these do not ask for version 2.
    assert_refused("/media/a", &["Accept: a/b;v=2;q=0\r\n", "Accept: c/d, a/b;v=2;q=0.0\r\n"]);
}

/// RFC 9110 §8.3: `Content-Type` describes content, so a request without content has no version
/// there.
#[test]
fn the_media_type_of_no_content_is_no_version() {
    let upstream = Recorder::start();
    let gateway = Gateway::start(upstream.address(), &rules());
    let chunked = "Transfer-Encoding: chunked\r\nContent-Type: a/b;v=2\r\n";
    let mut wrong = Vec::new();
    for (fields, content) in [
        (chunked.to_owned(), "0\r\n\r\n"),
        (format!("{chunked}Accept: a/b;v=1\r\n"), "0\r\n\r\n"),
        (chunked.to_owned(), "0\r\nX-Trailer: 1\r\n\r\n"),
        ("Content-Length: 0\r\nContent-Type: a/b;v=2\r\n".to_owned(), ""),
        ("Content-Type: a/b;v=2\r\n".to_owned(), ""),
    ] {
        let reply = send_one(&gateway, "GET", "/media/a", &fields, content);
        if !is_refused(&reply) {
            wrong.push(format!("{fields:?}: {}", reply.status));
        }
    }
    let posted = "Content-Length: 2\r\nContent-Type: a/b;v=2\r\n";
    assert_eq!(send_one(&gateway, "POST", "/media/a", posted, "{}").status, 200);
    assert_none(&wrong);
}

/// An ambiguous query is refused. PHP reads `api.version`, `api version` and `api[version` as
/// `api_version`, and takes the last of several values.
#[test]
fn a_query_in_doubt_is_refused() {
    let upstream = Recorder::start();
    let gateway = Gateway::start(upstream.address(), &rules());
    let mut wrong = Vec::new();
    for query in [
        "/plain/a?api.version=1&api_version=2",
        "/plain/a?api_version=2&api.version=1",
        "/plain/a?api_version=2&api%2Eversion=1",
        "/plain/a?api_version=2&api+version=1",
        "/plain/a?api_version=2&api%20version=1",
        "/plain/a?api_version=2&api%5Fversion=1",
        "/plain/a?api_version=2&api_version=1",
        "/dotted/a?api.version=2&api_version=1",
        "/dotted/a?api_version=1&api.version=2",
    ] {
        let reply = get(&gateway, query, "");
        if !is_refused(&reply) {
            wrong.push(format!("{query}: {}", reply.status));
        }
    }
    for query in ["/plain/a?api_version=2", "/dotted/a?api.version=2&b=1"] {
        assert_eq!(get(&gateway, query, "").status, 200, "{query}");
    }
    assert_none(&wrong);
}

/// A version field with two lines, or with a list, is refused.
#[test]
fn a_header_in_doubt_is_refused() {
    assert_refused(
        "/header/a",
        &[
            "X-Api-Version: 2\r\nX-Api-Version: 1\r\n",
            "X-Api-Version: 1\r\nX-Api-Version: 2\r\n",
            "X-Api-Version: 2, 1\r\n",
            &("X-Api-Version: 2\r\n".repeat(69) + "X-Api-Version: 1\r\n"),
        ],
    );
}

fn assert_refused(target: &str, cases: &[&str]) {
    let upstream = Recorder::start();
    let gateway = Gateway::start(upstream.address(), &rules());
    let mut wrong = Vec::new();
    for fields in cases {
        let reply = get(&gateway, target, fields);
        if !is_refused(&reply) {
            let shown: String = fields.chars().take(120).collect();
            wrong.push(format!("{shown:?}: {}", reply.status));
        }
    }
    assert_none(&wrong);
}
