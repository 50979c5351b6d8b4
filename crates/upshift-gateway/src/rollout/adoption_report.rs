//! The report of adoption, read from the store.

use upshift_adoption::report::{ReportInput, build_report};
use upshift_adoption::store::{RecordedUsage, StoreError, UsageReader};
use upshift_adoption::usage::RefusedCaller;
use upshift_core::Timestamp;
use upshift_record::adoption::AdoptionReport;

use super::Control;

impl Control {
    /// The refused callers of all rules; none if there is no store, or it cannot be read. This reads
    /// a file, and blocks.
    pub(crate) fn refused_callers(&self) -> Vec<RefusedCaller> {
        let Some(path) = &self.store_path else { return Vec::new() };
        let opened = UsageReader::open(path);
        let read = opened.and_then(|reader| match reader {
            Some(reader) => reader.read_refused(),
            None => Ok(Vec::new()),
        });
        match read {
            Ok(callers) => callers,
            Err(error) => {
                tracing::warn!(%error, "the refused callers cannot be read");
                Vec::new()
            }
        }
    }

    /// The report since `from`; `None` if there is no store. This reads a file, and blocks.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(crate) fn adoption_report(
        &self,
        from: Timestamp,
        now: Timestamp,
    ) -> Result<Option<AdoptionReport>, StoreError> {
        let Some(path) = &self.store_path else { return Ok(None) };
        let usage = match UsageReader::open(path)? {
            Some(reader) => reader.read_period(from.as_second(), now.as_second())?,
            // It may have been removed; the next write creates it again.
            None => RecordedUsage::default(),
        };
        let RecordedUsage { recording_since, rows, weeks, refused } = usage;
        let policy = &self.effective_policy(now);
        let from = from.as_second();
        let input = ReportInput { now, from, recording_since, rows, weeks, refused, policy };
        Ok(Some(build_report(input)))
    }
}
