//! The senders of one core, as known to the thread that merges usage.
//!
//! A batch contains the number of requests of each sender. They are first summed by cell, because a
//! cell has many senders. A caller is counted once in the rows of a cell, and again only when the
//! cell is counted in other rows: in the next minute, or under another label.

use std::sync::Arc;

use super::batch::{NewSenders, RefusalRecord, SenderRecord, UsageBatch};
use super::cells::{CellKey, CellLabels};
use super::combinations::CountedCell;
use super::minute::MinuteRows;
use super::refused::RefusedCaller;
use super::row::{Dimension, RowKey, Standing};
use super::senders::SenderCount;
use crate::sketch::CallerHash;
use upshift_core::Verdict;

/// The label of the one row that counts all requests.
const ALL_REQUESTS: &str = "all";

/// The senders of one core, and all that they refer to, each by number.
#[derive(Default)]
pub(super) struct SenderRoster {
    cells: Vec<RosterCell>,
    combinations: Vec<Arc<[CountedCell]>>,
    senders: Vec<RosterSender>,
    callers: Vec<Option<CallerHash>>,
    refusals: Vec<RefusalRecord>,
    /// The batches so far.
    batches: u64,
    /// The cells with requests in the current batch. The list is kept to reuse its memory.
    active: Vec<usize>,
}

/// A sender, and the places of its details.
struct RosterSender {
    record: SenderRecord,
    first_caller: usize,
    first_refusal: usize,
    /// The number of the batch in which its callers were counted last.
    counted_in: u64,
}

/// A cell, and the rows in which it is counted.
struct RosterCell {
    key: CellKey,
    placed: PlacedLabels,
    rows: Vec<RowKey>,
    /// The number of the batch with which it began to count in these rows.
    since: u64,
    minute: u64,
    /// The requests of the current batch, and the callers that are to be counted.
    requests: u64,
    new_callers: Vec<CallerHash>,
}

/// The current labels of a cell, which may replace those that clients chose.
#[derive(Default, PartialEq, Eq)]
struct PlacedLabels {
    client: Option<Arc<str>>,
    version: Option<Arc<str>>,
}

impl SenderRoster {
    /// Merges a batch into the rows of the minute.
    pub(super) fn merge_batch(&mut self, batch: &mut UsageBatch, minute: &mut MinuteRows) {
        self.define_senders(batch);
        self.batches += 1;
        for count in &batch.counts {
            match self.senders.get(count.sender as usize) {
                Some(sender) => {
                    let cells = &self.combinations[sender.record.combination as usize];
                    add_requests(&mut self.cells, &mut self.active, cells, count);
                }
                None => minute.add_lost(),
            }
        }
        for number in &self.active {
            self.cells[*number].choose_rows(self.batches, minute);
        }
        self.collect_callers(&batch.counts);
        for number in self.active.drain(..) {
            self.cells[number].count_in_rows(minute);
        }
    }

    /// Adds the senders that are new in a batch.
    pub(super) fn define_senders(&mut self, batch: &mut UsageBatch) {
        if batch.begins {
            self.forget_senders();
        }
        let NewSenders { cells, combinations, senders, mut callers, mut refusals } =
            std::mem::take(&mut batch.new);
        self.cells.extend(cells.into_iter().map(RosterCell::new));
        self.combinations.extend(combinations);
        let (mut first_caller, mut first_refusal) = (self.callers.len(), self.refusals.len());
        for record in senders {
            self.senders.push(RosterSender { record, first_caller, first_refusal, counted_in: 0 });
            first_caller += record.callers as usize;
            first_refusal += record.refusals as usize;
        }
        self.callers.append(&mut callers);
        self.refusals.append(&mut refusals);
    }

    /// The refusals in a batch that was merged, by caller and rule.
    pub(super) fn refused_callers(
        &self,
        counts: &[SenderCount],
    ) -> impl Iterator<Item = RefusedCaller> {
        counts.iter().flat_map(move |count| {
            let sender = self.senders.get(count.sender as usize);
            let refusals = sender.map_or(&[][..], |sender| self.refusals_of(sender));
            refusals.iter().filter_map(move |refusal| self.refused_caller(refusal, *count))
        })
    }

    fn refusals_of(&self, sender: &RosterSender) -> &[RefusalRecord] {
        let end = sender.first_refusal + sender.record.refusals as usize;
        &self.refusals[sender.first_refusal..end]
    }

    fn refused_caller(&self, refusal: &RefusalRecord, count: SenderCount) -> Option<RefusedCaller> {
        let key = &self.cells[refusal.cell as usize].key;
        let CellKey::Labelled(CellLabels { ruling: Some(ruling), client, .. }) = key else {
            return None;
        };
        Some(RefusedCaller {
            rule: Arc::clone(&ruling.rule),
            caller: refusal.caller,
            requests: u64::from(count.requests),
            uncertainty: 0,
            first_seen: self.senders[count.sender as usize].record.first_seen,
            last_seen: count.last_seen,
            version: Arc::clone(&ruling.version),
            client: Arc::clone(client),
            path: Arc::clone(&refusal.path),
            network: refusal.network,
        })
    }

    /// Collects the callers that are not yet in the rows of their cells.
    fn collect_callers(&mut self, counts: &[SenderCount]) {
        for count in counts {
            let Some(sender) = self.senders.get_mut(count.sender as usize) else { continue };
            for counted in &*self.combinations[sender.record.combination as usize] {
                let cell = &mut self.cells[counted.cell as usize];
                if sender.counted_in < cell.since {
                    let caller = self.callers[sender.first_caller + counted.caller as usize];
                    cell.new_callers.extend(caller);
                }
            }
            sender.counted_in = self.batches;
        }
    }

    /// Forgets all senders, because their numbering starts again.
    fn forget_senders(&mut self) {
        self.cells.clear();
        self.combinations.clear();
        self.senders.clear();
        self.callers.clear();
        self.refusals.clear();
    }
}

/// Adds the requests of a sender to its cells.
fn add_requests(
    cells: &mut [RosterCell],
    active: &mut Vec<usize>,
    counted: &[CountedCell],
    count: &SenderCount,
) {
    for CountedCell { cell, .. } in counted {
        let number = *cell as usize;
        if cells[number].requests == 0 {
            active.push(number);
        }
        cells[number].requests += u64::from(count.requests);
    }
}

impl RosterCell {
    fn new(key: CellKey) -> Self {
        Self {
            key,
            placed: PlacedLabels::default(),
            rows: Vec::new(),
            since: 0,
            minute: 0,
            requests: 0,
            new_callers: Vec::new(),
        }
    }

    /// Chooses the rows in which the requests of the current batch are counted.
    fn choose_rows(&mut self, batch: u64, minute: &mut MinuteRows) {
        let placed = PlacedLabels::of_cell(&self.key, self.requests, minute);
        let is_moved = self.rows.is_empty() || placed != self.placed;
        if is_moved {
            self.rows = row_keys(&self.key, &placed);
            self.placed = placed;
        }
        if is_moved || self.minute != minute.epoch() {
            (self.since, self.minute) = (batch, minute.epoch());
        }
    }

    fn count_in_rows(&mut self, minute: &mut MinuteRows) {
        for key in &self.rows {
            minute.add_requests(key, self.requests, &self.new_callers);
        }
        self.requests = 0;
        // The memory needed during a flood is released.
        self.new_callers = Vec::new();
    }
}

impl PlacedLabels {
    fn of_cell(key: &CellKey, requests: u64, minute: &mut MinuteRows) -> Self {
        let CellKey::Labelled(labels) = key else { return Self::default() };
        let Some(ruling) = &labels.ruling else {
            let (rule, client) = (&"".into(), &labels.client);
            let client = minute.place_label(rule, Dimension::Client, client, requests);
            return Self { client: Some(client), version: None };
        };
        let (rule, client, version) = (&ruling.rule, &labels.client, &ruling.version);
        Self {
            client: Some(minute.place_label(rule, Dimension::Client, client, requests)),
            version: Some(minute.place_label(rule, Dimension::Version, version, requests)),
        }
    }
}

/// The rows in which a cell is counted: one for each of its labels.
fn row_keys(key: &CellKey, placed: &PlacedLabels) -> Vec<RowKey> {
    let labels = match key {
        CellKey::Labelled(labels) => labels,
        // Exemptions are named by the policy, so they need no place in a set of labels.
        CellKey::Exempted(exemption) => {
            return vec![RowKey {
                rule: "".into(),
                dimension: Dimension::Exemption,
                label: Arc::clone(exemption),
                verdict: Verdict::Exempt,
                standing: Standing::Behind,
            }];
        }
    };
    let (rule, phase) = match &labels.ruling {
        Some(ruling) => (Arc::clone(&ruling.rule), ruling.phase.as_str()),
        None => ("".into(), ALL_REQUESTS),
    };
    let chosen = [
        (Dimension::Phase, Some(phase.into())),
        (Dimension::Http, Some(labels.http.into())),
        (Dimension::Tls, Some(labels.tls.into())),
        (Dimension::Client, placed.client.clone()),
        (Dimension::Version, placed.version.clone()),
    ];
    let mut keys = Vec::with_capacity(chosen.len());
    for (dimension, label) in chosen {
        if let Some(label) = label {
            let (rule, verdict, standing) = (Arc::clone(&rule), labels.verdict, labels.standing);
            keys.push(RowKey { rule, dimension, label, verdict, standing });
        }
    }
    keys
}
