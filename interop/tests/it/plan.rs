//! `check` and `plan` before a rollout: what will refuse everybody at once, and what the breaker
//! makes of it.

use interop::{Gateway, Origin, Output, Scratch, date, since_1970, upshift};
use serde_json::Value;

/// A rule with this rollout, and what else is given.
fn rules(rollout: &str, further: &str) -> String {
    format!(
        "[[rule]]\nid = \"orders\"\nrequire = {{ http = \"2\" }}\n[rule.rollout]\nidentity = [\"peer\"]\n{rollout}\n{further}"
    )
}

/// A verb on a policy file with these rules.
fn on_file(words: &[&str], rules: &str) -> Output {
    let folder = Scratch::new();
    let file = folder.file("upshift.toml", rules);
    let file = file.to_string_lossy();
    let flag = if words[0] == "check" { vec!["--offline"] } else { vec!["--config"] };
    upshift(&[words, &flag, &[&file]].concat())
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn day(days: i64) -> String {
    date(since_1970(), days)
}

/// Whether a list of texts, or of objects with `message`, has one with this part.
fn has(list: &Value, part: &str) -> bool {
    let texts = list.as_array().into_iter().flatten();
    let mut texts = texts.filter_map(|item| item.as_str().or_else(|| item["message"].as_str()));
    texts.any(|text| text.contains(part))
}

/// A date that was copied, or mistyped by a year, refuses 100 % at the first deployment; nothing
/// said so.
#[test]
fn a_date_in_the_past_is_named_by_check_and_plan() {
    let past = rules(&format!("warn = {}\nenforce = {}", day(-9), day(-2)), "");
    let checked = on_file(&["check", "--json"], &past);
    assert!(
        checked.code == 0 && has(&json(&checked)["warnings"], "`enforce` is in the past"),
        "{checked:?}"
    );
    assert!(on_file(&["check"], &past).stderr.contains("`enforce` is in the past"));
    let planned = json(&on_file(&["plan", "--json"], &past));
    assert!(
        has(
            &planned[1]["notes"],
            "100 % of the callers who do not meet the requirement are refused at once"
        ),
        "{planned}"
    );
    assert!(planned[0]["notes"].is_null(), "a warning that is over refuses no caller: {planned}");
    let begun = rules(&format!("ramp = {}\nenforce = {}", day(-5), day(5)), "");
    assert!(has(&json(&on_file(&["check", "--json"], &begun))["warnings"], "the ramp has begun"));
    assert!(on_file(&["plan"], &begun).stdout.contains("it begins in the past"));
    let to_come = rules(&format!("warn = {}\nenforce = {}", day(-9), day(20)), "");
    let checked = on_file(&["check", "--json", "--deny-warnings"], &to_come);
    assert_eq!(
        (checked.code, &json(&checked)["warnings"]),
        (0, &Value::Array(Vec::new())),
        "{checked:?}"
    );
}

/// Of dates in the past one stopped a pipeline and another did not, though both refuse callers at
/// once.
#[test]
fn every_date_in_the_past_that_refuses_callers_is_a_warning() {
    let enforce = format!("enforce = {}", day(9));
    let steps = format!("ramp = [{{ at = {}, share = 0.5 }}]\n{enforce}", day(-3));
    let running = format!("brownout = [{{ at = {}, for = \"96h\" }}]\n{enforce}", day(-2));
    let over = format!(
        "brownout = [{{ at = {}, for = \"1h\" }}, {{ at = {}, for = \"1h\" }}]\n{enforce}",
        day(-3),
        day(3)
    );
    let sunset = format!("id = \"orders\"\nsunset = {}", day(-3));
    let served = rules(&enforce, "").replacen("id = \"orders\"", &sunset, 1);
    let never = rules(&format!("warn = {}", day(-9)), "[breaker]\nrefused-share = 1.0\n");
    for (policy, warning) in [
        (rules(&steps, ""), "the ramp has begun"),
        (rules(&running, ""), "the brownout has begun"),
        (served, "`sunset` is in the past"),
        (never, "the breaker can never trip"),
    ] {
        let checked = on_file(&["check", "--json", "--deny-warnings"], &policy);
        assert!(
            checked.code == 1 && has(&json(&checked)["warnings"], warning),
            "{warning}: {checked:?}"
        );
    }
    let checked = json(&on_file(&["check", "--json"], &rules(&over, "")));
    assert!(has(&checked["notes"], "1 of 2 brownouts are in the past"), "{checked}");
    let planned = json(&on_file(&["plan", "--json"], &rules(&over, "")));
    assert!(
        planned[0]["notes"].is_null() && has(&planned[2]["notes"], "the breaker trips"),
        "{planned}"
    );
}

/// A rule that no breaker watches any more looked as one that is watched.
#[test]
fn a_rule_whose_watch_the_calendar_has_ended_is_named() {
    let late = rules(&format!("enforce = {}", day(-9)), "");
    let checked = json(&on_file(&["check", "--json"], &late));
    assert!(has(&checked["notes"], "by its calendar the breaker watched it until"), "{checked}");
    let planned = json(&on_file(&["plan", "--json"], &late));
    assert!(has(&planned[0]["notes"], "by the calendar the breaker watched it until"), "{planned}");
    let recent = rules(&format!("enforce = {}", day(-5)), "");
    assert!(!has(
        &json(&on_file(&["check", "--json"], &recent))["notes"],
        "the breaker watched it"
    ));
}

/// A brownout that was planned tripped the breaker, and nothing of the calendar happened any more.
#[test]
fn a_phase_that_the_breaker_will_stop_is_named_by_check_and_plan() {
    let brownout =
        format!("brownout = [{{ at = {}, for = \"10m\" }}]\nenforce = {}", day(3), day(9));
    let checked = json(&on_file(&["check", "--json"], &rules(&brownout, "")));
    assert!(
        has(
            &checked["notes"],
            "on, its brownout refuses a greater share than the 5 % that the breaker"
        ),
        "{checked}"
    );
    let planned = json(&on_file(&["plan", "--json"], &rules(&brownout, "")));
    assert!(has(&planned[0]["notes"], "the breaker trips and holds the rule at warn"), "{planned}");
    let allowed = rules(&brownout, "[breaker]\nrefused-share = 1.0\n");
    assert!(!has(&json(&on_file(&["check", "--json"], &allowed))["notes"], "greater share"));
    assert!(!on_file(&["plan"], &allowed).stdout.contains("greater share"));
}

/// Twenty replicas that share the traffic have twenty breakers, none of which sees enough callers.
#[test]
fn a_breaker_that_never_sees_enough_callers_is_named() {
    let plain = "[[rule]]\nid = \"orders\"\nrequire = { http = \"2\" }\n";
    let rate = ["plan", "--json", "--rate", "2000/min", "--replicas"];
    let blind = "at 2000/min over 20 replicas a gateway sees at most 100 identities in its window of 60 s, and it needs 200";
    let planned = json(&on_file(&[&rate[..], &["20"]].concat(), plain));
    assert!(has(&planned[0]["notes"], blind), "{planned}");
    assert!(json(&on_file(&[&rate[..], &["10"]].concat(), plain))[0]["notes"].is_null());
    let brownout =
        format!("brownout = [{{ at = {}, for = \"10m\" }}]\nenforce = {}", day(3), day(9));
    let planned = on_file(&[&rate[..], &["20"]].concat(), &rules(&brownout, "")).stdout;
    assert!(
        planned.contains("can never trip") && !planned.contains("the breaker trips"),
        "{planned}"
    );
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), plain);
    let admin = format!("http://{}", gateway.admin());
    let running = json(&upshift(&[&rate[..], &["20", "--admin", &admin]].concat()));
    assert!(has(&running[0]["notes"], blind), "{running}");
    for (words, part) in [
        (&["--rate", "2000"][..], "expected a number and a unit"),
        (&["--rate", "0/min"], "expected a rate above 0"),
        (&["--rate", "many/s"], "expected a number and a unit"),
        (&["--rate", "5/s", "--replicas", "0"], "0 is not in 1..=1000000"),
        (&["--replicas", "2"], "--rate"),
    ] {
        let wrong = on_file(&[&["plan"][..], words].concat(), plain);
        assert!(wrong.code == 2 && wrong.stderr.contains(part), "{words:?}: {wrong:?}");
    }
}
