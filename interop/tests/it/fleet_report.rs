//! The report of a fleet: a real Prometheus scrapes several gateways, and the sums are what was sent.

use std::net::SocketAddr;
use std::time::Instant;

use interop::{Gateway, Origin, Output, PATIENCE, exchange, pause, peers, upshift};
use serde_json::{Value, json};

use crate::metrics::Prometheus;

const RULES: &str = r#"
[[rule]]
id = "orders-v2"
paths = ["/orders/**"]
require = { api = { minimum = "2.0", scheme = "numeric", read = ["header:X-Api-Version"] } }
phase = "warn"
[[rule]]
id = "accounts"
paths = ["/accounts/**"]
require = { tls = "1.2" }
breaker = false
"#;

fn send(to: SocketAddr, path: &str, version: &str, requests: u32) {
    for _ in 0..requests {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: example.com\r\nX-Api-Version: {version}\r\n\
             Connection: close\r\n\r\n"
        );
        exchange(to, request.as_bytes(), false);
    }
}

fn report(prometheus: SocketAddr, arguments: &[&str]) -> Output {
    let url = format!("http://{prometheus}");
    upshift(&[&["report", "--since", "1h", "--prometheus", &url], arguments].concat())
}

/// Waits until so many requests are in the report.
#[track_caller]
fn wait_for_requests(prometheus: SocketAddr, requests: u64) -> Value {
    let begun = Instant::now();
    loop {
        let output = report(prometheus, &["--json"]);
        let report: Value = serde_json::from_str(&output.stdout).unwrap_or_default();
        if report["total"]["requests"] == requests {
            return report;
        }
        assert!(begun.elapsed() < PATIENCE, "{output:?}");
        pause();
    }
}

/// The sums are exact, also for a gateway that is gone, and nothing is made up.
#[test]
fn the_report_of_a_fleet_is_the_sum_of_its_gateways() {
    peers!("prometheus");
    let origin = Origin::start(200, &[]);
    let mut gateways = Vec::new();
    for _ in 0..3 {
        gateways.push(Gateway::start(origin.address(), RULES));
    }
    let admins: Vec<SocketAddr> = gateways.iter().map(Gateway::admin).collect();
    let prometheus = Prometheus::of_fleet(&admins);
    for (number, gateway) in (1..).zip(&gateways) {
        send(gateway.http(), "/orders/1", "1.4", 10 * number);
        send(gateway.http(), "/orders/1", "2.0", 5);
        send(gateway.http(), "/accounts/1", "", number);
    }
    let sent = 60 + 15 + 6;
    wait_for_requests(prometheus.address, sent);
    drop(gateways.remove(0));
    send(gateways[0].http(), "/orders/1", "1.4", 7);
    let report_json = wait_for_requests(prometheus.address, sent + 7);
    let (accounts, orders) = (&report_json["rules"][0], &report_json["rules"][1]);
    assert_eq!((&orders["rule"], &orders["phase"]), (&json!("orders-v2"), &json!("warn")));
    assert_eq!(orders["total"], json!({ "requests": 82, "callers": null }));
    assert_eq!(orders["behind"]["requests"], 67);
    assert_eq!(accounts["verdicts"][0]["label"], "refuse");
    assert_eq!(accounts["verdicts"][0]["requests"], 6);
    assert_eq!(report_json["http"][0]["label"], "1.1");
    assert_eq!(report_json["http"][0]["requests"], 88);
    assert_eq!(report_json["tls"][0]["label"], "none");
    let series = orders["series"].as_array().cloned().unwrap_or_default();
    let counted: u64 = series.iter().filter_map(|point| point["requests"].as_u64()).sum();
    assert_eq!(counted, 82, "{orders:#}");
    assert_eq!(orders["projection"]["answer"], "not-known");
    let not_known = report_json["not_known"].as_array().cloned().unwrap_or_default();
    assert!(not_known.contains(&json!("callers")), "{not_known:?}");
    let table = report(prometheus.address, &["orders-v2"]).ok();
    assert!(table.contains("behind     81.71% of requests"), "{table}");
    let page = report(prometheus.address, &["--html"]).ok();
    assert!(page.contains("orders-v2") && !page.contains("of 0 callers"), "{page}");
}

#[test]
fn a_prometheus_without_numbers_is_an_error() {
    peers!("prometheus");
    let silent = report(SocketAddr::from(([127, 0, 0, 1], 1)), &[]);
    assert!(silent.code == 3 && silent.stderr.contains("cannot be reached"), "{silent:?}");
    let origin = Origin::start(200, &[]);
    let other = report(origin.address(), &[]);
    assert!(other.code == 3 && other.stderr.contains("as a Prometheus does"), "{other:?}");
    let refusing = Origin::start(401, &[]);
    let refused = report(refusing.address(), &[]);
    assert!(
        refused.code == 3 && refused.stderr.contains("UPSHIFT_PROMETHEUS_TOKEN"),
        "{refused:?}"
    );
    let prometheus = Prometheus::of_fleet(&[SocketAddr::from(([127, 0, 0, 1], 1))]);
    prometheus.answers("query?query=up", "success");
    let empty = report(prometheus.address, &[]);
    assert!(empty.code == 4 && empty.stderr.contains("no metrics of Upshift"), "{empty:?}");
}
