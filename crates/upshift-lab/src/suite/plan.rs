//! A suite → its cases, each with an address, or all mistakes at once.

mod captures;
mod probe;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

use upshift_record::Lane;
use upshift_record::suite::{CaseAddress, CaseKind};

use super::model::{Capture, ClientCase, LaneExpectation, LintCase, SuiteFile};
use super::place::KeyPath;
use super::read::{SuiteError, SuiteFormat, read_suite};
use super::variables::{CaptureText, VariableError};

/// The time limit of a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// The time limit of a client's run.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(10);

/// The cases of one suite.
#[derive(Clone, Debug)]
pub struct SuitePlan {
    /// The path of the suite, as it was given.
    pub path: String,
    /// Its name for people.
    pub name: String,
    /// The cases, in the order of the file and of the lanes.
    pub cases: Vec<PlannedCase>,
}

/// A case.
#[derive(Clone, Debug)]
pub struct PlannedCase {
    /// Its address.
    pub address: CaseAddress,
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
    Lint(LintCase),
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
    /// The fields, in order.
    pub fields: Vec<(String, CaptureText)>,
    /// The content; empty: none.
    pub body: CaptureText,
    /// The expectation.
    pub expect: LaneExpectation,
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
    /// The case as the file has it.
    pub case: ClientCase,
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
    let mut planner = Planner { path, text, format, environment, mistakes: Vec::new() };
    let plan = planner.plan(&file);
    if planner.mistakes.is_empty() { Ok(plan) } else { Err(planner.mistakes) }
}

/// Plans the cases of one file, and collects its mistakes.
struct Planner<'p> {
    path: &'p str,
    text: &'p str,
    format: SuiteFormat,
    environment: EnvironmentLookup<'p>,
    mistakes: Vec<SuiteError>,
}

impl Planner<'_> {
    fn plan(&mut self, file: &SuiteFile) -> SuitePlan {
        self.check_ids(file);
        let mut cases = Vec::new();
        for (index, case) in file.probe.iter().enumerate() {
            let at = KeyPath::of_case("probe", index);
            cases.extend(self.plan_probe(file.target.as_deref(), case, &at));
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
        SuitePlan { path: self.path.to_owned(), name, cases }
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

    fn plan_client(&mut self, case: &ClientCase, at: &KeyPath) -> Option<PlannedCase> {
        if case.run.is_empty() {
            self.mistake(
                &at.key("run"),
                "there is no command".into(),
                "write run = [\"curl\", \"{url}\"]",
            );
        }
        let mut run = Vec::new();
        for argument in &case.run {
            run.push(self.expand(argument, &at.key("run"))?);
        }
        let mut env = Vec::new();
        for (name, value) in &case.env {
            env.push((name.clone(), self.expand(value, &at.key("env").key(name))?));
        }
        let timeout = case.timeout.map_or(CLIENT_TIMEOUT, |timeout| timeout.0);
        let client = PlannedClient { run, env, case: case.clone() };
        Some(PlannedCase {
            address: self.address(&case.id, None),
            retries: case.retries,
            timeout,
            action: CaseAction::Client(Box::new(client)),
        })
    }

    fn plan_lint(&mut self, case: &LintCase, at: &KeyPath) -> Option<PlannedCase> {
        if case.files.is_empty() {
            let help = "write files = [\"captures/*.har\"]";
            self.mistake(&at.key("files"), "there are no files to lint".into(), help);
            return None;
        }
        Some(PlannedCase {
            address: self.address(&case.id, None),
            retries: 0,
            timeout: CLIENT_TIMEOUT,
            action: CaseAction::Lint(case.clone()),
        })
    }

    fn address(&self, id: &str, lane: Option<Lane>) -> CaseAddress {
        CaseAddress { suite: self.path.to_owned(), id: id.to_owned(), lane }
    }

    /// Expands the environment variables of `text`; a mistake is reported at `at`.
    fn expand(&mut self, text: &str, at: &KeyPath) -> Option<CaptureText> {
        match CaptureText::parse(text, self.environment) {
            Ok(text) => Some(text),
            Err(error) => {
                self.variable_mistake(&error, at);
                None
            }
        }
    }

    fn variable_mistake(&mut self, error: &VariableError, at: &KeyPath) {
        self.mistake(at, error.to_string(), "");
    }

    fn mistake(&mut self, at: &KeyPath, message: String, help: &str) {
        let (line, column) = at.locate(self.text, self.format);
        self.mistakes.push(SuiteError { line, column, message, help: help.to_owned() });
    }
}

#[cfg(test)]
mod tests;
