//! HTTP/2 in clear and over TLS, TLS itself, and what differs there.

#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use upshift_core::policy::{PolicySpec, Requirement, RuleSpec};
use upshift_core::{Policy, TlsVersion};
use upshift_gateway::{AccessLog, Gateway, Hsts, RecordedRequests};

use crate::support::{
    Certificate, Running, TestUpstream, exchange, field, free, settings_with, status,
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn requiring(requirement: Requirement) -> Policy {
    Policy::new(PolicySpec {
        rules: vec![RuleSpec::new("it", vec![requirement])],
        ..PolicySpec::default()
    })
    .unwrap()
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

async fn over_tls(
    address: SocketAddr,
    certificate: &Certificate,
    versions: &[&'static rustls::SupportedProtocolVersion],
    protocols: &[&[u8]],
) -> TlsStream<TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(
            rustls::pki_types::CertificateDer::from_pem_file(&certificate.files.certificate)
                .unwrap(),
        )
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let tcp = TcpStream::connect(address).await.unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(ServerName::try_from("localhost").unwrap(), tcp)
        .await
        .unwrap()
}

async fn http2(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Response<Bytes> {
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
    Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
}

fn get(uri: &str) -> Request<Full<Bytes>> {
    Request::get(uri).body(Full::default()).unwrap()
}

/// RFC 9113 §3.3, §8.3.1.
#[test]
fn http2_by_prior_knowledge_reaches_an_http1_upstream() {
    let upstream = TestUpstream::answering(OK);
    let gateway = Running::before(&upstream);
    let answer = run(async {
        let stream = TcpStream::connect(gateway.http()).await.unwrap();
        http2(stream, get("http://a.example:81/x?y")).await
    });
    assert_eq!((answer.status(), &answer.body()[..]), (StatusCode::OK, &b"ok"[..]));
    let request = upstream.only();
    assert!(request.starts_with("GET /x?y HTTP/1.1\r\n"), "{request}");
    assert_eq!(field(&request, "host").as_deref(), Some("a.example:81"));
    assert_eq!(field(&request, "via").as_deref(), Some("2.0 upshift"));
}

/// RFC 9113 §8.2.2: neither `Upgrade` nor `Connection`; the answer reaches a client that is still
/// writing.
#[test]
fn a_refusal_over_http2_has_no_upgrade_and_survives_a_large_body() {
    let upstream = TestUpstream::answering(OK);
    let policy = requiring(Requirement::Tls(TlsVersion::V1_2));
    let gateway =
        Running::start(settings_with(upstream.address, |settings| settings.file.policy = policy));
    let answer = run(async {
        let stream = TcpStream::connect(gateway.http()).await.unwrap();
        let body = Full::new(Bytes::from(vec![0; 5 * 1024 * 1024]));
        http2(stream, Request::post("http://a/x").body(body).unwrap()).await
    });
    assert_eq!(answer.status(), StatusCode::UPGRADE_REQUIRED);
    assert!(
        !answer.headers().contains_key("upgrade") && !answer.headers().contains_key("connection")
    );
    assert!(String::from_utf8_lossy(answer.body()).contains("\"rule\": \"it\""));
    assert!(upstream.seen().is_empty());
}

/// RFC 9113 §3.2, RFC 6797 §7.2: the protocol by ALPN; `Strict-Transport-Security` over TLS alone;
/// and a client of TLS 1.2 where 1.3 is required completes its handshake to be told so.
#[test]
fn tls_tells_its_version_and_what_is_spoken_in_it() {
    let upstream = TestUpstream::answering(
        "HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=1\r\nContent-Length: 2\r\n\r\nok",
    );
    let certificate = Certificate::make();
    let gateway = Running::start(settings_with(upstream.address, |settings| {
        settings.file.gateway.https = Some(free());
        settings.file.gateway.tls = Some(certificate.files.clone());
        settings.file.gateway.hsts = Some(Hsts {
            max_age: Duration::from_secs(600),
            include_subdomains: false,
            preload: false,
        });
        settings.file.policy = requiring(Requirement::Tls(TlsVersion::V1_3));
    }));
    let https = gateway.addresses.https.unwrap();
    let answers = run(async {
        let mut answers = Vec::new();
        for versions in [&[&rustls::version::TLS13], &[&rustls::version::TLS12]] {
            let stream = over_tls(https, &certificate, versions, &[b"h2"]).await;
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
            answers.push(http2(stream, get("https://localhost/")).await);
        }
        answers
    });
    assert_eq!(
        (answers[0].status(), answers[1].status()),
        (StatusCode::OK, StatusCode::UPGRADE_REQUIRED)
    );
    assert_eq!(answers[0].headers()["strict-transport-security"], "max-age=600");
    assert_eq!(field(&upstream.only(), "x-forwarded-proto").as_deref(), Some("https"));
    let clear = exchange(gateway.http(), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(
        (status(&clear), field(&clear, "strict-transport-security")),
        (426, None),
        "{clear}"
    );
    let gateway = Running::before(&upstream);
    let clear = exchange(gateway.http(), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(
        (status(&clear), field(&clear, "strict-transport-security")),
        (200, None),
        "{clear}"
    );
}

/// RFC 7301: without ALPN, and with `http/1.1`, HTTP/1.1 is spoken.
#[test]
fn http1_is_served_over_tls() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let upstream = TestUpstream::answering(OK);
    let certificate = Certificate::make();
    let gateway = Running::start(settings_with(upstream.address, |settings| {
        settings.file.gateway.https = Some(free());
        settings.file.gateway.tls = Some(certificate.files.clone());
    }));
    let https = gateway.addresses.https.unwrap();
    for protocols in [&[][..], &[&b"http/1.1"[..]][..]] {
        let answer = run(async {
            let mut stream = over_tls(https, &certificate, rustls::ALL_VERSIONS, protocols).await;
            stream
                .write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                .await
                .unwrap();
            let mut answer = String::new();
            // A clean end: without close_notify this would be an error.
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        });
        assert!(answer.ends_with("\r\n\r\nok"), "{answer}");
    }
}

/// Another certificate is shown from the next handshake on; one that cannot be read changes
/// nothing.
#[test]
fn certificates_are_replaced_by_a_reload() {
    let upstream = TestUpstream::answering(OK);
    let (old, new) = (Certificate::make(), Certificate::make());
    let with = |certificate: &Certificate| {
        settings_with(upstream.address, |settings| {
            settings.file.gateway.https = Some(free());
            settings.file.gateway.tls = Some(certificate.files.clone());
        })
    };
    let gateway = Running::start(with(&old));
    let https = gateway.addresses.https.unwrap();
    run(async { over_tls(https, &old, rustls::ALL_VERSIONS, &[b"h2"]).await });
    let mut broken = with(&new);
    broken.file.gateway.tls.as_mut().unwrap().key = "/nowhere.pem".into();
    assert!(gateway.handle.reload(broken).is_err());
    run(async { over_tls(https, &old, rustls::ALL_VERSIONS, &[b"h2"]).await });
    gateway.handle.reload(with(&new)).unwrap();
    run(async { over_tls(https, &new, rustls::ALL_VERSIONS, &[b"h2"]).await });
    gateway.admin("/metrics", |text| text.contains("upshift_reloads_total{outcome=\"failed\"} 1"));
}

/// The record has the decision and the id, and nothing of the query.
#[test]
fn the_access_record_has_the_decision_and_no_secrets() {
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let upstream = TestUpstream::answering(OK);
    let policy = requiring(Requirement::Tls(TlsVersion::V1_2));
    let settings = settings_with(upstream.address, |settings| {
        settings.file.policy = policy;
        settings.file.gateway.access_log = AccessLog::of_requests(RecordedRequests::Refused);
    });
    let kept = Kept::default();
    let gateway = Gateway::bind(settings).unwrap().with_access_record(Box::new(kept.clone()));
    let mut gateway = Running::of(gateway);
    let request = "GET /x?token=hush HTTP/1.1\r\nHost: a\r\nX-Request-Id: me-1\r\nCookie: hush\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&exchange(gateway.http(), request)), 426);
    gateway.stop();
    gateway.join();
    let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
    let record: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
    assert_eq!(
        (&record["verdict"], &record["rule"], &record["request_id"]),
        (&"refuse".into(), &"it".into(), &"me-1".into())
    );
    assert_eq!((&record["path"], &record["status"]), (&"/x".into(), &426.into()));
    assert!(!text.contains("hush"), "{text}");
}
