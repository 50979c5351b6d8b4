//! The layer around a service that answers 200.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use tower::{Layer as _, Service as _, service_fn};
use upshift_core::policy::{Phase, PolicySpec, Requirement, RuleSpec};
use upshift_core::{HttpVersion, Policy, TlsState, TlsVersion, Verdict};
use upshift_tower::{Judgement, Peer, UpgradeBody, UpgradeLayer};

fn policy(rules: Vec<RuleSpec>) -> Policy {
    Policy::new(PolicySpec { rules, ..PolicySpec::default() }).expect("good rules")
}

fn needs_tls() -> RuleSpec {
    RuleSpec::new("needs-tls", vec![Requirement::Tls(TlsVersion::V1_2)])
}

/// Asks once; the answer, and how often the service inside was asked.
async fn ask(layer: &UpgradeLayer, request: Request<Full<Bytes>>) -> (Response<UpgradeBody<Full<Bytes>>>, usize) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let mut service = layer.layer(service_fn(move |_: Request<Full<Bytes>>| {
        count.fetch_add(1, Ordering::Relaxed);
        let answer = Response::builder().header("link", "</own>; rel=self").body(Full::new(Bytes::from("fine")));
        async { Ok::<_, Infallible>(answer.expect("a response")) }
    }));
    let Ok(response) = service.call(request).await;
    (response, asked.load(Ordering::Relaxed))
}

fn over(tls: TlsState) -> Peer {
    Peer { tls: Some(tls), address: None }
}

#[tokio::test]
async fn what_is_refused_never_reaches_the_service() {
    let layer = UpgradeLayer::new(policy(vec![needs_tls()])).connection(over(TlsState::Cleartext));
    let (response, asked) = ask(&layer, Request::new(Full::new(Bytes::from("a body")))).await;
    assert_eq!((response.status(), asked), (StatusCode::UPGRADE_REQUIRED, 0));
    assert_eq!(response.headers()["upgrade"], "TLS/1.2");
    assert_eq!(response.headers()["connection"], "upgrade");
    let judgement = response.extensions().get::<Judgement>().expect("a judgement").clone();
    assert_eq!((judgement.verdict, judgement.rule.as_str()), (Verdict::Refuse, "needs-tls"));
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    assert!(body.starts_with(b"{"), "{body:?}");
}

#[tokio::test]
async fn the_requests_own_peer_goes_before_the_layers() {
    let layer = UpgradeLayer::new(policy(vec![needs_tls()])).connection(over(TlsState::Cleartext));
    let mut request = Request::new(Full::default());
    request.extensions_mut().insert(over(TlsState::Version(TlsVersion::V1_3)));
    let (response, asked) = ask(&layer, request).await;
    assert_eq!((response.status(), asked), (StatusCode::OK, 1));
}

#[tokio::test]
async fn what_is_not_known_is_admitted() {
    let (response, _) = ask(&UpgradeLayer::new(policy(vec![needs_tls()])), Request::new(Full::default())).await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn on_http_2_neither_field_is_sent() {
    let rule = RuleSpec::new("needs-h3", vec![Requirement::Http(HttpVersion::V3)]);
    let layer = UpgradeLayer::new(policy(vec![rule])).alt_svc("h3=\":443\"");
    let mut request = Request::new(Full::default());
    *request.version_mut() = Version::HTTP_2;
    let (response, _) = ask(&layer, request).await;
    assert_eq!(response.status(), StatusCode::UPGRADE_REQUIRED);
    assert!(!response.headers().contains_key("upgrade") && !response.headers().contains_key("connection"));
    assert_eq!(response.headers()["alt-svc"], "h3=\":443\"");
}

#[tokio::test]
async fn who_is_warned_is_told_beside_what_the_service_says() {
    let rule = RuleSpec { phase: Some(Phase::Warn), docs: Some("https://d.example/".into()), ..needs_tls() };
    let layer = UpgradeLayer::new(policy(vec![rule])).connection(over(TlsState::Cleartext));
    let (response, asked) = ask(&layer, Request::new(Full::default())).await;
    assert_eq!((response.status(), asked), (StatusCode::OK, 1));
    let links: Vec<_> = response.headers().get_all("link").iter().map(|link| link.to_str().unwrap_or("?")).collect();
    assert_eq!(links[0], "</own>; rel=self");
    assert!(links[1..].iter().any(|link| link.contains("https://d.example/")), "{links:?}");
    assert_eq!(response.extensions().get::<Judgement>().map(|judgement| judgement.verdict), Some(Verdict::Warn));
}

#[tokio::test]
async fn a_websocket_over_http_2_is_one_where_the_layer_is_told() {
    let websocket = upshift_core::policy::WebSocket { version: 13, subprotocols: Vec::new() };
    let rule = RuleSpec::new("chat", vec![Requirement::WebSocket(websocket)]);
    let layer = UpgradeLayer::new(policy(vec![rule]));
    let request = || {
        let builder = Request::builder().method("CONNECT").uri("https://h/chat").version(Version::HTTP_2);
        let builder = builder.extension("websocket").header("sec-websocket-version", "13");
        builder.body(Full::default()).expect("a request")
    };
    assert_eq!(ask(&layer, request()).await.0.status(), StatusCode::UPGRADE_REQUIRED);
    let told = layer.protocol(|extensions| extensions.get::<&'static str>().copied());
    assert_eq!(ask(&told, request()).await.0.status(), StatusCode::OK);
}
