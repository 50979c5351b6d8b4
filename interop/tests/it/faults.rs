//! Bad input: it gets a clear error with the right status or exit code, and the gateway goes on
//! serving.

use std::io::Write;

use interop::{Gateway, Nginx, Origin, Scratch, exchange, peers, send, upshift};

use crate::sample::RULES;

/// Checks that the gateway answers 200 to a plain request.
fn goes_on(gateway: &Gateway) {
    let (reply, _) = exchange(
        gateway.http(),
        b"GET / HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n",
        false,
    );
    assert_eq!(reply.status, 200, "{reply:?}");
}

#[test]
fn a_header_of_200_kib_is_431() {
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), RULES);
    let request = format!(
        "GET / HTTP/1.1\r\nHost: example.com\r\nX-Large: {}\r\n\r\n",
        "x".repeat(200 * 1024)
    );
    let (reply, closed) = exchange(gateway.http(), request.as_bytes(), false);
    assert_eq!((reply.status, closed), (431, true), "{reply:?}");
    assert!(origin.arrived().is_empty());
    goes_on(&gateway);
}

#[test]
fn a_header_of_200_kib_over_http_2_harms_nobody() {
    peers!("curl");
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), RULES);
    let large = format!("X-Large: {}", "x".repeat(100 * 1024));
    let folder = Scratch::new();
    let fields = folder.file("fields", format!("{large}\nX-More: {}", "y".repeat(100 * 1024)));
    let output = interop::run(
        "curl",
        &[
            "-si",
            "--http2-prior-knowledge",
            "-H",
            &format!("@{}", fields.display()),
            &gateway.url("/"),
        ],
    );
    let reply = interop::Reply::read(output.stdout.as_bytes());
    assert!(matches!(reply.status, 0 | 431), "{reply:?}");
    assert!(origin.arrived().is_empty());
    goes_on(&gateway);
}

#[test]
fn malformed_requests_are_400() {
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), RULES);
    let malformed: &[&[u8]] = &[
        b"\r\n\r\nGET\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: example.com\r\nBad Name: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: example.com\r\nNo-Colon\r\n\r\n",
        b"GET /a\x00b HTTP/1.1\r\nHost: example.com\r\n\r\n",
        b"GET /%00 HTTP/1.1\r\nHost: example.com\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03garbage that looks like a ClientHello\r\n\r\n",
    ];
    for request in malformed {
        let (reply, _) = exchange(gateway.http(), request, false);
        // A ClientHello is no HTTP, and its sender could not read an answer in HTTP.
        let tls = request.starts_with(b"\x16");
        assert!(
            reply.status == 400 || (tls && reply.status == 0),
            "{:?}: {reply:?}",
            String::from_utf8_lossy(request)
        );
        goes_on(&gateway);
    }
    let reached =
        origin.arrived().iter().filter(|arrived| arrived.line != "GET / HTTP/1.1").count();
    assert_eq!(reached, 0, "{:?}", origin.arrived());
}

#[test]
fn a_target_that_is_too_long_is_414() {
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), RULES);
    let request = format!("GET /{} HTTP/1.1\r\nHost: example.com\r\n\r\n", "a".repeat(70_000));
    let (reply, _) = exchange(gateway.http(), request.as_bytes(), false);
    assert!(matches!(reply.status, 414 | 431), "{reply:?}");
    goes_on(&gateway);
}

#[test]
fn a_missing_upstream_is_502_and_says_which() {
    let gone = Nobody::address();
    let gateway = Gateway::start(gone, RULES);
    let (reply, _) =
        exchange(gateway.http(), b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n", false);
    assert_eq!(
        (reply.status, reply.field("content-type").as_str()),
        (502, "application/problem+json"),
        "{reply:?}"
    );
    assert!(
        reply.json()["detail"].as_str().is_some_and(|detail| detail.len() > 10),
        "{}",
        reply.text()
    );
    // A refusal needs no upstream.
    let (refused, _) =
        exchange(gateway.http(), b"GET /derp HTTP/1.1\r\nHost: example.com\r\n\r\n", false);
    assert_eq!(refused.status, 426, "{refused:?}");
}

#[test]
fn an_upstream_that_answers_nonsense_is_502() {
    let listener =
        std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap_or_else(|error| panic!("{error}"));
    let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(b"220 mail.example.com ESMTP\r\n");
        }
    });
    let gateway = Gateway::start(address, RULES);
    let (reply, _) =
        exchange(gateway.http(), b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n", false);
    assert_eq!(reply.status, 502, "{reply:?}");
}

#[test]
fn clients_that_vanish_harm_nobody() {
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), RULES);
    for _ in 0..50 {
        drop(send(gateway.http(), b"GET / HT"));
        drop(send(
            gateway.http(),
            b"POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 1000\r\n\r\nabc",
        ));
        drop(send(gateway.https(), b"no TLS at all\r\n\r\n"));
        drop(send(gateway.http(), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\xff\xff\xff"));
    }
    goes_on(&gateway);
}

#[test]
fn a_file_with_an_unknown_key_ends_with_2_and_says_where() {
    let folder = Scratch::new();
    let text =
        "[gateway]\nhttp = \"127.0.0.1:0\"\nupstream = \"http://127.0.0.1:9\"\nupstraem = 1\n";
    let file = folder.file("wrong.toml", text).to_string_lossy().into_owned();
    for words in [
        &["check", &file][..],
        &["serve", "--config", &file],
        &["explain", "--config", &file, "http://h/"],
    ] {
        let output = upshift(words);
        assert_eq!(output.code, 2, "{words:?}: {output:?}");
        let said = output.stderr + &output.stdout;
        assert!(said.contains("upstraem") && said.contains("wrong.toml:4"), "{words:?}: {said}");
    }
}

#[test]
fn a_port_in_use_ends_with_3() {
    let taken =
        std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap_or_else(|error| panic!("{error}"));
    let address = taken.local_addr().unwrap_or_else(|error| panic!("{error}"));
    let folder = Scratch::new();
    let file = folder.file(
        "a.toml",
        format!("[gateway]\nhttp = \"{address}\"\nupstream = \"http://127.0.0.1:9\"\n"),
    );
    let output = upshift(&["serve", "--config", &file.to_string_lossy()]);
    assert_eq!(output.code, 3, "{output:?}");
    assert!(output.stderr.contains(&address.to_string()), "{output:?}");
}

/// An address on which nothing listens.
struct Nobody;

impl Nobody {
    fn address() -> std::net::SocketAddr {
        let listener =
            std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap_or_else(|error| panic!("{error}"));
        listener.local_addr().unwrap_or_else(|error| panic!("{error}"))
    }
}

#[test]
fn the_admin_listener_is_not_the_upstream_s() {
    peers!("nginx");
    let nginx = Nginx::start();
    let gateway = Gateway::start(nginx.address(), RULES);
    assert_eq!(gateway.ask_admin("/nothing/here").status, 404);
    assert_eq!(gateway.ask_admin("/healthz").status, 200);
}
