//! The responses to refused requests, for each kind of requirement: as `upshift explain --json`
//! decides, and as curl sees them.

use interop::{Gateway, Origin, explain, explain_with, peers};
use serde_json::Value;

use crate::sample::{HANDSHAKE, RULES};

/// A row: its name, the arguments of curl and `explain`, whether it is over TLS, the path, and the
/// expected response.
struct Row {
    case: &'static str,
    http: &'static str,
    tls: Option<&'static str>,
    arguments: &'static [&'static str],
    path: &'static str,
    reason: &'static str,
    status: u16,
    upgrade: Option<&'static str>,
    more: &'static [(&'static str, &'static str)],
}

const ROWS: &[Row] = &[
    Row {
        case: "needs TLS",
        http: "1.1",
        tls: None,
        arguments: &[],
        path: "/account/me",
        reason: "unmet",
        status: 426,
        upgrade: Some("TLS/1.2"),
        more: &[],
    },
    Row {
        case: "needs newer TLS",
        http: "1.1",
        tls: Some("1.2"),
        arguments: &[],
        path: "/vault/a",
        reason: "unmet",
        status: 426,
        upgrade: Some("TLS/1.3"),
        more: &[],
    },
    Row {
        case: "needs newer TLS, over HTTP/2",
        http: "2",
        tls: Some("1.2"),
        arguments: &[],
        path: "/vault/a",
        reason: "unmet",
        status: 426,
        upgrade: None,
        more: &[],
    },
    Row {
        case: "needs HTTP/2",
        http: "1.1",
        tls: None,
        arguments: &[],
        path: "/feeds/a",
        reason: "unmet",
        status: 426,
        upgrade: Some("HTTP/2.0"),
        more: &[],
    },
    Row {
        case: "needs HTTP/3",
        http: "1.1",
        tls: Some("1.3"),
        arguments: &[],
        path: "/video/a",
        reason: "unmet",
        status: 426,
        upgrade: Some("HTTP/3.0"),
        more: &[],
    },
    Row {
        case: "needs HTTP/3, over HTTP/2",
        http: "2",
        tls: Some("1.3"),
        arguments: &[],
        path: "/video/a",
        reason: "unmet",
        status: 426,
        upgrade: None,
        more: &[],
    },
    Row {
        case: "needs another protocol",
        http: "1.1",
        tls: None,
        arguments: &[],
        path: "/derp",
        reason: "unmet",
        status: 426,
        upgrade: Some("derp/2"),
        more: &[],
    },
    Row {
        case: "needs another protocol, over HTTP/2",
        http: "2",
        tls: None,
        arguments: &[],
        path: "/derp",
        reason: "unmet",
        status: 426,
        upgrade: None,
        more: &[],
    },
    Row {
        case: "HTTP/1.0 refused",
        http: "1.0",
        tls: None,
        arguments: &[],
        path: "/modern/a",
        reason: "unmet",
        status: 426,
        upgrade: Some("HTTP/1.1"),
        more: &[],
    },
    Row {
        case: "needs WebSocket",
        http: "1.1",
        tls: None,
        arguments: &[],
        path: "/chat",
        reason: "unmet",
        status: 426,
        upgrade: Some("websocket"),
        more: &[("sec-websocket-version", "13")],
    },
    Row {
        case: "needs WebSocket, over HTTP/2",
        http: "2",
        tls: None,
        arguments: &[],
        path: "/chat",
        reason: "unmet",
        status: 426,
        upgrade: None,
        more: &[("sec-websocket-version", "")],
    },
    Row {
        case: "API version",
        http: "1.1",
        tls: None,
        arguments: &["-H", "X-Api-Version: 1.4"],
        path: "/api/orders",
        reason: "too-old",
        status: 426,
        upgrade: Some("orders-v2/2.0"),
        more: &[],
    },
    Row {
        case: "API version, over HTTP/2",
        http: "2",
        tls: Some("1.3"),
        arguments: &["-H", "X-Api-Version: 1.4"],
        path: "/api/orders",
        reason: "too-old",
        status: 426,
        upgrade: None,
        more: &[],
    },
    Row {
        case: "client version",
        http: "1.1",
        tls: None,
        arguments: &["-H", "X-Client-Version: AcmeApp/5.0"],
        path: "/app/a",
        reason: "too-old",
        status: 426,
        upgrade: Some("AcmeApp/5.1"),
        more: &[],
    },
    Row {
        case: "a blocked build",
        http: "1.1",
        tls: None,
        arguments: &["-H", "X-Client-Version: AcmeApp/5.3.0"],
        path: "/app/a",
        reason: "blocked",
        status: 426,
        upgrade: Some("AcmeApp"),
        more: &[],
    },
];

#[test]
fn explain_decides_each_row() {
    for row in ROWS {
        let target = format!(
            "{}://example.com{}",
            if row.tls.is_some() { "https" } else { "http" },
            row.path
        );
        let mut words = vec!["--http", row.http];
        words.extend(row.tls.iter().flat_map(|version| ["--tls", version]));
        words.extend(row.arguments);
        words.push(&target);
        let record = explain(RULES, &words);
        let (case, answer) = (row.case, &record["answer"]);
        assert_eq!(record["verdict"], "refuse", "{case}: {record:#}");
        assert_eq!(record["phase"], "enforce", "{case}: {record:#}");
        assert_eq!(record["reason"], row.reason, "{case}: {record:#}");
        assert_eq!(answer["status"], row.status, "{case}: {record:#}");
        assert_eq!(field(answer, "upgrade").as_deref(), row.upgrade, "{case}: {record:#}");
        assert_eq!(
            field(answer, "connection").is_some(),
            row.upgrade.is_some(),
            "{case}: {record:#}"
        );
        for (name, value) in row.more {
            assert_eq!(field(answer, name).unwrap_or_default(), *value, "{case}: {record:#}");
        }
        assert!(
            record["revision"].as_str().is_some_and(|revision| revision.starts_with("sha256:")),
            "{case}"
        );
        assert!(
            record["rules"].as_array().is_some_and(|rules| rules.len() >= 9),
            "{case}: {record:#}"
        );
    }
}

#[test]
fn the_wire_shows_each_row() {
    peers!("curl");
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), RULES);
    for row in ROWS {
        let mut words = vec![match (row.http, row.tls) {
            ("1.0", _) => "--http1.0",
            ("2", None) => "--http2-prior-knowledge",
            ("2", Some(_)) => "--http2",
            _ => "--http1.1",
        }];
        words.extend(match row.tls {
            Some("1.2") => &["--tls-max", "1.2"][..],
            _ => &[],
        });
        words.extend(row.arguments);
        let url =
            if row.tls.is_some() { gateway.secure_url(row.path) } else { gateway.url(row.path) };
        words.push(&url);
        let reply = gateway.curl(&words);
        let upgrade = reply.has("upgrade").then(|| reply.field("upgrade"));
        assert_eq!(
            (reply.status, upgrade.as_deref()),
            (row.status, row.upgrade),
            "{}: {reply:?}",
            row.case
        );
        for (name, value) in row.more {
            assert_eq!(reply.field(name), *value, "{}: {reply:?}", row.case);
        }
    }
    assert!(
        origin.arrived().is_empty(),
        "a refused request reached the upstream: {:?}",
        origin.arrived()
    );
}

#[test]
fn a_wrong_subprotocol_is_400() {
    let wrong = ["-H", "Sec-WebSocket-Protocol: chat.v1"];
    let record = explain(RULES, &[HANDSHAKE, &wrong, &["http://example.com/chat"]].concat());
    assert_eq!(
        (&record["verdict"], &record["reason"]),
        (&"refuse".into(), &"subprotocol".into()),
        "{record:#}"
    );
    assert_eq!(record["answer"]["status"], 400, "{record:#}");
    assert_eq!(field(&record["answer"], "upgrade"), None, "{record:#}");
}

#[test]
fn a_compliant_websocket_or_protocol_request_is_admitted() {
    let right = ["-H", "Sec-WebSocket-Protocol: chat.v2"];
    let record = explain(RULES, &[HANDSHAKE, &right, &["http://example.com/chat"]].concat());
    assert_eq!(record["verdict"], "admit", "{record:#}");
    let offer = ["-H", "Connection: upgrade", "-H", "Upgrade: derp/2", "http://example.com/derp"];
    assert_eq!(explain(RULES, &offer)["verdict"], "admit");
}

/// `answer = "strict"` gives each kind of requirement its own status, without `Upgrade`; a number
/// is used as it is.
#[test]
fn strict_answers_have_the_statuses_of_the_design() {
    let strict = r#"
[[rule]]
id      = "transport"
paths   = ["/t/**"]
require = { tls = "1.2" }
answer  = "strict"

[[rule]]
id      = "api"
paths   = ["/a/**"]
require = { api = { minimum = "2.0", read = ["header:V"] } }
answer  = "strict"
on      = { missing = "refuse", malformed = "refuse" }

[[rule]]
id      = "client"
paths   = ["/c/**"]
require = { client = { read = ["header:C"], minimum = { A = "2" }, blocked = ["A/3"] } }
answer  = "strict"

[[rule]]
id      = "number"
paths   = ["/n/**"]
require = { protocol = "derp/2" }
answer  = 403
"#;
    let cases: &[(&[&str], u16)] = &[
        (&["http://h/t/"], 403),
        (&["-H", "V: 1", "http://h/a/"], 410),
        (&["http://h/a/"], 400),
        (&["-H", "V: one", "http://h/a/"], 400),
        (&["-H", "C: A/1", "http://h/c/"], 403),
        (&["-H", "C: A/3", "http://h/c/"], 403),
        (&["http://h/n/"], 403),
    ];
    for (words, status) in cases {
        let record = explain(strict, words);
        assert_eq!(
            (&record["verdict"], &record["answer"]["status"]),
            (&"refuse".into(), &(*status).into()),
            "{words:?} {record:#}"
        );
        assert_eq!(
            field(&record["answer"], "upgrade"),
            None,
            "{words:?}: only a 426 says so: {record:#}"
        );
    }
}

/// `answer = "redirect"` gives 308 with `no-store` for a browser's GET or HEAD navigation, and 426
/// for anything else.
#[test]
fn a_redirect_is_for_browsers_only() {
    let rule = "[[rule]]\nid = \"tls\"\nrequire = { tls = \"1.2\" }\nanswer = \"redirect\"\n";
    let browser = [
        "-H",
        "Accept: text/html,*/*;q=0.8",
        "-H",
        "Sec-Fetch-Mode: navigate",
        "http://example.com/a?b",
    ];
    // Links are built from what the operator wrote, never from an unknown Host.
    let record = explain_with("public = \"https://example.com\"", rule, &browser);
    assert_eq!(record["answer"]["status"], 308, "{record:#}");
    assert_eq!(
        field(&record["answer"], "location").as_deref(),
        Some("https://example.com/a?b"),
        "{record:#}"
    );
    assert_eq!(
        field(&record["answer"], "cache-control").as_deref(),
        Some("no-store"),
        "{record:#}"
    );
    assert_eq!(explain(rule, &["-X", "POST", "http://example.com/a"])["answer"]["status"], 426);
    assert_eq!(explain(rule, &["http://example.com/a"])["answer"]["status"], 426);
}

/// A refused gRPC call gets HTTP 200 with status 9, `FAILED_PRECONDITION`, in a trailers-only
/// response with details.
#[test]
fn grpc_is_told_in_its_own_words() {
    peers!("curl");
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), RULES);
    let words = [
        "--http2-prior-knowledge",
        "-X",
        "POST",
        "-H",
        "Content-Type: application/grpc",
        "-H",
        "X-Api-Version: 1.4",
    ];
    let reply = gateway.curl(&[&words[..], &[&gateway.url("/api/Orders/List")]].concat());
    assert_eq!((reply.status, reply.field("grpc-status").as_str()), (200, "9"), "{reply:?}");
    assert_eq!(reply.field("content-type"), "application/grpc");
    assert!(
        !reply.field("grpc-message").is_empty()
            && !reply.field("grpc-status-details-bin").is_empty(),
        "{reply:?}"
    );
    assert!(reply.body.is_empty());
}

/// The built-in exemptions are never refused, and requests that only look like them are.
#[test]
fn what_is_never_refused() {
    let everything = "[[rule]]\nid = \"tls\"\nrequire = { tls = \"1.2\" }\ndocs = \"http://example.com/help/tls\"\n";
    let cases: &[&[&str]] = &[
        &[
            "-X",
            "OPTIONS",
            "-H",
            "Origin: https://a.example",
            "-H",
            "Access-Control-Request-Method: GET",
            "http://h/",
        ],
        &["http://h/healthz"],
        &["http://h/livez"],
        &["http://h/readyz"],
        &["http://h/.well-known/acme-challenge/x"],
        &["--peer", "10.0.0.1", "-H", "User-Agent: kube-probe/1.30", "http://h/"],
        &["--peer", "10.0.0.1", "-H", "User-Agent: ELB-HealthChecker/2.0", "http://h/"],
        &["--peer", "10.0.0.1", "-H", "User-Agent: GoogleHC/1.0", "http://h/"],
    ];
    for words in cases {
        let record = explain(everything, words);
        assert_eq!(record["verdict"], "exempt", "{words:?} {record:#}");
    }
    assert_eq!(
        explain(everything, &["-X", "OPTIONS", "http://h/"])["verdict"],
        "refuse",
        "no preflight"
    );
    let far = ["-H", "User-Agent: kube-probe/1.30", "http://h/"];
    assert_eq!(
        explain(everything, &far)["verdict"],
        "refuse",
        "a health checker from a public address"
    );
}

/// A refusal over HTTP/1.1 through a declared proxy has the strict status and no `Upgrade`. Fields
/// of an undeclared proxy are not believed, but refusing everyone because the proxy was not
/// declared would be an outage.
#[test]
fn a_proxy_is_believed_when_it_is_declared() {
    peers!("curl");
    let rules = "[[rule]]\nid = \"tls\"\nrequire = { tls = \"1.2\" }\n";
    let declared =
        "[[gateway.proxy]]\nfrom = [\"127.0.0.0/8\"]\nreads = { scheme = \"X-Forwarded-Proto\" }\n";
    let origin = Origin::start(200, &[]);
    let asks = |gateway: &Gateway, told: &str| {
        gateway.curl(&["-H", &format!("X-Forwarded-Proto: {told}"), &gateway.url("/")])
    };

    let gateway = Gateway::with(origin.address(), "", &format!("{declared}{rules}"), &[]);
    assert_eq!(asks(&gateway, "https").status, 200);
    let refused = asks(&gateway, "http");
    assert_eq!((refused.status, refused.has("upgrade")), (403, false), "{refused:?}");

    let undeclared = Gateway::start(origin.address(), rules);
    assert_eq!(asks(&undeclared, "https").status, 200, "unknown, so admitted");
    assert_eq!(
        undeclared.curl(&[&undeclared.url("/")]).status,
        426,
        "and without the field it is plain cleartext"
    );
}

fn field(answer: &Value, name: &str) -> Option<String> {
    let fields = answer["fields"].as_array()?;
    let named = fields
        .iter()
        .filter(|pair| pair[0].as_str().is_some_and(|have| have.eq_ignore_ascii_case(name)));
    let values: Vec<&str> = named.filter_map(|pair| pair[1].as_str()).collect();
    (!values.is_empty()).then(|| values.join(", "))
}
