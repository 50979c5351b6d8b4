//! Checks of an expectation that the format of the file does not make.

use std::sync::Arc;

use upshift_notes::find_note;

use super::Planner;
use crate::suite::content_schema::ContentSchema;
use crate::suite::model::LaneExpectation;
use crate::suite::place::KeyPath;
use crate::suite::read::nearest_name;

/// The versions of HTTP, as records have them.
const VERSIONS: [&str; 4] = ["1.0", "1.1", "2", "3"];

impl Planner<'_> {
    /// Checks the notes, the version and the pointers of an expectation.
    pub(super) fn check_expectation(&mut self, expect: &LaneExpectation, at: &KeyPath) {
        for (place, id) in expect.notes.iter().enumerate() {
            if let Err(error) = find_note(id) {
                self.mistake(&at.key("notes").index(place), error.to_string(), "");
            }
        }
        self.check_version(expect.version.as_deref(), &at.key("version"));
        for pointer in expect.json.keys() {
            // RFC 6901 §3
            if !pointer.is_empty() && !pointer.starts_with('/') {
                let message = format!("`{pointer}` is not a JSON Pointer");
                let help = format!("write json.\"/{pointer}\" = …");
                self.mistake(&at.key("json").key(pointer), message, &help);
            }
        }
    }

    pub(super) fn check_version(&mut self, version: Option<&str>, at: &KeyPath) {
        let Some(version) = version.filter(|version| !VERSIONS.contains(version)) else { return };
        let number = version.trim_start_matches("HTTP/").trim_end_matches(".0");
        let help = match nearest_name(number, VERSIONS) {
            Some(nearest) => format!("write \"{nearest}\""),
            None => "write \"1.0\", \"1.1\", \"2\" or \"3\"".to_owned(),
        };
        self.mistake(at, format!("`{version}` is not a version of HTTP"), &help);
    }

    /// The JSON Schema of an expectation.
    pub(super) fn read_schema(
        &mut self,
        expect: &LaneExpectation,
        at: &KeyPath,
    ) -> Option<Arc<ContentSchema>> {
        let name = expect.schema.as_ref()?;
        let at = at.key("schema");
        let text = self.read_file(name, &at)?;
        match ContentSchema::parse(&text) {
            Ok(schema) => Some(Arc::new(schema)),
            Err(error) => {
                self.mistake(&at, format!("{name} cannot be used as a JSON Schema: {error}"), "");
                None
            }
        }
    }
}
