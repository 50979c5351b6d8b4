//! The conformance vectors, over the wire.
//!
//! HTTP/1.x in clear is written by hand, so that nothing is mended on the way; HTTP/2 and TLS are
//! curl's.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use conformance::{BytesCase, CaseRequest, ExchangeCase, ExpectedAnswer, ForwardCase, Vectors};
use interop::{Gateway, Origin, Reply, exchange, peers, run};

type Faults = Vec<String>;

#[test]
fn exchanges() {
    peers!("curl");
    report(|vectors| {
        vectors.exchanges.iter().map(|case| (case.title.as_str(), of_exchange(case))).collect()
    });
}

#[test]
fn forwards() {
    peers!("curl");
    report(|vectors| {
        vectors.forwards.iter().map(|case| (case.title.as_str(), of_forward(case))).collect()
    });
}

#[test]
fn bytes() {
    report(|vectors| {
        vectors.bytes.iter().map(|case| (case.title.as_str(), of_bytes(case))).collect()
    });
}

#[test]
fn switches() {
    report(|vectors| {
        vectors
            .switches
            .iter()
            .map(|case| (case.title.as_str(), crate::switches::faults(case)))
            .collect()
    });
}

/// Runs the cases that `cases` picks of every file, and fails with all that is wrong.
fn report<'v>(cases: impl Fn(&'v Vectors) -> Vec<(&'v str, Faults)>) {
    let all =
        Box::leak(Box::new(conformance::load_vectors().unwrap_or_else(|error| panic!("{error}"))));
    let skips = conformance::skipped_cases("wire").unwrap_or_else(|error| panic!("{error}"));
    let mut wrong = BTreeMap::new();
    for (_, vectors) in all.iter() {
        for (title, faults) in cases(vectors) {
            let name = format!("{}: {title}", vectors.section);
            if !faults.is_empty() && !skips.contains_key(&name) {
                wrong.insert(name, faults);
            }
        }
    }
    let told: String = wrong
        .iter()
        .map(|(name, faults)| format!("{name}\n    {}\n", faults.join("\n    ")))
        .collect();
    assert!(wrong.is_empty(), "{} cases are wrong:\n{told}", wrong.len());
}

fn of_exchange(case: &ExchangeCase) -> Faults {
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), &case.policy);
    let (reply, closed) = ask(&gateway, &case.request);
    faults(&case.answer, &reply, closed)
}

fn of_forward(case: &ForwardCase) -> Faults {
    let origin = Origin::start(case.response.status, &case.response.fields);
    let gateway = Gateway::start(origin.address(), "");
    let (reply, closed) = ask(&gateway, &case.request);
    let mut faults = faults(&case.answer, &reply, closed);
    match origin.arrived().first() {
        Some(arrived) => faults.extend(case.upstream.find_faults(&arrived.line, &arrived.fields)),
        None => faults.push("nothing reached the upstream".to_owned()),
    }
    faults
}

fn of_bytes(case: &BytesCase) -> Faults {
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), &case.policy);
    let (reply, closed) = exchange(gateway.http(), case.send.as_bytes(), false);
    let mut faults = faults(&case.answer, &reply, closed);
    let reached = origin.arrived();
    if case.reaches.is_some_and(|wanted| wanted == reached.is_empty()) {
        faults.push(format!("what reached the upstream: {reached:?}"));
    }
    faults
}

fn faults(answer: &ExpectedAnswer, reply: &Reply, closed: bool) -> Faults {
    let mut faults = answer.find_faults(reply.status, &reply.fields, &reply.body);
    if answer.closes && !closed {
        faults.push("the connection stays open".to_owned());
    }
    if answer.interim.as_ref().is_some_and(|wanted| *wanted != reply.interim) {
        faults.push(format!(
            "the interim responses are {:?}, wanted {:?}",
            reply.interim, answer.interim
        ));
    }
    faults
}

fn ask(gateway: &Gateway, request: &CaseRequest) -> (Reply, bool) {
    if request.http == "2" || request.tls.is_some() {
        (with_curl(gateway, request), false)
    } else {
        by_hand(gateway.http(), request)
    }
}

fn by_hand(to: SocketAddr, request: &CaseRequest) -> (Reply, bool) {
    let mut bytes = format!("{} {} HTTP/{}\r\n", request.method, request.target, request.http);
    for (name, value) in request.fields_with_host() {
        bytes.push_str(&format!("{name}: {value}\r\n"));
    }
    if request.body > 0 {
        bytes.push_str(&format!("Content-Length: {}\r\n", request.body));
    }
    bytes.push_str("\r\n");
    bytes.push_str(&"x".repeat(request.body));
    exchange(to, bytes.as_bytes(), request.method == "HEAD")
}

fn with_curl(gateway: &Gateway, request: &CaseRequest) -> Reply {
    let mut words: Vec<String> =
        ["--silent", "--show-error", "--include", "--insecure", "--path-as-is"]
            .map(str::to_owned)
            .into();
    words
        .push(if request.http == "2" { "--http2-prior-knowledge" } else { "--http1.1" }.to_owned());
    match request.tls.as_deref() {
        Some("1.2") => words.extend(["--tls-max", "1.2"].map(str::to_owned)),
        Some(_) => words.push("--tlsv1.3".to_owned()),
        None => {}
    }
    if request.method == "HEAD" {
        words.push("--head".to_owned());
    } else {
        words.extend(["--request".to_owned(), request.method.clone()]);
    }
    // What curl would send by itself is left out; a field of the case is put in.
    for name in ["User-Agent", "Accept"] {
        words.extend(["--header".to_owned(), format!("{name}:")]);
    }
    for (name, value) in request.fields_with_host() {
        words.extend(["--header".to_owned(), format!("{name}: {value}")]);
    }
    if request.body > 0 {
        words.extend(["--data-binary".to_owned(), "x".repeat(request.body)]);
    }
    words.push(match request.tls {
        Some(_) => gateway.secure_url(&request.target),
        None => gateway.url(&request.target),
    });
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Reply::read(run("curl", &words).ok().as_bytes())
}
