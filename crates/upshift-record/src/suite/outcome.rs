//! The outcome of a case.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::address::CaseAddress;
use super::evidence::CaseEvidence;
use super::milliseconds;

/// The kind of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaseKind {
    /// A request to a server.
    Probe,
    /// A run of a client.
    Client,
    /// Recorded exchanges to lint.
    Lint,
}

/// A difference between the expected and the actual value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mismatch {
    /// The part: `status`, `field Upgrade`.
    pub what: String,
    /// The expectation in words.
    pub expected: String,
    /// The actual value.
    pub actual: String,
}

/// The verdict on one try of a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", content = "details", rename_all = "kebab-case")]
pub enum CaseVerdict {
    /// Everything was as expected.
    Passed,
    /// Something was not.
    Failed(Vec<Mismatch>),
    /// The case could not be judged, for example because the client is not installed.
    Errored(String),
    /// The case was left out, with the reason.
    Skipped(String),
}

/// One try of a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseTry {
    /// The verdict.
    #[serde(flatten)]
    pub verdict: CaseVerdict,
    /// The time that it took.
    #[serde(rename = "took_ms", with = "milliseconds")]
    pub took: Duration,
    /// The evidence for the verdict.
    #[serde(default)]
    pub evidence: CaseEvidence,
}

/// The outcome of a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseOutcome {
    /// The address of the case.
    pub address: CaseAddress,
    /// Its kind.
    pub kind: CaseKind,
    /// The line of the case in its suite, from 1; left out where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Every try, in order. The last one counts.
    pub tries: Vec<CaseTry>,
}

impl CaseKind {
    /// The name of the kind in JSON and filters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::Client => "client",
            Self::Lint => "lint",
        }
    }
}

impl fmt::Display for CaseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Mismatch {
    /// A difference in `what`.
    pub fn new(
        what: impl Into<String>,
        expected: impl Into<String>,
        actual: impl Into<String>,
    ) -> Self {
        Self { what: what.into(), expected: expected.into(), actual: actual.into() }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, got {}", self.what, self.expected, self.actual)
    }
}

impl CaseTry {
    /// A try without evidence.
    pub fn without_evidence(verdict: CaseVerdict) -> Self {
        Self { verdict, took: Duration::ZERO, evidence: CaseEvidence::default() }
    }
}

impl CaseOutcome {
    /// The try that counts.
    pub fn last_try(&self) -> Option<&CaseTry> {
        self.tries.last()
    }

    /// Returns true if it passed after it had failed.
    pub fn is_flaky(&self) -> bool {
        let passed = self.last_try().is_some_and(|last| last.verdict == CaseVerdict::Passed);
        passed && self.tries.len() > 1
    }

    /// Returns true if it neither passed nor was left out.
    pub fn fell_short(&self) -> bool {
        let verdict = self.last_try().map(|last| &last.verdict);
        !matches!(verdict, Some(CaseVerdict::Passed | CaseVerdict::Skipped(_)))
    }

    /// The time of all tries.
    pub fn took(&self) -> Duration {
        self.tries.iter().map(|one| one.took).sum()
    }

    /// The verdict in a word.
    pub fn mark(&self) -> &'static str {
        match self.last_try().map(|last| &last.verdict) {
            Some(CaseVerdict::Passed) if self.is_flaky() => "flaky",
            Some(CaseVerdict::Passed) => "pass",
            Some(CaseVerdict::Failed(_)) => "FAIL",
            Some(CaseVerdict::Skipped(_)) => "skip",
            Some(CaseVerdict::Errored(_)) | None => "ERROR",
        }
    }
}
