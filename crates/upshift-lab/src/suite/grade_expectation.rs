//! The grade that a suite expects of a client: `">= B"`.

use std::fmt;

use serde::de;
use serde::{Deserialize, Deserializer};

use crate::grade::Letter;

/// The lowest letter that is good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GradeExpectation(Letter);

impl GradeExpectation {
    /// Returns true if `letter` is at least as good.
    pub fn includes(self, letter: Letter) -> bool {
        letter <= self.0
    }
}

impl fmt::Display for GradeExpectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} or better", self.0.as_char())
    }
}

impl<'de> Deserialize<'de> for GradeExpectation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let name = text.trim_start_matches(">=").trim();
        Letter::parse(name).map(Self).ok_or_else(|| {
            de::Error::custom(format!("`{text}` is not a grade; write \">= B\" (A to F without E)"))
        })
    }
}

impl schemars::JsonSchema for GradeExpectation {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Grade".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "The lowest grade that is good enough: \">= B\".",
            "type": "string",
            "pattern": "^(>= *)?[A-DFa-df]$",
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use super::*;

    #[test]
    fn a_grade_includes_better_ones() {
        let grade: GradeExpectation = serde_json::from_str("\">= B\"").unwrap();
        assert!(grade.includes(Letter::A) && grade.includes(Letter::B));
        assert!(!grade.includes(Letter::C));
        assert!(serde_json::from_str::<GradeExpectation>("\">= E\"").is_err());
    }
}
