//! Acting on running gateways: `pause`, `resume`, `set`, `undo`, and `explain --admin`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use interop::{Gateway, Origin, Scratch, date, exchange, pause, rfc3339, upshift};

const PLAIN: &[u8] = b"GET /derp HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n";
const RULES: &str =
    "[[rule]]\nid = \"relay\"\npaths = [\"/derp\"]\nrequire = { protocol = \"derp/2\" }\n";

fn asked(gateway: &Gateway) -> u16 {
    exchange(gateway.http(), PLAIN, false).0.status
}

fn admin(gateway: &Gateway) -> String {
    format!("http://{}", gateway.admin())
}

#[test]
fn a_pause_holds_over_a_restart_and_is_undone_by_one_command() {
    let origin = Origin::start(200, &[]);
    let folder = Scratch::new();
    let store = format!("store = \"{}\"", folder.path().join("upshift.db").display());
    {
        let mut gateway = Gateway::with(origin.address(), &store, RULES, &[]);
        assert_eq!(asked(&gateway), 426);
        let said = upshift(&[
            "pause",
            "relay",
            "--reason",
            "a try",
            "--actor",
            "ada",
            "--admin",
            &admin(&gateway),
        ])
        .ok();
        assert!(said.contains("relay: enforce → paused (0% refused), change "), "{said}");
        // `undo` takes the id of the change. A revision number that it does not take once stood
        // beside it.
        assert!(!said.contains("revision"), "{said}");
        assert_eq!(asked(&gateway), 200);
        gateway.program().signal("HUP");
        gateway.program().wait_for("reload", |lines| {
            lines.iter().any(|line| line.contains("reloaded")).then_some(())
        });
        assert_eq!(asked(&gateway), 200, "a pause survives a reload");
    }
    let mut gateway = Gateway::with(origin.address(), &store, RULES, &[]);
    assert_eq!(asked(&gateway), 200, "and a restart");
    gateway.program().wait_for("word of the pause", |lines| {
        lines.iter().any(|line| line.contains("relay: paused by ada")).then_some(())
    });
    let target = format!("http://{}/derp", gateway.http());
    let explained = upshift(&["explain", "--json", "--admin", &admin(&gateway), &target]).ok();
    let record: serde_json::Value = serde_json::from_str(&explained).unwrap_or_default();
    assert_eq!(
        (&record["verdict"], &record["phase"]),
        (&"warn".into(), &"paused".into()),
        "{explained}"
    );
    let plan = upshift(&["plan", "--admin", &admin(&gateway)]).ok();
    assert!(plan.contains("paused") && plan.contains("set by ada: a try"), "{plan}");
    let asked_first = upshift(&["undo", "--admin", &admin(&gateway)]);
    assert_eq!(
        (asked_first.code, asked(&gateway)),
        (2, 200),
        "it would refuse again: {}",
        asked_first.stderr
    );
    let undone = upshift(&["undo", "--yes", "--json", "--admin", &admin(&gateway)]).ok();
    let undone: serde_json::Value = serde_json::from_str(&undone).unwrap_or_default();
    assert_eq!(
        (&undone[0]["obeyed"], &undone[0]["report"]["undoes"]),
        (&true.into(), &1.into()),
        "{undone}"
    );
    assert_eq!(asked(&gateway), 426);
    let metrics = gateway.ask_admin("/metrics").text();
    assert!(
        metrics.contains("upshift_rule_phase{rule=\"relay\",phase=\"enforce\"} 1"),
        "{metrics}"
    );
}

#[test]
fn resume_needs_a_yes_where_more_would_be_refused_than_before() {
    let origin = Origin::start(200, &[]);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let day = |days: i64| date(now, days);
    // Over the four days of the ramp, a share grows by a basis point in 35 seconds, too slowly for
    // a test. So a second step begins in three seconds.
    let soon = rfc3339(now + Duration::from_secs(3));
    let rules = format!(
        "[[rule]]\nid = \"relay\"\npaths = [\"/derp\"]\nrequire = {{ protocol = \"derp/2\" }}\n\
         [rule.rollout]\nidentity = [\"peer\"]\nwarn = {}\n\
         ramp = [{{ at = {}, share = 0.1 }}, {{ at = {soon}, share = 0.6 }}]\n\
         enforce = {}\n",
        day(-3),
        day(-2),
        day(2)
    );
    let gateway = Gateway::start(origin.address(), &rules);
    upshift(&["pause", "relay", "--admin", &admin(&gateway)]).ok();
    let planned = || gateway.ask_admin("/api/plan").json();
    let stopped_at: Vec<_> = planned().as_array().cloned().unwrap_or_default();
    assert_eq!((&stopped_at[0]["phase"], &stopped_at[1]["held"]), (&"paused".into(), &true.into()));
    // The second step begins while the rule is paused.
    let begun = || {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
            > now + Duration::from_secs(4)
    };
    while !begun() {
        pause();
    }
    let asked = upshift(&["resume", "relay", "--admin", &admin(&gateway)]);
    assert_eq!(asked.code, 2, "{}", asked.stderr);
    for part in ["10% of the callers were refused when it was stopped at 2", "Z, 60% would be now"]
    {
        assert!(asked.stderr.contains(part), "{}", asked.stderr);
    }
    let status = gateway.ask_admin("/api/status").json();
    assert_eq!(status["rules"][0]["phase"], "paused", "{status}");
    upshift(&["resume", "relay", "--yes", "--admin", &admin(&gateway)]).ok();
    let status = gateway.ask_admin("/api/status").json();
    assert_eq!(status["rules"][0]["phase"], "ramp", "{status}");
}

/// A command that changes nothing is reported as such and creates no policy revision. It once
/// created one, and the evidence listed changes that had not happened.
#[test]
fn a_change_of_nothing_is_reported_and_not_recorded() {
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), RULES);
    let resumed = upshift(&["resume", "relay", "--admin", &admin(&gateway)]);
    assert_eq!(resumed.code, 0, "{resumed:?}");
    let text = "nothing to change: relay already follows the policy file";
    assert!(resumed.stdout.contains(text), "{resumed:?}");
    assert_eq!(gateway.ask_admin("/api/revisions").json(), serde_json::json!([]));
    upshift(&["pause", "relay", "--admin", &admin(&gateway)]).ok();
    let again = upshift(&["pause", "relay", "--json", "--admin", &admin(&gateway)]).ok();
    let again: serde_json::Value = serde_json::from_str(&again).unwrap_or_default();
    assert_eq!(
        (&again[0]["obeyed"], &again[0]["outcome"], &again[0]["change"]),
        (&true.into(), &"nothing-to-change".into(), &serde_json::Value::Null),
        "{again}"
    );
    let revisions = gateway.ask_admin("/api/revisions").json();
    assert_eq!(revisions.as_array().map(Vec::len), Some(1), "{revisions}");
    let evidence = gateway.ask_admin("/api/evidence").json();
    let recorded = evidence["revisions"].as_array().cloned().unwrap_or_default();
    let causes: Vec<_> = recorded.iter().map(|revision| revision["cause"].clone()).collect();
    assert_eq!(causes, ["start", "change"], "{evidence:#}");
}

#[test]
fn a_token_is_asked_for_where_there_is_one() {
    let origin = Origin::start(200, &[]);
    let gateway =
        Gateway::with(origin.address(), "admin-token = \"open sesame, please\"", RULES, &[]);
    let without = upshift(&["pause", "--all", "--admin", &admin(&gateway)]);
    assert_eq!((without.code, asked(&gateway)), (3, 426));
    assert!(without.stderr.contains("admin token"), "{}", without.stderr);
    upshift(&["pause", "--all", "--admin", &admin(&gateway), "--token", "open sesame, please"])
        .ok();
    assert_eq!(asked(&gateway), 200);
    assert_eq!(gateway.ask_admin("/healthz").status, 200, "health is for everybody");
}

/// The address of the admin listener, which `serve` and `demo` print, leads to a page whose links
/// all work.
#[test]
fn the_address_of_the_admin_listener_is_a_page_that_lists_what_is_there() {
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), RULES);
    let page = gateway.ask_admin("/");
    assert_eq!(
        (page.status, page.field("content-type").as_str()),
        (200, "text/html; charset=utf-8")
    );
    let text = page.text();
    let links: Vec<&str> =
        text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(links.len() >= 7, "{text}");
    for link in links {
        // The others are fragments of this page or `data:` URLs.
        if link.starts_with('/') {
            let path = link.split('#').next().unwrap_or_default();
            assert_eq!(gateway.ask_admin(path).status, 200, "{link}");
        }
    }
}
