//! Several upstreams and replicas, HTTP/2 and TLS behind the gateway.

#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use std::collections::HashSet;
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;

use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use upshift_core::policy::{HostPattern, Matcher, MatcherValues, PathPattern};
use upshift_gateway::{Address, Upstream, UpstreamHttp};

use crate::support::{
    Certificate, Running, TestUpstream, exchange, field, refusing_address, settings_with, status,
};

fn named(name: &'static str) -> TestUpstream {
    TestUpstream::scripted(move |_| {
        Some(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len()))
    })
}

fn ask(gateway: &Running, host: &str, path: &str) -> String {
    exchange(
        gateway.http(),
        &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
    )
}

fn body(answer: &str) -> &str {
    answer.split("\r\n\r\n").nth(1).unwrap_or_default()
}

fn gone() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn the_first_upstream_that_fits_is_asked() {
    let (api, chat, rest) = (named("api"), named("chat"), named("rest"));
    let only = |pattern: &str| MatcherValues {
        include: vec![PathPattern::parse(pattern).unwrap()],
        exclude: Vec::new(),
    };
    let host = MatcherValues {
        include: vec![HostPattern::parse("api.example").unwrap()],
        exclude: Vec::new(),
    };
    let to =
        |upstream: &TestUpstream, matcher| Upstream { matcher, ..Upstream::at(upstream.address) };
    let upstreams = vec![
        to(&api, Matcher { hosts: host, ..Matcher::default() }),
        to(&chat, Matcher { paths: only("/chat/**"), ..Matcher::default() }),
        to(&rest, Matcher { paths: only("/r/**"), ..Matcher::default() }),
    ];
    let gateway =
        Running::start(settings_with(rest.address, |settings| settings.file.upstreams = upstreams));
    assert_eq!(body(&ask(&gateway, "api.example:80", "/chat/x")), "api");
    assert_eq!(body(&ask(&gateway, "other", "/chat/x")), "chat");
    assert_eq!(body(&ask(&gateway, "other", "/r")), "rest");
    let answer = ask(&gateway, "other", "/");
    assert_eq!(status(&answer), 503, "{answer}");
}

/// A replica that refuses connections costs nobody a request, and is passed over.
#[test]
fn replicas_share_and_one_that_is_gone_is_passed_over() {
    let (one, two) = (named("one"), named("two"));
    let (_socket, gone) = refusing_address();
    let endpoints = vec![gone.into(), one.address.into(), two.address.into()];
    let upstreams = vec![Upstream::with_endpoints(endpoints)];
    let gateway =
        Running::start(settings_with(one.address, |settings| settings.file.upstreams = upstreams));
    let mut seen = HashSet::new();
    for _ in 0..40 {
        let answer = ask(&gateway, "a", "/");
        assert_eq!(status(&answer), 200, "{answer}");
        seen.insert(body(&answer).to_owned());
    }
    assert_eq!(seen.len(), 2);
}

/// An upstream of HTTP/2, over TLS if there is a certificate; it answers with what it was asked.
fn http2_upstream(certificate: Option<&Certificate>) -> SocketAddr {
    let acceptor = certificate.map(|certificate| {
        let chain = vec![CertificateDer::from_pem_file(&certificate.files.certificate).unwrap()];
        let key = PrivateKeyDer::from_pem_file(&certificate.files.key).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap();
        let mut config = builder.with_no_client_auth().with_single_cert(chain, key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        tokio_rustls::TlsAcceptor::from(Arc::new(config))
    });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let serve = async move {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        while let Ok((tcp, _)) = listener.accept().await {
            let codec = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            match &acceptor {
                Some(acceptor) => {
                    let tls = acceptor.accept(tcp).await.unwrap();
                    tokio::spawn(codec.serve_connection(TokioIo::new(tls), service_fn(tell)));
                }
                None => {
                    drop(tokio::spawn(codec.serve_connection(TokioIo::new(tcp), service_fn(tell))));
                }
            }
        }
    };
    thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(serve);
    });
    address
}

async fn tell(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let content = body.collect().await.unwrap().to_bytes();
    let text = format!(
        "{} {} {:?} {}",
        parts.method,
        parts.uri,
        parts.version,
        String::from_utf8_lossy(&content)
    );
    Ok(Response::builder()
        .header("x-via", parts.headers["via"].clone())
        .body(Full::new(text.into()))
        .unwrap())
}

/// RFC 9113 §3.3, §8.3.1.
#[test]
fn http2_is_spoken_to_an_upstream_in_clear() {
    let upstream = Upstream { http: UpstreamHttp::V2, ..Upstream::at(http2_upstream(None)) };
    let gateway =
        Running::start(settings_with(gone(), |settings| settings.file.upstreams = vec![upstream]));
    for _ in 0..2 {
        let answer = exchange(
            gateway.http(),
            "POST /x?y HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
        );
        assert_eq!(status(&answer), 200, "{answer}");
        assert_eq!(body(&answer), "POST http://a.example/x?y HTTP/2.0 abc");
        assert_eq!(field(&answer, "via").as_deref(), Some("2.0 upshift"));
    }
}

/// RFC 9113 §3.2: by ALPN; the certificate is judged by the upstream's own authorities, and by its
/// own name.
#[test]
fn http2_is_spoken_to_an_upstream_over_tls() {
    let certificate = Certificate::make();
    let port = http2_upstream(Some(&certificate)).port();
    let address = Address { tls: true, host: "localhost".to_owned(), port };
    let upstream = Upstream {
        http: UpstreamHttp::V2,
        ca: Some(certificate.files.certificate.clone()),
        ..Upstream::with_endpoints(vec![address.into()])
    };
    let gateway = Running::start(settings_with(gone(), |settings| {
        settings.file.upstreams = vec![upstream.clone()];
    }));
    let answer = ask(&gateway, "a.example", "/");
    assert_eq!(body(&answer), "GET https://a.example/ HTTP/2.0 ", "{answer}");
    let stranger = Certificate::make();
    let upstream = Upstream { ca: Some(stranger.files.certificate.clone()), ..upstream };
    let gateway =
        Running::start(settings_with(gone(), |settings| settings.file.upstreams = vec![upstream]));
    let answer = ask(&gateway, "a.example", "/");
    assert_eq!(status(&answer), 502, "{answer}");
    assert!(!answer.contains("localhost") && !answer.contains(&port.to_string()), "{answer}");
}

/// RFC 9112 §3.2: HTTP/1.0 may name no host; the upstream is then asked by its own name.
#[test]
fn http_1_0_without_a_host_is_bridged() {
    let upstream = named("ok");
    let gateway = Running::before(&upstream);
    assert_eq!(status(&exchange(gateway.http(), "GET / HTTP/1.0\r\n\r\n")), 200);
    assert_eq!(field(&upstream.only(), "host"), Some(upstream.address.to_string()));
}
