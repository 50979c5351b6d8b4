//! The layer in a real server: axum on hyper, asked over a socket.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::OriginalUri;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use upshift_core::policy::{
    Matcher, MatcherValues, PathPattern, PolicySpec, Requirement, RuleSpec,
};
use upshift_core::{Policy, TlsState, TlsVersion};
use upshift_tower::{Peer, UpgradeLayer};

/// How long anything may take that is to happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server, as long as this value.
struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let task =
            tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { address, task }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("it listens")
    }

    /// The status line of the answer to a GET.
    async fn status(&self, path: &str) -> String {
        let mut stream = self.connect().await;
        let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("written");
        read_answer(&mut stream).await.chars().take(12).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One answer with its body, by its `Content-Length`.
async fn read_answer(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = async {
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.to_ascii_lowercase().lines().find_map(|line| {
                    line.strip_prefix("content-length:")
                        .and_then(|length| length.trim().parse::<usize>().ok())
                });
                if body.len() >= length.unwrap_or(0) {
                    return text;
                }
            }
            assert_ne!(stream.read_buf(&mut bytes).await.expect("readable"), 0, "cut off: {text}");
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("an answer in time")
}

/// Refuses cleartext below this path.
fn layer(path: &str) -> UpgradeLayer {
    let path = PathPattern::parse(path).expect("a pattern");
    let matcher = Matcher {
        paths: MatcherValues { include: vec![path], exclude: Vec::new() },
        ..Matcher::default()
    };
    let rule = RuleSpec {
        matcher,
        ..RuleSpec::new("needs-tls", vec![Requirement::Tls(TlsVersion::V1_2)])
    };
    let policy = Policy::new(PolicySpec { rules: vec![rule], ..PolicySpec::default() })
        .expect("one good rule");
    UpgradeLayer::new(policy).connection(Peer { tls: Some(TlsState::Cleartext), address: None })
}

/// A router takes the prefix away that it is nested at: the layer saw another path than the client
/// sent, enforced nothing there, and refused what a rule for the rest of the path named.
#[tokio::test]
async fn rules_see_the_path_that_the_client_sent() {
    let routes = || Router::new().route("/orders", get(|| async { "orders" }));
    for (rule, api, plain) in
        [("/api/**", "426", "200"), ("/orders", "200", "426"), ("/api/orders", "426", "200")]
    {
        let layer = layer(rule)
            .original_uri(|extensions| extensions.get::<OriginalUri>().map(|uri| &uri.0));
        let nested =
            Router::new().nest("/deep", Router::new()).nest("/api", routes().layer(layer.clone()));
        let server = Server::start(nested.merge(routes().layer(layer))).await;
        assert!(server.status("/api/orders").await.ends_with(api), "{rule}: /api/orders");
        assert!(server.status("/orders").await.ends_with(plain), "{rule}: /orders");
    }
}

fn uploads(layer: UpgradeLayer) -> Router {
    Router::new().route("/upload", post(|body: String| async move { body })).layer(layer)
}

/// A refusal that waits for the end of an upload is one that a slow client never sees. It comes at
/// once, and when the upload has ended, the connection serves the next request.
#[tokio::test]
async fn a_refusal_does_not_wait_for_the_body() {
    let server = Server::start(uploads(layer("/**"))).await;
    for (framing, begun, rest) in [
        ("Transfer-Encoding: chunked", "5\r\nhello\r\n", "0\r\n\r\n"),
        ("Content-Length: 10", "hello", "world"),
    ] {
        let mut stream = server.connect().await;
        let head = format!("POST /upload HTTP/1.1\r\nHost: h\r\n{framing}\r\n\r\n{begun}");
        for _ in 0..2 {
            stream.write_all(head.as_bytes()).await.expect("written");
            let answer = read_answer(&mut stream).await;
            assert!(
                answer.starts_with("HTTP/1.1 426") && !answer.contains("close"),
                "{framing}: {answer}"
            );
            stream.write_all(rest.as_bytes()).await.expect("the connection is kept");
        }
    }
}

/// A body without an end would hold a connection for ever: it is cut by bytes and by time, after
/// the answer.
#[tokio::test]
async fn what_is_read_away_is_bounded() {
    let by_bytes = layer("/**").drain(64 * 1024).drain_timeout(Duration::from_secs(600));
    let by_time = layer("/**").drain(u64::MAX).drain_timeout(Duration::from_millis(100));
    for (layer, flood) in [(by_bytes, true), (by_time, false)] {
        let server = Server::start(uploads(layer)).await;
        let mut stream = server.connect().await;
        let head =
            b"POST /upload HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
        stream.write_all(head).await.expect("written");
        assert!(read_answer(&mut stream).await.starts_with("HTTP/1.1 426"));
        let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
        let closed = async {
            let mut buffer = [0; 1024];
            while !flood || stream.write_all(chunk.as_bytes()).await.is_ok() {
                if !flood {
                    return matches!(stream.read(&mut buffer).await, Ok(0) | Err(_));
                }
            }
            true
        };
        assert!(tokio::time::timeout(PATIENCE, closed).await.expect("it is closed in time"));
    }
}

/// A client that asks first (`Expect: 100-continue`) or says that it sends more than is read away
/// learns that the connection ends, and sends nothing.
#[tokio::test]
async fn a_body_that_is_not_read_closes_the_connection_and_says_so() {
    let server = Server::start(uploads(layer("/**").drain(1000))).await;
    for fields in ["Content-Length: 1001", "Content-Length: 5\r\nExpect: 100-continue"] {
        let mut stream = server.connect().await;
        let head = format!("POST /upload HTTP/1.1\r\nHost: h\r\n{fields}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.expect("written");
        let answer = read_answer(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 426"), "no 100 before it: {answer}");
        assert!(answer.to_ascii_lowercase().contains("connection: upgrade, close"), "{answer}");
        let end = tokio::time::timeout(PATIENCE, stream.read(&mut [0; 16]))
            .await
            .expect("it is closed in time");
        assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    }
}
