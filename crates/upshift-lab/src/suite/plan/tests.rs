#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

use super::*;

const SUITE: &str = r#"
suite = "checkout"
target = "${TARGET:-http://127.0.0.1:8080}/"

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
        "4:7: `/` is relative, and the suite has no `target`",
        "8:7: the environment variable `NONE` is not set",
        "13:7: there is no command",
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
