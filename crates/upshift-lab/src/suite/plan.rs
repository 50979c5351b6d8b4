//! A suite → its cases, each with an address, or all mistakes at once.

mod captures;
mod client;
mod entry;
mod expectation;
mod lane_targets;
mod lint;
mod probe;
mod scenarios;
mod targets;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use upshift_notes::ignore::Ignores;
use upshift_record::Lane;
use upshift_record::suite::{CaseAddress, CaseKind};

use self::lane_targets::Targets;
use super::content_schema::ContentSchema;
use super::model::{Capture, ClientExpectation, FailOn, LaneExpectation, SuiteFile};
use super::place::{KeyPath, SuitePlaces};
use super::read::{SuiteError, SuiteFormat, read_suite};
use super::variables::CaptureText;
use crate::mock::Scenario;

pub(super) use self::probe::check_field_value;
pub(super) use self::targets::check_no_fragment;

/// The cases of one suite.
#[derive(Clone, Debug)]
pub struct SuitePlan {
    /// The path of the suite, as it was given.
    pub path: String,
    /// Its name for people.
    pub name: String,
    /// The folder that it is in. The files that it names are relative to it.
    pub folder: PathBuf,
    /// The cases, in the order of the file and of the lanes.
    pub cases: Vec<PlannedCase>,
    /// The files that it names, apart from patterns: scenarios, schemas, files to lint.
    pub files: Vec<PathBuf>,
    /// The case that captures each value, and its place among all cases, by the name of the value.
    producers: BTreeMap<String, (usize, CaseAddress)>,
}

/// A case.
#[derive(Clone, Debug)]
pub struct PlannedCase {
    /// Its address.
    pub address: CaseAddress,
    /// Its line in the suite, from 1; `None` if it is not known.
    pub line: Option<usize>,
    /// The number of times that it is tried again when it fails.
    pub retries: u32,
    /// The time limit of one try.
    pub timeout: Duration,
    /// The action.
    pub action: CaseAction,
}

/// The action of a case, and the expectation of its outcome.
#[derive(Clone, Debug)]
pub enum CaseAction {
    /// Sends a request over a lane.
    Probe(Box<PlannedProbe>),
    /// Runs a client.
    Client(Box<PlannedClient>),
    /// Lints recorded exchanges.
    Lint(Box<PlannedLint>),
}

/// A request to send over a lane.
#[derive(Clone, Debug)]
pub struct PlannedProbe {
    /// The lane.
    pub lane: Lane,
    /// The method.
    pub method: String,
    /// The absolute URL.
    pub url: CaptureText,
    /// True if the request target is `*` instead of the path of the URL (RFC 9112 §3.2.4).
    pub is_about_server: bool,
    /// The fields, in order.
    pub fields: Vec<(String, CaptureText)>,
    /// The content; empty: none.
    pub body: CaptureText,
    /// The expectation.
    pub expect: LaneExpectation,
    /// The JSON Schema of the expectation.
    pub schema: Option<Arc<ContentSchema>>,
    /// The values to keep, by name.
    pub capture: BTreeMap<String, Capture>,
}

/// A client to run.
#[derive(Clone, Debug)]
pub struct PlannedClient {
    /// The command and its arguments, with `{url}` for the address of the mock.
    pub run: Vec<CaptureText>,
    /// Environment variables.
    pub env: Vec<(String, CaptureText)>,
    /// The scenario of the mock.
    pub scenario: Scenario,
    /// The folder that it runs in.
    pub folder: PathBuf,
    /// The expectation.
    pub expect: ClientExpectation,
}

/// Recorded exchanges to lint.
#[derive(Clone, Debug)]
pub struct PlannedLint {
    /// The paths of the files; `*` stands for any part of a file name.
    pub files: Vec<PathBuf>,
    /// The lowest level of note that fails the case.
    pub fail_on: FailOn,
    /// The findings to ignore.
    pub ignores: Ignores,
}

impl CaseAction {
    /// The kind of the case.
    pub fn kind(&self) -> CaseKind {
        match self {
            Self::Probe(_) => CaseKind::Probe,
            Self::Client(_) => CaseKind::Client,
            Self::Lint(_) => CaseKind::Lint,
        }
    }
}

/// Returns the values of environment variables.
pub type EnvironmentLookup<'e> = &'e dyn Fn(&str) -> Option<String>;

/// Reads the suite at `path` and plans its cases.
pub fn plan_suite(
    path: &str,
    text: &str,
    format: SuiteFormat,
    environment: EnvironmentLookup<'_>,
) -> Result<SuitePlan, Vec<SuiteError>> {
    let file = read_suite(text, format).map_err(|error| vec![error])?;
    let mut planner = Planner {
        path,
        folder: folder_of(path),
        places: SuitePlaces::parse(text, format),
        environment,
        mistakes: Vec::new(),
        targets: Targets::default(),
        scenarios: BTreeMap::new(),
        faulty_scenarios: BTreeSet::new(),
        files: Vec::new(),
    };
    let plan = planner.plan(&file);
    if planner.mistakes.is_empty() { Ok(plan) } else { Err(planner.mistakes) }
}

/// The folder of a suite; empty for the current one.
fn folder_of(path: &str) -> PathBuf {
    Path::new(path).parent().unwrap_or(Path::new("")).to_owned()
}

/// Plans the cases of one file, and collects its mistakes.
struct Planner<'p> {
    path: &'p str,
    folder: PathBuf,
    places: SuitePlaces<'p>,
    environment: EnvironmentLookup<'p>,
    mistakes: Vec<SuiteError>,
    targets: Targets,
    /// The scenarios inside of the file, by name.
    scenarios: BTreeMap<String, Scenario>,
    /// The names of those that have a mistake.
    faulty_scenarios: BTreeSet<String>,
    /// The files that the cases name.
    files: Vec<PathBuf>,
}

impl Planner<'_> {
    fn plan(&mut self, file: &SuiteFile) -> SuitePlan {
        self.check_ids(file);
        self.read_targets(file);
        self.read_scenarios(&file.scenario);
        let mut cases = Vec::new();
        for (index, case) in file.probe.iter().enumerate() {
            let at = KeyPath::of_case("probe", index);
            cases.extend(self.plan_probe(case, &at));
        }
        for (index, case) in file.client.iter().enumerate() {
            let at = KeyPath::of_case("client", index);
            cases.extend(self.plan_client(case, &at));
        }
        for (index, case) in file.lint.iter().enumerate() {
            let at = KeyPath::of_case("lint", index);
            cases.extend(self.plan_lint(case, &at));
        }
        self.check_captures(file);
        let name = file.suite.clone().unwrap_or_else(|| self.path.to_owned());
        let files = std::mem::take(&mut self.files);
        SuitePlan {
            path: self.path.to_owned(),
            name,
            folder: self.folder.clone(),
            producers: Self::find_producers(&cases),
            cases,
            files,
        }
    }

    /// Ids are unique and can stand in an address.
    fn check_ids(&mut self, file: &SuiteFile) {
        let probes = file.probe.iter().map(|case| ("probe", &case.id));
        let clients = file.client.iter().map(|case| ("client", &case.id));
        let lints = file.lint.iter().map(|case| ("lint", &case.id));
        let mut seen = BTreeSet::new();
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        for (kind, id) in probes.chain(clients).chain(lints) {
            let index = places.entry(kind).or_default();
            let at = KeyPath::of_case(kind, *index).key("id");
            *index += 1;
            let is_id = id.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
            if id.is_empty() || !is_id {
                let message = format!("`{id}` is not an id");
                self.mistake(&at, message, "use letters, digits, `-`, `_` and `.`");
            } else if !seen.insert(id) {
                let message = format!("there are two cases with the id `{id}`");
                self.mistake(&at, message, "give each case an id of its own");
            }
        }
    }

    fn address(&self, id: &str, lane: Option<Lane>) -> CaseAddress {
        CaseAddress { suite: self.path.to_owned(), id: id.to_owned(), lane }
    }

    /// The line of a case; `None` if it is not known.
    fn line(&self, at: &KeyPath) -> Option<usize> {
        let (line, _) = self.places.locate(at);
        if line > 0 { Some(line) } else { None }
    }

    /// Expands the environment variables of `text`; a mistake is reported at `at`.
    fn expand(&mut self, text: &str, at: &KeyPath) -> Option<CaptureText> {
        match CaptureText::parse(text, self.environment) {
            Ok(text) => Some(text),
            Err(error) => {
                self.mistake(at, error.to_string(), "");
                None
            }
        }
    }

    /// The text of a file beside the suite; if it cannot be read, that is a mistake at `at`.
    fn read_file(&mut self, name: &str, at: &KeyPath) -> Option<String> {
        let path = self.folder.join(name);
        self.files.push(path.clone());
        match std::fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(error) => {
                let message = format!("cannot read {}: {error}", path.display());
                self.mistake(at, message, "the path is relative to the suite");
                None
            }
        }
    }

    fn mistake(&mut self, at: &KeyPath, message: String, help: &str) {
        let (line, column) = self.places.locate(at);
        self.mistakes.push(SuiteError { line, column, message, help: help.to_owned() });
    }
}

#[cfg(test)]
mod tests;
