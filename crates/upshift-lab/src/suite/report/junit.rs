//! JUnit XML, with the words of Maven Surefire for cases that were tried several times.

use std::collections::BTreeMap;
use std::time::Duration;

use upshift_record::suite::{CaseState, CaseTry, CaseVerdict, RunCase, RunRecord};

use super::xml::XmlWriter;

/// The report: a suite for each file, and a test case for each case and lane.
///
/// A planned case without an outcome is an error in it.
pub fn junit_report(record: &RunRecord) -> String {
    let cases = record.cases();
    let mut xml = XmlWriter::new();
    let all: Vec<&RunCase<'_>> = cases.iter().collect();
    open_group(&mut xml, "testsuites", "upshift test", &all, &[]);
    for (path, cases) in group_by_suite(&cases) {
        let timestamp = ("timestamp", record.started.as_str());
        open_group(&mut xml, "testsuite", path, &cases, &[timestamp]);
        for case in cases {
            write_case(&mut xml, case);
        }
        xml.close();
    }
    xml.finish()
}

/// The cases of each suite. A suite without a case is left out: consumers take it for a mistake.
fn group_by_suite<'c>(cases: &'c [RunCase<'c>]) -> BTreeMap<&'c str, Vec<&'c RunCase<'c>>> {
    let mut suites: BTreeMap<&str, Vec<&RunCase<'_>>> = BTreeMap::new();
    for case in cases {
        suites.entry(&case.address.suite).or_default().push(case);
    }
    suites
}

fn open_group(
    xml: &mut XmlWriter,
    element: &'static str,
    name: &str,
    cases: &[&RunCase<'_>],
    more: &[(&str, &str)],
) {
    let numbers = Numbers::of(cases);
    let (tests, failures) = (cases.len().to_string(), numbers.failures.to_string());
    let (errors, skipped) = (numbers.errors.to_string(), numbers.skipped.to_string());
    let time = seconds(cases.iter().map(|case| time_of(case)).sum());
    let mut attributes =
        vec![("name", name), ("tests", &tests), ("failures", &failures), ("errors", &errors)];
    // `<testsuites>` has no such attribute in the schemas that exist.
    if element == "testsuite" {
        attributes.push(("skipped", &skipped));
    }
    attributes.push(("time", &time));
    attributes.extend_from_slice(more);
    xml.open(element, &attributes);
}

/// The numbers of a group.
#[derive(Default)]
struct Numbers {
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Numbers {
    fn of(cases: &[&RunCase<'_>]) -> Self {
        let mut numbers = Self::default();
        for case in cases {
            match case.state() {
                CaseState::Passed | CaseState::Flaky => {}
                CaseState::Failed(_) => numbers.failures += 1,
                CaseState::Skipped(_) => numbers.skipped += 1,
                CaseState::Errored(_) | CaseState::NotRun | CaseState::Unplanned => {
                    numbers.errors += 1;
                }
            }
        }
        numbers
    }
}

fn write_case(xml: &mut XmlWriter, case: &RunCase<'_>) {
    let address = case.address.to_string();
    let name = address.strip_prefix(&format!("{}::", case.address.suite)).unwrap_or(&address);
    let time = seconds(time_of(case));
    xml.open("testcase", &[("name", name), ("classname", &case.address.suite), ("time", &time)]);
    let state = case.state();
    match state {
        CaseState::Passed => {}
        CaseState::Skipped(why) => xml.write_element("skipped", &[("message", why)], ""),
        CaseState::NotRun | CaseState::Unplanned => {
            let kind = if state == CaseState::NotRun { "not-run" } else { "unplanned" };
            let reason = state.reasons().join("\n");
            let text = format!("{reason}\n{}", case.replay_command());
            xml.write_element("error", &[("message", &reason), ("type", kind)], &text);
        }
        CaseState::Flaky | CaseState::Failed(_) | CaseState::Errored(_) => write_tries(xml, case),
    }
    if let Some(last) = case.tries().last().filter(|_| state.falls_short()) {
        write_transcript(xml, last);
    }
    xml.close();
}

/// The tries that fell short. Of a case that passed in the end they are flaky; else the first is the
/// failure, and the others are reruns of it.
fn write_tries(xml: &mut XmlWriter, case: &RunCase<'_>) {
    let is_flaky = case.state() == CaseState::Flaky;
    let mut faults = Vec::new();
    for (place, one) in case.tries().iter().enumerate() {
        let Some(fault) = Fault::of(one) else { continue };
        let element = match (is_flaky, place, fault.is_error) {
            (true, _, false) => "flakyFailure",
            (true, _, true) => "flakyError",
            (false, 0, false) => "failure",
            (false, 0, true) => "error",
            (false, _, false) => "rerunFailure",
            (false, _, true) => "rerunError",
        };
        faults.push((element, one, fault));
    }
    // The schema of Surefire has failures before errors.
    faults.sort_by_key(|(_, _, fault)| fault.is_error);
    for (element, one, fault) in faults {
        let line = fault.message.lines().next().unwrap_or_default();
        let attributes = [("message", line), ("type", fault.kind)];
        if element == "failure" || element == "error" {
            let text = format!("{}\n{}", fault.message, case.replay_command());
            xml.write_element(element, &attributes, &text);
            continue;
        }
        xml.open(element, &attributes);
        xml.write_element("stackTrace", &[], &fault.message);
        write_transcript(xml, one);
        xml.close();
    }
}

fn write_transcript(xml: &mut XmlWriter, one: &CaseTry) {
    let transcript = one.evidence.transcript();
    if !transcript.is_empty() {
        xml.write_element("system-out", &[], &transcript);
    }
}

/// The fault of a try that fell short.
struct Fault<'t> {
    is_error: bool,
    kind: &'t str,
    message: String,
}

impl<'t> Fault<'t> {
    fn of(one: &'t CaseTry) -> Option<Self> {
        match &one.verdict {
            CaseVerdict::Failed(mismatches) => {
                let kind = mismatches.first().map_or("mismatch", |first| first.what.as_str());
                let message = CaseState::Failed(mismatches).reasons().join("\n");
                Some(Self { is_error: false, kind, message })
            }
            CaseVerdict::Errored(why) => {
                Some(Self { is_error: true, kind: "error", message: why.clone() })
            }
            CaseVerdict::Passed | CaseVerdict::Skipped(_) => None,
        }
    }
}

fn time_of(case: &RunCase<'_>) -> Duration {
    case.tries().iter().map(|one| one.took).sum()
}

fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}
