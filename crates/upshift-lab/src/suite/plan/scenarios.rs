//! The scenarios that clients are run against.

use super::Planner;
use crate::mock::{Scenario, catalogue};
use crate::suite::model::InlineScenario;
use crate::suite::place::KeyPath;
use crate::suite::read::nearest_name;

impl Planner<'_> {
    pub(super) fn read_scenarios(&mut self, listed: &[InlineScenario]) {
        for (index, InlineScenario(table)) in listed.iter().enumerate() {
            let at = KeyPath::of_case("scenario", index);
            let scenario = match Scenario::from_table(table.clone()) {
                Ok(scenario) => scenario,
                Err(error) => {
                    let name = table.get("name").and_then(|name| name.as_str());
                    self.faulty_scenarios.extend(name.map(str::to_owned));
                    let mut at = at;
                    if let Some(step) = error.step {
                        at = at.key("step").index(step);
                    }
                    if let Some(key) = &error.key {
                        at = at.key(key);
                    }
                    self.mistake(&at, error.message, "");
                    continue;
                }
            };
            let name = scenario.name().to_owned();
            if self.scenarios.insert(name.clone(), scenario).is_some() {
                let message = format!("there are two scenarios with the name `{name}`");
                self.mistake(&at.key("name"), message, "give each scenario a name of its own");
            }
        }
    }

    /// The scenario that a client names: one of the suite, of a file, or of the catalogue.
    pub(super) fn find_scenario(&mut self, name: &str, at: &KeyPath) -> Option<Scenario> {
        if let Some(scenario) = self.scenarios.get(name) {
            return Some(scenario.clone());
        }
        // Its own mistake is reported.
        if self.faulty_scenarios.contains(name) {
            return None;
        }
        if name.ends_with(".toml") || name.contains('/') {
            let text = self.read_file(name, at)?;
            return match Scenario::parse(&text, name) {
                Ok(scenario) => Some(scenario),
                Err(error) => {
                    self.mistake(at, error.to_string(), "");
                    None
                }
            };
        }
        match catalogue::find_scenario(name) {
            Ok(scenario) => Some(scenario),
            Err(_) => {
                let mut known: Vec<&str> = catalogue::names().collect();
                known.extend(self.scenarios.keys().map(String::as_str));
                let help = match nearest_name(name, known) {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None => "`upshift mock --list` lists the catalogue".to_owned(),
                };
                self.mistake(at, format!("there is no scenario `{name}`"), &help);
                None
            }
        }
    }
}
