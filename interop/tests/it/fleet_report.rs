//! The report of a fleet: a real Prometheus scrapes several gateways, and the sums are what was sent.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use interop::{Gateway, Origin, Output, PATIENCE, exchange, free_port, pause, peers, upshift};
use serde_json::{Value, json};

use crate::metrics::Prometheus;
use crate::operations::eventually;

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
    assert!(table.contains(" at 3 gateways since "), "{table}");
    assert!(table.contains("Prometheus does not know callers, versions, clients"), "{table}");
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
    // It accepts connections and never answers.
    let hanging = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let begun = Instant::now();
    let unanswered = report(hanging.local_addr().expect("an address"), &[]);
    assert!(
        unanswered.code == 3 && unanswered.stderr.contains("did not answer within 8 seconds"),
        "{unanswered:?}"
    );
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
    let prometheus = Prometheus::of_fleet(&[SocketAddr::from(([127, 0, 0, 1], 1))]);
    prometheus.answers("query?query=up", "success");
    let empty = report(prometheus.address, &[]);
    assert!(empty.code == 4 && empty.stderr.contains("no metrics of Upshift"), "{empty:?}");
}

/// Waits until the dashboard has this text.
#[track_caller]
fn wait_for_page(gateway: &Gateway, path: &str, text: &str) -> String {
    let mut last = String::new();
    let shown = eventually(|| {
        let reply = gateway.ask_admin(path);
        assert_eq!(reply.status, 200, "{}", reply.text());
        last = reply.text();
        last.contains(text).then_some(())
    });
    assert!(shown.is_some(), "no {text} in {last}");
    last
}

/// The dashboard of one gateway has the numbers of all, and renders without them.
#[test]
fn a_dashboard_shows_the_numbers_of_a_fleet() {
    peers!("prometheus");
    let origin = Origin::start(200, &[]);
    let others = [Gateway::start(origin.address(), RULES), Gateway::start(origin.address(), RULES)];
    // Prometheus has to know the gateway's address, and the gateway that of Prometheus.
    let address = free_port();
    let url = format!("http://user:secret@{address}/");
    let shown = Gateway::with(origin.address(), "", RULES, &["--prometheus", &url]);
    let page = wait_for_page(&shown, "/", "gives no numbers");
    assert!(page.contains("orders-v2") && page.contains("Upstreams of this gateway"), "{page}");
    let admins = [others[0].admin(), others[1].admin(), shown.admin()];
    let prometheus = Prometheus::of_fleet_at(address, &admins);
    for gateway in others.iter().chain([&shown]) {
        send(gateway.http(), "/orders/1", "1.4", 11);
        send(gateway.http(), "/orders/1", "2.0", 4);
    }
    let report = wait_for_requests(address, 45);
    assert_eq!(
        (&report["gateways"], &report["rules"][0]["behind"]["requests"]),
        (&json!(3), &json!(33))
    );
    // A report of a part of the requests may be kept for ten seconds.
    let page = wait_for_page(&shown, "/", "data-requests=\"45\"");
    assert!(page.contains(&format!("3 gateways, from Prometheus at http://{address}")), "{page}");
    assert!(page.contains("33 of 45") && !page.contains(":secret"), "{page}");
    assert!(!page.contains("of 0 callers") && !page.contains("from – callers"), "{page}");
    let rule = wait_for_page(&shown, "/rules/orders-v2", "data-verdict=\"warn\"");
    assert!(rule.contains("73.33% of 45 requests are behind"), "{rule}");
    assert!(rule.contains("class=\"requests-behind\" value=\"33\""), "{rule}");
    // The API is that of the one gateway.
    let own: Value =
        serde_json::from_str(&shown.ask_admin("/api/adoption").text()).unwrap_or_default();
    assert_eq!(own["total"]["requests"], 15, "{own:#}");
    drop(prometheus);
    let page = wait_for_page(&shown, "/", "gives no numbers");
    assert!(page.contains("orders-v2") && !page.contains("data-requests"), "{page}");
}

/// A Prometheus that accepts connections and is silent holds up neither the page for long, nor the
/// other routes.
#[test]
fn a_silent_prometheus_does_not_hold_up_the_admin_listener() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("{error}"));
    let address = silent.local_addr().unwrap_or_else(|error| panic!("{error}"));
    let origin = Origin::start(200, &[]);
    let url = format!("http://{address}");
    let gateway = Gateway::with(origin.address(), "", RULES, &["--prometheus", &url]);
    std::thread::scope(|scope| {
        let begun = Instant::now();
        let page = scope.spawn(|| gateway.ask_admin("/"));
        // The query has arrived, so the page waits.
        let connection = silent.accept();
        assert_eq!(gateway.ask_admin("/healthz").status, 200);
        assert!(!page.is_finished(), "the page did not wait for the query");
        let page = page.join().unwrap_or_else(|_| panic!("the page failed"));
        assert_eq!(page.status, 200);
        assert!(page.text().contains("gives no numbers"), "{}", page.text());
        // The limit is five seconds.
        assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
        drop(connection);
    });
    // The failure is kept: the next page does not wait.
    let begun = Instant::now();
    assert!(gateway.ask_admin("/").text().contains("gives no numbers"));
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}
