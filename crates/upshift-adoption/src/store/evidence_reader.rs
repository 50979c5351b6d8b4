//! Reads the records from which the evidence for a period is computed.

use jiff::Timestamp;

use super::UsageReader;
use super::error::StoreError;
use super::ledger::read_chain;
use super::period_rows::{PeriodRows, read_period_rows};
use super::usage::read_first_start;
use crate::ledger::StoredChain;
use crate::usage::Dimension;

/// The records of a period.
#[derive(Default)]
pub struct RecordedEvidence {
    /// The whole chain of policy revisions.
    pub chain: StoredChain,
    /// The first time that is counted, in seconds since 1970; `None` if nothing was counted.
    pub recording_since: Option<i64>,
    /// The usage of the period.
    pub usage: PeriodRows,
}

impl UsageReader {
    /// The records from `from` (`None`: the first one) to `to`.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read_evidence(
        &self,
        from: Option<Timestamp>,
        to: Timestamp,
    ) -> Result<RecordedEvidence, StoreError> {
        // A consistent snapshot, even while the gateway writes.
        let transaction = self.connection.unchecked_transaction()?;
        let (chain, recording_since) = (read_chain(&transaction)?, read_first_start(&transaction)?);
        let first = recording_since.unwrap_or_else(|| to.as_second());
        let from = from.map_or(first, Timestamp::as_second);
        let usage = read_period_rows(&transaction, (from, to.as_second()), &Dimension::ALL)?;
        Ok(RecordedEvidence { chain, recording_since, usage })
    }
}
