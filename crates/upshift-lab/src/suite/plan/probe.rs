//! The cases of a `[[probe]]`: one for each lane.

use std::collections::BTreeSet;
use std::time::Duration;

use upshift_record::Lane;

use super::{CaseAction, PlannedCase, PlannedProbe, Planner};
use crate::probe::check_lane_field;
use crate::suite::model::{LaneExpectation, ProbeCase};
use crate::suite::place::KeyPath;
use crate::suite::read::nearest_name;
use crate::suite::request_text::{RequestText, is_token};
use crate::suite::variables::CaptureText;

/// The time limit of a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// The key of the expectation for all lanes that have none of their own.
const EVERY_LANE: &str = "*";

impl Planner<'_> {
    pub(super) fn plan_probe(&mut self, case: &ProbeCase, at: &KeyPath) -> Vec<PlannedCase> {
        let lanes = self.lanes_of(case, at);
        let Some(request) = self.read_request(case, at) else { return Vec::new() };
        let Some((fields, body)) = self.expand_request(case, &request, at) else {
            return Vec::new();
        };
        let mut cases = Vec::new();
        for lane in lanes {
            let Some((expect, at_expect)) = self.expectation_for(case, lane, at) else { continue };
            let schema = self.read_schema(&expect, &at_expect);
            self.check_lane(lane, case, &request, at);
            let Some(url) = self.url_over(lane, case, &request.target, at) else { continue };
            let probe = PlannedProbe {
                lane,
                method: request.method.clone(),
                url,
                is_about_server: request.target == "*",
                fields: fields.clone(),
                body: body.clone(),
                expect,
                schema,
                capture: case.capture.clone(),
            };
            cases.push(PlannedCase {
                address: self.address(&case.id, Some(lane)),
                line: self.line(at),
                retries: case.retries,
                timeout: case.timeout.map_or(REQUEST_TIMEOUT, |timeout| timeout.0),
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

    /// The expectation for a lane, and its place.
    fn expectation_for(
        &mut self,
        case: &ProbeCase,
        lane: Lane,
        at: &KeyPath,
    ) -> Option<(LaneExpectation, KeyPath)> {
        let own = case.expect.get(lane.as_str());
        let expect = own.or_else(|| case.expect.get(EVERY_LANE));
        let Some(expect) = expect else {
            // A case that checks nothing would always pass.
            let message = format!("nothing is expected of the lane {lane}");
            let help = format!("write expect.\"{lane}\" = {{ status = 426 }}, or expect.\"*\"");
            self.mistake(&at.key("lanes"), message, &help);
            return None;
        };
        let key = if own.is_some() { lane.as_str() } else { EVERY_LANE };
        let at = at.key("expect").key(key);
        if expect.checks_nothing() {
            let message = format!("the expectation for {lane} checks nothing");
            self.mistake(&at, message, "expect a status, a field, content, or notes");
        }
        self.check_expectation(expect, &at);
        Some((expect.clone(), at))
    }

    fn read_request(&mut self, case: &ProbeCase, at: &KeyPath) -> Option<RequestText> {
        match RequestText::parse(&case.req) {
            Ok(mut request) => {
                let more = case.fields.iter().map(|(name, value)| (name.clone(), value.clone()));
                request.fields.extend(more);
                Some(request)
            }
            Err(error) => {
                self.mistake(&at.key("req"), error.to_string(), "");
                None
            }
        }
    }

    fn expand_request(
        &mut self,
        case: &ProbeCase,
        request: &RequestText,
        at: &KeyPath,
    ) -> Option<(Vec<(String, CaptureText)>, CaptureText)> {
        let mut fields = Vec::new();
        for (name, value) in &request.fields {
            let at = self.place_of_field(case, name, at);
            if !is_token(name) {
                self.mistake(&at, format!("`{name}` is not a field name"), "");
            }
            let value = self.expand(value, &at)?;
            if let Some(plain) = value.to_plain()
                && let Err(error) = check_field_value(&plain)
            {
                self.mistake(&at, format!("the value of `{name}` has {error}"), "");
            }
            fields.push((name.clone(), value));
        }
        Some((fields, self.expand(&request.body, &at.key("req"))?))
    }

    fn place_of_field(&self, case: &ProbeCase, name: &str, at: &KeyPath) -> KeyPath {
        if case.fields.contains_key(name) { at.key("fields").key(name) } else { at.key("req") }
    }

    /// Checks that the lane can carry the request.
    fn check_lane(&mut self, lane: Lane, case: &ProbeCase, request: &RequestText, at: &KeyPath) {
        for (name, _) in &request.fields {
            if let Err(error) = check_lane_field(lane, name) {
                let at = self.place_of_field(case, name, at);
                let message = format!("over {lane}: {error}");
                self.mistake(&at, message, "make a case of its own for the other lanes");
            }
        }
        let at = at.key("req");
        let method = request.method.as_str();
        if method == "CONNECT" {
            self.mistake(&at, "CONNECT has no lane".to_owned(), "name another method");
        }
        // RFC 9112 §3.2.4: "The asterisk-form of request-target is only used for a server-wide
        // OPTIONS request".
        if request.target == "*" && method != "OPTIONS" {
            self.mistake(&at, format!("`*` is for OPTIONS, not for {method}"), "write a path");
        }
        // RFC 6455 §4.1: "The method of the request MUST be GET".
        if lane == Lane::WebSocket && (method != "GET" || !request.body.is_empty()) {
            let message = "the lane ws asks by GET and without content".to_owned();
            self.mistake(&at, message, "make a case of its own for the lane");
        }
    }
}

/// Checks that a value cannot end its field line (RFC 9110 §5.5).
pub(in crate::suite) fn check_field_value(value: &str) -> Result<(), &'static str> {
    match value.contains(['\r', '\n', '\0']) {
        true => Err("the end of a line or a NUL in it"),
        false => Ok(()),
    }
}
