//! The case of a `[[client]]`.

use std::time::Duration;

use super::{CaseAction, PlannedCase, PlannedClient, Planner};
use crate::grade::check_placeholders;
use crate::suite::model::{ClientCase, ClientExpectation};
use crate::suite::place::KeyPath;

/// The time limit of a client's run.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(10);

impl Planner<'_> {
    pub(super) fn plan_client(&mut self, case: &ClientCase, at: &KeyPath) -> Option<PlannedCase> {
        self.check_command(case, at);
        if case.expect.checks_nothing() {
            let message = "nothing is expected of the client".to_owned();
            let help = "expect an exit code, an output, or requests";
            self.mistake(&at.key("expect"), message, help);
        }
        let scenario = self.find_scenario(&case.scenario, &at.key("scenario"));
        let mut run = Vec::new();
        for argument in &case.run {
            run.push(self.expand(argument, &at.key("run"))?);
        }
        let mut env = Vec::new();
        for (name, value) in &case.env {
            env.push((name.clone(), self.expand(value, &at.key("env").key(name))?));
        }
        let (folder, expect) = (self.folder.clone(), case.expect.clone());
        let client = PlannedClient { run, env, scenario: scenario?, folder, expect };
        Some(PlannedCase {
            address: self.address(&case.id, None),
            line: self.line(at),
            retries: case.retries,
            timeout: case.timeout.map_or(CLIENT_TIMEOUT, |timeout| timeout.0),
            action: CaseAction::Client(Box::new(client)),
        })
    }

    fn check_command(&mut self, case: &ClientCase, at: &KeyPath) {
        if case.run.is_empty() {
            let help = "write run = [\"curl\", \"{url}\"]";
            self.mistake(&at.key("run"), "there is no command".to_owned(), help);
            return;
        }
        for argument in &case.run {
            if let Err(error) = check_placeholders(argument) {
                self.mistake(&at.key("run"), error.to_string(), "");
            }
        }
        for (name, value) in &case.env {
            if let Err(error) = check_placeholders(value) {
                self.mistake(&at.key("env").key(name), error.to_string(), "");
            }
        }
        let mut texts = case.run.iter().chain(case.env.values());
        let finds =
            |text: &String| ["{url}", "{ws-url}", "{port}"].iter().any(|p| text.contains(p));
        if !texts.any(finds) {
            let message = "the client would not find the mock".to_owned();
            let help = "write `{url}` in an argument or a variable where the URL belongs";
            self.mistake(&at.key("run"), message, help);
        }
    }
}

impl ClientExpectation {
    /// Returns true if every client would meet it.
    fn checks_nothing(&self) -> bool {
        let no_output = self.stdout.is_none() && self.stderr.is_none() && self.exit.is_none();
        let no_requests = self.requests.is_none() && self.max_requests.is_none();
        let no_wire = self.request.is_empty() && !self.no_body_replay && self.grade.is_none();
        no_output && no_requests && no_wire
    }
}
