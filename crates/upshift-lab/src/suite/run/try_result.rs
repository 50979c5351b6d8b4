//! The result of one try.

use std::collections::BTreeMap;

use upshift_record::suite::{CaseEvidence, CaseVerdict};

/// The result of one try.
pub(super) struct TryResult {
    pub(super) verdict: CaseVerdict,
    pub(super) evidence: CaseEvidence,
    pub(super) captured: BTreeMap<String, String>,
}

impl TryResult {
    /// A try that could not be judged.
    pub(super) fn errored(reason: String) -> Self {
        Self {
            verdict: CaseVerdict::Errored(reason),
            evidence: CaseEvidence::default(),
            captured: BTreeMap::new(),
        }
    }
}
