//! The cells that one core counts in, by combination of labels.

use std::collections::HashMap;
use std::sync::Arc;

use rustc_hash::FxBuildHasher;
use upshift_core::{Phase, Verdict};

use super::labels::OTHER;
use super::row::Standing;

/// The most combinations of labels. Further ones lose their version and client.
const MAX_CELLS: usize = 4 * 1024;

/// The number of a cell in a tally.
pub(crate) type CellNumber = u32;

/// The subject of a cell's counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum CellKey {
    /// Requests with these labels.
    Labelled(CellLabels),
    /// Requests that an exemption has let through.
    Exempted(Arc<str>),
}

/// The labels of a request, or of one ruling on it. Each is one of a bounded set.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CellLabels {
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

impl CellLabels {
    /// Returns true if a label currently has no place of its own.
    pub(super) fn has_other(&self) -> bool {
        let version = self.ruling.as_ref().map(|ruling| &*ruling.version);
        *self.client == *OTHER || version == Some(OTHER)
    }

    fn without_choices(mut self) -> Self {
        self.client = OTHER.into();
        if let Some(ruling) = &mut self.ruling {
            ruling.version = OTHER.into();
        }
        self
    }
}

/// The cells of one core, by number.
#[derive(Default)]
pub(super) struct CellTable {
    numbers: HashMap<CellKey, CellNumber, FxBuildHasher>,
    keys: Vec<CellKey>,
    /// The cells that were handed over.
    handed_over: usize,
}

impl CellTable {
    /// The number of the cell with these labels, or of one with fewer.
    pub(super) fn place_labels(&mut self, labels: CellLabels) -> CellNumber {
        let key = CellKey::Labelled(labels);
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        match key {
            CellKey::Labelled(labels) if self.is_full() => {
                self.place_key(CellKey::Labelled(labels.without_choices()))
            }
            key => self.place_key(key),
        }
    }

    /// The number of the cell of an exemption. A policy has few, so they are not limited.
    pub(super) fn place_exemption(&mut self, exemption: &str) -> CellNumber {
        self.place_key(CellKey::Exempted(exemption.into()))
    }

    /// The subject of a cell.
    pub(super) fn key(&self, number: CellNumber) -> &CellKey {
        &self.keys[number as usize]
    }

    /// The cells since the last call.
    pub(super) fn take_new(&mut self) -> Vec<CellKey> {
        let new = self.keys[self.handed_over..].to_vec();
        self.handed_over = self.keys.len();
        new
    }

    /// Returns true if further combinations of labels lose some.
    pub(super) fn is_full(&self) -> bool {
        self.keys.len() >= MAX_CELLS
    }

    /// Forgets all cells.
    pub(super) fn clear(&mut self) {
        self.numbers.clear();
        self.keys.clear();
        self.handed_over = 0;
    }

    fn place_key(&mut self, key: CellKey) -> CellNumber {
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        let number = self.keys.len() as CellNumber;
        self.keys.push(key.clone());
        self.numbers.insert(key, number);
        number
    }
}
