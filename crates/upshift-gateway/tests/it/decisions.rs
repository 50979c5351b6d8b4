//! The policy at work: what is refused, and how; what passes, and with which fields.

use std::io::{Read, Write};

use upshift_core::field::FieldName;
use upshift_core::policy::{
    ApiReader, ApiRequirement, Matcher, MatcherValues, PathPattern, PolicySpec, Requirement,
    RuleSpec, Uncertain,
};
use upshift_core::version::VersionScheme;
use upshift_core::{HttpVersion, Phase, Policy, TlsVersion, VerdictReason};
use upshift_gateway::{Proxy, ProxyReads};

use crate::support::{
    Running, TestUpstream, connect, exchange, field, read_message, settings_with, status,
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn rule(id: &str, path: &str, requirement: Requirement) -> RuleSpec {
    let paths = MatcherValues {
        include: vec![PathPattern::parse(path).expect("a pattern")],
        exclude: Vec::new(),
    };
    RuleSpec {
        matcher: Matcher { paths, ..Matcher::default() },
        ..RuleSpec::new(id, vec![requirement])
    }
}

fn policy(rules: Vec<RuleSpec>) -> Policy {
    let spec = PolicySpec { rules, revision: "sha256:test".to_owned(), ..PolicySpec::default() };
    Policy::new(spec).expect("a valid policy")
}

fn tls() -> RuleSpec {
    rule("needs-tls", "/account/**", Requirement::Tls(TlsVersion::V1_2))
}

fn http11() -> RuleSpec {
    rule("needs-1-1", "/new/**", Requirement::Http(HttpVersion::V1_1))
}

fn under(rules: Vec<RuleSpec>) -> (TestUpstream, Running) {
    let upstream = TestUpstream::answering(OK);
    let gateway = Running::start(settings_with(upstream.address, |settings| {
        settings.file.policy = policy(rules);
    }));
    (upstream, gateway)
}

/// RFC 9110 §15.5.22, §7.8.
#[test]
fn a_refusal_names_what_is_wanted() {
    let (upstream, gateway) = under(vec![tls()]);
    let mut client = connect(gateway.http());
    for _ in 0..2 {
        client.write_all(b"GET /account/1 HTTP/1.1\r\nHost: a\r\n\r\n").expect("written");
        let answer = read_message(&mut client).expect("an answer on a connection that is kept");
        assert_eq!(status(&answer), 426, "{answer}");
        assert_eq!(field(&answer, "upgrade").as_deref(), Some("TLS/1.2"));
        assert_eq!(field(&answer, "connection").as_deref(), Some("upgrade"));
        assert_eq!(field(&answer, "cache-control").as_deref(), Some("no-store"));
        assert!(answer.contains("\"rule\": \"needs-tls\""), "{answer}");
        assert!(answer.contains(&field(&answer, "x-request-id").expect("an id")), "{answer}");
        assert_eq!(field(&answer, "strict-transport-security"), None);
    }
    client.write_all(b"GET /else HTTP/1.1\r\nHost: a\r\n\r\n").expect("written");
    assert_eq!(status(&read_message(&mut client).expect("an answer")), 200);
    assert_eq!(upstream.seen().len(), 1);
    gateway.admin("/metrics", |text| {
        text.contains("rule=\"needs-tls\",verdict=\"refuse\",reason=\"unmet\",phase=\"enforce\"} 2")
            && text.contains("upshift_policy_revision{revision=\"sha256:test\"} 1")
    });
}

/// RFC 9110 §9.3.2.
#[test]
fn a_refused_head_has_no_body() {
    let (_upstream, gateway) = under(vec![tls()]);
    let answer =
        exchange(gateway.http(), "HEAD /account/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(status(&answer), 426);
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}

/// The answer to HTTP/1.0 names the usual fix, and closes.
#[test]
fn http_1_0_is_told_of_1_1() {
    let (_upstream, gateway) = under(vec![http11()]);
    let answer = exchange(gateway.http(), "GET /new/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(status(&answer), 426, "{answer}");
    assert_eq!(field(&answer, "upgrade").as_deref(), Some("HTTP/1.1"));
    assert_eq!(field(&answer, "connection").as_deref(), Some("upgrade, close"));
    assert!(answer.contains("proxy_http_version 1.1"), "{answer}");
}

/// RFC 9112 §9.3: a short body is read and the connection kept, a long one is not.
#[test]
fn a_refused_body_is_read_away_or_the_connection_closes() {
    let (_upstream, gateway) = under(vec![tls()]);
    let mut client = connect(gateway.http());
    let short = "POST /account/ HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    for _ in 0..2 {
        client.write_all(short.as_bytes()).expect("written");
        let answer = read_message(&mut client).expect("an answer");
        assert_eq!(field(&answer, "connection").as_deref(), Some("upgrade"), "{answer}");
    }
    // Five megabytes, all written before anything is read.
    let mut client = connect(gateway.http());
    let length = 5 * 1024 * 1024;
    let head = format!("POST /account/ HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
    client.write_all(head.as_bytes()).expect("written");
    client.write_all(&vec![b'x'; length]).expect("the whole body is taken");
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("the answer is not eaten by a reset");
    assert_eq!(status(&answer), 426);
    assert_eq!(field(&answer, "connection").as_deref(), Some("upgrade, close"));
}

/// RFC 9110 §10.1.1: a refusal goes out in place of the 100.
#[test]
fn a_refusal_never_asks_for_the_body() {
    let (_upstream, gateway) = under(vec![tls()]);
    let head =
        "POST /account/ HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    let mut client = connect(gateway.http());
    client.write_all(head.as_bytes()).expect("written");
    let answer = read_message(&mut client).expect("an answer");
    assert_eq!(status(&answer), 426, "{answer}");
    assert_eq!(field(&answer, "connection").as_deref(), Some("upgrade, close"));
}

/// RFC 9745, RFC 8594: who passes but is deprecated is told, and the upstream's own fields are
/// kept.
#[test]
fn a_passing_but_deprecated_request_is_told() {
    let api = ApiRequirement {
        minimum: VersionScheme::Semver.parse("2.0").expect("a version"),
        supported: Vec::new(),
        assume: None,
        scheme: VersionScheme::Semver,
        read: vec![ApiReader::Header(FieldName::parse("X-Api-Version").expect("a name"))],
    };
    let spec = RuleSpec {
        phase: Some(Phase::Warn),
        deprecated: "2026-06-01T00:00:00Z".parse().ok(),
        sunset: "2026-12-01T00:00:00Z".parse().ok(),
        docs: Some("https://docs.example.com/v2".to_owned()),
        ..rule("orders-v2", "/api/**", Requirement::Api(api))
    };
    let upstream = TestUpstream::answering(
        "HTTP/1.1 200 OK\r\nLink: </a>; rel=\"next\"\r\nContent-Length: 2\r\n\r\nok",
    );
    let gateway = Running::start(settings_with(upstream.address, |settings| {
        settings.file.policy = policy(vec![spec]);
    }));
    let old = "GET /api/x HTTP/1.1\r\nHost: a\r\nX-Api-Version: 1.4\r\nConnection: close\r\n\r\n";
    let answer = exchange(gateway.http(), old);
    assert_eq!(status(&answer), 200, "{answer}");
    assert_eq!(field(&answer, "deprecation").as_deref(), Some("@1780272000"));
    assert_eq!(field(&answer, "sunset").as_deref(), Some("Tue, 01 Dec 2026 00:00:00 GMT"));
    assert!(answer.contains("</a>; rel=\"next\""), "{answer}");
    assert!(answer.contains("rel=\"deprecation\""), "{answer}");
    let answer = exchange(gateway.http(), &old.replace("1.4", "2.1"));
    assert_eq!(field(&answer, "deprecation"), None, "{answer}");
}

/// RFC 9110 §7.6.1: what `Connection` names does not reach the upstream, so it does not satisfy a
/// rule.
#[test]
fn a_field_that_is_for_this_hop_alone_meets_no_rule() {
    let api = ApiRequirement {
        minimum: VersionScheme::Semver.parse("2.0").expect("a version"),
        supported: Vec::new(),
        assume: None,
        scheme: VersionScheme::Semver,
        read: vec![ApiReader::Header(FieldName::parse("X-Api-Version").expect("a name"))],
    };
    let on = Uncertain::refusing([VerdictReason::Missing]);
    let (upstream, gateway) =
        under(vec![RuleSpec { on, ..rule("orders-v2", "/api/**", Requirement::Api(api)) }]);
    let head = "GET /api/x HTTP/1.1\r\nHost: a\r\nX-Api-Version: 2.0\r\nConnection: close";
    assert_eq!(status(&exchange(gateway.http(), &format!("{head}\r\n\r\n"))), 200);
    assert_eq!(status(&exchange(gateway.http(), &format!("{head}, X-Api-Version\r\n\r\n"))), 426);
    assert_eq!(upstream.seen().len(), 1);
}

#[test]
fn observing_refuses_nobody_and_counts() {
    let upstream = TestUpstream::answering(OK);
    let gateway = Running::start(settings_with(upstream.address, |settings| {
        settings.file.policy = policy(vec![tls()]);
        settings.observe = true;
    }));
    let answer =
        exchange(gateway.http(), "GET /account/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(status(&answer), 200, "{answer}");
    gateway.admin("/metrics", |text| {
        text.contains("verdict=\"admit\",reason=\"unmet\",phase=\"observe\"} 1")
    });
}

#[test]
fn a_reload_is_in_force_for_the_next_request() {
    let (upstream, gateway) = under(vec![]);
    let mut client = connect(gateway.http());
    let request = b"GET /account/ HTTP/1.1\r\nHost: a\r\n\r\n";
    client.write_all(request).expect("written");
    assert_eq!(status(&read_message(&mut client).expect("an answer")), 200);
    let stricter =
        settings_with(upstream.address, |settings| settings.file.policy = policy(vec![tls()]));
    gateway.handle.reload(stricter).expect("valid settings");
    client.write_all(request).expect("written");
    assert_eq!(status(&read_message(&mut client).expect("an answer")), 426);
    let paused = r#"{"all":true,"actor":"ann","reason":"the printer is on fire"}"#;
    let admin = gateway.addresses.admin.expect("an admin listener");
    let pause = format!(
        "POST /api/pause HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{paused}",
        paused.len()
    );
    assert_eq!(status(&exchange(admin, &pause)), 200);
    client.write_all(request).expect("written");
    assert_eq!(status(&read_message(&mut client).expect("an answer")), 200);
    gateway.admin("/metrics", |text| text.contains("upshift_reloads_total{outcome=\"ok\"} 1"));
}

/// A request through an undeclared proxy is admitted and counted: refusing everyone because a proxy
/// was not declared would be an outage.
#[test]
fn an_undeclared_private_peer_is_admitted_and_counted() {
    let (_upstream, gateway) = under(vec![tls()]);
    let request =
        "GET /account/ HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: http\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&exchange(gateway.http(), request)), 200);
    gateway.admin("/metrics", |text| text.contains("upshift_undeclared_proxy_requests_total 1"));
}

/// Through a declared proxy a refusal has the strict status: `Upgrade` would be carried into
/// another protocol.
#[test]
fn a_declared_proxy_is_believed_and_gets_no_upgrade() {
    let upstream = TestUpstream::answering(OK);
    let reads = ProxyReads {
        scheme: Some("x-forwarded-proto".to_owned()),
        peer: Some("x-forwarded-for".to_owned()),
        ..ProxyReads::default()
    };
    let proxy = Proxy {
        from: vec!["127.0.0.0/8".parse().expect("a network")],
        reads,
        upgrade_field: false,
    };
    let gateway = Running::start(settings_with(upstream.address, |settings| {
        settings.file.policy = policy(vec![tls()]);
        settings.file.gateway.proxies = vec![proxy];
    }));
    let request = |scheme: &str| {
        format!(
            "GET /account/ HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: {scheme}\r\nX-Forwarded-For: 198.51.100.7\r\n\
             Connection: close\r\n\r\n"
        )
    };
    let answer = exchange(gateway.http(), &request("http"));
    assert_eq!((status(&answer), field(&answer, "upgrade")), (403, None), "{answer}");
    let answer = exchange(gateway.http(), &request("https"));
    assert_eq!(status(&answer), 200, "{answer}");
    let request = upstream.only();
    assert_eq!(field(&request, "x-forwarded-for").as_deref(), Some("198.51.100.7, 127.0.0.1"));
    assert_eq!(field(&request, "x-forwarded-proto").as_deref(), Some("https"));
    let forwarded = "for=198.51.100.7;host=\"a\";proto=https, for=127.0.0.1";
    assert_eq!(field(&request, "forwarded").as_deref(), Some(forwarded));
}

/// Kind: what a declared proxy says of the scheme is unknown here because of its spelling, so that
/// cleartext passes a rule that requires TLS, and the upstream gets a scheme that is not true.
#[test]
fn a_scheme_is_read_in_the_words_of_the_proxy_and_told_on() {
    for (name, value, wanted, told) in [
        ("Forwarded", "for=203.0.113.9;proto=http", 403, None),
        ("Forwarded", "for=203.0.113.9;proto=https", 200, Some("https")),
        ("X-Forwarded-Ssl", "off", 403, None),
        ("X-Forwarded-Ssl", "on", 200, Some("https")),
        ("Front-End-Https", "off", 403, None),
        ("CF-Visitor", "{\"scheme\":\"http\"}", 403, None),
        ("CF-Visitor", "{\"scheme\":\"https\"}", 200, Some("https")),
        ("X-Forwarded-Proto", "gopher", 200, None),
    ] {
        let reads = ProxyReads { scheme: Some(name.to_ascii_lowercase()), ..ProxyReads::default() };
        let (answer, request) = through_proxy(reads, &format!("{name}: {value}\r\n"));
        assert_eq!(status(&answer), wanted, "{name}: {value}: {answer}");
        let seen = request.and_then(|request| field(&request, "x-forwarded-proto"));
        assert_eq!(seen.as_deref(), told, "{name}: {value}");
    }
}

/// Kind: a version of TLS that a declared proxy tells is unknown here because of its spelling, so
/// that it passes a rule that requires a newer one.
#[test]
fn a_version_of_tls_is_read_in_the_words_of_the_proxy() {
    for (value, wanted) in [
        ("SSLv3", 403),
        ("TLS 1.1", 403),
        ("TLSv1", 403),
        ("TLSv1.1:ECDHE-RSA-AES128-SHA", 403),
        ("0x0302", 403),
        ("tls12", 200),
        ("TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256", 200),
    ] {
        let reads =
            ProxyReads { tls: Some("x-amzn-tls-version".to_owned()), ..ProxyReads::default() };
        let (answer, _) = through_proxy(reads, &format!("X-Amzn-Tls-Version: {value}\r\n"));
        assert_eq!(status(&answer), wanted, "{value}: {answer}");
    }
}

/// The answer to a request with these fields that comes from a proxy with these `reads`, and what
/// reaches the upstream.
fn through_proxy(reads: ProxyReads, fields: &str) -> (String, Option<String>) {
    let upstream = TestUpstream::answering(OK);
    let proxy = Proxy {
        from: vec!["127.0.0.0/8".parse().expect("a network")],
        reads,
        upgrade_field: false,
    };
    let gateway = Running::start(settings_with(upstream.address, |settings| {
        settings.file.policy = policy(vec![tls()]);
        settings.file.gateway.proxies = vec![proxy];
    }));
    let request = format!("GET /account/ HTTP/1.1\r\nHost: a\r\n{fields}Connection: close\r\n\r\n");
    let answer = exchange(gateway.http(), &request);
    let admitted = status(&answer) == 200;
    (answer, admitted.then(|| upstream.only()))
}

/// RFC 9110 §15.5.22, §7.6.1: an upstream's 426 gets a true `Upgrade` for this hop and keeps its
/// body.
#[test]
fn an_upstreams_426_is_made_true_for_this_hop() {
    let upstream = TestUpstream::answering(
        "HTTP/1.1 426 Upgrade Required\r\nUpgrade: h2c, derp/2, TLS/1.2\r\nConnection: Upgrade\r\nContent-Length: 4\r\n\r\nderp",
    );
    let gateway = Running::before(&upstream);
    let answer = exchange(gateway.http(), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(status(&answer), 426, "{answer}");
    assert_eq!(field(&answer, "upgrade").as_deref(), Some("derp/2"));
    assert!(
        field(&answer, "connection").is_some_and(|options| options.starts_with("upgrade")),
        "{answer}"
    );
    assert!(answer.ends_with("derp"));
}

/// One that names nothing cannot be passed on as it is; it is counted.
#[test]
fn an_upstreams_bare_426_is_counted() {
    let upstream =
        TestUpstream::answering("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 4\r\n\r\nbare");
    let gateway = Running::before(&upstream);
    let answer = exchange(gateway.http(), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!((status(&answer), field(&answer, "upgrade")), (403, None), "{answer}");
    assert!(answer.ends_with("bare"));
    gateway.admin("/metrics", |text| text.contains("upshift_upstream_bare_426_total 1"));
}
