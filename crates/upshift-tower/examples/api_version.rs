//! An axum service that no longer supports version 1 of its API, and accepts no WebSocket.
//!
//! ```text
//! cargo run -p upshift-tower --example api_version          # listens on 127.0.0.1:3000
//! curl -i http://127.0.0.1:3000/orders                      # 426: version 2.0 is required
//! curl -i -H 'X-Api-Version: 2.0' http://127.0.0.1:3000/orders
//! cargo run -p upshift-client --example follow       # raises its version by itself
//! cargo run -p upshift-client --example poll         # a polling client that stops
//! cargo run -p upshift-client --example websocket    # falls back to HTTP
//! ```

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Extensions;
use axum::routing::get;
use upshift_core::Policy;
use upshift_core::field::FieldName;
use upshift_core::policy::{
    ApiReader, ApiRequirement, Matcher, MatcherValues, PathPattern, PolicySpec, Requirement,
    RuleSpec,
};
use upshift_core::version::VersionScheme;
use upshift_tower::UpgradeLayer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let address: SocketAddr = std::env::args()
        .nth(1)
        .as_deref()
        .unwrap_or("127.0.0.1:3000")
        .parse()
        .map_err(io::Error::other)?;
    let listener = tokio::net::TcpListener::bind(address).await?;
    writeln!(io::stdout(), "listening on http://{}", listener.local_addr()?)?;
    axum::serve(listener, app()?.into_make_service_with_connect_info::<SocketAddr>()).await
}

fn app() -> io::Result<Router> {
    // A policy can also be read from a file, with upshift-config.
    let rules = vec![orders()?, chat()?];
    let policy = Policy::new(PolicySpec { rules, ..PolicySpec::default() })
        .map_err(|faults| io::Error::other(format!("{faults:?}")))?;
    // The address of the connection identifies a proxy that `proxies` declares. The layer is not
    // told that axum accepts cleartext here: behind a proxy that terminates TLS, that would not be
    // true for the client.
    let layer = UpgradeLayer::new(policy).peer(address);
    let router = Router::new()
        .route("/orders", get(|| async { "two orders\n" }))
        .route("/chat", get(|| async { "no news\n" }));
    Ok(router.layer(layer))
}

fn address(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip())
}

fn orders() -> io::Result<RuleSpec> {
    let version = |text| VersionScheme::Semver.parse(text).map_err(io::Error::other);
    let header = FieldName::parse("X-Api-Version")
        .ok_or_else(|| io::Error::other("not the name of a field"))?;
    let api = ApiRequirement {
        scheme: VersionScheme::Semver,
        minimum: version("2.0")?,
        supported: vec![version("2.0")?, version("2.1")?],
        assume: Some(version("1.0")?),
        read: vec![ApiReader::Header(header)],
    };
    let rule = RuleSpec::new("orders-v2", vec![Requirement::Api(api)]);
    Ok(RuleSpec {
        matcher: on("/orders")?,
        docs: Some("https://docs.example.com/orders/v2".into()),
        ..rule
    })
}

fn chat() -> io::Result<RuleSpec> {
    Ok(RuleSpec {
        matcher: on("/chat")?,
        ..RuleSpec::new("chat-is-plain", vec![Requirement::NoWebSocket])
    })
}

fn on(path: &str) -> io::Result<Matcher> {
    let path = PathPattern::parse(path).map_err(|error| io::Error::other(format!("{error:?}")))?;
    Ok(Matcher {
        paths: MatcherValues { include: vec![path], exclude: Vec::new() },
        ..Matcher::default()
    })
}
