//! A planned case, as reports show it.

use std::collections::BTreeSet;

use upshift_record::suite::{CaseAddress, CaseEntry};

use super::{CaseAction, PlannedCase, PlannedClient, PlannedProbe, SuitePlan};
use crate::suite::model::{ClientExpectation, LaneExpectation};
use crate::suite::variables::CaptureText;

impl SuitePlan {
    /// A case as reports show it.
    pub fn entry_of(&self, case: &PlannedCase) -> CaseEntry {
        CaseEntry {
            address: case.address.clone(),
            kind: case.action.kind(),
            line: case.line,
            action: case.action.describe(),
            expects: case.action.describe_expectation(),
            needs: self.producers_of(case),
            retries: case.retries,
        }
    }

    /// The cases that capture what `case` needs, in the order of the suite.
    pub fn producers_of(&self, case: &PlannedCase) -> Vec<CaseAddress> {
        let needed = case.needed_captures();
        let found: BTreeSet<&(usize, CaseAddress)> =
            needed.iter().filter_map(|name| self.producers.get(*name)).collect();
        found.into_iter().map(|(_, address)| address.clone()).collect()
    }
}

impl CaseAction {
    /// The action in one line.
    fn describe(&self) -> String {
        match self {
            Self::Probe(probe) => describe_probe(probe),
            Self::Client(client) => describe_client(client),
            Self::Lint(lint) => {
                let names: Vec<String> =
                    lint.files.iter().map(|file| file.display().to_string()).collect();
                format!("lint {}", names.join(", "))
            }
        }
    }

    /// The expectation in one line.
    fn describe_expectation(&self) -> String {
        match self {
            Self::Probe(probe) => describe_lane(&probe.expect),
            Self::Client(client) => describe_client_expectation(&client.expect),
            Self::Lint(lint) => format!("no note of level {}", lint.fail_on.as_str()),
        }
    }
}

fn describe_probe(probe: &PlannedProbe) -> String {
    let mut text = format!("{} {}", probe.method, probe.url);
    if probe.is_about_server {
        text.push_str(" (*)");
    }
    for (name, _) in &probe.fields {
        // The values may be secrets.
        text.push_str(&format!(", {name}"));
    }
    text
}

fn describe_client(client: &PlannedClient) -> String {
    let words: Vec<String> = client.run.iter().map(CaptureText::to_string).collect();
    format!("{} against {}", words.join(" "), client.scenario.name())
}

fn describe_lane(expect: &LaneExpectation) -> String {
    let mut parts = Vec::new();
    if let Some(status) = &expect.status {
        parts.push(format!("status {status}"));
    }
    if let Some(version) = &expect.version {
        parts.push(format!("HTTP/{version}"));
    }
    if let Some(interim) = &expect.interim {
        parts.push(format!("interim {interim:?}"));
    }
    parts.extend(expect.fields.keys().map(|name| format!("field {name}")));
    parts.extend(expect.absent.iter().map(|name| format!("no {name}")));
    if expect.body.is_some() || !expect.json.is_empty() || expect.schema.is_some() {
        parts.push("content".to_owned());
    }
    parts.extend(expect.notes.iter().map(|id| format!("note {id}")));
    if expect.closed {
        parts.push("a closed connection".to_owned());
    }
    parts.join(", ")
}

fn describe_client_expectation(expect: &ClientExpectation) -> String {
    let mut parts = Vec::new();
    if let Some(exit) = expect.exit {
        parts.push(format!("exit code {exit}"));
    }
    if expect.stdout.is_some() || expect.stderr.is_some() {
        parts.push("its output".to_owned());
    }
    if let Some(requests) = expect.requests {
        parts.push(format!("{requests} requests"));
    }
    if let Some(most) = expect.max_requests {
        parts.push(format!("at most {most} requests"));
    }
    if !expect.request.is_empty() {
        parts.push(format!("{} of its requests", expect.request.len()));
    }
    if expect.no_body_replay {
        parts.push("no content sent again".to_owned());
    }
    if let Some(grade) = expect.grade {
        parts.push(format!("grade {grade}"));
    }
    parts.join(", ")
}
