//! The counts of one core, by combination of labels.

use std::collections::HashMap;
use std::sync::Arc;

use rustc_hash::FxBuildHasher;
use upshift_core::{Phase, Verdict};

use super::combinations::CellNumber;
use super::labels::OTHER;
use super::row::Standing;
use crate::sketch::CallerHash;

/// The most combinations of labels in one handover. Further ones lose their version and client.
const MAX_CELLS: usize = 4 * 1024;

/// The labels of a combination. Each is one of a bounded set.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CellKey {
    /// The labels of a ruling; `None` for the request as a whole.
    pub(crate) ruling: Option<RulingLabels>,
    pub(crate) verdict: Verdict,
    pub(crate) standing: Standing,
    pub(crate) http: &'static str,
    pub(crate) tls: &'static str,
    pub(crate) client: Arc<str>,
}

/// The labels that only the ruling of a rule has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RulingLabels {
    pub(crate) rule: Arc<str>,
    pub(crate) phase: Phase,
    pub(crate) version: Arc<str>,
}

/// The counts of one combination of labels.
pub(crate) struct UsageCell {
    pub(crate) key: CellKey,
    pub(crate) requests: u64,
    /// The callers. One may be in it several times.
    pub(crate) callers: Vec<CallerHash>,
}

/// The counts of one core since it last handed over.
#[derive(Default)]
pub(super) struct CellTable {
    numbers: HashMap<CellKey, CellNumber, FxBuildHasher>,
    cells: Vec<UsageCell>,
}

impl CellTable {
    /// The number of the cell with these labels.
    pub(super) fn number_of(&mut self, mut key: CellKey) -> CellNumber {
        if self.cells.len() >= MAX_CELLS && !self.numbers.contains_key(&key) {
            key.client = OTHER.into();
            if let Some(ruling) = &mut key.ruling {
                ruling.version = OTHER.into();
            }
        }
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        let number = self.cells.len() as CellNumber;
        self.cells.push(UsageCell { key: key.clone(), requests: 0, callers: Vec::new() });
        self.numbers.insert(key, number);
        number
    }

    /// Counts the requests of a caller.
    pub(super) fn add_requests(
        &mut self,
        number: CellNumber,
        requests: u64,
        caller: Option<CallerHash>,
    ) {
        let cell = &mut self.cells[number as usize];
        cell.requests += requests;
        cell.callers.extend(caller);
    }

    /// The labels of a cell.
    pub(super) fn key(&self, number: CellNumber) -> &CellKey {
        &self.cells[number as usize].key
    }

    /// Returns all cells, and leaves the table empty.
    pub(super) fn take_cells(&mut self) -> Vec<UsageCell> {
        self.numbers.clear();
        std::mem::take(&mut self.cells)
    }
}
