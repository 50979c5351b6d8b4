//! Credentials stay with the origin that the caller named.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use upshift_client::{Body, Client, Http, Route};

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
            asked.lock().expect("a lock").push(format!("{} {:?}", request.uri(), request.headers()));
            async { Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())) }
        });
        let served = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        drop(served.serve_connection(TokioIo::new(tcp), service).await);
    });
    let client = Client::new().expect("a client");
    let mut request = Request::get(format!("http://user:s3cret@{address}/")).body(Body::empty()).expect("a request");
    request.extensions_mut().insert(Route { http: Http::Http2, tls: None });
    assert_eq!(client.send(request).await.expect("an answer").status(), StatusCode::OK);
    let seen = seen.lock().expect("a lock").join("\n");
    assert!(seen.contains(&address.to_string()) && !seen.contains("s3cret"), "{seen}");
}
