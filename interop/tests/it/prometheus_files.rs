//! The alerts and the dashboard in `integrations/prometheus`, read by `promtool` and a real
//! Prometheus and compared with the metrics of a gateway.
//!
//! They must not name metrics that were renamed, and every alert has to be able to fire.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use interop::{Gateway, Origin, exchange, peers, run, upshift};
use serde_json::Value;

use crate::metrics::Prometheus;
use crate::operations::eventually;

/// A rule that enforces, one with dates, and an exemption.
const POLICY: &str = r#"
[[rule]]
id      = "tls"
paths   = ["/account/**"]
require = { tls = "1.2" }

[[rule]]
id      = "orders"
paths   = ["/orders/**"]
require = { api = { minimum = "2.0", read = ["header:X-Api-Version"] } }
[rule.rollout]
identity = ["header:X-Api-Key"]
warn     = 2020-01-01
enforce  = 2099-01-01

[[exemption]]
id      = "kiosks"
rules   = ["orders"]
clients = ["Kiosk"]
reason  = "kiosks are replaced in spring"
owner   = "retail"
expires = 2099-03-01
"#;

const DASHBOARD: &str = "upshift-dashboard.json";

const ALERTS: &str = "upshift-alerts.yml";

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../integrations/prometheus").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn dashboard() -> Value {
    serde_json::from_str(&text(DASHBOARD)).unwrap_or_else(|error| panic!("{error}"))
}

/// Sends one request of each kind: refused, warned and admitted.
fn send_requests(gateway: &Gateway) {
    let old =
        "GET /orders/1 HTTP/1.1\r\nHost: a\r\nX-Api-Version: 1.0\r\nConnection: close\r\n\r\n";
    let cleartext = "GET /account/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert_eq!(exchange(gateway.http(), old.as_bytes(), false).0.status, 200);
    assert_eq!(exchange(gateway.http(), cleartext.as_bytes(), false).0.status, 426);
    assert_eq!(gateway.curl(&[&gateway.secure_url("/account/")]).status, 200);
}

/// Each alert has a case in which it fires and one in which it is silent.
#[test]
fn promtool_accepts_the_rules_and_their_tests() {
    peers!("promtool");
    run("promtool", &["check", "rules", &file(ALERTS).display().to_string()]).ok();
    for tests in ["upshift-alerts_test.yml", "upshift-adoption_test.yml"] {
        run("promtool", &["test", "rules", &file(tests).display().to_string()]).ok();
    }
    let tested = text("upshift-alerts_test.yml") + &text("upshift-adoption_test.yml");
    for alert in text(ALERTS).lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        let cases: Vec<&str> = tested.split(&format!("alertname: {alert}\n")).skip(1).collect();
        let silent = cases.iter().any(|case| case.trim_start().starts_with("exp_alerts: []"));
        let firing = cases.iter().any(|case| case.trim_start().starts_with("exp_alerts:\n"));
        // A list of firing alerts asserts that every other series of the test is silent.
        assert!(firing && (silent || alert == "UpshiftCertificateExpiring"), "{alert}");
    }
}

/// The names of metrics in `text`, as Prometheus has them. Recording rules have a `:` in theirs.
fn metric_names(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':')) {
        if word.starts_with("upshift_") || word.starts_with("process_") {
            names.insert(word.trim_end_matches("_bucket").to_owned());
        }
    }
    names
}

#[test]
fn every_metric_is_one_that_a_gateway_has_from_the_start() {
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), POLICY);
    let exposed = gateway.ask_admin("/metrics").text();
    for name in [ALERTS, DASHBOARD] {
        let names = metric_names(&text(name));
        assert!(names.len() >= 10, "{names:?}");
        for metric in names {
            assert!(exposed.contains(&format!("# TYPE {metric} ")), "{name}: {metric}\n{exposed}");
        }
    }
}

/// The help of a command names the verb and every flag in the command of a summary.
#[test]
fn every_summary_has_a_command_that_exists() {
    let rules = text(ALERTS);
    let summaries = rules.split("summary: >-\n").skip(1);
    let mut count = 0;
    for summary in summaries {
        let (summary, _) = summary.split_once("description:").expect("a description");
        let words: Vec<&str> = summary.split_whitespace().collect();
        let summary = words.join(" ");
        let commands: Vec<&str> = summary.split(": upshift ").skip(1).collect();
        assert!(!commands.is_empty(), "{summary}");
        for command in commands {
            let command = command.split(". ").next().unwrap_or_default();
            let verb = command.split(' ').next().unwrap_or_default();
            let help = upshift(&[verb, "--help"]).ok();
            for flag in command.split(' ').filter(|word| word.starts_with("--")) {
                assert!(help.contains(&format!("{flag} <")), "{command}: {flag}");
            }
        }
        count += 1;
    }
    assert_eq!(count, rules.matches("- alert:").count());
}

/// A query of the dashboard, as Grafana sends it.
fn with_variables(query: &str) -> String {
    query
        .replace("$__rate_interval", "10s")
        .replace("$job", "upshift")
        .replace("$instance", ".*")
        .replace("$rule", ".*")
}

fn encoded(query: &str) -> String {
    let mut encoded = String::new();
    for byte in query.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// The title and the query of every target of every panel.
fn panel_queries(dashboard: &Value) -> Vec<(String, String)> {
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().into_iter().flatten() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let title = panel["title"].as_str().unwrap_or_default();
            let query = target["expr"].as_str().unwrap_or_default();
            queries.push((title.to_owned(), with_variables(query)));
        }
    }
    queries
}

#[test]
fn prometheus_has_data_for_every_panel_and_loads_every_rule() {
    peers!("prometheus", "curl");
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), POLICY);
    send_requests(&gateway);
    let prometheus = Prometheus::with_rules(&gateway, &file(ALERTS));
    prometheus.answers("query?query=up", ",\"1\"]");
    let queries = panel_queries(&dashboard());
    assert!(queries.len() >= 30, "{}", queries.len());
    for (title, query) in queries {
        let mut answer = Value::Null;
        let has_data = eventually(|| {
            let text = prometheus.ask(&format!("query?query={}", encoded(&query)));
            answer = serde_json::from_str(&text).ok()?;
            let result = answer["data"]["result"].as_array()?;
            (answer["status"] == "success" && !result.is_empty()).then_some(())
        });
        assert!(has_data.is_some(), "{title}: {query}: {answer}");
    }
    let annotations = &dashboard()["annotations"]["list"];
    for annotation in annotations.as_array().into_iter().flatten() {
        let query = with_variables(annotation["expr"].as_str().unwrap_or_default());
        let answer = prometheus.ask(&format!("query?query={}", encoded(&query)));
        assert!(answer.contains("\"status\":\"success\""), "{query}: {answer}");
    }
    let rules: Value = serde_json::from_str(&prometheus.ask("rules")).expect("JSON");
    let groups = rules["data"]["groups"].as_array().expect("groups");
    for rule in groups.iter().flat_map(|group| group["rules"].as_array().into_iter().flatten()) {
        assert_ne!(rule["health"], "err", "{rule}");
    }
    assert_eq!(groups.len(), 2, "{rules}");
}

/// Grafana imports a dashboard without an id, finds it again by its uid, and asks for the data
/// source by a variable.
#[test]
fn the_dashboard_has_the_form_that_grafana_imports() {
    let dashboard = dashboard();
    assert_eq!(dashboard.get("id"), Some(&Value::Null));
    assert_eq!(dashboard["uid"], "upshift-gateway");
    let mut names = Vec::new();
    for variable in dashboard["templating"]["list"].as_array().expect("variables") {
        names.push(variable["name"].as_str().expect("a name"));
    }
    assert_eq!(names, ["datasource", "job", "instance", "rule"]);
    let mut ids = BTreeSet::new();
    for panel in dashboard["panels"].as_array().expect("panels") {
        assert!(ids.insert(panel["id"].as_u64()), "an id is there twice: {panel}");
        let right_edge = panel["gridPos"]["x"].as_u64().zip(panel["gridPos"]["w"].as_u64());
        assert!(right_edge.is_some_and(|(x, width)| x + width <= 24), "{panel}");
        for target in panel["targets"].as_array().into_iter().flatten() {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{panel}");
        }
    }
}
