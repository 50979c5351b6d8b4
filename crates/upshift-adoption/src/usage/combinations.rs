//! The combinations of labels that a core has seen, and the cells in which each is counted.
//!
//! Labels are created once per combination, not per request.

use std::collections::HashMap;
use std::sync::Arc;

use rustc_hash::FxBuildHasher;
use upshift_core::{Decision, Ruling};

use super::cells::{CellKey, CellLabels, CellNumber, CellTable, RulingLabels};
use super::labels::LabelSet;
use super::request_labels::{ClientLabels, RequestLabels, http_label, tls_label, version_text};
use super::row::Standing;
use crate::canary::rules_hash;
use crate::request_callers::RequestCallers;
use crate::sketch::CallerHasher;

/// The most versions of each rule, and the most clients, at a time.
const MAX_LABELS: usize = 256;

/// The number of a combination in a tally.
pub(crate) type CombinationNumber = u32;

/// A cell in which a request is counted, and the caller that is counted there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CountedCell {
    pub(crate) cell: CellNumber,
    /// The index of the caller among those of the request; 0 for its address.
    pub(crate) caller: u32,
}

/// The cells in which the requests of one combination are counted.
pub(super) struct Combination {
    /// The cell of the request as a whole, then those of the rulings in their order, and then those
    /// of the exemptions that let it through.
    pub(super) cells: Arc<[CountedCell]>,
    /// The hash of the rules and of their verdicts.
    pub(super) rules: u64,
    /// A label has no place of its own, and may get one later.
    pub(super) is_provisional: bool,
}

/// The combinations that were seen.
pub(super) struct Combinations {
    numbers: HashMap<u64, CombinationNumber, FxBuildHasher>,
    known: Vec<Combination>,
    /// The combinations that were handed over.
    handed_over: usize,
    cells: CellTable,
    /// The versions of each rule.
    versions: HashMap<Arc<str>, LabelSet, FxBuildHasher>,
    clients: ClientLabels,
}

impl Combinations {
    /// No combination yet.
    pub(super) fn new() -> Self {
        Self {
            numbers: HashMap::default(),
            known: Vec::new(),
            handed_over: 0,
            cells: CellTable::default(),
            versions: HashMap::default(),
            clients: ClientLabels::new(MAX_LABELS),
        }
    }

    /// The number of the combination of a request with this key of its labels.
    pub(super) fn number_of(
        &mut self,
        key: u64,
        decision: &Decision<'_>,
        callers: &RequestCallers<'_>,
        hasher: CallerHasher,
    ) -> CombinationNumber {
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        let facts = callers.facts();
        let labels = RequestLabels {
            http: http_label(facts),
            tls: tls_label(facts),
            client: self.clients.client_label(facts),
        };
        let cells = self.place_cells(&labels, decision, callers);
        let is_provisional = cells.iter().any(|counted| match self.cells.key(counted.cell) {
            CellKey::Labelled(labels) => labels.has_other(),
            CellKey::Exempted(_) => false,
        });
        let rules = rules_hash(hasher, decision);
        let number = self.known.len() as CombinationNumber;
        self.known.push(Combination { cells: cells.into(), rules, is_provisional });
        self.numbers.insert(key, number);
        number
    }

    /// The combination with this number.
    pub(super) fn get(&self, number: CombinationNumber) -> &Combination {
        &self.known[number as usize]
    }

    /// The cells and the combinations since the last call.
    pub(super) fn take_new(&mut self) -> (Vec<CellKey>, Vec<Arc<[CountedCell]>>) {
        let mut combinations = Vec::with_capacity(self.known.len() - self.handed_over);
        for combination in &self.known[self.handed_over..] {
            combinations.push(Arc::clone(&combination.cells));
        }
        self.handed_over = self.known.len();
        (self.cells.take_new(), combinations)
    }

    /// Returns true if a new combination would lose labels until [`Combinations::clear`].
    pub(super) fn is_full(&self) -> bool {
        self.cells.is_full()
    }

    /// Forgets the combinations whose labels may get places of their own later.
    pub(super) fn forget_provisional(&mut self) {
        let known = &self.known;
        self.numbers.retain(|_, number| !known[*number as usize].is_provisional);
    }

    /// Forgets all combinations.
    pub(super) fn clear(&mut self) {
        self.numbers.clear();
        self.known.clear();
        self.handed_over = 0;
        self.cells.clear();
    }

    /// Returns true if labels that are no longer seen should lose their places.
    pub(super) fn needs_sweep(&self) -> bool {
        self.clients.is_crowded() || self.versions.values().any(LabelSet::is_crowded)
    }

    /// Frees the places of labels that are no longer seen. `requests` are the latest requests of
    /// each combination.
    pub(super) fn sweep_labels(&mut self, requests: &HashMap<CombinationNumber, u64>) {
        for (number, requests) in requests {
            for counted in &*self.known[*number as usize].cells {
                let key = self.cells.key(counted.cell);
                let CellKey::Labelled(labels) = key else { continue };
                let Some(RulingLabels { rule, version, .. }) = &labels.ruling else {
                    self.clients.add_hits(&labels.client, *requests);
                    continue;
                };
                if let Some(versions) = self.versions.get_mut(rule) {
                    versions.add_hits(version, *requests);
                }
            }
        }
        self.clients.sweep();
        for versions in self.versions.values_mut() {
            versions.sweep();
        }
    }

    /// The cells of a request: as a whole, of each ruling, and of each exemption.
    fn place_cells(
        &mut self,
        labels: &RequestLabels,
        decision: &Decision<'_>,
        callers: &RequestCallers<'_>,
    ) -> Vec<CountedCell> {
        let request = self.cells.place_labels(CellLabels {
            ruling: None,
            verdict: decision.verdict,
            standing: Standing::of_decision(decision),
            http: labels.http,
            tls: labels.tls,
            client: Arc::clone(&labels.client),
        });
        let mut cells = vec![CountedCell { cell: request, caller: 0 }];
        let mut exemptions: Vec<&str> = Vec::new();
        for (ruling, caller) in decision.matched().zip(callers.places()) {
            cells.push(CountedCell { cell: self.place_ruling(labels, ruling), caller: *caller });
            // An exemption counts a request once, even if it exempts it from several rules.
            if let Some(exemption) = ruling.exempted.as_ref().map(|by| by.id())
                && !exemptions.contains(&exemption)
            {
                exemptions.push(exemption);
            }
        }
        for exemption in exemptions {
            cells.push(CountedCell { cell: self.cells.place_exemption(exemption), caller: 0 });
        }
        cells
    }

    /// The cell of one rule's ruling.
    fn place_ruling(&mut self, labels: &RequestLabels, ruling: &Ruling<'_>) -> CellNumber {
        let id = &*ruling.rule.id;
        let rule = match self.versions.get_key_value(id) {
            Some((known, _)) => Arc::clone(known),
            None => id.into(),
        };
        let versions =
            self.versions.entry(Arc::clone(&rule)).or_insert_with(|| LabelSet::new(MAX_LABELS));
        let version = versions.admit_label(&version_text(ruling), 1);
        self.cells.place_labels(CellLabels {
            ruling: Some(RulingLabels { rule, phase: ruling.phase(), version }),
            verdict: ruling.verdict,
            standing: Standing::of_ruling(ruling),
            http: labels.http,
            tls: labels.tls,
            client: Arc::clone(&labels.client),
        })
    }
}
