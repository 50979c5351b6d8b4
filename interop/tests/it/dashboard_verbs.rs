//! The verbs and the live feed of the dashboard, in a real browser.

use interop::{Gateway, Origin, exchange, peers, script};
use serde_json::{Value, json};

const TOKEN: &str = "open sesame, please";
const RULES: &str = "
[[rule]]
id = \"relay\"
paths = [\"/derp\"]
require = { protocol = \"derp/2\" }
";

/// An operator at the dashboard of a gateway, and what the browser saw.
struct Visit {
    gateway: Gateway,
    seen: Value,
}

impl Visit {
    fn of(scenario: &str) -> Self {
        let origin = Origin::start(200, &[]);
        let token = format!("admin-token = \"{TOKEN}\"");
        let gateway = Gateway::with(origin.address(), &token, RULES, &[]);
        let admin = format!("http://{}", gateway.admin());
        let printed = script("operator.cjs", &[scenario, &admin, TOKEN, &gateway.url("")]).ok();
        let seen =
            serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"));
        Self { gateway, seen }
    }

    /// The text that the browser showed.
    fn text(&self, name: &str) -> &str {
        self.seen[name].as_str().unwrap_or_default()
    }

    fn revisions(&self) -> Value {
        let request = format!(
            "GET /api/revisions HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {TOKEN}\r\n\
             Connection: close\r\n\r\n",
            self.gateway.admin()
        );
        exchange(self.gateway.admin(), request.as_bytes(), false).0.json()
    }
}

#[test]
fn an_operator_sets_a_phase_and_undoes_it_with_the_dry_run_shown() {
    peers!("chromium", "node", "node packages");
    let visit = Visit::of("verbs");
    let seen = &visit.seen;
    assert!(visit.text("landed").ends_with("/rules/relay"), "{seen:#}");
    for part in ["Set relay to off?", "Nothing has changed yet", "enforce", "100%", "0%"] {
        assert!(visit.text("shown").contains(part), "{part}: {seen:#}");
    }
    for part in ["relay set to off", "a try <b>", "Ada (dashboard)", "Until"] {
        assert!(visit.text("made").contains(part), "{part}: {seen:#}");
    }
    assert!(visit.text("undo").contains("More callers will be refused than now"), "{seen:#}");
    assert!(visit.text("undone").contains("change number 1 undone"), "{seen:#}");
    assert_eq!(seen["statuses"], json!([426, 200, 200, 426]), "{seen:#}");
    assert_eq!(seen["findings"], json!([]), "{seen:#}");
    assert_eq!(seen["complaints"], json!([]), "{seen:#}");
    let revisions = visit.revisions();
    assert_eq!(revisions[1]["reason"], "a try <b>", "{revisions:#}");
    assert_eq!(revisions[0]["undoes"], 1, "{revisions:#}");
}

#[test]
fn the_keyboard_alone_pauses_a_rule_and_undoes_that() {
    peers!("chromium", "node", "node packages");
    let visit = Visit::of("keyboard");
    assert_eq!(visit.text("focus"), "Pause relay?", "{:#}", visit.seen);
    assert_eq!(visit.seen["statuses"], json!([200, 426]), "{:#}", visit.seen);
}

#[test]
fn the_verbs_work_without_script() {
    peers!("chromium", "node", "node packages");
    let visit = Visit::of("scriptless");
    assert!(visit.text("rule").contains("This list needs script"), "{:#}", visit.seen);
    assert!(visit.text("made").contains("relay paused"), "{:#}", visit.seen);
    assert_eq!(visit.seen["status"], 200, "{:#}", visit.seen);
    assert!(visit.text("left").ends_with("/login"), "{:#}", visit.seen);
}

/// One of the pages is on another port of the same host, so that the browser sends the cookie, and
/// knows the key of the session.
#[test]
fn forms_of_other_sites_change_nothing() {
    peers!("chromium", "node", "node packages");
    let visit = Visit::of("forged");
    let statuses = visit.seen["statuses"].as_array().cloned().unwrap_or_default();
    assert_eq!(statuses.len(), 8, "{:#}", visit.seen);
    for status in &statuses {
        assert!(status.as_str().is_some_and(|status| status.ends_with(" 403")), "{status}");
    }
    assert_eq!(visit.seen["status"], 426);
    assert_eq!(visit.revisions(), json!([]));
    assert!(visit.text("page").contains("Change this rule"), "{:#}", visit.seen);
}

#[test]
fn the_feed_shows_a_decision_as_it_is_made_and_pauses() {
    peers!("chromium", "node", "node packages");
    let visit = Visit::of("feed");
    let seen = &visit.seen;
    assert_eq!(seen["status"], 426, "{seen:#}");
    for part in ["refuse", "relay enforce", "HTTP/1.1, cleartext", "GET /derp"] {
        assert!(visit.text("first").contains(part), "{part}: {seen:#}");
    }
    assert!(visit.text("numbers").starts_with("Requests"), "{seen:#}");
    assert_eq!(seen["paused"], json!(["Paused", "Run"]), "{seen:#}");
    assert_eq!(seen["whilePaused"], 1, "{seen:#}");
    assert!(visit.text("second").contains("GET /other"), "{seen:#}");
    assert_eq!((&seen["findings"], &seen["complaints"]), (&json!([]), &json!([])), "{seen:#}");
}

#[test]
fn a_page_that_stays_open_shows_changes_of_others() {
    peers!("chromium", "node", "node packages");
    let visit = Visit::of("refreshed");
    let seen = &visit.seen;
    assert_eq!(
        (&seen["before"], &seen["after"]),
        (&"enforce".into(), &"paused".into()),
        "{seen:#}"
    );
    assert_eq!(seen["complaints"], json!([]), "{seen:#}");
}
