//! Scenarios inside of another file, such as a suite.

use std::sync::Arc;

use toml::{Table, Value};

use super::error::with_proposal;
use super::step::Step;
use super::{Scenario, ScenarioFile};

/// A table that is no scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InlineError {
    /// The place of the step in `step`, from 0; `None` if it is not about one.
    pub(crate) step: Option<usize>,
    /// The key that is at fault, if it is known.
    pub(crate) key: Option<String>,
    /// The mistake.
    pub(crate) message: String,
}

impl Scenario {
    /// Reads a scenario that stands in another file. It has the keys of a scenario file, and needs a
    /// name.
    pub(crate) fn from_table(mut table: Table) -> Result<Self, InlineError> {
        let listed = table.remove("step");
        let file: ScenarioFile =
            Value::Table(table).try_into().map_err(|error| InlineError::of_toml(None, &error))?;
        if file.name.is_empty() {
            return Err(InlineError::of_whole("a scenario inside of a suite needs a `name`"));
        }
        let listed = match listed {
            Some(Value::Array(listed)) if !listed.is_empty() => listed,
            _ => {
                return Err(InlineError::of_whole(
                    "a scenario has at least one step, which answers",
                ));
            }
        };
        let mut steps = Vec::new();
        for (place, value) in listed.into_iter().enumerate() {
            let step: Step =
                value.try_into().map_err(|error| InlineError::of_toml(Some(place), &error))?;
            if let Err(message) = step.check() {
                return Err(InlineError { step: Some(place), key: None, message });
            }
            steps.push(Arc::new(step));
        }
        Ok(Self { file, steps })
    }
}

impl InlineError {
    fn of_whole(message: &str) -> Self {
        Self { step: None, key: None, message: message.to_owned() }
    }

    fn of_toml(step: Option<usize>, error: &toml::de::Error) -> Self {
        let message = error.message();
        let key = match message.split_once("unknown field `") {
            Some((_, rest)) => rest.split('`').next().map(str::to_owned),
            None => None,
        };
        Self { step, key, message: with_proposal(message) }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use super::*;

    fn read(text: &str) -> Result<Scenario, InlineError> {
        Scenario::from_table(toml::from_str(text).unwrap())
    }

    #[test]
    fn a_table_is_a_scenario() {
        let text = "name = 'a'\n[[step]]\non = 'h1.*'\nstatus = 426\n[[step]]\nstatus = 200\n";
        let scenario = read(text).unwrap();
        assert_eq!((scenario.name(), scenario.steps.len()), ("a", 2));
    }

    #[test]
    fn a_mistake_has_its_step_and_its_key() {
        let rows = [
            ("[[step]]\nstatus = 200", None, None, "needs a `name`"),
            ("name = 'a'", None, None, "at least one step"),
            ("name = 'a'\nnmae = 'b'\nstep = []", None, Some("nmae"), "did you mean `name`?"),
            ("name = 'a'\n[[step]]\nstatsu = 1", Some(0), Some("statsu"), "`status`?"),
            ("name = 'a'\n[[step]]\non = 'h1.1'", Some(0), None, "a step has `send`"),
        ];
        for (text, step, key, says) in rows {
            let error = read(text).unwrap_err();
            assert_eq!((error.step, error.key.as_deref()), (step, key), "{text}");
            assert!(error.message.contains(says), "{text}: {}", error.message);
        }
    }
}
