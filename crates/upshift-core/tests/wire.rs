//! The table of wire formats row by row, and the properties of every refusal.
#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use std::cell::RefCell;

use proptest::prelude::*;
use upshift_core::answer::{Answer, AnswerContext, refusal_for};
use upshift_core::field::{FieldName, Protocol};
use upshift_core::policy::{
    AnswerStyle, ApiReader, ApiRequirement, ClientReader, ClientRequirement, Exemption,
    HeaderPattern, HostPattern, Matcher, MatcherValues, PathTemplate, PolicySpec, Requirement,
    RuleSpec, Uncertain, WebSocketRequirement,
};
use upshift_core::version::{ClientVersion, VersionScheme};
use upshift_core::{
    Decision, Facts, Fields, HttpVersion, Known, Policy, Timestamp, TlsState, TlsVersion, Verdict,
    VerdictReason,
};

type Lines = Vec<(&'static str, &'static str)>;

fn facts(lines: &Lines) -> Facts<'_> {
    Facts {
        method: "GET",
        host: "api.example.com",
        path: "/x",
        query: None,
        hop: HttpVersion::V1_1,
        http: Known::Is(HttpVersion::V1_1),
        tls: Known::Is(TlsState::Cleartext),
        client_ip: None,
        fields: lines,
        has_content: false,
        protocol: None,
    }
}

fn policy(rule: RuleSpec) -> Policy {
    Policy::new(PolicySpec { rules: vec![rule], ..PolicySpec::default() }).unwrap()
}

fn require(requirement: Requirement) -> RuleSpec {
    RuleSpec::new("orders-v2", vec![requirement])
}

fn api(on: Uncertain) -> RuleSpec {
    let version = |text| VersionScheme::Semver.parse(text).unwrap();
    let read = vec![
        ApiReader::Header(FieldName::parse("X-Api-Version").unwrap()),
        ApiReader::Path(PathTemplate::parse("/api/v{version}/**").unwrap()),
        ApiReader::Query("api-version".into()),
        ApiReader::MediaTypeParameter("v".into()),
    ];
    let supported = vec![version("2.0"), version("2.1")];
    let requirement = ApiRequirement {
        scheme: VersionScheme::Semver,
        minimum: version("2.0"),
        supported,
        assume: None,
        read,
    };
    RuleSpec { on, ..require(Requirement::Api(requirement)) }
}

fn client() -> RuleSpec {
    let version = |text| ClientVersion::parse(text).unwrap();
    let read = vec![
        ClientReader::Header(FieldName::parse("X-Client-Version").unwrap()),
        ClientReader::UserAgent,
    ];
    let minimum = [("AcmeApp".into(), version("5.1")), ("Chrome".into(), version("109"))].into();
    require(Requirement::Client(ClientRequirement {
        read,
        minimum,
        blocked: vec![("AcmeApp".into(), version("5.3.0"))],
    }))
}

fn answered(rule: RuleSpec, facts: &Facts<'_>) -> Option<Answer> {
    refusal_for(
        &policy(rule).decide(facts, Timestamp::UNIX_EPOCH),
        facts,
        &AnswerContext::default(),
    )
}

fn upgrade_of(rule: RuleSpec, facts: &Facts<'_>) -> Option<(u16, String)> {
    let answer = answered(rule, facts)?;
    Some((answer.status(), answer.field("Upgrade").unwrap_or_default().to_owned()))
}

fn some(status: u16, upgrade: &str) -> Option<(u16, String)> {
    Some((status, upgrade.to_owned()))
}

#[test]
fn each_row_over_http1() {
    let (none, websocket) = (Lines::new(), Requirement::WebSocket(WebSocketRequirement::default()));
    let plain = facts(&none);
    let old = Facts { hop: HttpVersion::V1_0, http: Known::Is(HttpVersion::V1_0), ..plain };
    assert_eq!(
        upgrade_of(require(Requirement::Tls(TlsVersion::V1_2)), &plain),
        some(426, "TLS/1.2")
    );
    assert_eq!(
        upgrade_of(require(Requirement::Http(HttpVersion::V2)), &plain),
        some(426, "HTTP/2.0")
    );
    assert_eq!(
        upgrade_of(require(Requirement::Http(HttpVersion::V3)), &plain),
        some(426, "HTTP/3.0")
    );
    assert_eq!(upgrade_of(require(websocket), &plain), some(426, "websocket"));
    let derp = Requirement::Protocol(Protocol::parse("derp/2").unwrap());
    assert_eq!(upgrade_of(require(derp), &plain), some(426, "derp/2"));
    let answer = answered(require(Requirement::Http(HttpVersion::V1_1)), &old).unwrap();
    assert_eq!(
        (answer.field("Upgrade"), answer.field("Connection")),
        (Some("HTTP/1.1"), Some("upgrade, close"))
    );
    assert!(answer.closes());
    assert!(String::from_utf8_lossy(answer.body()).contains("proxy_http_version 1.1"));
    let sent = vec![("X-Api-Version", "1.4")];
    assert_eq!(upgrade_of(api(Uncertain::default()), &facts(&sent)), some(426, "orders-v2/2.0"));
    let sent = vec![("X-Client-Version", "AcmeApp/4.9")];
    assert_eq!(upgrade_of(client(), &facts(&sent)), some(426, "AcmeApp/5.1"));
    let sent = vec![("X-Client-Version", "AcmeApp/5.3")];
    assert_eq!(upgrade_of(client(), &facts(&sent)), some(426, "AcmeApp"));
}

/// The advice must name the place where the version was found. In another place, the new version
/// would be a second one.
#[test]
fn a_refusal_names_the_place_of_the_version() {
    let (none, sent) = (Lines::new(), vec![("X-Api-Version", "1.4")]);
    let accepts = vec![("accept", "a/b;v=1")];
    for (facts, place) in [
        (facts(&sent), "header:X-Api-Version"),
        (Facts { path: "/api/v1/x", ..facts(&none) }, "path:/api/v{version}/**"),
        (Facts { query: Some("api-version=1"), ..facts(&none) }, "query:api-version"),
        (facts(&accepts), "media-type:v"),
    ] {
        let body = answered(api(Uncertain::default()), &facts).map(|answer| answer.body().to_vec());
        let body = String::from_utf8(body.unwrap()).unwrap();
        assert!(body.contains(&format!("Send version 2.1 in {place}.")), "{place}: {body}");
    }
    let rule = api(Uncertain::refusing([VerdictReason::Missing]));
    let body = answered(rule, &facts(&none)).map(|answer| answer.body().to_vec()).unwrap();
    assert!(String::from_utf8(body).unwrap().contains("Send version 2.1 in header:X-Api-Version."));
}

/// Several versions were answered as if the first of them were too old, also if it is not.
#[test]
fn a_refusal_of_several_client_versions_says_so() {
    let sent = vec![("x-client-version", "AcmeApp/6.0"), ("x-client-version", "AcmeApp/4.0")];
    let rule = RuleSpec { on: Uncertain::refusing([VerdictReason::Ambiguous]), ..client() };
    let answer = answered(rule, &facts(&sent)).unwrap();
    let body = String::from_utf8_lossy(answer.body()).into_owned();
    assert!(body.contains("names several: AcmeApp/6.0"), "{body}");
    assert!(!body.contains("but this is"), "{body}");
}

/// A refusal must not claim more about a connection than is known.
#[test]
fn a_refusal_says_of_tls_what_is_known() {
    let none = Lines::new();
    let rule = RuleSpec {
        on: Uncertain::refusing([VerdictReason::Unknown]),
        ..require(Requirement::Tls(TlsVersion::V1_2))
    };
    for (tls, wanted) in [
        (Known::Is(TlsState::Cleartext), "came over cleartext."),
        (Known::Is(TlsState::Version(TlsVersion::Ssl3)), "came over SSLv3."),
        (Known::Is(TlsState::Version(TlsVersion::V1_1)), "came over TLS 1.1."),
        (Known::Is(TlsState::SomeVersion), "came over an unknown version of TLS."),
        (Known::Unknown, "came over a connection whose protection is unknown."),
    ] {
        let answer = answered(rule.clone(), &Facts { tls, ..facts(&none) }).unwrap();
        let body = String::from_utf8_lossy(answer.body()).into_owned();
        assert!(body.contains(wanted), "{tls:?}: {body}");
        assert_eq!(
            body.contains("cleartext"),
            tls == Known::Is(TlsState::Cleartext),
            "{tls:?}: {body}"
        );
    }
}

#[test]
fn over_http2_neither_upgrade_nor_connection() {
    let sent = vec![("x-api-version", "1.4"), ("content-type", "text/x")];
    let h2 = Facts { hop: HttpVersion::V2, http: Known::Is(HttpVersion::V2), ..facts(&sent) };
    let answer = answered(api(Uncertain::default()), &h2).unwrap();
    assert_eq!(
        (answer.status(), answer.field("Upgrade"), answer.field("Connection")),
        (426, None, None)
    );
    assert!(String::from_utf8_lossy(answer.body()).contains("\"orders-v2/2.0\""));
    let call = vec![("x-api-version", "1.4"), ("content-type", "application/grpc")];
    let answer = answered(
        api(Uncertain::default()),
        &Facts { hop: HttpVersion::V2, http: Known::Is(HttpVersion::V2), ..facts(&call) },
    )
    .unwrap();
    assert_eq!(
        (answer.status(), answer.field("grpc-status"), answer.body()),
        (200, Some("9"), &b""[..])
    );
}

#[test]
fn websocket_handshakes() {
    let rule = || {
        let subprotocols = vec!["chat.v2".into()];
        require(Requirement::WebSocket(WebSocketRequirement { version: 13, subprotocols }))
    };
    let handshake = |version: &'static str, subprotocol: &'static str| {
        vec![
            ("Connection", "keep-alive, Upgrade"),
            ("Upgrade", "WebSocket"),
            ("Sec-WebSocket-Version", version),
            ("Sec-WebSocket-Protocol", subprotocol),
        ]
    };
    assert_eq!(upgrade_of(rule(), &facts(&handshake("13", "chat.v1, chat.v2"))), None);
    assert_eq!(upgrade_of(rule(), &facts(&handshake("13", "chat.v1"))), some(400, ""));
    let wrong = handshake("8", "chat.v2");
    let answer = answered(rule(), &facts(&wrong)).unwrap();
    assert_eq!((answer.status(), answer.field("Sec-WebSocket-Version")), (426, Some("13")));
    let handshake = handshake("13", "");
    assert_eq!(
        upgrade_of(require(Requirement::NoWebSocket), &facts(&handshake)),
        some(426, "HTTP/1.1")
    );
    // RFC 9110 §7.8: ignored in an HTTP/1.0 request.
    let old =
        Facts { hop: HttpVersion::V1_0, http: Known::Is(HttpVersion::V1_0), ..facts(&handshake) };
    assert_eq!(upgrade_of(require(Requirement::NoWebSocket), &old), None);
    let extended = Facts {
        method: "CONNECT",
        protocol: Some("websocket"),
        hop: HttpVersion::V2,
        http: Known::Is(HttpVersion::V2),
        ..facts(&handshake)
    };
    assert_eq!(
        upgrade_of(require(Requirement::WebSocket(WebSocketRequirement::default())), &extended),
        None
    );
}

#[test]
fn versions_are_read_from_every_place() {
    let reason = |facts: &Facts<'_>| {
        policy(api(Uncertain::default())).decide(facts, Timestamp::UNIX_EPOCH).top().unwrap().reason
    };
    let none = Lines::new();
    let plain = facts(&none);
    assert_eq!(reason(&plain), VerdictReason::Missing);
    assert_eq!(reason(&Facts { path: "/api/v1/orders", ..plain }), VerdictReason::TooOld);
    assert_eq!(
        reason(&Facts { path: "/api/v2/orders", query: Some("a=b&api-version=2%2E0"), ..plain }),
        VerdictReason::Meets
    );
    assert_eq!(
        reason(&Facts { path: "/api/v2/orders", query: Some("api-version=2.1"), ..plain }),
        VerdictReason::Ambiguous
    );
    assert_eq!(reason(&Facts { query: Some("api-version=x"), ..plain }), VerdictReason::Malformed);
    assert_eq!(reason(&Facts { query: Some("api-version=3"), ..plain }), VerdictReason::TooNew);
    // A weight that cannot be read must not hide the version beside it.
    let garbled = vec![("accept", "application/json;v=1.0;q=abc")];
    assert_eq!(reason(&facts(&garbled)), VerdictReason::TooOld);
    let accepts =
        vec![("accept", "a/b;q=0.9, application/json;v=2.0;q=0.1"), ("content-type", "a/b;v=1")];
    assert_eq!(reason(&facts(&accepts)), VerdictReason::Meets);
    assert_eq!(reason(&Facts { has_content: true, ..facts(&accepts) }), VerdictReason::Ambiguous);
}

/// Frameworks differ on which of several values counts, so every value is read, and different
/// values are ambiguous.
#[test]
fn no_second_version_hides() {
    let members = "a/b,".repeat(70) + "a/b;v=1, a/b;v=2.0";
    for (value, want) in [
        ("a/b;v=2.0;v=1", VerdictReason::Ambiguous),
        ("a/b;v=2.0, c/d;v=1", VerdictReason::Ambiguous),
        (r#"a/b;x="a;v=2.0";v=1"#, VerdictReason::TooOld),
        (r#"a/b;v="2.0""#, VerdictReason::Meets),
        (members.as_str(), VerdictReason::Ambiguous),
    ] {
        let (none, lines) = (Lines::new(), vec![("accept", value)]);
        let facts = Facts { fields: &lines, ..facts(&none) };
        let policy = policy(api(Uncertain::default()));
        assert_eq!(
            policy.decide(&facts, Timestamp::UNIX_EPOCH).top().unwrap().reason,
            want,
            "{value}"
        );
    }
}

#[test]
fn a_list_is_met_by_any_one_and_named_in_order() {
    let rule = || {
        let all = vec![
            Requirement::Http(HttpVersion::V3),
            Requirement::Http(HttpVersion::V2),
            Requirement::Tls(TlsVersion::V1_3),
        ];
        RuleSpec::new("modern", all)
    };
    let none = Lines::new();
    let plain = facts(&none);
    assert_eq!(upgrade_of(rule(), &plain), some(426, "HTTP/3.0, HTTP/2.0, TLS/1.3"));
    assert_eq!(
        upgrade_of(
            rule(),
            &Facts { hop: HttpVersion::V2, http: Known::Is(HttpVersion::V2), ..plain }
        ),
        None
    );
    let secure = Known::Is(TlsState::Version(TlsVersion::V1_3));
    assert_eq!(upgrade_of(rule(), &Facts { tls: secure, ..plain }), None);
    // An unknown requirement beside one that is certainly unmet is refused; alone it is not.
    assert_eq!(
        upgrade_of(rule(), &Facts { tls: Known::Unknown, ..plain }).map(|answer| answer.0),
        Some(426)
    );
    assert_eq!(
        upgrade_of(
            require(Requirement::Tls(TlsVersion::V1_2)),
            &Facts { tls: Known::Unknown, ..plain }
        ),
        None
    );
}

#[test]
fn behind_a_declared_proxy_the_status_is_strict() {
    let sent = vec![("X-Api-Version", "1.4")];
    let facts = facts(&sent);
    let policy = policy(api(Uncertain::default()));
    let decision = policy.decide(&facts, Timestamp::UNIX_EPOCH);
    let around = AnswerContext { proxied: true, ..AnswerContext::default() };
    let answer = refusal_for(&decision, &facts, &around).unwrap();
    assert_eq!((answer.status(), answer.field("Upgrade")), (410, None));
    let numbered = Policy::new(PolicySpec {
        rules: vec![RuleSpec { answer: AnswerStyle::Status(426), ..api(Uncertain::default()) }],
        ..PolicySpec::default()
    });
    let numbered = numbered.unwrap();
    let answer =
        refusal_for(&numbered.decide(&facts, Timestamp::UNIX_EPOCH), &facts, &around).unwrap();
    assert_eq!(
        (answer.status(), answer.field("Upgrade")),
        (410, None),
        "a 426 without Upgrade is none"
    );
    let answer =
        refusal_for(&decision, &facts, &AnswerContext { upgrade_field: true, ..around }).unwrap();
    assert_eq!((answer.status(), answer.field("Upgrade")), (426, Some("orders-v2/2.0")));
}

#[test]
fn the_scheme_changes_to_a_host_that_is_known() {
    let accepts = vec![("accept", "text/html")];
    let facts = Facts { path: "/a<b", query: Some("c=d"), ..facts(&accepts) };
    let redirecting =
        RuleSpec { answer: AnswerStyle::Redirect, ..require(Requirement::Tls(TlsVersion::V1_2)) };
    for (rule, status) in [(require(Requirement::Tls(TlsVersion::V1_2)), 426), (redirecting, 308)] {
        let policy = policy(rule);
        let decision = policy.decide(&facts, Timestamp::UNIX_EPOCH);
        let around = AnswerContext {
            public_url: Some("https://api.example.com/"),
            ..AnswerContext::default()
        };
        let answer = refusal_for(&decision, &facts, &around).unwrap();
        assert_eq!(
            (answer.status(), answer.field("Location")),
            (status, Some("https://api.example.com/a%3Cb?c=d"))
        );
        let nowhere = refusal_for(&decision, &facts, &AnswerContext::default()).unwrap();
        assert_eq!((nowhere.status(), nowhere.field("Location")), (426, None));
    }
}

/// A refusal that says "use TLS" must also say where, or no client can follow it.
#[test]
fn on_loopback_the_listener_is_the_address() {
    let policy = policy(require(Requirement::Tls(TlsVersion::V1_2)));
    let location = |host: &str, listener: &str, around: AnswerContext<'_>| {
        let none = Lines::new();
        let facts = Facts { host, path: "/account", ..facts(&none) };
        let around = AnswerContext { https_listener: Some(listener.parse().unwrap()), ..around };
        let answer =
            refusal_for(&policy.decide(&facts, Timestamp::UNIX_EPOCH), &facts, &around).unwrap();
        answer.field("Location").map(str::to_owned)
    };
    let led = |host, listener| location(host, listener, AnswerContext::default());
    for (host, listener, expected) in [
        ("127.0.0.1", "127.0.0.1:8443", "https://127.0.0.1:8443/account"),
        ("127.0.0.1", "0.0.0.0:8443", "https://127.0.0.1:8443/account"),
        ("localhost", "127.0.0.1:8443", "https://localhost:8443/account"),
        ("LocalHost.", "[::1]:8443", "https://LocalHost:8443/account"),
        ("[::1]", "[::]:8443", "https://[::1]:8443/account"),
    ] {
        assert_eq!(led(host, listener).as_deref(), Some(expected), "{host} {listener}");
    }
    for (host, listener) in [
        ("evil.example", "127.0.0.1:8443"),
        ("localhost.evil.example", "127.0.0.1:8443"),
        ("127.0.0.1.evil.example", "127.0.0.1:8443"),
        ("10.0.0.7", "0.0.0.0:8443"),
        ("127.0.0.1", "10.0.0.7:8443"),
        ("[::1]", "127.0.0.1:8443"),
        ("127.0.0.1", "127.0.0.1:0"),
        ("", "127.0.0.1:8443"),
    ] {
        assert_eq!(led(host, listener), None, "{host} {listener}");
    }
    let public =
        AnswerContext { public_url: Some("https://api.example.com"), ..AnswerContext::default() };
    let named = location("127.0.0.1", "127.0.0.1:8443", public);
    assert_eq!(
        named.as_deref(),
        Some("https://api.example.com/account"),
        "the configured URL comes first"
    );
    let proxied = AnswerContext { proxied: true, ..AnswerContext::default() };
    assert_eq!(
        location("127.0.0.1", "127.0.0.1:8443", proxied),
        None,
        "the loopback name is the proxy's"
    );
}

#[test]
fn never_refused() {
    let rule = || require(Requirement::Tls(TlsVersion::V1_2));
    let verdict = |rule: RuleSpec, facts: &Facts<'_>| {
        policy(rule).decide(facts, Timestamp::UNIX_EPOCH).verdict
    };
    let (none, preflight) =
        (Lines::new(), vec![("origin", "https://a"), ("access-control-request-method", "PUT")]);
    let probe = vec![("user-agent", "kube-probe/1.29")];
    let plain = facts(&none);
    assert_eq!(verdict(rule(), &Facts { method: "OPTIONS", ..facts(&preflight) }), Verdict::Exempt);
    assert_eq!(verdict(rule(), &Facts { path: "/healthz", ..plain }), Verdict::Exempt);
    assert_eq!(
        verdict(rule(), &Facts { path: "/.well-known/acme-challenge/x", ..plain }),
        Verdict::Exempt
    );
    let private = Some(std::net::IpAddr::from([10, 0, 0, 7]));
    assert_eq!(verdict(rule(), &Facts { client_ip: private, ..facts(&probe) }), Verdict::Exempt);
    let documented = RuleSpec { docs: Some("https://api.example.com/docs".to_owned()), ..rule() };
    assert_eq!(
        verdict(documented.clone(), &Facts { path: "/docs", ..plain }),
        Verdict::Refuse,
        "another host"
    );
    let local = RuleSpec { docs: Some("/docs".to_owned()), ..rule() };
    assert_eq!(verdict(local, &Facts { path: "/docs", ..plain }), Verdict::Exempt);
    let mut served = documented;
    served.matcher.hosts.include.push(HostPattern::parse("api.example.com").unwrap());
    assert_eq!(verdict(served, &Facts { path: "/docs", ..plain }), Verdict::Exempt);
    let mut named = rule();
    named.matcher.paths.include.push(upshift_core::policy::PathPattern::parse("/healthz").unwrap());
    assert_eq!(verdict(named, &Facts { path: "/healthz", ..plain }), Verdict::Refuse);
}

/// Built-in exemptions are for browsers and health checkers. No request can exempt itself by looking
/// like one.
#[test]
fn no_request_excuses_itself() {
    let verdict = |facts: &Facts<'_>| {
        policy(require(Requirement::Tls(TlsVersion::V1_2)))
            .decide(facts, Timestamp::UNIX_EPOCH)
            .verdict
    };
    let probe = vec![("user-agent", "kube-probe/1.29")];
    let (private, public) =
        (std::net::IpAddr::from([10, 0, 0, 7]), std::net::IpAddr::from([203, 0, 113, 9]));
    let from = |client_ip, method| Facts { client_ip: Some(client_ip), method, ..facts(&probe) };
    assert_eq!(verdict(&from(private, "HEAD")), Verdict::Exempt);
    assert_eq!(verdict(&from(private, "POST")), Verdict::Refuse);
    assert_eq!(verdict(&from(public, "GET")), Verdict::Refuse);

    let (origin, method) = (("origin", "https://a"), ("access-control-request-method", "PUT"));
    for lines in [
        vec![method],
        vec![origin],
        vec![origin, origin, method],
        vec![origin, method, method],
        vec![origin, method, ("x-http-method-override", "DELETE")],
    ] {
        assert_eq!(
            verdict(&Facts { method: "OPTIONS", ..facts(&lines) }),
            Verdict::Refuse,
            "{lines:?}"
        );
    }
    let preflight = vec![origin, method];
    let options = Facts { method: "OPTIONS", ..facts(&preflight) };
    assert_eq!(verdict(&Facts { has_content: true, ..options }), Verdict::Refuse);
    assert_eq!(verdict(&Facts { method: "POST", ..options }), Verdict::Refuse);
}

/// A doubled field can bring a request under a rule but never exempt it: the upstream may read either
/// line.
#[test]
fn a_doubled_field_excuses_no_request() {
    let exempt = Exemption {
        id: "kiosks".into(),
        rules: Vec::new(),
        matcher: Matcher {
            headers: MatcherValues {
                include: vec![HeaderPattern::parse("X-Kiosk: yes").unwrap()],
                exclude: Vec::new(),
            },
            ..Matcher::default()
        },
        reason: String::new(),
        owner: String::new(),
        expires: Timestamp::MAX,
    };
    let spec = PolicySpec {
        rules: vec![require(Requirement::Tls(TlsVersion::V1_2))],
        exemptions: vec![exempt],
        ..PolicySpec::default()
    };
    let policy = Policy::new(spec).unwrap();
    for (lines, want) in [
        (vec![("x-kiosk", "yes")], Verdict::Exempt),
        (vec![("x-kiosk", "yes"), ("x-kiosk", "no")], Verdict::Refuse),
        (vec![("x-kiosk", "no"), ("x-kiosk", "yes")], Verdict::Refuse),
    ] {
        assert_eq!(policy.decide(&facts(&lines), Timestamp::UNIX_EPOCH).verdict, want, "{lines:?}");
    }
}

/// Fields that record which names were read.
struct Watched<'a> {
    lines: &'a [(String, String)],
    asked: RefCell<Vec<String>>,
}

impl Fields for Watched<'_> {
    fn nth(&self, name: &str, index: usize) -> Option<&[u8]> {
        self.asked.borrow_mut().push(name.to_owned());
        self.lines.nth(name, index)
    }
}

fn any_rule() -> impl Strategy<Value = RuleSpec> {
    let uncertain = Just(Uncertain::refusing(Uncertain::REASONS));
    (0..7, uncertain).prop_map(|(which, on)| {
        let rule = match which {
            0 => require(Requirement::Tls(TlsVersion::V1_3)),
            1 => require(Requirement::Http(HttpVersion::V2)),
            2 => require(Requirement::WebSocket(WebSocketRequirement {
                version: 13,
                subprotocols: vec!["a".into()],
            })),
            3 => require(Requirement::NoWebSocket),
            4 => api(Uncertain::default()),
            5 => client(),
            _ => require(Requirement::Protocol(Protocol::parse("derp/2").unwrap())),
        };
        RuleSpec { on, ..rule }
    })
}

fn any_lines() -> impl Strategy<Value = Vec<(String, String)>> {
    let names = "upgrade|connection|accept|user-agent|x-api-version|x-client-version|content-type|origin|sec-websocket-version|sec-websocket-protocol|host";
    proptest::collection::vec(
        (names, "(websocket|upgrade|13|1\\.[0-9]|AcmeApp/[0-9]|text/html|a|\\PC{0,12})"),
        0..8,
    )
}

fn check_answer(
    decision: &Decision<'_>,
    facts: &Facts<'_>,
    asked: &Watched<'_>,
) -> Result<(), TestCaseError> {
    let Some(answer) = refusal_for(decision, facts, &AnswerContext::default()) else {
        return Ok(());
    };
    let vary = answer.field("Vary").unwrap_or_default().to_ascii_lowercase();
    let named: Vec<_> = vary.split(", ").collect();
    for field in asked.asked.borrow().iter() {
        prop_assert!(
            named.contains(&field.as_str()),
            "{field} was read and is not in Vary: {vary}"
        );
    }
    let multiplexed = !facts.is_http1();
    prop_assert_eq!(answer.field("Cache-Control"), Some("no-store"));
    if multiplexed {
        prop_assert!(answer.field("Upgrade").is_none() && answer.field("Connection").is_none());
    } else if answer.status() == 426 {
        prop_assert!(
            answer.field("Upgrade").is_some()
                && answer.field("Connection").is_some_and(|options| options.starts_with("upgrade"))
        );
    }
    for (name, value) in answer.fields() {
        prop_assert!(
            value.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
            "{name}: {value:?} could not be sent"
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_facts_make_it_panic_and_vary_names_what_was_read(
        rule in any_rule(),
        lines in any_lines(),
        path in "/\\PC{0,20}",
        query in proptest::option::of("\\PC{0,20}"),
        version in prop_oneof![Just(HttpVersion::V1_0), Just(HttpVersion::V1_1), Just(HttpVersion::V2), Just(HttpVersion::V3)],
        content in any::<bool>(),
    ) {
        let watched = Watched { lines: &lines, asked: RefCell::default() };
        let facts = Facts {
            method: "GET", host: "api.example.com", path: &path, query: query.as_deref(), hop: version, http: Known::Is(version),
            tls: Known::Is(TlsState::Cleartext), client_ip: None, fields: &watched, has_content: content, protocol: None,
        };
        let policy = policy(rule);
        let decision = policy.decide(&facts, Timestamp::UNIX_EPOCH);
        for ruling in &decision.rulings {
            prop_assert!(!ruling.why().is_empty());
        }
        check_answer(&decision, &facts, &watched)?;
    }
}
