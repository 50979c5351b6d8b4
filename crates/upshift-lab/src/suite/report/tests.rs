#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

use upshift_record::Lane;
use upshift_record::suite::{
    CaseAddress, CaseKind, CaseOutcome, CaseTry, CaseVerdict, Mismatch, RunSummary,
};

use super::*;

fn address(id: &str, lane: Option<Lane>) -> CaseAddress {
    CaseAddress { suite: "a.toml".to_owned(), id: id.to_owned(), lane }
}

fn outcome(id: &str, lane: Lane, verdicts: Vec<CaseVerdict>) -> CaseOutcome {
    let tries = verdicts.into_iter().map(CaseTry::without_evidence).collect();
    CaseOutcome { address: address(id, Some(lane)), kind: CaseKind::Probe, line: None, tries }
}

fn failed() -> CaseVerdict {
    let mismatch = Mismatch {
        what: "status".to_owned(),
        expected: "426".to_owned(),
        actual: "200, 100% <wrong>".to_owned(),
    };
    CaseVerdict::Failed(vec![mismatch.clone(), mismatch])
}

/// One case of each kind, and one that the run did not reach.
fn run() -> (Vec<CaseAddress>, Vec<CaseOutcome>) {
    let outcomes = vec![
        outcome("orders", Lane::Http11, vec![CaseVerdict::Passed]),
        outcome("orders", Lane::Http2, vec![failed()]),
        outcome("flaky", Lane::Http11, vec![failed(), CaseVerdict::Passed]),
        outcome("chat", Lane::Http3, vec![CaseVerdict::Skipped("no UDP # here".to_owned())]),
        outcome("down", Lane::Http11, vec![CaseVerdict::Errored("refused\nby a peer".to_owned())]),
    ];
    let mut planned: Vec<CaseAddress> = outcomes.iter().map(|one| one.address.clone()).collect();
    planned.push(address("late", None));
    (planned, outcomes)
}

#[test]
fn tap_has_a_line_for_each_planned_case() {
    let (planned, outcomes) = run();
    let text = tap_report(&planned, &outcomes);
    let expected = r#"TAP version 14
1..6
ok 1 - a.toml::orders[h1.1]
not ok 2 - a.toml::orders[h2]
  ---
  mismatches:
    - "status: expected 426, got 200, 100% <wrong>"
    - "status: expected 426, got 200, 100% <wrong>"
  ...
ok 3 - a.toml::flaky[h1.1] (flaky)
ok 4 - a.toml::chat[h3] # SKIP no UDP # here
not ok 5 - a.toml::down[h1.1]
  ---
  mismatches:
    - "refused\nby a peer"
  ...
not ok 6 - a.toml::late
  ---
  mismatches:
    - "the run ended before this case"
  ...
"#;
    assert_eq!(text, expected);
}

#[test]
fn annotations_are_escaped_and_limited() {
    let (_, outcomes) = run();
    let text = github_annotations(&outcomes, &|_| 7);
    let first = text.lines().next().unwrap();
    let start =
        "::error file=a.toml,line=7,title=a.toml%3A%3Aorders[h2]::status: expected 426, got ";
    assert!(first.starts_with(start), "{first}");
    assert!(first.contains("100%25 <wrong>%0Astatus"), "{first}");
    let many = vec![outcome("orders", Lane::Http2, vec![failed()]); 30];
    let text = github_annotations(&many, &|_| 1);
    assert_eq!(text.lines().count(), 10);
    assert!(text.ends_with("::21 more cases fell short\n"), "{text}");
}

#[test]
fn the_summary_is_a_table_of_lanes() {
    let (planned, outcomes) = run();
    let text = github_summary(&RunSummary::of(&planned, &outcomes), &outcomes);
    assert!(text.starts_with("### upshift test: 2 of 6 passed, 1 failed, 1 errors, 1 skipped"));
    assert!(text.contains("| case | h1.1 | h2 | h3 |\n|---|---|---|---|\n"), "{text}");
    assert!(text.contains("| a.toml::orders | pass | FAIL |  |\n"), "{text}");
}
