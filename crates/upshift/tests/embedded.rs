//! A policy file in a service of one's own, as `docs/tower.md` has it: axum on hyper, asked over a
//! socket.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, OriginalUri};
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use upshift_core::TlsState;
use upshift_tower::{Peer, UpgradeLayer};

const FILE: &str = r#"
[gateway]
upstream = "http://127.0.0.1:3000"

[[gateway.proxy]]
from  = ["127.0.0.0/8"]
reads = { scheme = "X-Forwarded-Proto", peer = "X-Forwarded-For" }

[[rule]]
id      = "accounts-need-tls"
paths   = ["/api/account/**"]
require = { tls = "1.2" }

[[rule]]
id      = "inside-only"
paths   = ["/api/office/**"]
peers   = ["!192.0.2.0/24"]
require = { http = "3" }
answer  = 403
"#;

/// What a policy file says of the proxies in front was ignored by the layer: a client that came
/// over `https` was refused for want of TLS, with fields that its proxy carried into HTTP/2.
#[tokio::test(flavor = "current_thread")]
async fn the_proxies_of_a_policy_file_are_believed() {
    let file = upshift_config::load(FILE, "upshift.toml").expect("a good file").file;
    let layer = UpgradeLayer::new(file.policy)
        .proxies(file.gateway.proxies)
        .connection(Peer { tls: Some(TlsState::Cleartext), address: None })
        .peer(|extensions| extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip()))
        .original_uri(|extensions| extensions.get::<OriginalUri>().map(|uri| &uri.0));
    let routes = Router::new()
        .route("/account/7", get(|| async { "7" }))
        .route("/office/7", get(|| async { "7" }));
    let app = Router::new().nest("/api", routes.layer(layer));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let serving = tokio::spawn(
        axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())
            .into_future(),
    );

    let over_https = ask(address, "/api/account/7", "X-Forwarded-Proto: https").await;
    assert!(over_https.starts_with("HTTP/1.1 200"), "{over_https}");
    let in_cleartext = ask(address, "/api/account/7", "X-Forwarded-Proto: http").await;
    assert!(in_cleartext.starts_with("HTTP/1.1 403"), "{in_cleartext}");
    assert!(!in_cleartext.to_ascii_lowercase().contains("\nupgrade:"), "{in_cleartext}");
    let told = ask(address, "/api/office/7", "X-Forwarded-For: 192.0.2.7").await;
    assert!(
        told.starts_with("HTTP/1.1 200"),
        "the client's address is what the proxy tells: {told}"
    );
    serving.abort();
}

async fn ask(address: SocketAddr, path: &str, field: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\n{field}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}
