//! The expectations that the decisions of a gateway suggest.

use std::collections::BTreeMap;

use upshift_core::HttpVersion;
use upshift_lab::suite::model::LaneExpectation;
use upshift_lab::suite::{Predicate, StatusExpectation, TextExpectation};
use upshift_record::{AnswerRecord, DecisionRecord, Lane};

use super::lanes::AskedLane;

/// The lanes, and the decision over each.
pub(super) type Decisions = Vec<(AskedLane, DecisionRecord)>;

/// The lanes of a case, and its expectations; `None` is for all lanes that have none of their own.
pub(super) type GroupedExpectations = (Vec<Lane>, Vec<(Option<Lane>, LaneExpectation)>);

/// The lanes and their expectations. The one that most lanes share is that of all others.
pub(super) fn group_expectations(decisions: &Decisions) -> GroupedExpectations {
    let mut expect = Vec::new();
    for (lane, record) in decisions {
        expect.push((Some(lane.lane), expectation_of(*lane, record)));
    }
    let Some(shared) = most_common(&expect) else { return (Vec::new(), expect) };
    let mut own = Vec::new();
    let mut common = None;
    for (lane, one) in expect {
        if text_of(&one) == shared {
            common = Some((None, one));
        } else {
            own.push((lane, one));
        }
    }
    let lanes = decisions.iter().map(|(lane, _)| lane.lane).collect();
    (lanes, common.into_iter().chain(own).collect())
}

/// The text of the expectation that most lanes have, if it is that of several.
fn most_common(expect: &[(Option<Lane>, LaneExpectation)]) -> Option<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (_, one) in expect {
        *counts.entry(text_of(one)).or_default() += 1;
    }
    let (text, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    if count > 1 { Some(text) } else { None }
}

/// `Debug` shows every part, and the model is not compared anywhere else.
fn text_of(expect: &LaneExpectation) -> String {
    format!("{expect:?}")
}

fn expectation_of(lane: AskedLane, record: &DecisionRecord) -> LaneExpectation {
    let mut expect = match &record.answer {
        Some(answer) => refusal(lane, answer, record.rule.as_deref()),
        None => admission(lane, record),
    };
    if lane.is_switched() {
        expect.interim = Some(vec![101]);
    }
    expect
}

fn admission(lane: AskedLane, record: &DecisionRecord) -> LaneExpectation {
    if lane.lane == Lane::WebSocket {
        // It is switched, or the upstream answers something else: but not with what is required.
        return LaneExpectation {
            absent: vec!["Upgrade".to_owned()],
            ..LaneExpectation::default()
        };
    }
    let status = Some(StatusExpectation::other_than(426));
    let mut expect = LaneExpectation { status, ..LaneExpectation::default() };
    for (name, value) in &record.notice {
        let part = Predicate::Contains(value.clone());
        let announced = expect.fields.entry(name.clone());
        // One line is enough to tell the phase.
        announced.or_insert_with(|| TextExpectation::of(part));
    }
    expect
}

fn refusal(lane: AskedLane, answer: &AnswerRecord, rule: Option<&str>) -> LaneExpectation {
    let status = Some(StatusExpectation::code(answer.status));
    let mut expect = LaneExpectation { status, ..LaneExpectation::default() };
    let mut is_problem = false;
    for (name, value) in &answer.fields {
        let expected = match name.to_ascii_lowercase().as_str() {
            "upgrade" => TextExpectation::equal_to(value),
            "connection" => TextExpectation::of(Predicate::Token("upgrade".to_owned())),
            "content-type" => {
                is_problem = value.starts_with("application/problem+json");
                TextExpectation::equal_to(value)
            }
            _ => continue,
        };
        expect.fields.insert(name.clone(), expected);
    }
    if let Some(rule) = rule.filter(|_| is_problem) {
        expect.json.insert("/rule".to_owned(), rule.into());
    }
    // RFC 9113 §8.2.2, RFC 9114 §4.2: neither field exists in HTTP/2 and HTTP/3.
    if lane.http >= HttpVersion::V2 {
        expect.absent = vec!["Upgrade".to_owned(), "Connection".to_owned()];
    }
    expect
}
