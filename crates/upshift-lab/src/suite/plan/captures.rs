//! Values that one case keeps for later ones.

use std::collections::{BTreeMap, BTreeSet};

use upshift_record::suite::CaseAddress;

use super::{CaseAction, PlannedCase, Planner};
use crate::suite::model::SuiteFile;
use crate::suite::place::KeyPath;
use crate::suite::variables::CaptureText;

impl PlannedCase {
    /// The names of the captured values that it needs.
    pub fn needed_captures(&self) -> BTreeSet<&str> {
        let mut texts: Vec<&CaptureText> = Vec::new();
        match &self.action {
            CaseAction::Probe(probe) => {
                texts.extend([&probe.url, &probe.body]);
                texts.extend(probe.fields.iter().map(|(_, value)| value));
            }
            CaseAction::Client(client) => {
                texts.extend(&client.run);
                texts.extend(client.env.iter().map(|(_, value)| value));
            }
            CaseAction::Lint(_) => {}
        }
        texts.into_iter().flat_map(CaptureText::captures).collect()
    }

    /// The names of the values that it captures.
    pub fn given_captures(&self) -> BTreeSet<&str> {
        match &self.action {
            CaseAction::Probe(probe) => probe.capture.keys().map(String::as_str).collect(),
            CaseAction::Client(_) | CaseAction::Lint(_) => BTreeSet::new(),
        }
    }
}

impl Planner<'_> {
    /// The case that captures each value, and its place, by the name of the value.
    pub(super) fn find_producers(cases: &[PlannedCase]) -> BTreeMap<String, (usize, CaseAddress)> {
        let mut producers = BTreeMap::new();
        for (place, case) in cases.iter().enumerate() {
            for name in case.given_captures() {
                producers.insert(name.to_owned(), (place, case.address.clone()));
            }
        }
        producers
    }

    /// A value is captured once, over one lane, by an earlier case than those that need it.
    pub(super) fn check_captures(&mut self, file: &SuiteFile) {
        let mut captured = BTreeSet::new();
        for (index, case) in file.probe.iter().enumerate() {
            let at = KeyPath::of_case("probe", index);
            self.check_needs(&case.req, &captured, &at.key("req"));
            for (name, value) in &case.fields {
                self.check_needs(value, &captured, &at.key("fields").key(name));
            }
            for name in case.capture.keys() {
                let key = at.key("capture").key(name);
                if case.lanes.len().max(case.expect.len()) > 1 {
                    let message = format!("`{name}` is captured over several lanes");
                    self.mistake(&key, message, "capture it in a case of one lane");
                } else if !captured.insert(name.clone()) {
                    let message = format!("`{name}` is captured twice");
                    self.mistake(&key, message, "give each value a name of its own");
                }
            }
        }
        for (index, case) in file.client.iter().enumerate() {
            let at = KeyPath::of_case("client", index);
            for argument in &case.run {
                self.check_needs(argument, &captured, &at.key("run"));
            }
            for (name, value) in &case.env {
                self.check_needs(value, &captured, &at.key("env").key(name));
            }
        }
    }

    fn check_needs(&mut self, text: &str, captured: &BTreeSet<String>, at: &KeyPath) {
        // A text that cannot be expanded is reported where it is planned.
        let Ok(text) = CaptureText::parse(text, &|_| Some(String::new())) else { return };
        for name in text.captures() {
            if !captured.contains(name) {
                let message = format!("no earlier case captures `{name}`");
                let help = format!("add capture.{name} = {{ field = \"…\" }} to an earlier case");
                self.mistake(at, message, &help);
            }
        }
    }
}
