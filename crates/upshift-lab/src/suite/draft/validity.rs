//! The cases of a draft that would be mistakes in a suite, such as a field that its lane sets itself.

use std::collections::BTreeMap;

use super::suite_draft::{DraftRemark, SuiteDraft};
use crate::suite::plan::plan_suite;
use crate::suite::read::{SuiteError, SuiteFormat};

impl SuiteDraft {
    /// Leaves out the cases that would be mistakes in the suite, with a remark on each.
    pub fn leave_out_mistakes(&mut self) {
        // A case that is left out may have captured a value for others, so that there may be more
        // mistakes after it. Each round leaves out a case.
        while let Err(mistakes) = self.plan() {
            let by_case = self.group_by_case(mistakes);
            if by_case.is_empty() {
                return;
            }
            let mut number = 0;
            let remarks = &mut self.remarks;
            self.cases.retain(|case| {
                number += 1;
                let Some(mistake) = by_case.get(&(number - 1)) else { return true };
                let message = format!("case {} was left out: {mistake}", case.id);
                remarks.push(DraftRemark::new(None, message));
                false
            });
        }
    }

    fn plan(&self) -> Result<(), Vec<SuiteError>> {
        let targets = format!("{}{}", self.target, self.tls_target);
        // The URLs have defaults; any other variable has some value.
        let environment = |name: &str| {
            let has_default = targets.contains(&format!("${{{name}:-"));
            if has_default { None } else { Some("value".to_owned()) }
        };
        plan_suite("draft", &self.to_toml(), SuiteFormat::Toml, &environment).map(drop)
    }

    /// The first mistake of each case, by the place of the case.
    fn group_by_case(&self, mistakes: Vec<SuiteError>) -> BTreeMap<usize, String> {
        let starts = self.case_lines();
        let mut by_case = BTreeMap::new();
        for mistake in mistakes {
            let place = starts.iter().rposition(|start| *start <= mistake.line);
            let message = match mistake.help.as_str() {
                "" => mistake.message,
                help => format!("{}; {help}", mistake.message),
            };
            if let Some(place) = place {
                by_case.entry(place).or_insert(message);
            }
        }
        by_case
    }
}
