#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

use std::time::Duration;

use upshift_record::Lane;
use upshift_record::suite::{
    CaseAddress, CaseEntry, CaseEvidence, CaseKind, CaseOutcome, CaseTry, CaseVerdict, ClientRun,
    Mismatch, RUN_RECORD_SCHEMA, RunRecord,
};

use super::*;

fn address(id: &str, lane: Option<Lane>) -> CaseAddress {
    CaseAddress { suite: "a.toml".to_owned(), id: id.to_owned(), lane }
}

fn outcome(id: &str, lane: Lane, verdicts: Vec<CaseVerdict>) -> CaseOutcome {
    let mut tries = Vec::new();
    for verdict in verdicts {
        let client = ClientRun {
            command: vec!["curl".to_owned(), "<&\u{1b}>".to_owned()],
            scenario: "bare-426".to_owned(),
            exit: Some(0),
            started: true,
            end: "exit code 0".to_owned(),
            stdout: Default::default(),
            stderr: Default::default(),
        };
        let evidence = CaseEvidence { client: Some(client), ..CaseEvidence::default() };
        tries.push(CaseTry { verdict, took: Duration::from_millis(5), evidence });
    }
    CaseOutcome { address: address(id, Some(lane)), kind: CaseKind::Probe, line: Some(7), tries }
}

fn failed() -> CaseVerdict {
    let mismatch = Mismatch::new("status", "426", "200, 100% <wrong>");
    CaseVerdict::Failed(vec![mismatch.clone(), mismatch])
}

fn record_of(outcomes: Vec<CaseOutcome>) -> RunRecord {
    let mut addresses: Vec<CaseAddress> = outcomes.iter().map(|one| one.address.clone()).collect();
    addresses.push(address("late", None));
    let entry = |address| CaseEntry {
        address,
        kind: CaseKind::Probe,
        line: Some(7),
        action: "GET /".to_owned(),
        expects: "status 426".to_owned(),
        needs: Vec::new(),
        retries: 0,
    };
    RunRecord {
        schema: RUN_RECORD_SCHEMA.to_owned(),
        started: "2027-03-31T09:30:00Z".to_owned(),
        suites: Vec::new(),
        planned: addresses.into_iter().map(entry).collect(),
        outcomes,
    }
}

/// One case of each kind, and one that the run did not reach.
fn run() -> RunRecord {
    let errored = CaseVerdict::Errored("refused\nby a peer".to_owned());
    record_of(vec![
        outcome("orders", Lane::Http11, vec![CaseVerdict::Passed]),
        outcome("orders", Lane::Http2, vec![errored.clone(), failed(), failed()]),
        outcome("flaky", Lane::Http11, vec![failed(), CaseVerdict::Passed]),
        outcome("chat", Lane::Http3, vec![CaseVerdict::Skipped("no UDP # here".to_owned())]),
        outcome("down", Lane::Http11, vec![errored]),
    ])
}

#[test]
fn tap_has_a_line_for_each_planned_case() {
    let text = tap_report(&run());
    let tests: Vec<&str> = text.lines().filter(|line| !line.starts_with(' ')).collect();
    let expected = [
        "TAP version 14",
        "1..6",
        "ok 1 - a.toml::orders[h1.1]",
        "not ok 2 - a.toml::orders[h2]",
        "ok 3 - a.toml::flaky[h1.1] (flaky)",
        "ok 4 - a.toml::chat[h3] # SKIP no UDP # here",
        "not ok 5 - a.toml::down[h1.1]",
        "not ok 6 - a.toml::late",
    ];
    assert_eq!(tests, expected);
    let diagnostics = r#"  ---
  severity: "fail"
  message: "status: expected 426, got 200, 100% <wrong>\nstatus: expected 426, got 200, 100% <wrong>"
  mismatches:
    - {"what":"status","wanted":"426","found":"200, 100% <wrong>"}
    - {"what":"status","wanted":"426","found":"200, 100% <wrong>"}
  tries: 3
  at: {"file":"a.toml","line":7}
  replay: "upshift replay 'a.toml::orders[h2]'"
  ...
"#;
    assert!(text.contains(diagnostics), "{text}");
}

/// Each block of diagnostics is YAML.
#[test]
fn tap_diagnostics_are_yaml() {
    let text = tap_report(&run());
    let mut blocks = 0;
    for block in text.split("  ---\n").skip(1) {
        let (yaml, _) = block.split_once("  ...\n").unwrap();
        let value: serde_json::Value = serde_saphyr::from_str(yaml).unwrap();
        assert_eq!(value["at"]["line"], 7, "{yaml}");
        blocks += 1;
    }
    assert_eq!(blocks, 4, "{text}");
}

#[test]
fn junit_has_a_case_for_each_planned_one_and_tells_reruns() {
    let text = junit_report(&run());
    for part in [
        "<testsuites name=\"upshift test\" tests=\"6\" failures=\"1\" errors=\"2\" time=\"0.040\">",
        "<testsuite name=\"a.toml\" tests=\"6\" failures=\"1\" errors=\"2\" skipped=\"1\" time=\"0.040\" timestamp=\"2027-03-31T09:30:00Z\">",
        "<testcase name=\"orders[h1.1]\" classname=\"a.toml\" time=\"0.005\"/>",
        "<flakyFailure message=\"status: expected 426, got 200, 100% &lt;wrong&gt;\" type=\"status\">",
        "<skipped message=\"no UDP # here\"/>",
        "<error message=\"refused\" type=\"error\">refused\nby a peer\nupshift replay 'a.toml::down[h1.1]'</error>",
        "<error message=\"not run: the run ended before this case\" type=\"not-run\">",
        "<system-out>$ curl '&lt;&amp;\u{fffd}&gt;'\n* exit code 0\n</system-out>",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    // Surefire's schema fixes this order; the tries may come in another.
    let orders = text.split("orders[h2]").nth(1).unwrap();
    let rerun = orders.find("<rerunFailure").unwrap();
    assert!(rerun < orders.find("<error").unwrap(), "{text}");
    assert_eq!(text.matches("<rerunFailure ").count(), 2);
}

#[test]
fn annotations_are_escaped_and_limited() {
    let text = github_annotations(&run());
    let first = text.lines().next().unwrap();
    let start =
        "::error file=a.toml,line=7,title=a.toml%3A%3Aorders[h2]::status: expected 426, got ";
    assert!(first.starts_with(start), "{first}");
    assert!(first.contains("100%25 <wrong>%0Astatus"), "{first}");
    assert!(
        text.contains(
            "::warning file=a.toml,line=7,title=a.toml%3A%3Aflaky[h1.1]::passed at try 2"
        )
    );
    assert!(text.contains("::not run: the run ended"), "{text}");
    let many = (0..30).map(|number| outcome(&format!("a{number}"), Lane::Http2, vec![failed()]));
    let text = github_annotations(&record_of(many.collect()));
    assert_eq!(text.lines().count(), 10);
    assert!(text.ends_with("::22 more cases fell short\n"), "{text}");
}

/// A server that chooses a part of a reason cannot begin a workflow command by it, or paint the log.
#[test]
fn reasons_stay_in_their_lines() {
    let why = "`http://a/\u{1b}[2J\r\n::stop-commands::x\n::error::b` is not a URL";
    let tried = vec![CaseVerdict::Errored(why.to_owned())];
    let record = record_of(vec![outcome("a", Lane::Http11, tried)]);
    let annotations = github_annotations(&record);
    assert_eq!(annotations.lines().filter(|line| line.starts_with("::")).count(), 2);
    for text in [annotations, github_summary(&record)] {
        assert!(text.contains("a/\\u{1b}[2J\\r\\n::stop-commands::x\\n::error"), "{text}");
    }
}

#[test]
fn the_summary_is_a_table_of_lanes_with_the_differences() {
    let text = github_summary(&run());
    let head = "### upshift test: 2 of 6 passed, 1 failed, 1 error, 1 skipped, 1 flaky, 1 not run";
    assert!(text.starts_with(head), "{text}");
    assert!(text.contains("| case | h1.1 | h2 | h3 | – |\n|---|---|---|---|---|\n"), "{text}");
    assert!(text.contains("| a.toml::orders | pass | FAIL |  |  |\n"), "{text}");
    assert!(text.contains("<summary>a.toml::late</summary>\n\n```text\nnot run: "), "{text}");
}

/// A run that was interrupted is no success in any report.
#[test]
fn what_was_not_run_is_no_success() {
    let mut record = run();
    record.outcomes.clear();
    assert!(!tap_report(&record).contains("\nok "));
    assert!(junit_report(&record).contains("tests=\"6\" failures=\"0\" errors=\"6\""));
    assert_eq!(github_annotations(&record).lines().count(), 6);
}
