//! The layer around a service that answers 200.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use tower::{Layer as _, Service as _, service_fn};
use upshift_core::field;
use upshift_core::field::FieldName;
use upshift_core::policy::{
    ApiReader, ApiRequirement, ClientReader, ClientRequirement, Phase, PolicySpec, Requirement,
    RuleSpec, WebSocketRequirement,
};
use upshift_core::proxy::{Proxy, ProxyReads};
use upshift_core::version::VersionScheme;
use upshift_core::{HttpVersion, Policy, TlsState, TlsVersion, Verdict, VerdictReason};
use upshift_tower::{Judgement, Judgements, Peer, UpgradeBody, UpgradeLayer};

fn policy(rules: Vec<RuleSpec>) -> Policy {
    Policy::new(PolicySpec { rules, ..PolicySpec::default() }).expect("good rules")
}

fn needs_tls() -> RuleSpec {
    RuleSpec::new("needs-tls", vec![Requirement::Tls(TlsVersion::V1_2)])
}

/// Asks once; the answer, and how often the service inside was asked.
async fn ask(
    layer: &UpgradeLayer,
    request: Request<Full<Bytes>>,
) -> (Response<UpgradeBody<Full<Bytes>>>, usize) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let mut service = layer.layer(service_fn(move |_: Request<Full<Bytes>>| {
        count.fetch_add(1, Ordering::Relaxed);
        let answer = Response::builder()
            .header("link", "</own>; rel=self")
            .body(Full::new(Bytes::from("fine")));
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
    let (response, _) =
        ask(&UpgradeLayer::new(policy(vec![needs_tls()])), Request::new(Full::default())).await;
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
    assert!(
        !response.headers().contains_key("upgrade")
            && !response.headers().contains_key("connection")
    );
    assert_eq!(response.headers()["alt-svc"], "h3=\":443\"");
}

#[tokio::test]
async fn who_is_warned_is_told_beside_what_the_service_says() {
    let rule = RuleSpec {
        phase: Some(Phase::Warn),
        docs: Some("https://d.example/".into()),
        ..needs_tls()
    };
    let layer = UpgradeLayer::new(policy(vec![rule])).connection(over(TlsState::Cleartext));
    let (response, asked) = ask(&layer, Request::new(Full::default())).await;
    assert_eq!((response.status(), asked), (StatusCode::OK, 1));
    let links: Vec<_> = response
        .headers()
        .get_all("link")
        .iter()
        .map(|link| link.to_str().unwrap_or("?"))
        .collect();
    assert_eq!(links[0], "</own>; rel=self");
    assert!(links[1..].iter().any(|link| link.contains("https://d.example/")), "{links:?}");
    assert_eq!(
        response.extensions().get::<Judgement>().map(|judgement| judgement.verdict),
        Some(Verdict::Warn)
    );
}

#[tokio::test]
async fn a_websocket_over_http_2_is_one_where_the_layer_is_told() {
    let websocket = WebSocketRequirement { version: 13, subprotocols: Vec::new() };
    let rule = RuleSpec::new("chat", vec![Requirement::WebSocket(websocket)]);
    let layer = UpgradeLayer::new(policy(vec![rule]));
    let request = || {
        let builder =
            Request::builder().method("CONNECT").uri("https://h/chat").version(Version::HTTP_2);
        let builder = builder.extension("websocket").header("sec-websocket-version", "13");
        builder.body(Full::default()).expect("a request")
    };
    assert_eq!(ask(&layer, request()).await.0.status(), StatusCode::UPGRADE_REQUIRED);
    let told = layer.protocol(|extensions| extensions.get::<&'static str>().copied());
    assert_eq!(ask(&told, request()).await.0.status(), StatusCode::OK);
}

/// One rule of each kind, which an old client over cleartext HTTP/1.1 does not meet.
fn one_of_each() -> Vec<RuleSpec> {
    let version = |scheme: VersionScheme, text| scheme.parse(text).expect("a version");
    let header = |name| FieldName::parse(name).expect("a name");
    let api = ApiRequirement {
        scheme: VersionScheme::Semver,
        minimum: version(VersionScheme::Semver, "2.0"),
        supported: Vec::new(),
        assume: None,
        read: vec![ApiReader::Header(header("x-api-version"))],
    };
    let client = ClientRequirement {
        read: vec![ClientReader::UserAgent],
        minimum: [(
            "AcmeApp".into(),
            upshift_core::version::ClientVersion::parse("5.1").expect("a version"),
        )]
        .into(),
        blocked: Vec::new(),
    };
    let requirements = [
        ("tls", Requirement::Tls(TlsVersion::V1_2)),
        ("http", Requirement::Http(HttpVersion::V2)),
        (
            "websocket",
            Requirement::WebSocket(WebSocketRequirement { version: 13, subprotocols: Vec::new() }),
        ),
        ("protocol", Requirement::Protocol(field::Protocol::parse("derp/2").expect("a protocol"))),
        ("api", Requirement::Api(api)),
        ("client", Requirement::Client(client)),
    ];
    requirements.into_iter().map(|(id, requirement)| RuleSpec::new(id, vec![requirement])).collect()
}

/// A rollout begins with counting who would be refused. If a phase is counted for some kinds of
/// rules only, an operator sees no caller, and then all of them are refused.
#[tokio::test]
async fn every_kind_of_rule_is_counted_in_every_phase() {
    let verdicts = [
        (Phase::Observe, Verdict::Admit),
        (Phase::Warn, Verdict::Warn),
        (Phase::Enforce, Verdict::Refuse),
    ];
    for (phase, verdict) in verdicts {
        for rule in one_of_each() {
            let (id, kind) = (rule.id.to_string(), rule.require[0].kind());
            let rule = RuleSpec { phase: Some(phase), ..rule };
            let layer = UpgradeLayer::new(policy(vec![rule])).connection(over(TlsState::Cleartext));
            let request = Request::builder()
                .uri("/a")
                .header("x-api-version", "1.0")
                .header("user-agent", "AcmeApp/4");
            let (response, asked) =
                ask(&layer, request.body(Full::default()).expect("a request")).await;
            assert_eq!(asked, usize::from(verdict != Verdict::Refuse), "{id} {phase:?}");
            let judgement = response
                .extensions()
                .get::<Judgement>()
                .unwrap_or_else(|| panic!("{id} {phase:?}: none"));
            assert_eq!((judgement.rule.as_str(), judgement.kind), (id.as_str(), kind));
            assert_eq!((judgement.phase, judgement.verdict), (phase, verdict), "{id}");
            assert_ne!(judgement.reason, VerdictReason::Meets, "{id} {phase:?}");
        }
    }
}

/// Catches an observed rule that is not counted because the request meets an earlier rule in the
/// file.
#[tokio::test]
async fn observed_rules_are_counted_beside_rules_that_are_met() {
    let met = needs_tls();
    let observed =
        one_of_each().into_iter().map(|rule| RuleSpec { phase: Some(Phase::Observe), ..rule });
    let rules: Vec<RuleSpec> = std::iter::once(met).chain(observed.skip(1)).collect();
    let layer =
        UpgradeLayer::new(policy(rules)).connection(over(TlsState::Version(TlsVersion::V1_3)));
    let request = Request::builder()
        .uri("/a")
        .header("x-api-version", "1.0")
        .header("user-agent", "AcmeApp/4");
    let (response, _) = ask(&layer, request.body(Full::default()).expect("a request")).await;
    let judgements = response.extensions().get::<Judgements>().expect("judgements");
    let unmet = judgements.iter().filter(|judgement| judgement.reason != VerdictReason::Meets);
    let rules: Vec<&str> = unmet.map(|judgement| judgement.rule.as_str()).collect();
    assert_eq!(rules, ["http", "websocket", "protocol", "api", "client"]);
    assert_eq!(judgements.deciding().map(|judgement| judgement.rule.as_str()), Some("needs-tls"));
}

/// Who meets a rule is counted too, so that there is something to compare with; where no rule
/// applies, nothing is said.
#[tokio::test]
async fn who_meets_a_rule_is_told_from_whom_none_applies_to() {
    let layer = UpgradeLayer::new(policy(vec![needs_tls()]))
        .connection(over(TlsState::Version(TlsVersion::V1_3)));
    let (response, _) = ask(&layer, Request::new(Full::default())).await;
    assert_eq!(
        response.extensions().get::<Judgement>().map(|judgement| judgement.reason),
        Some(VerdictReason::Meets)
    );
    let (response, _) =
        ask(&UpgradeLayer::new(policy(Vec::new())), Request::new(Full::default())).await;
    assert_eq!(response.extensions().get::<Judgement>(), None);
}

/// A decision that is made twice could come out differently when the policy was reloaded in
/// between: a 200 that says it was refused.
#[tokio::test]
async fn an_answer_is_judged_by_the_policy_that_let_it_pass() {
    let phases = Arc::new(AtomicUsize::new(0));
    let warned = RuleSpec {
        phase: Some(Phase::Warn),
        docs: Some("https://d.example/".into()),
        ..needs_tls()
    };
    let (first, then) = (Arc::new(policy(vec![warned])), Arc::new(policy(vec![needs_tls()])));
    let layer =
        UpgradeLayer::with_policy_source(move || match phases.fetch_add(1, Ordering::Relaxed) {
            0 => Arc::clone(&first),
            _ => Arc::clone(&then),
        });
    let (response, _) =
        ask(&layer.connection(over(TlsState::Cleartext)), Request::new(Full::default())).await;
    assert_eq!(
        response.extensions().get::<Judgement>().map(|judgement| judgement.verdict),
        Some(Verdict::Warn)
    );
}

/// A path that servers read in more ways than can be decided on is no request for any of them.
#[tokio::test]
async fn a_path_that_cannot_be_decided_on_is_a_bad_request() {
    for path in [format!("/{}/..;%2f", "a".repeat(5_000)), "/a%00b".to_owned()] {
        let request = Request::builder().uri(&path).body(Full::default()).expect("a request");
        let (response, asked) = ask(&UpgradeLayer::new(policy(Vec::new())), request).await;
        assert_eq!((response.status(), asked), (StatusCode::BAD_REQUEST, 0), "{path}");
    }
}

/// `Upgrade` is for the next hop. Sent to a proxy, it is lost, or ends a stream of HTTP/2, and the
/// refusal is not seen.
#[tokio::test]
async fn a_refusal_to_a_proxy_has_no_upgrade() {
    let layer = UpgradeLayer::new(policy(one_of_each().split_off(4)));
    let ask_with = async |layer: &UpgradeLayer, field: &str| {
        let request =
            Request::builder().uri("/a").header("x-api-version", "1.0").header(field, "http");
        let (response, _) = ask(layer, request.body(Full::default()).expect("a request")).await;
        (
            response.status().as_u16(),
            response.headers().contains_key("upgrade")
                || response.headers().contains_key("connection"),
        )
    };
    for recognized in ["x-forwarded-proto", "x-forwarded-for", "forwarded", "via"] {
        assert_eq!(ask_with(&layer, recognized).await, (410, false), "{recognized}");
        assert_eq!(
            ask_with(&layer.clone().proxied(false), recognized).await,
            (426, true),
            "{recognized}"
        );
    }
    assert_eq!(ask_with(&layer, "x-other").await, (426, true));
    assert_eq!(ask_with(&layer.proxied(true), "x-other").await, (410, false));
}

/// What is known of a proxy's connection was taken for the client's: behind a proxy that ends TLS
/// everybody was refused.
#[tokio::test]
async fn a_proxys_connection_is_not_the_clients() {
    let clear = UpgradeLayer::new(policy(vec![needs_tls()])).connection(over(TlsState::Cleartext));
    let status = async |layer: &UpgradeLayer, request: Request<Full<Bytes>>| {
        ask(layer, request).await.0.status().as_u16()
    };
    let request = |peer: &str, scheme: Option<&str>| {
        let mut builder = Request::builder()
            .uri("/a")
            .extension(peer.parse::<std::net::IpAddr>().expect("an address"));
        if let Some(scheme) = scheme {
            builder = builder.header("x-forwarded-proto", scheme);
        }
        builder.body(Full::default()).expect("a request")
    };
    let with_peer = clear.clone().peer(|extensions| extensions.get().copied());
    let proxies = with_peer.clone().proxies(vec![Proxy {
        from: vec!["10.0.0.0/8".parse().expect("a network")],
        reads: ProxyReads { scheme: Some("x-forwarded-proto".into()), ..ProxyReads::default() },
        upgrade_field: false,
    }]);
    // Declared: what it says decides, and what it does not say is unknown.
    assert_eq!(status(&proxies, request("10.1.1.1", Some("https"))).await, 200);
    assert_eq!(status(&proxies, request("10.1.1.1", Some("http"))).await, 403);
    assert_eq!(status(&proxies, request("10.1.1.1", None)).await, 200);
    // A stranger is not believed, whatever it says.
    assert_eq!(status(&proxies.proxied(false), request("192.0.2.1", Some("https"))).await, 426);
    // Undeclared, but with a private address: what it hides is unknown. From a public one it is a
    // client's claim.
    assert_eq!(status(&with_peer, request("10.1.1.1", Some("https"))).await, 200);
    assert_eq!(status(&with_peer, request("192.0.2.1", Some("https"))).await, 403);
    assert_eq!(
        status(&with_peer.clone().proxied(false), request("10.1.1.1", Some("https"))).await,
        426
    );
    // Said for all connections.
    assert_eq!(status(&clear.proxied(true), request("192.0.2.1", None)).await, 200);
}
