//! The report of `upshift lint`.

use serde::{Deserialize, Serialize};

use crate::{Finding, Lane, NoteLevel};

/// The value of `schema` in a [`LintReport`].
pub const LINT_SCHEMA: &str = "upshift.lint/1";

/// The findings about the exchanges of some inputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LintReport {
    /// The format and its version: [`LINT_SCHEMA`].
    pub schema: String,
    /// The exchanges, in the order of the inputs.
    pub exchanges: Vec<LintedExchange>,
    /// The number of findings by level. Ignored ones do not count.
    pub counts: LevelCounts,
}

/// One exchange and the findings about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LintedExchange {
    /// The name of the input: a path, or `stdin`.
    pub file: String,
    /// The place among the exchanges of the input, from 1.
    pub number: usize,
    /// The line on which it begins; left out for formats in which lines say nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The lane, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<Lane>,
    /// The method of the request; left out if only the response is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The URL, or else the request target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The statuses of the responses, interim ones first.
    pub statuses: Vec<u16>,
    /// The findings, the most severe first.
    pub findings: Vec<LintFinding>,
    /// The findings that are ignored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<IgnoredFinding>,
}

/// A finding and its line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LintFinding {
    /// The finding.
    #[serde(flatten)]
    pub finding: Finding,
    /// The line in the input, from 1, of the field or of the message's start line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
}

/// A finding that is ignored, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IgnoredFinding {
    /// The finding.
    #[serde(flatten)]
    pub finding: LintFinding,
    /// The reason for which it is ignored.
    pub reason: String,
    /// The last day on which it is ignored, as `2027-03-31`.
    pub until: String,
}

/// Numbers of findings by level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelCounts {
    /// Findings of level `error`.
    pub error: u64,
    /// Findings of level `warn`.
    pub warn: u64,
    /// Findings of level `info`.
    pub info: u64,
    /// Findings of level `good`.
    pub good: u64,
}

impl LevelCounts {
    /// Counts one more finding.
    pub fn add(&mut self, level: NoteLevel) {
        match level {
            NoteLevel::Good => self.good += 1,
            NoteLevel::Info => self.info += 1,
            NoteLevel::Warn => self.warn += 1,
            NoteLevel::Error => self.error += 1,
        }
    }

    /// The number of findings of this level and the levels above it.
    pub fn at_least(&self, level: NoteLevel) -> u64 {
        let by_level = [
            (NoteLevel::Good, self.good),
            (NoteLevel::Info, self.info),
            (NoteLevel::Warn, self.warn),
            (NoteLevel::Error, self.error),
        ];
        by_level.into_iter().filter(|(each, _)| *each >= level).map(|(_, count)| count).sum()
    }
}
