//! Running it: health, metrics, reload, shutdown, what is written into a forwarded request.

use std::io::{Read, Write};

use interop::{Gateway, Origin, Reply, exchange, peers, send};

use crate::sample::RULES;

const PLAIN: &[u8] = b"GET /derp HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n";

/// Rules that admit `/derp`.
const OPEN: &str =
    "[[rule]]\nid = \"relay\"\npaths = [\"/elsewhere\"]\nrequire = { protocol = \"derp/2\" }\n";

#[test]
fn it_says_that_it_is_well_and_counts() {
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), RULES);
    assert_eq!(gateway.ask_admin("/healthz").status, 200);
    assert_eq!(gateway.ask_admin("/readyz").status, 200);
    for _ in 0..3 {
        assert_eq!(exchange(gateway.http(), PLAIN, false).0.status, 426);
    }
    let counted = eventually(|| {
        let metrics = gateway.ask_admin("/metrics").text();
        let mut lines = metrics.lines().filter(|line| line.contains("rule=\"relay\""));
        lines.any(|line| line.contains("verdict=\"refuse\"") && line.ends_with(" 3")).then_some(())
    });
    assert!(counted.is_some(), "{}", gateway.ask_admin("/metrics").text());
}

#[test]
fn a_reload_changes_the_policy_and_a_bad_one_does_not() {
    let origin = Origin::start(200, &[]);
    let mut gateway = Gateway::start(origin.address(), RULES);
    let asked = |gateway: &Gateway| exchange(gateway.http(), PLAIN, false).0.status;
    assert_eq!(asked(&gateway), 426);
    let file = gateway.file();
    let good = std::fs::read_to_string(&file).unwrap_or_default();
    let head = good.split("[[rule]]").next().unwrap_or_default().to_owned();

    write(&file, &format!("{head}{OPEN}"));
    gateway.program().signal("HUP");
    assert!(
        eventually(|| (asked(&gateway) == 200).then_some(())).is_some(),
        "the new policy admits it"
    );

    write(&file, &format!("{head}[[rule]]\nid = \"relay\"\nrequier = 1\n"));
    gateway.program().signal("HUP");
    gateway.program().wait_for("complaint about the file", |lines| {
        lines.iter().any(|line| line.contains("requier")).then_some(())
    });
    assert_eq!(asked(&gateway), 200, "the last good policy is kept");

    write(&file, &good);
    gateway.program().signal("HUP");
    assert!(
        eventually(|| (asked(&gateway) == 426).then_some(())).is_some(),
        "and it goes on reloading"
    );
}

#[test]
fn it_watches_its_file() {
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::with(origin.address(), "", RULES, &["--watch"]);
    let asked = || exchange(gateway.http(), PLAIN, false).0.status;
    assert_eq!(asked(), 426);
    let text = std::fs::read_to_string(gateway.file()).unwrap_or_default();
    write(&gateway.file(), &format!("{}{OPEN}", text.split("[[rule]]").next().unwrap_or_default()));
    assert!(eventually(|| (asked() == 200).then_some(())).is_some());
}

#[test]
fn observe_refuses_nobody_and_counts_all_the_same() {
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::with(origin.address(), "", RULES, &["--observe"]);
    let (reply, _) = exchange(gateway.http(), PLAIN, false);
    assert_eq!((reply.status, reply.has("deprecation")), (200, false), "{reply:?}");
    let counted = eventually(|| {
        let metrics = gateway.ask_admin("/metrics").text();
        metrics
            .lines()
            .any(|line| {
                line.starts_with("upshift_rule_reasons_total{rule=\"relay\"")
                    && line.contains("phase=\"observe\"")
            })
            .then_some(())
    });
    assert!(counted.is_some(), "{}", gateway.ask_admin("/metrics").text());
}

/// A graceful shutdown on SIGTERM: the gateway accepts no new connections, finishes the requests in
/// flight, and ends.
#[test]
fn it_finishes_what_it_has_begun() {
    let origin = Origin::start(200, &[]);
    let mut gateway = Gateway::start(origin.address(), RULES);
    let mut begun = send(
        gateway.http(),
        b"POST /a HTTP/1.1\r\nHost: example.com\r\nContent-Length: 6\r\n\r\nabc",
    );
    // The request is under way when its first half has reached the upstream's connection; a second
    // one shows that.
    assert_eq!(exchange(gateway.http(), b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", false).0.status, 200);
    gateway.program().signal("TERM");
    let refused = eventually(|| std::net::TcpStream::connect(gateway.http()).err());
    assert!(refused.is_some(), "it still accepts");
    begun.write_all(b"def").unwrap_or_else(|error| panic!("{error}"));
    let mut read = Vec::new();
    begun.read_to_end(&mut read).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(Reply::read(&read).status, 200, "{}", String::from_utf8_lossy(&read));
    assert_eq!(gateway.program().ended(), 0);
}

/// The forwarding fields are the gateway's own: those that the client sends are replaced.
#[test]
fn forwarding_fields_are_its_own() {
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), RULES);
    let request =
        b"GET /a?b HTTP/1.1\r\nHost: example.com:81\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n\
        Forwarded: for=6.6.6.6\r\nX-Forwarded-Host: evil.example\r\nConnection: close\r\n\r\n";
    assert_eq!(exchange(gateway.http(), request, false).0.status, 200);
    let arrived = origin.arrived();
    let request = arrived.first().unwrap_or_else(|| panic!("nothing arrived"));
    assert_eq!(request.line, "GET /a?b HTTP/1.1");
    let field = |name: &str| conformance::joined_lines(&request.fields, name).unwrap_or_default();
    assert_eq!(field("x-forwarded-for"), "127.0.0.1", "{request:?}");
    assert_eq!(field("x-forwarded-proto"), "http");
    assert_eq!(field("x-forwarded-host"), "example.com:81");
    assert!(
        field("forwarded").contains("127.0.0.1") && !field("forwarded").contains("6.6.6.6"),
        "{request:?}"
    );
}

#[test]
fn every_request_has_an_id() {
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), RULES);
    let (refused, _) = exchange(gateway.http(), PLAIN, false);
    let id = refused.field("x-request-id");
    assert!(id.len() >= 8, "{refused:?}");
    assert_eq!(refused.json()["request_id"], id.as_str(), "{}", refused.text());
    let (passed, _) = exchange(gateway.http(), b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", false);
    let arrived = origin.arrived();
    let sent = arrived
        .first()
        .and_then(|arrived| conformance::joined_lines(&arrived.fields, "x-request-id"));
    assert_eq!(Some(passed.field("x-request-id")), sent);
    assert_ne!(id, passed.field("x-request-id"));
}

/// The access record is JSON lines, with the decision and without secrets.
#[test]
fn the_access_record_has_the_decision_and_no_secret() {
    let origin = Origin::start(200, &[]);
    let mut gateway = Gateway::with(origin.address(), "access-log = \"refused\"", RULES, &[]);
    let request =
        b"GET /derp?token=hunter2 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer hunter2\r\nCookie: a=hunter2\r\n\r\n";
    assert_eq!(exchange(gateway.http(), request, false).0.status, 426);
    let line = gateway.program().wait_for("access record", |lines| {
        lines.iter().find(|line| line.starts_with('{') && line.contains("\"relay\"")).cloned()
    });
    assert!(line.contains("\"refuse\"") && line.contains("/derp"), "{line}");
    assert!(!line.contains("hunter2"), "{line}");
}

#[test]
fn a_script_of_another_origin_can_read_the_refusal() {
    peers!("curl");
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), RULES);
    let reply = gateway.curl(&["-H", "Origin: https://app.example", &gateway.url("/derp")]);
    assert_eq!(reply.status, 426);
    assert_eq!(reply.field("access-control-allow-origin"), "https://app.example", "{reply:?}");
    assert!(!reply.field("access-control-expose-headers").is_empty(), "{reply:?}");
    assert!(reply.field("vary").to_ascii_lowercase().contains("origin"), "{reply:?}");
}

fn write(file: &std::path::Path, text: &str) {
    std::fs::write(file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}

/// Asks until there is an answer, for as long as anything may take; `None` if there is none.
pub(crate) fn eventually<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = std::time::Instant::now();
    while begun.elapsed() < interop::PATIENCE {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        interop::pause();
    }
    None
}
