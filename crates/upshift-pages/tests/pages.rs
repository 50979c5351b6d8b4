//! The pages of known records.

use std::collections::HashSet;

use serde_json::{Value, json};
use upshift_pages::layout::Delivery;
use upshift_pages::overview::render_overview;
use upshift_pages::period::Period;
use upshift_pages::report::render_report;
use upshift_pages::rule::render_rule_page;
use upshift_pages::view::{AdoptionSource, GatewayView};
use upshift_pages::{Markup, PreEscaped};

const NOW: &str = "2026-11-30T08:12:00Z";
const HOSTILE: &str = "<script>alert(1)</script>\"'&";

fn counts(requests: u64, callers: u64) -> Value {
    json!({ "requests": requests, "callers": callers })
}

fn label(label: &str, (requests, callers): (u64, u64), behind: (u64, u64)) -> Value {
    let behind = counts(behind.0, behind.1);
    json!({ "label": label, "requests": requests, "callers": callers, "behind": behind })
}

/// A day of a series. Without callers, there were no requests.
fn day(day: u32, callers: u64, behind: u64) -> Value {
    json!({
        "from": format!("2026-11-{day:02}T00:00:00Z"), "seconds": 86_400, "complete": day < 30,
        "requests": callers * 10, "callers": callers, "behind": counts(behind * 10, behind),
        "admitted": counts((callers - behind) * 10, callers - behind),
        "refused": counts(behind * 10, behind),
    })
}

/// A rule with 1,234 callers, 56 of them behind.
fn adoption(rule: &str) -> Value {
    json!({
        "rule": rule, "phase": "warn", "next": null,
        "total": counts(12_345, 1_234), "behind": counts(560, 56), "uncertain": counts(5, 1),
        "verdicts": [label("admit", (11_785, 1_178), (0, 0)), label("refuse", (560, 56), (560, 56))],
        "versions": [label("1.4", (560, 56), (560, 56)), label("2.0", (11_785, 1_178), (0, 0))],
        "clients": [label("AcmeApp/5", (560, 56), (560, 56))], "http": [], "tls": [],
        "series": [day(27, 400, 40), day(28, 0, 0), day(29, 400, 20), day(30, 100, 1)],
        "projection": { "answer": "not-at-this-rate", "sentence": "Not at this rate." },
        "refused_callers": [{
            "caller": "c-1", "requests": 41_002, "uncertainty": 310,
            "first_seen": "2026-11-01T00:00:00Z", "last_seen": NOW, "version": "1.4",
            "client": "AcmeApp/5", "path": "/orders/*", "network": "192.0.2.0/24",
        }],
    })
}

fn report(rules: &[Value]) -> AdoptionSource {
    let report = json!({
        "now": NOW, "from": "2026-10-31T00:00:00Z", "recording_since": "2026-11-27T09:00:00Z",
        "total": counts(12_345, 1_234), "http": [label("1.1", (12_345, 1_234), (0, 0))], "tls": [],
        "rules": rules,
    });
    AdoptionSource::Recorded(read(report))
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    match serde_json::from_value(value) {
        Ok(record) => record,
        Err(error) => panic!("{error}"),
    }
}

fn status(rule: &str, breaker: &str) -> Value {
    json!({
        "rule": rule, "phase": "warn", "share": 0.0, "until": null, "planned_phase": "warn",
        "breaker": { "state": breaker, "seen": 480, "refused": 12, "share": 0.025,
            "refused_share": 0.05, "window": 60, "minimum": 200 },
        "target_seen": 1, "without_identity": 0,
    })
}

/// A gateway with these rules, of which the breaker of the last one has tripped.
fn gateway(rules: &[&str]) -> GatewayView {
    let mut statuses: Vec<Value> = rules.iter().map(|rule| status(rule, "armed")).collect();
    if let (Some(last), Some(rule)) = (statuses.last_mut(), rules.last()) {
        *last = status(rule, "tripped");
    }
    let exemption = json!({ "exemption": "kiosks", "rules": [], "owner": "retail-team",
        "reason": HOSTILE, "expires": "2027-03-01T00:00:00Z", "expired": false });
    let endpoint = json!({ "endpoint": "http://10.0.0.1:3000", "state": "ejected", "backup": false,
        "connections": 0, "requests": 7, "failures": 3, "ejections": 1 });
    let mut plan = Vec::new();
    for rule in rules {
        plan.push(json!({ "rule": rule, "phase": "warn", "from": null,
            "to": "2026-12-06T00:00:00Z", "share": 0.0 }));
        plan.push(json!({ "rule": rule, "phase": "enforce", "from": "2026-12-06T00:00:00Z",
            "to": null, "share": 1.0 }));
    }
    let recorded: Vec<Value> = rules.iter().map(|rule| adoption(rule)).collect();
    GatewayView {
        now: NOW.to_owned(),
        adoption: report(&recorded),
        status: Some(read(json!({ "revision": "sha256:1", "overrides": null, "rules": statuses,
            "exemptions": [exemption] }))),
        plan: read(Value::Array(plan)),
        trips: Vec::new(),
        gateway: Some(read(json!({ "version": "0.1.0", "now": NOW, "certificate": null,
            "endpoints": [endpoint] }))),
    }
}

fn nothing() -> Markup {
    PreEscaped(String::new())
}

fn overview(view: &GatewayView) -> String {
    let nothing = nothing();
    let delivery = Delivery::Served { head: &nothing, header: &nothing };
    render_overview(view, Period::Month, delivery, &nothing)
}

fn rule_page(view: &GatewayView, id: &str) -> String {
    let nothing = nothing();
    let delivery = Delivery::Served { head: &nothing, header: &nothing };
    let Some(rule) = view.rule(id) else { panic!("there is no rule {id}") };
    render_rule_page(view, &rule, Period::Month, delivery, &nothing)
}

/// The values of an attribute in the order of the page.
fn attributes<'p>(page: &'p str, name: &str) -> Vec<&'p str> {
    let start = format!(" {name}=\"");
    let parts = page.split(start.as_str()).skip(1);
    parts.filter_map(|rest| rest.split('"').next()).collect()
}

/// What holds for every page.
#[track_caller]
fn assert_sound(page: &str) {
    for refused in ["<script", " style=", " onclick=", " onload=", "javascript:", "http://www"] {
        // The icon names the namespace of SVG.
        let found = page.replace("http://www.w3.org/2000/svg", "").contains(refused);
        assert!(!found, "{refused} in {page}");
    }
    assert_eq!(page.matches("<h1>").count(), 1, "{page}");
    let ids = attributes(page, "id");
    let known: HashSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), known.len(), "an id is not unique: {ids:?}");
    for reference in ["aria-labelledby", "aria-describedby"] {
        for names in attributes(page, reference) {
            for name in names.split(' ') {
                assert!(known.contains(name), "{reference}={name} leads nowhere");
            }
        }
    }
    let svgs = page.matches("<svg").count();
    let named = page.matches("aria-hidden=\"true\"").count() + page.matches("role=\"img\"").count();
    // The stretched SVG within a chart is a part of it.
    let nested = page.matches("preserveAspectRatio").count();
    assert_eq!(svgs, named + nested, "an image without a name: {page}");
}

#[test]
fn pages_show_the_numbers_of_the_records() {
    let view = gateway(&["orders-v2"]);
    let page = rule_page(&view, "orders-v2");
    assert_sound(&page);
    for shown in [
        "56 of 1,234 callers are behind, 4.54%",
        "value=\"12345\">12,345</data>",
        "not at this rate",
        "41,002 (± 310)",
        "12 of 480 callers refused in the last 60 seconds (2.5%)",
        "The breaker has tripped",
        "all</td>",
    ] {
        assert!(page.contains(shown), "{shown} is not in {page}");
    }
    let page = overview(&view);
    assert_sound(&page);
    for shown in ["The rule needs attention", "4.54%", "ejected", "retail-team", "27 Nov 2026"] {
        assert!(page.contains(shown), "{shown} is not in {page}");
    }
}

/// Before a rule refuses anyone, its page says whom it would refuse.
#[test]
fn a_page_lists_the_callers_that_enforcing_would_refuse() {
    let view = gateway(&["orders-v2"]);
    let trial = read(json!({
        "report": { "off": false, "seconds": 600, "callers": 300, "newly_refused": 9,
            "newly_admitted": 0, "rules": [{ "rule": "orders-v2", "newly_refused": 7 }],
            "missed": 0, "unrecorded_fields": [] },
        "behind": [{ "caller": "9c1f04ab77de2101", "version": HOSTILE, "client": "AcmeApp/5",
            "path": "/orders/*", "network": "198.51.100.0/24" }],
    }));
    let Some(mut rule) = view.rule("orders-v2") else { panic!("there is no rule") };
    rule.trial = Some(&trial);
    let nothing = nothing();
    let delivery = Delivery::Served { head: &nothing, header: &nothing };
    let page = render_rule_page(&view, &rule, Period::Month, delivery, &nothing);
    assert_sound(&page);
    for shown in [
        "7 of 300 callers in the last 10 minutes would be newly refused (2.33%)",
        "9c1f04ab77de2101",
        "198.51.100.0/24",
    ] {
        assert!(page.contains(shown), "{shown} is not in {page}");
    }
}

/// The day without requests is not drawn as 0 %.
#[test]
fn a_day_without_requests_is_a_gap_of_the_curve() {
    let page = rule_page(&gateway(&["orders-v2"]), "orders-v2");
    let paths = attributes(&page, "d");
    let curve = paths.iter().rfind(|path| path.starts_with('M') && path.matches('M').count() == 2);
    let Some(curve) = curve else { panic!("no curve with a gap: {paths:?}") };
    assert_eq!((curve.matches('M').count(), curve.matches('L').count()), (2, 1), "{curve}");
}

#[test]
fn what_clients_and_operators_write_stays_text() {
    let mut hostile = adoption(HOSTILE);
    hostile["versions"] = json!([label(HOSTILE, (5, 5), (5, 5))]);
    hostile["clients"] = json!([label(HOSTILE, (5, 5), (5, 5))]);
    hostile["projection"]["sentence"] = HOSTILE.into();
    for member in ["caller", "version", "client", "path", "network", "first_seen"] {
        hostile["refused_callers"][0][member] = HOSTILE.into();
    }
    let mut view = gateway(&[HOSTILE]);
    view.adoption = report(&[hostile]);
    for page in [overview(&view), rule_page(&view, HOSTILE), render_report(&view)] {
        assert_sound(&page);
        assert!(page.contains("&lt;script&gt;alert(1)"), "{page}");
    }
    let link = "href=\"/rules/%3Cscript%3Ealert%281%29%3C%2Fscript%3E%22%27%26\"";
    assert!(overview(&view).contains(link), "{}", overview(&view));
}

#[test]
fn a_gateway_without_a_store_shows_the_rest() {
    let view = GatewayView { adoption: AdoptionSource::NoStore, ..gateway(&["orders-v2"]) };
    let page = overview(&view);
    assert_sound(&page);
    assert!(page.contains("this gateway has no store"), "{page}");
    assert!(page.contains("not recorded") && page.contains("The breaker has tripped"), "{page}");
    assert!(page.contains("ejected") && page.contains("retail-team"), "{page}");
    let page = rule_page(&view, "orders-v2");
    assert_sound(&page);
    assert!(page.contains("It is not known who is behind"), "{page}");
    assert!(page.contains("enforce") && page.contains("12 of 480"), "{page}");
    let error = AdoptionSource::Unreadable("the disk is gone".to_owned());
    let page = overview(&GatewayView { adoption: error, ..view });
    assert!(page.contains("the disk is gone"), "{page}");
}

#[test]
fn an_empty_store_is_said() {
    let mut rule = adoption("orders-v2");
    for member in ["versions", "clients", "verdicts", "series", "refused_callers"] {
        rule[member] = json!([]);
    }
    for member in ["total", "behind", "uncertain"] {
        rule[member] = counts(0, 0);
    }
    let mut view = gateway(&["orders-v2"]);
    view.adoption = report(&[rule]);
    if let AdoptionSource::Recorded(report) = &mut view.adoption {
        (report.recording_since, report.total) = (None, Default::default());
    }
    let page = overview(&view);
    assert_sound(&page);
    assert!(page.contains("Nothing is recorded yet"), "{page}");
    let page = rule_page(&view, "orders-v2");
    assert_sound(&page);
    assert!(page.contains("No request matched this rule in this period"), "{page}");
}

/// The page of a rule with 61 callers, of which 16 are behind.
fn page_with_verdicts(verdicts: &[Value]) -> String {
    let mut rule = adoption("orders-v2");
    (rule["total"], rule["behind"]) = (counts(124, 61), counts(34, 16));
    rule["verdicts"] = json!(verdicts);
    let mut view = gateway(&["orders-v2"]);
    view.adoption = report(&[rule]);
    let page = rule_page(&view, "orders-v2");
    assert_sound(&page);
    page
}

/// An exempt caller is behind, and enforcing would not refuse it.
#[test]
fn enforcing_refuses_no_exempt_caller() {
    let (admitted, exempt) = (label("admit", (90, 45), (0, 0)), label("exempt", (4, 1), (4, 1)));
    let refused = label("refuse", (30, 15), (30, 15));
    let page = page_with_verdicts(&[admitted.clone(), exempt, refused]);
    let expected = "Enforcing during this whole period would have refused 15 callers (24.59%) and \
                    30 requests (24.19%). Behind, but exempt: 4 requests of 1 caller.";
    assert!(page.contains(expected), "{page}");
    // The same caller may have requests of both kinds.
    let warned = label("warn", (10, 9), (10, 9));
    let exempt = label("exempt", (4, 3), (4, 3));
    let refused = label("refuse", (20, 9), (20, 9));
    let page = page_with_verdicts(&[admitted.clone(), exempt, warned, refused]);
    assert!(page.contains("would have refused at most 16 callers (26.23%) and 30 requests"));
    let all = label("exempt", (34, 16), (34, 16));
    let page = page_with_verdicts(&[admitted, all]);
    assert!(page.contains("Enforcing would have refused no request of this period. Behind"));
}

#[test]
fn a_rule_that_the_file_no_longer_has_keeps_its_numbers() {
    let mut view = gateway(&["orders-v2"]);
    let mut gone = adoption("gone");
    gone["phase"] = Value::Null;
    view.adoption = report(&[adoption("orders-v2"), gone]);
    let page = overview(&view);
    assert!(page.contains("href=\"/rules/gone\"") && page.contains("no longer in the policy"));
    let page = rule_page(&view, "gone");
    assert_sound(&page);
    assert!(page.contains("56 of 1,234 callers are behind"), "{page}");
    assert!(view.rule("never-was").is_none());
}

#[test]
fn rules_that_need_attention_come_first_among_many() {
    let ids: Vec<String> = (0..1_000).map(|number| format!("rule-{number}")).collect();
    let names: Vec<&str> = ids.iter().map(String::as_str).collect();
    let page = overview(&gateway(&names));
    assert_sound(&page);
    let links = attributes(&page, "href");
    let rules: Vec<_> = links.iter().filter(|link| link.starts_with("/rules/")).collect();
    assert_eq!((rules.len(), *rules[0], *rules[1]), (1_000, "/rules/rule-999", "/rules/rule-0"));
}

/// A policy of a thousand rules made a list of a thousand rows.
#[test]
fn a_long_list_of_rules_is_folded() {
    let ids: Vec<String> = (0..1_000).map(|number| format!("rule-{number}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    // Each of them needs attention: its next phase refuses callers.
    let page = overview(&gateway(&ids));
    let (shown, rest) = page.split_once("<details class=\"rest\">").unwrap_or_default();
    let rows = "<li class=\"rule-row\">";
    assert_eq!((shown.matches(rows).count(), rest.matches(rows).count()), (50, 950));
    assert!(rest.starts_with("<summary>950 more rules</summary>"));
    assert!(!overview(&gateway(&ids[..30])).contains("more rule"));
}

/// It opens from a disk, on a machine without a network.
#[test]
fn the_report_is_one_file() {
    let page = render_report(&gateway(&["orders-v2", "a b/c"]));
    assert_sound(&page);
    assert!(!page.contains("<link") && page.contains("<style>"), "{page}");
    for link in attributes(&page, "href") {
        assert!(link.starts_with('#'), "{link} leads out of the file");
    }
    assert!(page.contains("56 of 1,234 callers are behind"), "{page}");
}

/// A gateway whose numbers are those of a fleet.
fn gateway_of_fleet() -> GatewayView {
    let unknown = |requests: u64| json!({ "requests": requests, "callers": null });
    let point = json!({
        "from": "2026-11-29T00:00:00Z", "seconds": 86_400, "complete": true,
        "requests": 88, "callers": null, "behind": unknown(67), "admitted": unknown(21),
        "warned": unknown(67), "exempt": unknown(0), "refused": unknown(0),
    });
    let orders = json!({
        "rule": "orders-v2", "phase": "warn or enforce", "next": null, "total": unknown(88),
        "behind": unknown(67), "uncertain": unknown(0), "versions": [], "clients": [], "http": [],
        "tls": [], "series": [point], "refused_callers": [],
        "verdicts": [{ "label": "warn", "requests": 67, "callers": null, "behind": unknown(67) }],
        "projection": { "answer": "not-known", "sentence": "Not known from Prometheus." },
    });
    let report = json!({
        "now": NOW, "from": "2026-10-31T00:00:00Z", "recording_since": "2026-11-27T09:00:00Z",
        "gateways": 3, "total": unknown(88), "tls": [], "rules": [orders],
        "http": [{ "label": "1.1", "requests": 88, "callers": null, "behind": unknown(0) }],
        "not_known": ["callers", "rules.versions", "rules.clients", "rules.refused_callers"],
    });
    let prometheus = "http://prometheus:9090".to_owned();
    let adoption = AdoptionSource::Fleet { report: read(report), prometheus };
    GatewayView { adoption, ..gateway(&["orders-v2", "quiet"]) }
}

/// Numbers that Prometheus does not have are never shown as 0 or none.
#[test]
fn the_numbers_of_a_fleet_are_told_from_those_of_the_gateway() {
    let view = gateway_of_fleet();
    let page = overview(&view);
    assert_sound(&page);
    for shown in [
        "3 gateways, from Prometheus at http://prometheus:9090",
        "Not known from Prometheus: callers, versions, clients, refused callers.",
        "data-requests=\"88\">88, callers unknown</dd>",
        "76.14%</strong> of requests behind",
        "on this gateway, warn or enforce in the fleet",
        "Share of requests behind, from 76.14%",
        "Upstreams of this gateway",
        "Breaker trips of this gateway",
        "Exemptions of this gateway",
    ] {
        assert!(page.contains(shown), "{shown} is not in {page}");
    }
    assert!(page.contains("not known") && !page.contains("no request"), "{page}");
    let rule = rule_page(&view, "orders-v2");
    assert_sound(&rule);
    for shown in [
        "76.14% of 88 requests are behind",
        "Not known from Prometheus",
        "would have refused 67 requests (76.14%).",
        "Share of requests behind on 29 Nov 2026: 76.14%",
        "Breaker of this gateway",
    ] {
        assert!(rule.contains(shown), "{shown} is not in {rule}");
    }
    for page in [&page, &rule] {
        for made_up in [
            "of 0 callers",
            "No caller",
            "No version",
            "Who is left",
            "– caller",
            "too early to say",
        ] {
            assert!(!page.contains(made_up), "{made_up} is in {page}");
        }
    }
}

#[test]
fn a_silent_prometheus_leaves_the_rest_of_the_page() {
    let (error, prometheus) = (HOSTILE.to_owned(), "http://prometheus:9090".to_owned());
    let adoption = AdoptionSource::NoFleet { error, prometheus };
    let view = GatewayView { adoption, ..gateway(&["orders-v2"]) };
    for page in [overview(&view), rule_page(&view, "orders-v2")] {
        assert_sound(&page);
        assert!(page.contains("Prometheus at http://prometheus:9090 gives no numbers"), "{page}");
        assert!(page.contains("The breaker has tripped") && !page.contains("data-requests"));
    }
}
