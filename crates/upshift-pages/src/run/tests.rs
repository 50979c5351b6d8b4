#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

use super::*;

/// A run with a case of each kind. Texts of others have markup in them.
pub(super) fn record() -> RunRecord {
    let try_of = |verdict: serde_json::Value| {
        let mut one = serde_json::json!({"took_ms": 12.5, "evidence": {
            "exchanges": [{"schema": "upshift.exchange/1", "lane": "h1.1",
                "request": {"method": "GET", "target": "/<i>", "version": "1.1", "fields": []},
                "response": {"status": 426, "version": "1.1", "fields": [["X", "<script>"]]}}],
            "notes": [{"note": "U001", "level": "error", "in": "response", "message": "the 426 has no <b>Upgrade</b>",
                "source": "RFC 9110 §15.5.22", "summary": "s", "quote": "The server MUST send an Upgrade header field",
                "source_url": "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.22", "exchange": 1, "fails": true}],
            "connections": [{"number": 1, "peer": "127.0.0.1:80", "protection": "cleartext",
                "timeline": [{"at_ms": 0.1, "what": "connected"}, {"at_ms": 1.5, "what": "<b>426</b> with a name that is long"}],
                "wire": [{"at_ms": 0.2, "event": "sent", "octets": "GET /<i> HTTP/1.1\r\n"},
                    {"at_ms": 1.4, "event": "received", "octets": "\u{0}\u{1}<b>"}]}],
        }});
        one.as_object_mut().unwrap().extend(verdict.as_object().unwrap().clone());
        one
    };
    let failed = serde_json::json!({"verdict": "failed",
        "details": [{"what": "status", "expected": "426", "actual": "<b>200</b>"}]});
    let passed = serde_json::json!({"verdict": "passed"});
    let case = |id: &str, lane: &str| {
        serde_json::json!({"address": format!("a.upshift.toml::{id}[{lane}]"), "kind": "probe",
            "line": 7, "action": "GET http://127.0.0.1/<i>", "expects": "status 426", "retries": 1})
    };
    let outcome = |id: &str, lane: &str, tries: Vec<serde_json::Value>| serde_json::json!({"address": format!("a.upshift.toml::{id}[{lane}]"), "kind": "probe", "tries": tries});
    serde_json::from_value(serde_json::json!({
        "schema": "upshift.test-report/1", "started": "2027-03-31T09:30:00Z",
        "suites": [{"path": "a.upshift.toml", "name": "<b>checkout</b>"}],
        "planned": [case("orders", "h1.1"), case("orders", "h2"), case("orders", "h3"), case("late", "h1.1")],
        "outcomes": [
            outcome("orders", "h1.1", vec![try_of(failed.clone())]),
            outcome("orders", "h2", vec![try_of(failed), try_of(passed)]),
            outcome("orders", "h3", vec![serde_json::json!({"took_ms": 0.0, "verdict": "skipped", "details": "no UDP <b>"})]),
        ],
    }))
    .unwrap()
}

#[test]
fn the_page_shows_every_case_and_its_evidence() {
    let page = render_run(&record());
    for part in [
        "<h1>2 of 4 cases fell short</h1>",
        "fell short</span>",
        "a.upshift.toml::orders[h1.1]: FAIL",
        "a.upshift.toml::late[h1.1]: not run",
        "not run: the run ended before this case",
        "upshift replay 'a.upshift.toml::orders[h2]'",
        "The server MUST send an Upgrade header field",
        "Try 2 of 2",
        "000000  00 01 3c 62 3e",
        "&gt; GET /&lt;i&gt; HTTP/1.1\\r\\n",
        "Content-Security-Policy",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
}

#[test]
fn what_others_say_is_escaped() {
    let page = render_run(&record());
    for raw in ["<b>", "<i>", "<script"] {
        assert!(!page.contains(raw), "{raw}");
    }
    assert!(!page.contains("style=\""), "the policy allows no inline style");
}

/// The page of a run that was interrupted is valid, and no success.
#[test]
fn a_run_without_outcomes_is_shown() {
    let mut record = record();
    record.outcomes.clear();
    let page = render_run(&record);
    assert!(page.contains("<h1>4 of 4 cases fell short</h1>"), "{page}");
    assert_eq!(page.matches(": not run\"").count(), 4, "{page}");
}
