//! HTTP/3 beside TLS.

#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use http::{Request, Response};
use quinn::crypto::rustls::QuicClientConfig;
use rustls::ClientConfig;

use crate::in_band_tls::Anybody;
use crate::support::{Running, TestUpstream, connect, field, free, read_message, settings_with};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive, x-hop\r\nX-Hop: 1\r\n\r\nhello";

fn gateway(upstream: &TestUpstream) -> Running {
    Running::start(settings_with(upstream.address, |settings| {
        settings.file.gateway.https = Some(free());
        settings.file.gateway.http3 = true;
    }))
}

/// A QUIC connection for HTTP/3.
pub(crate) async fn connect_quic(to: SocketAddr) -> quinn::Connection {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h3".to_vec()];
    let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
    let mut endpoint = quinn::Endpoint::client(free()).unwrap();
    endpoint.set_default_client_config(config);
    endpoint.connect(to, "localhost").unwrap().await.unwrap()
}

/// Sends each request on one connection; the answers.
pub(crate) fn ask(to: SocketAddr, requests: Vec<Request<Bytes>>) -> Vec<Response<Bytes>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let quic = connect_quic(to).await;
        let (mut driver, mut sender) =
            h3::client::new(h3_quinn::Connection::new(quic)).await.unwrap();
        let driving = tokio::spawn(async move { driver.wait_idle().await });
        let mut answers = Vec::new();
        for request in requests {
            let (head, content) = request.into_parts();
            let mut stream = sender.send_request(Request::from_parts(head, ())).await.unwrap();
            stream.send_data(content).await.unwrap();
            stream.finish().await.unwrap();
            let (head, ()) = stream.recv_response().await.unwrap().into_parts();
            let mut body = Vec::new();
            while let Some(mut data) = stream.recv_data().await.unwrap() {
                body.extend_from_slice(&data.copy_to_bytes(data.remaining()));
            }
            answers.push(Response::from_parts(head, body.into()));
        }
        driving.abort();
        answers
    })
}

#[test]
fn requests_and_answers_pass_as_over_the_other_versions() {
    let upstream = TestUpstream::answering(OK);
    let gateway = gateway(&upstream);
    let get = Request::get("https://a.example/one?two").body(Bytes::new()).unwrap();
    let post = Request::post("https://a.example/up")
        .header("content-length", "70000")
        .body(vec![b'x'; 70_000].into());
    let answers = ask(gateway.addresses.https.unwrap(), vec![get, post.unwrap()]);
    for answer in answers {
        assert_eq!((answer.status().as_u16(), &answer.body()[..]), (200, &b"hello"[..]));
        assert!(answer.headers().contains_key("date") && !answer.headers().contains_key("x-hop"));
        assert!(!answer.headers().contains_key("connection"), "{:?}", answer.headers());
    }
    let seen = upstream.seen();
    assert!(seen[0].starts_with("GET /one?two HTTP/1.1\r\n"), "{}", seen[0]);
    assert_eq!(field(&seen[0], "host").as_deref(), Some("a.example"));
    assert_eq!(field(&seen[0], "via").as_deref(), Some("3.0 upshift"));
    assert_eq!(field(&seen[0], "content-length"), None, "a GET without content stays one");
    assert!(seen[1].len() > 70_000);
    gateway.admin("/metrics", |metrics| {
        metrics.contains("upshift_connections_total{listener=\"http3\"} 1\n")
            && metrics.contains("upshift_tls_handshakes_total{version=\"1.3\"} 1\n")
            && metrics.contains("upshift_http_received_bytes_total 70000\n")
    });
}

#[test]
fn the_tls_listener_says_that_it_is_there_and_clear_does_not() {
    use std::io::Write as _;
    let upstream = TestUpstream::answering(OK);
    let gateway = gateway(&upstream);
    let port = gateway.addresses.https.unwrap().port();
    let mut over_tls =
        crate::in_band_tls::tls(connect(gateway.addresses.https.unwrap()), &["http/1.1"]);
    over_tls.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let told = field(&crate::in_band_tls::message(&mut over_tls), "alt-svc");
    assert_eq!(told, Some(format!("h3=\":{port}\"; ma=86400")));
    let mut clear = connect(gateway.http());
    clear.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(field(&read_message(&mut clear).unwrap(), "alt-svc"), None);
}
