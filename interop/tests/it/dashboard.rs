//! The dashboard and the HTML report in a real browser: their numbers, their shape and their access.

use std::time::Instant;

use interop::{Gateway, Origin, PATIENCE, Scratch, exchange, pause, peers, script, upshift};
use serde_json::Value;

use crate::orders::send_orders;

const RULES: &str = r#"
[[rule]]
id = "orders-v2"
paths = ["/orders/**"]
require = { api = { minimum = "2.0", scheme = "numeric", read = ["header:X-Api-Version"] } }
[rule.rollout]
identity = ["header:X-Api-Key"]
warn = 2026-01-01
enforce = 2026-02-01

[[rule]]
id = "a.rule_with.a-rather_long.name.that-has_no.place-to_break.it0123"
paths = ["/orders/**"]
require = { http = "2" }
[rule.rollout]
identity = ["header:X-Api-Key"]
warn = 2026-01-01
ramp = 2126-01-01
enforce = 2126-02-01

[[rule]]
id = "never-asked"
paths = ["/never"]
require = { http = "2" }

[[exemption]]
rules = ["orders-v2"]
identities = ["kiosk"]
reason = "kiosks are replaced in spring"
owner = "retail-team"
expires = 2126-03-01
"#;

fn ask_json(gateway: &Gateway, path: &str) -> Value {
    let reply = gateway.ask_admin(path);
    serde_json::from_str(&reply.text()).unwrap_or_else(|error| panic!("{error}: {reply:?}"))
}

/// A gateway that has refused some of 80 requests, all of them recorded.
fn gateway_with_traffic(origin: &Origin) -> Gateway {
    let gateway = Gateway::start(origin.address(), RULES);
    send_orders(gateway.http(), "1.4", 30, 7);
    send_orders(gateway.http(), "2.0", 50, 11);
    let begun = Instant::now();
    while ask_json(&gateway, "/api/adoption")["total"]["requests"] != 80 {
        assert!(begun.elapsed() < PATIENCE, "{:#}", ask_json(&gateway, "/api/adoption"));
        pause();
    }
    gateway
}

/// The pages, each at two widths.
pub(crate) fn visit(urls: &[String]) -> Vec<Value> {
    let arguments: Vec<&str> = urls.iter().map(String::as_str).collect();
    let seen = script("dashboard.cjs", &arguments).ok();
    serde_json::from_str(&seen).unwrap_or_else(|error| panic!("{error}: {seen}"))
}

/// What holds for every page.
#[track_caller]
pub(crate) fn assert_sound(page: &Value) {
    assert_eq!(page["overflow"], 0, "the page scrolls sideways: {page:#}");
    assert_eq!(page["complaints"], serde_json::json!([]), "{page:#}");
    assert_eq!(page["violations"], serde_json::json!([]), "{page:#}");
    let passed = [page["passed"].as_u64(), page["passedDark"].as_u64()];
    assert!(passed[0] > Some(10) && passed[1] == Some(1), "axe checked nothing: {page:#}");
    assert_eq!(page["cut"], 0, "a chart is too narrow: {page:#}");
    assert_eq!(page["unhinted"], 0, "nothing shows that a table goes on: {page:#}");
}

/// A number of a page, by its class and verdict.
#[track_caller]
fn number(page: &Value, class: &str, verdict: &str) -> u64 {
    for found in page["numbers"].as_array().into_iter().flatten() {
        if found[0] == class && found[1] == verdict {
            return found[2].as_u64().unwrap_or_default();
        }
    }
    panic!("there is no {class} {verdict} in {page:#}")
}

/// The numbers of the first rule on a page are those of a report.
#[track_caller]
fn assert_numbers(page: &Value, report: &Value) {
    let rule = &report["rules"][0];
    for (class, expected) in [
        ("callers-behind", &rule["behind"]["callers"]),
        ("callers-total", &rule["total"]["callers"]),
        ("requests-behind", &rule["behind"]["requests"]),
        ("requests-total", &rule["total"]["requests"]),
    ] {
        assert_eq!(Some(number(page, class, "")), expected.as_u64(), "{class}: {page:#}");
    }
    for verdict in rule["verdicts"].as_array().into_iter().flatten() {
        let name = verdict["label"].as_str().unwrap_or_default();
        let shown = number(page, "verdict-total", name);
        assert_eq!(Some(shown), verdict["requests"].as_u64(), "{name}: {page:#}");
    }
}

#[test]
fn pages_fit_any_screen_and_are_accessible() {
    peers!("chromium", "node", "node packages");
    let origin = Origin::start(200, &[]);
    let gateway = gateway_with_traffic(&origin);
    let admin = format!("http://{}", gateway.admin());
    let long = "/rules/a.rule_with.a-rather_long.name.that-has_no.place-to_break.it0123";
    let paths = ["/", "/rules/orders-v2?period=24h", long, "/rules/never-asked"];
    let seen = visit(&paths.map(|path| format!("{admin}{path}")));
    assert_eq!(seen.len(), 2 * paths.len());
    assert!(seen[2]["wide"].as_u64() > Some(0), "no table is wider than a phone: {:#}", seen[2]);
    for page in &seen {
        assert_sound(page);
        assert_eq!(page["status"], 200, "{page:#}");
        for url in page["loaded"].as_array().into_iter().flatten() {
            let url = url.as_str().unwrap_or_default();
            assert!(url.starts_with(&admin) || url.starts_with("data:"), "{url} is elsewhere");
        }
    }
}

#[test]
fn the_numbers_of_a_page_are_those_of_the_api() {
    peers!("chromium", "node", "node packages");
    let origin = Origin::start(200, &[]);
    let gateway = gateway_with_traffic(&origin);
    let report = ask_json(&gateway, "/api/adoption");
    assert_eq!(report["rules"][0]["behind"], serde_json::json!({ "requests": 30, "callers": 7 }));
    let admin = format!("http://{}", gateway.admin());
    let seen = visit(&[format!("{admin}/rules/orders-v2"), format!("{admin}/")]);
    assert_numbers(&seen[0], &report);
    assert_eq!(number(&seen[0], "verdict-total", "refuse"), 30);
    let overview = seen[2]["text"].as_str().unwrap_or_default();
    assert!(overview.contains("38.89% of callers behind"), "{overview}");
    assert_eq!(seen[2]["requests"], 80, "{:#}", seen[2]);
}

/// The file is the report of the JSON, and needs neither the gateway nor a network to be read.
#[test]
fn the_report_is_a_file_with_the_same_numbers() {
    peers!("chromium", "node", "node packages");
    let origin = Origin::start(200, &[]);
    let gateway = gateway_with_traffic(&origin);
    let admin = format!("http://{}", gateway.admin());
    let json = upshift(&["report", "--json", "--admin", &admin]).ok();
    let report: Value = serde_json::from_str(&json).unwrap_or_default();
    let folder = Scratch::new();
    let file = folder.file("adoption.html", "an older report");
    let name = file.to_string_lossy().into_owned();
    let written = upshift(&["report", "--html", "--output", &name, "--admin", &admin]);
    assert_eq!((written.code, written.stdout.as_str()), (0, ""), "{written:?}");
    let printed = upshift(&["report", "--html", "--admin", &admin]).ok();
    assert!(printed.starts_with("<!DOCTYPE html>"), "{printed}");
    drop(gateway);
    let url = format!("file://{name}");
    for page in visit(std::slice::from_ref(&url)) {
        assert_sound(&page);
        assert_eq!(page["loaded"], serde_json::json!([url]), "{page:#}");
        assert_numbers(&page, &report);
        assert_eq!(page["requests"], 80, "{page:#}");
    }
}

/// The report of a store says the same, and an error leaves the old file as it was.
#[test]
fn the_report_of_a_store_replaces_the_file_or_leaves_it() {
    let origin = Origin::start(200, &[]);
    let gateway = gateway_with_traffic(&origin);
    let folder = Scratch::new();
    let policy = folder.file("upshift.toml", RULES);
    let file = folder.file("adoption.html", "an older report");
    let (policy, file) = (policy.to_string_lossy(), file.to_string_lossy());
    let store = gateway.store().to_string_lossy().into_owned();
    let html = ["report", "--html", "--output", &file, "--config", &policy, "--store"];
    let missing = upshift(&[&html[..], &["/no/such/store.db"]].concat());
    assert_eq!(missing.code, 3, "{missing:?}");
    assert_eq!(std::fs::read_to_string(&*file).unwrap_or_default(), "an older report");
    let written = upshift(&[&html[..], &[&store]].concat());
    assert_eq!(written.code, 0, "{written:?}");
    let page = std::fs::read_to_string(&*file).unwrap_or_default();
    assert!(page.contains("7 of 18 callers are behind, 38.89%"), "{page}");
    let both = upshift(&["report", "--html", "--json", "--store", &store]);
    assert_eq!(both.code, 2, "{both:?}");
}

/// Before a rule refuses anyone, its page lists whom it would refuse.
#[test]
fn the_callers_of_a_rule_that_only_warns_are_listed() {
    let origin = Origin::start(200, &[]);
    let gateway =
        Gateway::start(origin.address(), &RULES.replace("enforce = 2026", "enforce = 2126"));
    send_orders(gateway.http(), "1.4", 14, 7);
    send_orders(gateway.http(), "2.0", 3, 3);
    let begun = Instant::now();
    loop {
        let page = gateway.ask_admin("/rules/orders-v2").text();
        if page.contains("7 of 10 callers in the last minute would be newly refused") {
            assert_eq!(page.matches("<td><bdi>1.4</bdi></td>").count(), 7, "{page}");
            assert_eq!(page.matches("<bdi>/orders/*</bdi>").count(), 7, "{page}");
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{page}");
        pause();
    }
}

#[test]
fn pages_need_the_same_access_as_the_api() {
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), RULES);
    for path in ["/", "/rules/orders-v2"] {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
        let reply = exchange(gateway.admin(), request.as_bytes(), false).0;
        assert_eq!(reply.status, 403, "{path}: {reply:?}");
        let page = gateway.ask_admin(path);
        assert_eq!((page.status, page.field("cache-control").as_str()), (200, "no-store"));
        assert!(
            page.field("content-security-policy").starts_with("default-src 'none'"),
            "{page:?}"
        );
    }
    for path in ["/rules/unknown", "/rules/%3Cscript%3E", "/rules/a%2Fb"] {
        let page = gateway.ask_admin(path);
        assert_eq!(page.status, 404, "{path}: {page:?}");
        assert!(!page.text().contains("<script"), "{page:?}");
    }
}
