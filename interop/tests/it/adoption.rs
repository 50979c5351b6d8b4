//! Usage: what `upshift report` shows is what was sent, whatever happens to the process and its
//! disk.

use std::path::Path;
use std::time::{Duration, Instant};

use interop::{Gateway, Origin, Output, PATIENCE, Scratch, exchange, pause, run, upshift};
use serde_json::Value;

use crate::orders::send_orders;
use crate::store::Disk;

const RULES: &str = r#"
[[rule]]
id = "orders-v2"
paths = ["/orders/**"]
require = { api = { minimum = "2.0", scheme = "numeric", read = ["header:X-Api-Version"] } }
[rule.rollout]
identity = ["header:X-Api-Key"]
warn = 2026-01-01
enforce = 2026-02-01
"#;

fn report(arguments: &[&str]) -> Output {
    upshift(&[&["report", "--json"], arguments].concat())
}

fn report_of(gateway: &Gateway) -> Value {
    let admin = format!("http://{}", gateway.admin());
    let output = report(&["--admin", &admin]);
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// The requests and callers of one version.
fn version_counts(report: &Value, version: &str) -> (u64, u64) {
    let versions = report["rules"][0]["versions"].as_array().cloned().unwrap_or_default();
    for found in versions {
        if found["label"] == version {
            let number = |key: &str| found[key].as_u64().unwrap_or_default();
            return (number("requests"), number("callers"));
        }
    }
    (0, 0)
}

/// Waits until so many requests are in the report of the running gateway.
#[track_caller]
fn wait_for_requests(gateway: &Gateway, requests: u64) -> Value {
    let begun = Instant::now();
    loop {
        let report = report_of(gateway);
        if report["total"]["requests"] == requests {
            return report;
        }
        assert!(begun.elapsed() < PATIENCE, "{report:#}");
        pause();
    }
}

fn metric(gateway: &Gateway, line: &str) -> bool {
    gateway.ask_admin("/metrics").text().lines().any(|found| found == line)
}

#[test]
fn the_report_shows_what_was_sent_to_the_last_request() {
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), RULES);
    let admin = format!("http://{}", gateway.admin());
    let nothing = upshift(&["report", "--admin", &admin]);
    assert_eq!(nothing.code, 4, "{nothing:?}");
    assert!(nothing.stderr.contains("nothing is recorded yet"), "{nothing:?}");

    send_orders(gateway.http(), "1.4", 30, 7);
    send_orders(gateway.http(), "2.0", 50, 11);
    let report = wait_for_requests(&gateway, 80);
    assert_eq!(version_counts(&report, "1.4"), (30, 7));
    assert_eq!(version_counts(&report, "2.0"), (50, 11));
    let rule = &report["rules"][0];
    assert_eq!((&rule["phase"], &rule["total"]["callers"]), (&"enforce".into(), &18.into()));
    assert_eq!(rule["behind"], serde_json::json!({ "requests": 30, "callers": 7 }));
    assert_eq!(rule["clients"][0]["label"], "AcmeApp/5");
    let refused = rule["refused_callers"].as_array().cloned().unwrap_or_default();
    assert_eq!(refused.len(), 7);
    assert_eq!((&refused[0]["requests"], &refused[0]["path"]), (&5.into(), &"/orders/*".into()));

    let table = upshift(&["report", "orders-v2", "--admin", &admin]).ok();
    assert!(table.contains("7 of 18 callers (38.89%), 37.5% of requests"), "{table}");
    let csv = upshift(&["report", "--csv", "--admin", &admin]).ok();
    assert!(csv.contains("\r\norders-v2,version,1.4,30,7,30,7\r\n"), "{csv}");
    let unknown = upshift(&["report", "nope", "--admin", &admin]);
    assert!(unknown.code == 2 && unknown.stderr.contains("no rule `nope`"), "{unknown:?}");
    let trips = upshift(&["trips", "nope", "--admin", &admin]);
    assert!(trips.code == 2 && trips.stderr.contains("no rule `nope`"), "{trips:?}");
    let none = upshift(&["trips", "--limit", "0", "--admin", &admin]);
    assert_eq!(none.code, 2, "{none:?}");
    let future = upshift(&["report", "--since", "2099-01-01", "--admin", &admin]);
    assert!(future.code == 2 && future.stderr.contains("--since is in the future"), "{future:?}");
    let ending = upshift(&["report", "--output", "report.pdf", "--admin", &admin]);
    assert!(ending.code == 2 && ending.stderr.contains(".html, .json or .txt"), "{ending:?}");
}

/// The store is whole after `kill -9`, and lacks two seconds at most; the next process goes on in
/// the same minute.
#[test]
fn usage_survives_a_kill() {
    let origin = Origin::start(200, &[]);
    let folder = Scratch::new();
    let store = folder.path().join("upshift.db");
    let line = format!("store = \"{}\"", store.display());
    let mut sent = 0;
    for round in 1..=3 {
        let gateway = Gateway::with(origin.address(), &line, RULES, &[]);
        send_orders(gateway.http(), "1.4", 20, 20);
        sent += 20;
        wait_for_requests(&gateway, sent);
        gateway.signal("KILL");
        drop(gateway);
        let checked = run("python3", &["-c", INTEGRITY, &store.to_string_lossy()]);
        assert_eq!(checked.stdout.trim(), "ok", "round {round}: {checked:?}");
    }
    let policy = folder.file("upshift.toml", RULES);
    let (store, policy) = (store.to_string_lossy(), policy.to_string_lossy());
    let output = report(&["--store", &store, "--config", &policy]);
    let report: Value = serde_json::from_str(&output.stdout).unwrap_or_default();
    assert_eq!(version_counts(&report, "1.4"), (60, 20), "{output:?}");
}

/// A stop loses nothing: the store is released early for the next process, and what is counted after
/// that is written at the end.
#[test]
fn usage_survives_a_stop() {
    let origin = Origin::start(200, &[]);
    let folder = Scratch::new();
    let store = folder.path().join("upshift.db");
    let line = format!("store = \"{}\"", store.display());
    let mut gateway = Gateway::with(origin.address(), &line, RULES, &[]);
    send_orders(gateway.http(), "1.4", 20, 20);
    gateway.signal("TERM");
    gateway.program().ended();
    let policy = folder.file("upshift.toml", RULES);
    let (store, policy) = (store.to_string_lossy(), policy.to_string_lossy());
    let output = report(&["--store", &store, "--config", &policy]);
    let report: Value = serde_json::from_str(&output.stdout).unwrap_or_default();
    assert_eq!(version_counts(&report, "1.4"), (20, 20), "{output:?}");
}

/// Thousands of rules that match each request make thousands of rows: none pushes another out.
#[test]
fn a_large_policy_is_recorded_whole_and_paused_at_once() {
    let origin = Origin::start(200, &[]);
    let mut rules = String::new();
    for number in 0..5_000 {
        rules.push_str(&RULES.replace("orders-v2", &format!("rule-{number}")));
    }
    let gateway = Gateway::start(origin.address(), &rules);
    send_orders(gateway.http(), "1.4", 12, 4);
    let report = wait_for_requests(&gateway, 12);
    for rule in report["rules"].as_array().into_iter().flatten() {
        assert_eq!(rule["behind"], serde_json::json!({ "requests": 12, "callers": 4 }), "{rule}");
    }
    let begun = Instant::now();
    let admin = format!("http://{}", gateway.admin());
    let paused = upshift(&["pause", "--all", "--admin", &admin]);
    assert!(paused.code == 0 && begun.elapsed() < Duration::from_secs(4), "{:?}", paused.stderr);
}

const INTEGRITY: &str = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('PRAGMA integrity_check').fetchone()[0])";

/// A full disk stops recording, not serving; what was counted meanwhile is written when there is
/// room.
#[test]
fn a_full_disk_stops_recording_and_nothing_else() {
    let Some(disk) = Disk::mount() else { return };
    let origin = Origin::start(200, &[]);
    let line = format!("store = \"{}\"", disk.store().display());
    let mut gateway = Gateway::with(origin.address(), &line, RULES, &[]);
    send_orders(gateway.http(), "2.0", 5, 5);
    wait_for_requests(&gateway, 5);
    assert!(metric(&gateway, "upshift_usage_write_failing 0"));

    disk.fill();
    send_orders(gateway.http(), "2.0", 30, 30);
    gateway.program().wait_for("word in the log", |lines| {
        lines.iter().any(|line| line.contains("cannot record usage")).then_some(())
    });
    assert!(metric(&gateway, "upshift_usage_write_failing 1"));

    disk.empty();
    let report = wait_for_requests(&gateway, 35);
    assert_eq!(version_counts(&report, "2.0"), (35, 30));
    assert!(metric(&gateway, "upshift_usage_write_failing 0"));
    assert!(metric(&gateway, "upshift_usage_rows_lost_total 0"));
}

#[test]
fn recording_can_be_switched_off() {
    let origin = Origin::start(200, &[]);
    let rules = format!("{RULES}\n[adoption]\nrecord = false\n");
    let gateway = Gateway::start(origin.address(), &rules);
    send_orders(gateway.http(), "2.0", 3, 3);
    std::thread::park_timeout(Duration::from_secs(3));
    assert_eq!(report_of(&gateway)["total"]["requests"], 0);
}

#[test]
fn a_store_that_cannot_be_read_is_an_error() {
    let folder = Scratch::new();
    let policy = folder.file("upshift.toml", RULES);
    let report_of_store = |store: &Path| {
        let (store, policy) = (store.to_string_lossy(), policy.to_string_lossy());
        report(&["--store", &store, "--config", &policy])
    };
    let missing = report_of_store(&folder.path().join("none.db"));
    assert!(missing.code == 3 && missing.stderr.contains("there is no store"), "{missing:?}");
    let text =
        report_of_store(&folder.file("text.db", "a text, and no database at all, of any kind"));
    assert!(text.code == 3 && text.stderr.contains("not a database"), "{text:?}");
    let folder_itself = report_of_store(folder.path());
    assert!(folder_itself.code == 3, "{folder_itself:?}");
    let newer = folder.path().join("newer.db");
    let script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('PRAGMA user_version = 99'); c.execute('CREATE TABLE t (x)'); c.commit()";
    run("python3", &["-c", script, &newer.to_string_lossy()]).ok();
    let newer = report_of_store(&newer);
    assert!(newer.code == 3 && newer.stderr.contains("layout 99"), "{newer:?}");
    let unreachable = report(&["--admin", "http://127.0.0.1:1"]);
    assert!(unreachable.code == 3, "{unreachable:?}");
}

const LATER: &str = r#"
[[rule]]
id = "orders-v2"
paths = ["/orders/**"]
require = { api = { minimum = "2.0", scheme = "numeric", read = ["header:X-Api-Version"] } }
phase = "PHASE"
[rule.rollout]
identity = ["header:X-Api-Key"]
enforce = 2026-02-01
"#;

/// A change is tried on the callers in the last minutes, whether it is a verb, a file or a reload.
#[test]
fn the_canary_says_how_many_callers_would_be_newly_refused() {
    let origin = Origin::start(200, &[]);
    let mut gateway = Gateway::start(origin.address(), &LATER.replace("PHASE", "warn"));
    let admin = format!("http://{}", gateway.admin());
    send_orders(gateway.http(), "1.4", 24, 12);
    send_orders(gateway.http(), "2.0", 80, 40);
    wait_for_requests(&gateway, 104);

    let refused = upshift(&["set", "orders-v2", "enforce", "--admin", &admin]);
    let sentence = "12 of 52 callers in the last minute would be newly refused (23.08%)";
    assert!(refused.code == 2 && refused.stderr.contains(sentence), "{refused:?}");

    let folder = Scratch::new();
    let enforcing = LATER.replace("PHASE", "enforce");
    let policy = format!("[gateway]\nupstream = \"http://127.0.0.1:1\"\n{enforcing}");
    let file = folder.file("next.toml", policy);
    let file = file.to_string_lossy();
    let checked = upshift(&["check", "--offline", "--against", &admin, "--deny-warnings", &file]);
    assert!(checked.code == 1 && checked.stderr.contains(sentence), "{checked:?}");
    assert!(checked.stderr.contains("\n  orders-v2: 12"), "{checked:?}");
    let json = upshift(&["check", "--offline", "--json", "--against", &admin, &file]);
    let json: Value = serde_json::from_str(&json.stdout).unwrap_or_default();
    assert_eq!(
        (&json["canary"]["newly_refused"], &json["canary"]["callers"]),
        (&12.into(), &52.into())
    );

    let running = std::fs::read_to_string(gateway.file()).unwrap_or_default();
    std::fs::write(gateway.file(), running.replace("\"warn\"", "\"enforce\""))
        .unwrap_or_else(|error| panic!("{error}"));
    gateway.signal("HUP");
    gateway.program().wait_for("the canary of the reload", |lines| {
        lines.iter().any(|line| line.contains(sentence)).then_some(())
    });
}

/// Who was hit is readable when the breaker has tripped.
#[test]
fn a_trip_names_versions_clients_and_paths() {
    let origin = Origin::start(200, &[]);
    let rules = format!("{RULES}\n[breaker]\nminimum = 20\nrefused-share = 0.2\n{PROXY}")
        .replace("enforce = 2026-02-01", &format!("enforce = {}", yesterday()));
    let gateway = Gateway::start(origin.address(), &rules);
    let admin = format!("http://{}", gateway.admin());
    let none = upshift(&["trips", "--admin", &admin]);
    assert!(none.code == 4 && none.stderr.contains("no breaker has tripped"), "{none:?}");

    // Each from a network of its own: the breaker does not trip for one network alone.
    for caller in 0..60 {
        let request = format!(
            "GET /orders/{caller}00 HTTP/1.1\r\nHost: example.com\r\nX-Api-Version: 1.4\r\n\
             X-Api-Key: {caller}\r\nX-Forwarded-For: 198.51.{caller}.7\r\n\
             User-Agent: AcmeApp/5.1\r\nConnection: close\r\n\r\n"
        );
        exchange(gateway.http(), request.as_bytes(), false);
    }
    let begun = Instant::now();
    loop {
        let trips = upshift(&["trips", "orders-v2", "--admin", &admin]);
        if trips.stdout.contains("versions   1.4 (100%)") {
            assert!(trips.stdout.contains("clients    AcmeApp/5 (100%)"), "{trips:?}");
            assert!(trips.stdout.contains("paths      /orders/* (100%)"), "{trips:?}");
            assert!(trips.stdout.contains("held at warn"), "{trips:?}");
            assert!(trips.stdout.contains("upshift resume orders-v2"), "{trips:?}");
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{trips:?}");
        pause();
    }
}

const PROXY: &str = r#"
[[gateway.proxy]]
from = ["127.0.0.0/8"]
reads = { peer = "X-Forwarded-For" }
"#;

fn yesterday() -> String {
    interop::date(interop::since_1970(), -1)
}
