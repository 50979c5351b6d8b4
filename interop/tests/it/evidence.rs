//! The evidence for an auditor: what was in force, since when and by whom, to the request, across
//! changes, reloads, restarts and kills; and every later edit of the records shows.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use interop::{Gateway, Origin, Output, PATIENCE, Scratch, exchange, pause, peers, run, upshift};
use serde_json::{Value, json};

use crate::dashboard::{assert_sound, visit};

const RULES: &str = r#"
[[rule]]
id = "accounts"
paths = ["/account/**"]
require = { tls = "1.2" }
phase = "enforce"
breaker = false
[[exemption]]
id = "kiosks"
rules = ["accounts"]
clients = ["AcmeKiosk"]
reason = "replaced in spring"
owner = "retail"
expires = 2099-03-01
"#;

pub(crate) fn send_accounts(to: SocketAddr, requests: u32, agent: &str) {
    for number in 0..requests {
        let request = format!(
            "GET /account/{number} HTTP/1.1\r\nHost: example.com\r\nUser-Agent: {agent}\r\n\
             Connection: close\r\n\r\n"
        );
        exchange(to, request.as_bytes(), false);
    }
}

pub(crate) fn evidence_of(source: &[&str]) -> Output {
    upshift(&[&["report", "--evidence", "..", "--json"], source].concat())
}

pub(crate) fn json_of(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// Waits until so many requests are in the evidence of the running gateway.
#[track_caller]
fn wait_for_requests(gateway: &Gateway, requests: u64) -> Value {
    let admin = format!("http://{}", gateway.admin());
    let begun = Instant::now();
    loop {
        let report = json_of(&evidence_of(&["--admin", &admin]));
        if report["traffic"]["total"]["requests"] == requests {
            return report;
        }
        assert!(begun.elapsed() < PATIENCE, "{report:#}");
        pause();
    }
}

pub(crate) fn texts<'v>(list: &'v Value, key: &str) -> Vec<&'v str> {
    let members = list.as_array().into_iter().flatten();
    members.map(|member| member[key].as_str().unwrap_or_default()).collect()
}

#[track_caller]
fn change(gateway: &Gateway, arguments: &[&str]) {
    let admin = format!("http://{}", gateway.admin());
    upshift(&[arguments, &["--admin", &admin]].concat()).ok();
}

#[track_caller]
fn reload(gateway: &mut Gateway, from: &str, to: &str) {
    let text = std::fs::read_to_string(gateway.file()).unwrap_or_default();
    std::fs::write(gateway.file(), text.replace(from, to))
        .unwrap_or_else(|error| panic!("{error}"));
    gateway.signal("HUP");
    gateway.program().wait_for("the reload", |lines| {
        lines.iter().any(|line| line.contains("reloaded: policy")).then_some(())
    });
}

/// Phases, causes and counts are those that were made, in the order in which they were made.
#[test]
fn the_evidence_is_what_happened() {
    let origin = Origin::start(200, &[]);
    let folder = Scratch::new();
    let store = folder.path().join("upshift.db");
    let line = format!("store = \"{}\"\nreason = \"CHG-7\"", store.display());
    let mut gateway = Gateway::with(origin.address(), &line, RULES, &["--reason", "first start"]);
    send_accounts(gateway.http(), 5, "curl/8");
    send_accounts(gateway.http(), 2, "AcmeKiosk/1");
    change(&gateway, &["pause", "accounts", "--reason", "phones ring"]);
    send_accounts(gateway.http(), 3, "curl/8");
    change(&gateway, &["undo", "--yes"]);
    reload(&mut gateway, "tls = \"1.2\"", "tls = \"1.3\"");
    change(&gateway, &["set", "accounts", "warn", "--for", "2s"]);
    let lapsed = Instant::now() + Duration::from_secs(3);
    while Instant::now() < lapsed {
        pause();
    }
    send_accounts(gateway.http(), 4, "curl/8");
    let report = wait_for_requests(&gateway, 14);
    let rule = &report["rules"][0];
    assert_eq!(
        texts(&rule["phases"], "phase"),
        ["enforce", "paused", "enforce", "warn", "enforce"],
        "{report:#}"
    );
    let causes = ["start", "change", "change", "change", "lapse"];
    assert_eq!(texts(&rule["phases"], "cause"), causes);
    assert_eq!(rule["phases"][1]["reason"], "phones ring");
    assert_eq!(texts(&report["revisions"], "reason")[0], "first start");
    assert_eq!(texts(&report["revisions"], "reason")[3], "CHG-7");
    let requirements = ["TLS 1.2 or later", "TLS 1.3 or later"];
    assert_eq!(texts(&rule["definitions"], "requirement"), requirements);
    assert_eq!(texts(&rule["interruptions"], "kind"), ["paused", "warn"]);
    let counts = |list: &Value| (list["requests"].clone(), list["callers"].clone());
    assert_eq!(counts(&rule["refused"]), (json!(9), json!(1)));
    assert_eq!(counts(&rule["exempt"]), (json!(2), json!(1)));
    assert_eq!(counts(&rule["behind"]), (json!(14), json!(1)));
    assert_eq!(rule["tls"][0]["label"], "none");
    assert_eq!(report["traffic"]["http"][0]["total"]["requests"], 14);
    assert_eq!(report["exemptions"][0]["owner"], "retail");
    assert_eq!(report["exemptions"][0]["requests"]["requests"], 2);
    assert_eq!(report["chain"]["intact"], true);
    let admin = format!("http://{}", gateway.admin());
    let table = upshift(&["report", "--evidence", "..", "--admin", &admin]).ok();
    // Its lines wrap.
    let table = table.split_whitespace().collect::<Vec<_>>().join(" ");
    for expected in [
        "The chain is intact: 6 revisions from ",
        " paused accounts (phones ring)",
        " undid change ",
        " set accounts to warn (no reason given)",
        " of rule accounts: replaced in spring (retail), since ",
    ] {
        assert!(table.contains(expected), "{expected}: {table}");
    }
    let paused = &report["revisions"][1]["change"];
    assert_eq!(paused["action"], "pause", "{report:#}");
    assert!(table.contains(&format!("change {}: ", paused["id"].as_str().unwrap_or("?"))));
    let file = folder.path().join("evidence.html");
    upshift(&[
        "report",
        "--evidence",
        "..",
        "--admin",
        &admin,
        "--output",
        &file.to_string_lossy(),
    ])
    .ok();
    let page = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(page.contains("data-requests=\"14\"") && page.contains("phones ring"), "{page}");
}

/// A stop is a known gap, and a kill an unknown one; the phases go on where they were.
#[test]
fn restarts_and_kills_leave_honest_gaps() {
    let origin = Origin::start(200, &[]);
    let folder = Scratch::new();
    let store = folder.path().join("upshift.db");
    let line = format!("store = \"{}\"", store.display());
    let mut sent = 0;
    for signal in ["TERM", "KILL"] {
        let mut gateway = Gateway::with(origin.address(), &line, RULES, &[]);
        send_accounts(gateway.http(), 10, "curl/8");
        sent += 10;
        wait_for_requests(&gateway, sent);
        gateway.signal(signal);
        gateway.program().ended();
    }
    let store = store.to_string_lossy();
    let stopped = json_of(&evidence_of(&["--store", &store]));
    assert_eq!(texts(&stopped["gaps"], "kind"), ["stopped", "not-recorded"], "{stopped:#}");
    assert_eq!(stopped["rules"][0]["enforced_since"], Value::Null);
    let gateway = Gateway::with(origin.address(), &line, RULES, &[]);
    let report = wait_for_requests(&gateway, sent);
    assert_eq!(texts(&report["gaps"], "kind"), ["stopped", "not-recorded"], "{report:#}");
    assert!(texts(&report["revisions"], "reason").iter().all(|reason| reason.is_empty()));
    let rule = &report["rules"][0];
    assert_eq!(texts(&rule["phases"], "phase"), ["enforce"; 3]);
    assert_eq!(texts(&rule["interruptions"], "kind"), ["stopped", "not-recorded"]);
    assert_eq!(rule["enforced_since"], rule["phases"][0]["from"], "restarts do not end it");
    assert_eq!(rule["refused"]["requests"], 20);
    let from_store = json_of(&evidence_of(&["--store", &store]));
    assert_eq!(from_store["rules"][0]["refused"], rule["refused"]);
    assert_eq!(from_store["chain"], report["chain"]);
}

/// The file needs neither the gateway nor a network, fits any screen, and has the same numbers.
#[test]
fn the_evidence_is_a_file_for_any_browser() {
    peers!("chromium", "node", "node packages");
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), RULES);
    send_accounts(gateway.http(), 5, "curl/8");
    change(&gateway, &["pause", "accounts", "--reason", "phones <b>ring</b>"]);
    let report = wait_for_requests(&gateway, 5);
    let admin = format!("http://{}", gateway.admin());
    let folder = Scratch::new();
    let file = folder.path().join("evidence.html");
    let name = file.to_string_lossy().into_owned();
    upshift(&["report", "--evidence", "..", "--admin", &admin, "--output", &name]).ok();
    drop(gateway);
    let url = format!("file://{name}");
    for page in visit(std::slice::from_ref(&url)) {
        assert_sound(&page);
        assert_eq!(page["loaded"], json!([url]), "{page:#}");
        assert_eq!(page["requests"], report["traffic"]["total"]["requests"], "{page:#}");
        let text = page["text"].as_str().unwrap_or_default();
        assert!(text.contains("phones <b>ring</b>"), "{text}");
        assert!(text.contains(report["chain"]["head"].as_str().unwrap_or("?")), "{text}");
    }
}

const EDIT: &str = "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1])\nc.executescript(sys.argv[2])\nc.commit()\n";

fn edit(store: &Path, script: &str) {
    run("python3", &["-c", EDIT, &store.to_string_lossy(), script]).ok();
}

/// A change that somebody made look like another shows, with the exit code of a failed check.
#[test]
fn an_edited_store_is_found() {
    let origin = Origin::start(200, &[]);
    let folder = Scratch::new();
    let store = folder.path().join("upshift.db");
    let line = format!("store = \"{}\"", store.display());
    let mut gateway = Gateway::with(origin.address(), &line, RULES, &[]);
    change(&gateway, &["pause", "accounts", "--reason", "phones ring"]);
    gateway.signal("TERM");
    gateway.program().ended();
    let path = store.to_string_lossy().into_owned();
    assert_eq!(evidence_of(&["--store", &path]).code, 0);
    edit(&store, "UPDATE revision SET actor = 'eve'");
    let edited = evidence_of(&["--store", &path]);
    assert_eq!(edited.code, 1, "{edited:?}");
    let problem = json_of(&edited)["chain"]["faults"][0]["problem"].clone();
    let problem = problem.as_str().unwrap_or_default();
    assert!(problem.ends_with("of revision 2, was changed after it was recorded"), "{problem}");
    edit(&store, "DELETE FROM policy_revision WHERE number = 2");
    let deleted = evidence_of(&["--store", &path]);
    assert!(deleted.code == 1 && deleted.stdout.contains("revision 2 is missing"), "{deleted:?}");
}

#[test]
fn periods_that_cannot_be_reported_are_errors() {
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), RULES);
    let admin = format!("http://{}", gateway.admin());
    let report = |period: &str| upshift(&["report", "--evidence", period, "--admin", &admin]);
    let before = report("2020-01-01..2020-02-01");
    assert_eq!(before.code, 4, "{before:?}");
    assert!(before.stdout.contains("gap        2020-01-01T00:00:00Z to 2020-02-01"), "{before:?}");
    assert!(before.stderr.contains("nothing is recorded of this period"), "{before:?}");
    let future = report("2099-01-01..");
    assert!(future.code == 2 && future.stderr.contains("begins in the future"), "{future:?}");
    let wrong = report("2026-01-01");
    assert!(wrong.code == 2 && wrong.stderr.contains("expected FROM..TO"), "{wrong:?}");
    let missing = evidence_of(&["--store", "/nonexistent/upshift.db"]);
    assert!(missing.code == 3 && missing.stderr.contains("there is no store"), "{missing:?}");
}
