//! Credentials stay with the origin that the caller named.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use upshift_client::{Client, Http, Memory, Route, SendBody, Trace};

use crate::peer::Peer;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A server at one port that wants TLS at the port of another.
async fn two_ports() -> (Peer, Peer) {
    let elsewhere = Peer::either(OK, OK).await;
    let there = elsewhere.url("/").replace("http:", "https:");
    let wants_tls = format!(
        "HTTP/1.1 426 U\r\nUpgrade: TLS/1.2\r\nConnection: upgrade\r\nLocation: {there}\r\n\
         Content-Length: 0\r\n\r\n"
    );
    (Peer::always(&wants_tls).await, elsewhere)
}

fn request(peer: &Peer) -> Request<SendBody> {
    let mut secret = HeaderValue::from_static("s3cret-marked");
    secret.set_sensitive(true);
    let request = Request::get(peer.url("/"))
        .header("authorization", "Basic s3cret")
        .header("proxy-authorization", "Basic s3cret")
        .header("cookie", "session=s3cret")
        .header("x-api-key", "s3cret")
        .header("x-any", secret)
        .header("x-harmless", "harmless");
    request.body(SendBody::empty()).expect("a request")
}

/// Compare CVE-2022-27774: another port of the same host may be another user's program.
#[tokio::test]
async fn credentials_do_not_go_to_another_port() {
    let (first, elsewhere) = two_ports().await;
    let client = Client::builder()
        .dangerous_any_certificate()
        .memory(Memory::new())
        .build()
        .expect("a client");
    // The second time the step is taken from memory, before anything is sent.
    for _ in 0..2 {
        let response = client.send(request(&first)).await.expect("followed");
        assert_eq!(response.status(), StatusCode::OK);
        let trace = response.extensions().get::<Trace>().expect("a trace");
        let attempts: Vec<bool> =
            trace.0.iter().map(|attempt| attempt.credentials_left_out).collect();
        assert_eq!(attempts.last(), Some(&true), "{trace:?}");
    }
    let seen = elsewhere.requests();
    assert_eq!(seen.len(), 2);
    for request in seen {
        assert!(!request.head.contains("s3cret"), "{}", request.head);
        assert!(request.head.contains("harmless"), "{}", request.head);
    }
    assert!(
        first.requests()[0].head.contains("s3cret-marked"),
        "the origin that they are for gets them"
    );
}

#[tokio::test]
async fn a_caller_may_trust_the_location() {
    let (first, elsewhere) = two_ports().await;
    let client =
        Client::builder().dangerous_any_certificate().location_trusted().build().expect("a client");
    let response = client.send(request(&first)).await.expect("followed");
    let trace = response.extensions().get::<Trace>().expect("a trace");
    assert!(trace.0.iter().all(|attempt| !attempt.credentials_left_out));
    assert!(elsewhere.requests()[0].head.contains("cookie: session=s3cret"));
}

/// HTTP/2 sent the user information of a URL in `:authority`.
#[tokio::test]
async fn user_information_is_never_sent() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let asked = Arc::clone(&seen);
    tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.expect("a connection");
        let service = service_fn(move |request: Request<hyper::body::Incoming>| {
            asked.lock().expect("a lock").push(format!(
                "{} {:?}",
                request.uri(),
                request.headers()
            ));
            async { Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())) }
        });
        let served = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        drop(served.serve_connection(TokioIo::new(tcp), service).await);
    });
    let client = Client::new().expect("a client");
    let mut request = Request::get(format!("http://user:s3cret@{address}/"))
        .body(SendBody::empty())
        .expect("a request");
    request.extensions_mut().insert(Route { http: Http::Http2, tls: None });
    assert_eq!(client.send(request).await.expect("an answer").status(), StatusCode::OK);
    let seen = seen.lock().expect("a lock").join("\n");
    assert!(seen.contains(&address.to_string()) && !seen.contains("s3cret"), "{seen}");
}
