//! The cases of a `[[probe]]`: one for each lane.

use std::collections::BTreeSet;

use upshift_record::Lane;

use super::{CaseAction, PlannedCase, PlannedProbe, Planner, REQUEST_TIMEOUT};
use crate::suite::model::{LaneExpectation, ProbeCase};
use crate::suite::place::KeyPath;
use crate::suite::read::nearest_name;
use crate::suite::request_text::RequestText;
use crate::suite::variables::CaptureText;

/// The key of the expectation for all lanes that have none of their own.
const EVERY_LANE: &str = "*";

impl Planner<'_> {
    pub(super) fn plan_probe(
        &mut self,
        base: Option<&str>,
        case: &ProbeCase,
        at: &KeyPath,
    ) -> Vec<PlannedCase> {
        let lanes = self.lanes_of(case, at);
        let Some(request) = self.read_request(base, case, at) else { return Vec::new() };
        let timeout = case.timeout.map_or(REQUEST_TIMEOUT, |timeout| timeout.0);
        let mut cases = Vec::new();
        for lane in lanes {
            let Some(expect) = self.expectation_for(case, lane, at) else { continue };
            let probe = PlannedProbe { lane, expect, ..request.clone() };
            cases.push(PlannedCase {
                address: self.address(&case.id, Some(lane)),
                retries: case.retries,
                timeout,
                action: CaseAction::Probe(Box::new(probe)),
            });
        }
        cases
    }

    /// The lanes of `lanes`, else those that `expect` names, in the order of reports.
    fn lanes_of(&mut self, case: &ProbeCase, at: &KeyPath) -> BTreeSet<Lane> {
        let mut lanes: BTreeSet<Lane> = case.lanes.iter().map(|name| name.0).collect();
        let mut expected = BTreeSet::new();
        for name in case.expect.keys().filter(|name| *name != EVERY_LANE) {
            match name.parse::<Lane>() {
                Ok(lane) => drop(expected.insert(lane)),
                Err(error) => {
                    let nearest = nearest_name(name, Lane::ALL.iter().map(|lane| lane.as_str()));
                    let help = match nearest {
                        Some(nearest) => format!("did you mean `{nearest}`?"),
                        None => format!("`{EVERY_LANE}` is for all lanes"),
                    };
                    self.mistake(&at.key("expect").key(name), error.to_string(), &help);
                }
            }
        }
        if lanes.is_empty() {
            lanes.clone_from(&expected);
            if lanes.is_empty() && self.mistakes.is_empty() {
                let message = "no lane is named".to_owned();
                self.mistake(at, message, "write lanes = [\"h1.1\", \"h2\"]");
            }
        }
        for lane in expected.difference(&lanes) {
            let message = format!("`expect` names the lane {lane}, and `lanes` does not");
            self.mistake(&at.key("expect").key(lane.as_str()), message, "add it to `lanes`");
        }
        lanes
    }

    fn expectation_for(
        &mut self,
        case: &ProbeCase,
        lane: Lane,
        at: &KeyPath,
    ) -> Option<LaneExpectation> {
        let own = case.expect.get(lane.as_str());
        let expect = own.or_else(|| case.expect.get(EVERY_LANE));
        let Some(expect) = expect else {
            // A case that checks nothing would always pass.
            let message = format!("nothing is expected of the lane {lane}");
            let help = format!("write expect.\"{lane}\" = {{ status = 426 }}, or expect.\"*\"");
            self.mistake(&at.key("lanes"), message, &help);
            return None;
        };
        if expect.checks_nothing() {
            let message = format!("the expectation for {lane} checks nothing");
            let key = if own.is_some() { lane.as_str() } else { EVERY_LANE };
            let help = "expect a status, a field, content, or notes";
            self.mistake(&at.key("expect").key(key), message, help);
        }
        Some(expect.clone())
    }

    /// The request of the case; its lane and expectation are placeholders.
    fn read_request(
        &mut self,
        base: Option<&str>,
        case: &ProbeCase,
        at: &KeyPath,
    ) -> Option<PlannedProbe> {
        let request = match RequestText::parse(&case.req) {
            Ok(request) => request,
            Err(error) => {
                self.mistake(&at.key("req"), error.to_string(), "");
                return None;
            }
        };
        let url = self.url_of(base, &request.target, at)?;
        let mut fields = Vec::new();
        for (name, value) in &request.fields {
            fields.push((name.clone(), self.expand(value, &at.key("req"))?));
        }
        for (name, value) in &case.fields {
            fields.push((name.clone(), self.expand(value, &at.key("fields").key(name))?));
        }
        let body = self.expand(&request.body, &at.key("req"))?;
        let (method, capture) = (request.method, case.capture.clone());
        let (lane, expect) = (Lane::Http11, LaneExpectation::default());
        Some(PlannedProbe { lane, method, url, fields, body, expect, capture })
    }

    fn url_of(&mut self, base: Option<&str>, target: &str, at: &KeyPath) -> Option<CaptureText> {
        if target.contains("://") {
            return self.expand(target, &at.key("req"));
        }
        let Some(base) = base else {
            let message = format!("`{target}` is relative, and the suite has no `target`");
            self.mistake(&at.key("req"), message, "write target = \"http://127.0.0.1:8080\"");
            return None;
        };
        let base = base.strip_suffix('/').unwrap_or(base);
        let path = if target == "*" { "" } else { target };
        self.expand(&format!("{base}{path}"), &KeyPath::default().key("target"))
    }
}
