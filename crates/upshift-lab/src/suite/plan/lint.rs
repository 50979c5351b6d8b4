//! The case of a `[[lint]]`.

use std::time::Duration;

use upshift_notes::find_note;
use upshift_notes::ignore::{Ignore, Ignores};

use super::{CaseAction, PlannedCase, PlannedLint, Planner};
use crate::suite::model::{FailOn, IgnoredNote, LintCase};
use crate::suite::place::KeyPath;

/// The time limit of linting, which waits for nothing but files.
const LINT_TIMEOUT: Duration = Duration::from_secs(60);

impl Planner<'_> {
    pub(super) fn plan_lint(&mut self, case: &LintCase, at: &KeyPath) -> Option<PlannedCase> {
        if case.files.is_empty() {
            let help = "write files = [\"captures/*.har\"]";
            self.mistake(&at.key("files"), "there are no files to lint".to_owned(), help);
            return None;
        }
        let mut files = Vec::new();
        for name in &case.files {
            let path = self.folder.join(name);
            if !name.contains('*') {
                self.files.push(path.clone());
            }
            files.push(path);
        }
        let mut ignores = Ignores::default();
        for (place, entry) in case.ignore.iter().enumerate() {
            if let Some(ignore) = self.read_ignore(entry, &at.key("ignore").index(place)) {
                ignores.add(ignore);
            }
        }
        let fail_on = case.fail_on.unwrap_or(FailOn::Error);
        let lint = PlannedLint { files, fail_on, ignores };
        Some(PlannedCase {
            address: self.address(&case.id, None),
            line: self.line(at),
            retries: 0,
            timeout: LINT_TIMEOUT,
            action: CaseAction::Lint(Box::new(lint)),
        })
    }

    fn read_ignore(&mut self, entry: &IgnoredNote, at: &KeyPath) -> Option<Ignore> {
        let note = match find_note(&entry.note) {
            Ok(note) => note,
            Err(error) => {
                self.mistake(&at.key("note"), error.to_string(), "");
                return None;
            }
        };
        if entry.reason.trim().is_empty() {
            let message = "`reason` is empty".to_owned();
            self.mistake(&at.key("reason"), message, "say why it is ignored");
            return None;
        }
        Some(Ignore {
            note,
            path: entry.path.clone(),
            url: entry.url.clone(),
            reason: entry.reason.clone(),
            until: entry.until.0,
        })
    }
}
