//! Evidence of what no person did: a trip of the breaker, a phase that begins by its date, and a
//! disk that was full meanwhile.

use std::time::{Duration, Instant};

use interop::{Gateway, Origin, PATIENCE, exchange, pause, rfc3339, since_1970, upshift};
use serde_json::{Value, json};

use crate::evidence::{evidence_of, json_of, send_accounts, texts};
use crate::store::Disk;

/// Waits until the evidence of a running gateway is as `is_there` wants it.
#[track_caller]
fn wait_for_evidence(gateway: &Gateway, is_there: impl Fn(&Value) -> bool) -> Value {
    let admin = format!("http://{}", gateway.admin());
    let begun = Instant::now();
    loop {
        let report = json_of(&evidence_of(&["--admin", &admin]));
        if is_there(&report) {
            return report;
        }
        assert!(begun.elapsed() < PATIENCE, "{report:#}");
        pause();
    }
}

const TRIPPING: &str = r#"
[[rule]]
id = "accounts"
paths = ["/account/**"]
require = { api = { minimum = "2.0", scheme = "numeric", read = ["header:X-Api-Version"] } }
phase = "enforce"
breaker = { refused-share = 0.2, minimum = 20 }
[[gateway.proxy]]
from = ["127.0.0.0/8"]
reads = { peer = "X-Forwarded-For" }
"#;

#[test]
fn a_trip_of_the_breaker_ends_enforcement_with_its_numbers() {
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), TRIPPING);
    // Each from a network of its own: the breaker does not trip for one network alone.
    for caller in 0..60 {
        let request = format!(
            "GET /account/1 HTTP/1.1\r\nHost: example.com\r\nX-Api-Version: 1.4\r\n\
             X-Forwarded-For: 198.51.{caller}.7\r\nConnection: close\r\n\r\n"
        );
        exchange(gateway.http(), request.as_bytes(), false);
    }
    let report = wait_for_evidence(&gateway, |report| {
        texts(&report["rules"][0]["phases"], "cause").contains(&"trip")
    });
    let rule = &report["rules"][0];
    assert_eq!(texts(&rule["phases"], "phase"), ["enforce", "warn"], "{report:#}");
    assert_eq!(texts(&rule["phases"], "cause"), ["start", "trip"]);
    let reason = rule["phases"][1]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains(" identities were refused within 60 s"), "{reason}");
    assert_eq!(texts(&rule["interruptions"], "kind"), ["warn"], "{report:#}");
    assert_eq!(rule["enforced_since"], Value::Null, "{report:#}");
    let trip = &report["revisions"][1];
    assert_eq!((&trip["cause"], &trip["actor"]), (&json!("trip"), &json!("breaker")), "{trip:#}");
    assert_eq!(report["chain"]["intact"], true);
    let admin = format!("http://{}", gateway.admin());
    let table = upshift(&["report", "--evidence", "..", "--admin", &admin]).ok();
    assert!(table.contains("breaker"), "{table}");
}

#[test]
fn a_phase_that_begins_by_its_date_is_in_the_evidence_from_that_moment() {
    let origin = Origin::start(200, &[]);
    let begin = rfc3339(since_1970() + Duration::from_secs(4));
    let rules = format!(
        "[[rule]]\nid = \"accounts\"\npaths = [\"/account/**\"]\nrequire = {{ tls = \"1.2\" }}\n\
         breaker = false\n[rule.rollout]\nwarn = 2026-01-01\nenforce = {begin}\n"
    );
    let gateway = Gateway::start(origin.address(), &rules);
    send_accounts(gateway.http(), 3, "curl/8");
    let report = wait_for_evidence(&gateway, |report| {
        texts(&report["revisions"], "cause").contains(&"calendar")
    });
    let rule = &report["rules"][0];
    assert_eq!(texts(&rule["phases"], "phase"), ["warn", "enforce"], "{report:#}");
    assert_eq!(texts(&rule["phases"], "cause"), ["start", "calendar"]);
    // Requests were decided by the next phase from its very beginning.
    assert_eq!(rule["phases"][1]["from"], begin, "{report:#}");
    assert_eq!(rule["enforced_since"], begin, "{report:#}");
    assert_eq!(report["revisions"][1]["at"], begin, "{report:#}");
    assert_eq!(report["chain"]["intact"], true);
}

const RULES: &str = r#"
[[rule]]
id = "accounts"
paths = ["/account/**"]
require = { tls = "1.2" }
phase = "enforce"
breaker = false
"#;

/// A change on a full disk is evidence as soon as there is room, in its place and unbroken. A
/// process that is killed before leaves a gap, and no invented phase.
#[test]
fn a_full_disk_delays_the_evidence_or_leaves_a_gap() {
    let Some(disk) = Disk::mount() else { return };
    let origin = Origin::start(200, &[]);
    let line = format!("store = \"{}\"", disk.store().display());
    let mut gateway = Gateway::with(origin.address(), &line, RULES, &[]);
    send_accounts(gateway.http(), 5, "curl/8");
    wait_for_evidence(&gateway, |report| report["traffic"]["total"]["requests"] == 5);
    disk.fill();
    let admin = format!("http://{}", gateway.admin());
    upshift(&["pause", "accounts", "--reason", "phones ring", "--admin", &admin]).ok();
    send_accounts(gateway.http(), 3, "curl/8");
    gateway.program().wait_for("word in the log", |lines| {
        lines.iter().any(|line| line.contains("a restart would forget it")).then_some(())
    });
    let store = disk.store().to_string_lossy().into_owned();
    let meanwhile = json_of(&evidence_of(&["--store", &store]));
    assert_eq!(texts(&meanwhile["revisions"], "cause"), ["start"], "{meanwhile:#}");
    assert_eq!(meanwhile["chain"]["intact"], true, "{meanwhile:#}");

    disk.empty();
    let report = wait_for_evidence(&gateway, |report| {
        report["traffic"]["total"]["requests"] == 8
            && texts(&report["revisions"], "cause") == ["start", "change"]
    });
    let rule = &report["rules"][0];
    assert_eq!(texts(&rule["phases"], "phase"), ["enforce", "paused"], "{report:#}");
    assert_eq!(rule["phases"][1]["reason"], "phones ring");
    assert!(texts(&report["gaps"], "kind").is_empty(), "{report:#}");
    assert_eq!(report["chain"]["intact"], true);

    disk.fill();
    upshift(&["resume", "accounts", "--yes", "--admin", &admin]).ok();
    gateway.signal("KILL");
    gateway.program().ended();
    disk.empty();
    let gateway = Gateway::with(origin.address(), &line, RULES, &[]);
    let report =
        wait_for_evidence(&gateway, |report| texts(&report["gaps"], "kind") == ["not-recorded"]);
    // The resume was never written, and the restart obeys the store.
    let rule = &report["rules"][0];
    assert_eq!(texts(&rule["phases"], "phase"), ["enforce", "paused", "paused"], "{report:#}");
    assert_eq!(texts(&rule["phases"], "cause"), ["start", "change", "held"], "{report:#}");
    assert_eq!(report["chain"]["intact"], true, "{report:#}");
}
