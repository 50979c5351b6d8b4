#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

use super::*;

const SUITE: &str = r#"
suite = "checkout"
target = "${TARGET:-http://127.0.0.1:8080}/"
tls-target = "https://127.0.0.1:8443"

[[probe]]
id = "login"
req = "POST /login"
expect."h1.1" = { status = 200 }
capture.token = { field = "X-Token" }

[[probe]]
id = "legacy-gets-426"
req = '''
GET /api/orders
X-Token: ${capture:token}
'''
lanes = ["h2", "h1.0", "h1.1"]
expect."*" = { status = 426, fields.Upgrade = "h2c" }
expect.h2 = { status = 200, absent = ["Upgrade"] }

[[client]]
id = "curl"
run = ["curl", "-sS", "{url}"]
scenario = "bare-426"
expect = { exit = 0, requests = 1 }
"#;

fn plan(text: &str) -> Result<SuitePlan, Vec<SuiteError>> {
    plan_suite("a.upshift.toml", text, SuiteFormat::Toml, &|_| None)
}

fn mistakes(text: &str) -> Vec<String> {
    plan(text).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn a_case_is_planned_for_each_lane() {
    let plan = plan(SUITE).unwrap();
    let addresses: Vec<String> = plan.cases.iter().map(|case| case.address.to_string()).collect();
    assert_eq!(
        addresses,
        [
            "a.upshift.toml::login[h1.1]",
            "a.upshift.toml::legacy-gets-426[h1.0]",
            "a.upshift.toml::legacy-gets-426[h1.1]",
            "a.upshift.toml::legacy-gets-426[h2]",
            "a.upshift.toml::curl",
        ]
    );
    assert_eq!(plan.cases[0].given_captures(), BTreeSet::from(["token"]));
    assert_eq!(plan.cases[1].needed_captures(), BTreeSet::from(["token"]));
    let CaseAction::Probe(probe) = &plan.cases[0].action else { unreachable!() };
    assert_eq!(probe.url.expand(&BTreeMap::new()).unwrap(), "http://127.0.0.1:8080/login");
}

#[test]
fn all_mistakes_are_reported_with_their_places() {
    let text = r#"
[[probe]]
id = "a b"
req = "GET /"
expect.h4 = { status = 426 }
[[probe]]
id = "c"
req = "GET http://127.0.0.1:1/${NONE}"
lanes = ["h2"]
expect.h2 = {}
[[client]]
id = "c"
run = []
scenario = "bare-426"
"#;
    let mistakes = mistakes(text);
    let starts = [
        "3:6: `a b` is not an id",
        "12:6: there are two cases with the id `c`",
        "5:13: `h4` is not a lane",
        "10:13: the expectation for h2 checks nothing",
        "8:7: the environment variable `NONE` is not set",
        "13:7: there is no command",
        "11:1: nothing is expected of the client",
    ];
    for (mistake, start) in mistakes.iter().zip(starts) {
        assert!(mistake.starts_with(start), "{mistake}");
    }
    assert_eq!(mistakes.len(), starts.len(), "{mistakes:#?}");
}

#[test]
fn a_case_that_checks_nothing_is_a_mistake() {
    let suite = |more: &str| format!("target = 'http://a'\n[[probe]]\nid='a'\nreq='GET /'\n{more}");
    let rows = [
        ("expect.h2 = {}", "the expectation for h2 checks nothing"),
        ("lanes = ['h3']\nexpect.h2 = { status = 1 }", "is not a status code"),
        ("lanes = ['h3']\nexpect.h2 = { status = 200 }", "names the lane h2, and `lanes` does not"),
        ("expect = {}", "no lane is named"),
        ("lanes = ['h3']\nexpect = {}", "nothing is expected of the lane h3"),
    ];
    for (more, expected) in rows {
        let mistakes = mistakes(&suite(more)).join("\n");
        assert!(mistakes.contains(expected), "{more}: {mistakes}");
    }
}

#[test]
fn a_capture_comes_before_its_use() {
    let text = SUITE.replace("capture.token", "capture.other");
    assert_eq!(mistakes(&text).len(), 1);
    assert!(mistakes(&text)[0].contains("no earlier case captures `token`"));
    let twice = SUITE.replace("expect.\"h1.1\"", "lanes = ['h1.1', 'h2']\nexpect.\"*\"");
    assert!(mistakes(&twice)[0].contains("captured over several lanes"));
}

/// The mistakes of a suite with one probe, whose target is `http://a:8080`.
fn probe_mistakes(probe: &str) -> Vec<String> {
    mistakes(&format!("target = 'http://a:8080'\n[[probe]]\nid = 'a'\n{probe}"))
}

#[test]
fn a_request_that_a_lane_cannot_carry_is_a_mistake() {
    let rows = [
        ("req = 'GET /'\nexpect.h2 = { status = 200 }", "the lane h2 needs TLS, and `target` is"),
        ("req = 'GET https://a/'\nexpect.h2c-prior.status = 200", "h2c-prior needs an http URL"),
        ("req = 'GET http://a/'\nexpect.h3.status = 200", "the lane h3 needs an https URL"),
        (
            "req = '''\nGET /\nUpgrade: a\n'''\nexpect.h2c-upgrade.status = 200",
            "over h2c-upgrade: the lanes set `Upgrade` themselves",
        ),
        (
            "req = 'GET /'\nfields.Connection = 'close'\nexpect.h2c-prior.status = 200",
            "5:21: over h2c-prior: HTTP/2 has no field `Connection`",
        ),
        ("req = 'POST /'\nexpect.ws.status = 200", "the lane ws asks by GET"),
        ("req = 'GET *'\nexpect.'h1.1'.status = 200", "`*` is for OPTIONS, not for GET"),
        ("req = 'CONNECT /'\nexpect.'h1.1'.status = 200", "CONNECT has no lane"),
        ("req = 'GET /'\nfields.'A B' = '1'\nexpect.'h1.1'.status = 200", "not a field name"),
        (
            "req = 'GET /'\nfields.A = \"1\\n2\"\nexpect.'h1.1'.status = 200",
            "the value of `A` has the end of a line",
        ),
    ];
    for (probe, expected) in rows {
        let mistakes = probe_mistakes(probe).join("\n");
        assert!(mistakes.contains(expected), "{probe}: {mistakes}");
    }
}

#[test]
fn an_expectation_that_no_answer_meets_is_a_mistake() {
    let rows = [
        ("notes = ['U999']", "there is no note `U999`"),
        ("version = 'HTTP/2'", "`HTTP/2` is not a version of HTTP; write \"2\""),
        ("json.rule = 1", "`rule` is not a JSON Pointer; write json.\"/rule\" = …"),
        ("schema = 'no-such-file.json'", "cannot read no-such-file.json"),
    ];
    for (expect, expected) in rows {
        let probe = format!("req = 'GET /'\nexpect.'h1.1'.{expect}");
        let mistakes = probe_mistakes(&probe).join("\n");
        assert!(mistakes.contains(expected), "{expect}: {mistakes}");
    }
}

#[test]
fn lanes_go_to_the_target_of_their_channel() {
    let url_of = |targets: &str, lane: &str| {
        let text = format!(
            "{targets}\n[[probe]]\nid = 'a'\nreq = 'GET /b?c'\nexpect.'{lane}'.status = 200"
        );
        let plan = plan(&text).unwrap();
        let CaseAction::Probe(probe) = &plan.cases[0].action else { unreachable!() };
        probe.url.to_plain().unwrap()
    };
    let both = "target = 'http://a:8080/x/'\ntls-target = 'https://b:8443'";
    assert_eq!(url_of(both, "h1.0"), "http://a:8080/x/b?c");
    assert_eq!(url_of(both, "tls-inband"), "http://a:8080/x/b?c");
    assert_eq!(url_of(both, "h3"), "https://b:8443/b?c");
    assert_eq!(url_of("target = 'https://a'", "ws"), "https://a/b?c");
    assert_eq!(url_of("target = 'https://a'", "h2c-prior"), "http://a/b?c");
    assert_eq!(url_of("target = 'http://a'", "tls1.3"), "https://a/b?c");
}

#[test]
fn a_client_is_given_a_scenario_that_exists() {
    let client = |more: &str| {
        format!("[[client]]\nid = 'a'\nrun = ['curl', '{{url}}']\nexpect.exit = 0\n{more}")
    };
    let inline = "scenario = 'own'\n[[scenario]]\nname = 'own'\n[[scenario.step]]\nstatus = 200";
    let planned = plan(&client(inline)).unwrap();
    let CaseAction::Client(planned) = &planned.cases[0].action else { unreachable!() };
    assert_eq!(planned.scenario.name(), "own");
    let rows = [
        (
            "scenario = 'bear-426'",
            "5:12: there is no scenario `bear-426`; did you mean `bare-426`?",
        ),
        ("scenario = 'none.toml'", "5:12: cannot read none.toml"),
        (
            "scenario = 'own'\n[[scenario]]\nname = 'own'\n[[scenario.step]]\nstatsu = 200",
            "9:10: unknown key `statsu`; did you mean `status`?",
        ),
    ];
    for (more, expected) in rows {
        let mistakes = mistakes(&client(more));
        assert!(mistakes[0].starts_with(expected), "{more}: {mistakes:?}");
    }
    let lost = client("scenario = 'bare-426'").replace("{url}", "http://a");
    assert!(mistakes(&lost)[0].contains("the client would not find the mock"));
}

#[test]
fn mistakes_in_yaml_have_their_places() {
    let text = "target: http://a\nprobe:\n  - id: a\n    req: GET /\n    expect: { h1.1: {} }\n";
    let mistakes = plan_suite("a.upshift.yaml", text, SuiteFormat::Yaml, &|_| None).unwrap_err();
    let mistake = mistakes[0].to_string();
    assert!(mistake.starts_with("5:21: the expectation for h1.1 checks nothing"), "{mistake}");
}

/// Each of these was sent to another path than the suite has.
#[test]
fn nothing_of_a_url_is_dropped() {
    let suite = |target: &str, req: &str| {
        format!(
            "target = '{target}'\n[[probe]]\nid = 'a'\nreq = 'GET {req}'\nexpect.'h1.1'.status = 200\n"
        )
    };
    let rows = [
        ("http://a/#f", "/x", "1:10: `target` has a query or a fragment"),
        ("http://a/?q=1", "/x", "1:10: `target` has a query or a fragment"),
        ("http://a", "/x#frag?z", "4:7: a fragment (`#…`) cannot be sent"),
        ("http://a", "http://b/x#f", "4:7: a fragment (`#…`) cannot be sent"),
    ];
    for (target, req, start) in rows {
        let mistakes = mistakes(&suite(target, req));
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        assert!(mistakes[0].starts_with(start), "{mistakes:?}");
    }
}

/// That there is no such scenario would be a second, false mistake.
#[test]
fn a_scenario_with_a_mistake_is_reported_once() {
    let text = "
[[scenario]]
name = 'mine'
[[scenario.step]]
statuss = 200
[[client]]
id = 'a'
run = ['curl', '{url}']
scenario = 'mine'
expect.exit = 0
";
    let mistakes = mistakes(text);
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    assert!(mistakes[0].contains("statuss"), "{mistakes:?}");
}
