//! `upshift probe` of real servers as they come: the matrix of each is what the server does.

use std::collections::BTreeMap;

use interop::{ProbedServer, peers};
use serde_json::Value;

/// The outcome and the statuses of each question: `answered 200`, `switched 101 200`.
fn outcomes(report: &Value) -> BTreeMap<String, String> {
    let mut outcomes = BTreeMap::new();
    for list in ["lanes", "extras"] {
        for row in report[list].as_array().into_iter().flatten() {
            let mut text = row["outcome"].as_str().unwrap_or_default().to_owned();
            for interim in row["exchange"]["interim"].as_array().into_iter().flatten() {
                text.push_str(&format!(" {}", interim["status"]));
            }
            if !row["status"].is_null() {
                text.push_str(&format!(" {}", row["status"]));
            }
            outcomes.insert(row["question"].as_str().unwrap_or_default().to_owned(), text);
        }
    }
    outcomes
}

/// Starts the server, probes it, and compares the outcomes of these questions.
fn assert_outcomes(name: &str, expected: &[(&str, &str)]) -> Value {
    let server = ProbedServer::start(name);
    let (report, _) = server.probe();
    let outcomes = outcomes(&report);
    for (question, outcome) in expected {
        let found = outcomes.get(*question).map(String::as_str);
        assert_eq!(found, Some(*outcome), "{name}, {question}: {outcomes:#?}");
    }
    report
}

#[test]
fn probe_nginx() {
    peers!("nginx");
    let report = assert_outcomes(
        "nginx",
        &[
            ("h1.0", "answered 200"),
            ("h1.1", "answered 200"),
            ("h2c-upgrade", "answered 200"),
            ("h2c-prior", "declined 400"),
            ("h2", "answered 200"),
            ("h3", "failed"),
            ("ws", "answered 200"),
            ("tls1.2", "answered 200"),
            ("tls1.3", "answered 200"),
            ("tls-inband", "answered 200"),
            ("http/0.9", "accepted"),
            ("token", "answered 200"),
            ("ssl3", "declined"),
            ("tls1.0", "declined"),
        ],
    );
    assert_eq!(report["certificate"]["trusted"], false, "a certificate of the test's own");
}

#[test]
fn probe_apache() {
    peers!("apache2");
    let report = assert_outcomes(
        "Apache",
        &[
            ("h1.0", "answered 200"),
            ("h1.1", "answered 200"),
            ("h2c-upgrade", "switched 101 200"),
            ("h2c-prior", "answered 200"),
            ("h2", "answered 200"),
            ("h3", "failed"),
            ("tls1.2", "answered 200"),
            ("tls1.3", "answered 200"),
        ],
    );
    // It announces h2c in its responses, and keeps the promise.
    let promise = &report["promises"][0];
    assert_eq!((&promise["what"], &promise["verdict"]), (&"h2c".into(), &"delivered".into()));
}

#[test]
fn probe_haproxy() {
    peers!("haproxy");
    assert_outcomes(
        "HAProxy",
        &[
            ("h1.0", "answered 200"),
            ("h1.1", "answered 200"),
            ("h2c-upgrade", "answered 200"),
            ("h2c-prior", "answered 200"),
            ("h2", "answered 200"),
            ("tls1.2", "answered 200"),
            ("tls1.3", "answered 200"),
        ],
    );
}

#[test]
fn probe_caddy() {
    peers!("caddy");
    let report = assert_outcomes(
        "Caddy",
        &[
            ("h1.1", "answered 200"),
            ("h2c-prior", "answered 200"),
            ("h2", "answered 200"),
            ("h3", "answered 200"),
            ("tls1.2", "answered 200"),
            ("tls1.3", "answered 200"),
        ],
    );
    let promises = report["promises"].as_array().cloned().unwrap_or_default();
    let h3 = promises.iter().find(|promise| promise["sources"][0] == "Alt-Svc");
    assert!(h3.is_some_and(|promise| promise["verdict"] == "delivered"), "{promises:#?}");
}

/// `ws` forgets `Upgrade` and `Connection: upgrade` in its 426 (RFC 9110 §15.5.22).
#[test]
fn probe_node_ws() {
    peers!("node", "node packages");
    let report = assert_outcomes(
        "Node ws",
        &[
            ("h1.1", "answered 426"),
            ("ws", "switched 101"),
            ("ws-99", "answered 400"),
            ("h2", "not-asked"),
        ],
    );
    assert_eq!(report["lanes"][1]["upgrade"], serde_json::json!([]));
    assert_eq!(report["hops"], serde_json::json!([]), "nothing is between");
}

#[test]
fn probe_python_websockets() {
    peers!("python packages");
    let report = assert_outcomes(
        "Python websockets",
        &[("h1.1", "answered 426"), ("ws", "switched 101"), ("ws-99", "answered 400")],
    );
    let promise = &report["promises"][0];
    assert_eq!(promise["what"], "websocket");
    assert_eq!(promise["verdict"], "delivered", "{promise:#}");
}

/// CUPS performs TLS in band, and answers every other offer with TLS as well, which was not offered.
#[test]
fn probe_cups() {
    peers!("cupsd");
    let report = assert_outcomes(
        "CUPS",
        &[("tls-inband", "switched 101 404"), ("token", "failed 101"), ("ws", "failed 101")],
    );
    let reason = report["extras"][2]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("but `upshift-probe` was offered"), "{reason}");
}

/// The gateway keeps every promise of its refusals.
#[test]
fn probe_our_own_gateway() {
    let server = ProbedServer::start("Upshift");
    let (report, code) = server.probe();
    let outcomes = outcomes(&report);
    for (question, outcome) in [
        ("h1.0", "answered 426"),
        ("h1.1", "answered 426"),
        ("h2c-upgrade", "switched 101 426"),
        ("h2c-prior", "answered 426"),
        ("h2", "answered 200"),
        ("h3", "answered 200"),
        ("tls1.2", "answered 200"),
        ("tls1.3", "answered 200"),
        ("http/0.9", "declined 505"),
        ("http/3.7", "answered 505"),
        ("tls1.1", "declined"),
    ] {
        assert_eq!(outcomes.get(question).map(String::as_str), Some(outcome), "{outcomes:#?}");
    }
    for promise in report["promises"].as_array().into_iter().flatten() {
        assert_eq!(promise["verdict"], "delivered", "{promise:#}");
    }
    assert_eq!(code, 0, "{report:#}");
}
