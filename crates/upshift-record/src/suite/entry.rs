//! The plan of a run, as its records show it.

use serde::{Deserialize, Serialize};

use super::address::CaseAddress;
use super::outcome::CaseKind;

/// A suite of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuiteEntry {
    /// The path, as it was given.
    pub path: String,
    /// The name for people; the path if the suite has none.
    pub name: String,
}

/// A planned case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseEntry {
    /// The address.
    pub address: CaseAddress,
    /// The kind.
    pub kind: CaseKind,
    /// The line of the case in its suite, from 1; left out where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The action in one line: `GET http://127.0.0.1:8080/orders`.
    pub action: String,
    /// The expectation in one line: `status 426, field Upgrade`.
    pub expects: String,
    /// The cases whose captured values it needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<CaseAddress>,
    /// The number of times that it is tried again when it fails.
    pub retries: u32,
}
