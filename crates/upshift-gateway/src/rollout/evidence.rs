//! The evidence for a period, read from the store.

use upshift_adoption::evidence::{EvidenceInput, build_evidence};
use upshift_adoption::store::{RecordedEvidence, StoreError, UsageReader};
use upshift_core::Timestamp;
use upshift_record::evidence::EvidenceReport;

use super::Control;

impl Control {
    /// The evidence from `from` (`None`: the first record) to `to`; `None` if there is no store.
    /// This reads a file, and blocks.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(crate) fn evidence(
        &self,
        (from, to): (Option<Timestamp>, Timestamp),
        now: Timestamp,
    ) -> Result<Option<EvidenceReport>, StoreError> {
        let Some(path) = &self.store_path else { return Ok(None) };
        let records = match UsageReader::open(path)? {
            Some(reader) => reader.read_evidence(from, to)?,
            // It may have been removed; the next write creates it again.
            None => RecordedEvidence::default(),
        };
        Ok(Some(build_evidence(EvidenceInput { now, from, to, running: true, records })))
    }
}
