//! The usage that one core has counted since it last handed over.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxBuildHasher;
use upshift_core::{Decision, Facts, Ruling, Timestamp, Verdict};

use super::cells::{CellKey, CellTable, RulingLabels, UsageCell};
use super::combinations::{CellNumber, Combination, Combinations};
use super::exempted::ExemptedRequests;
use super::labels::{LabelSet, path_pattern};
use super::refused::RefusedCaller;
use super::request_labels::{ClientLabels, RequestLabels, http_label, tls_label, version_text};
use super::row::Standing;
use super::senders::{RefusedSender, SenderNumber, Senders};
use crate::Network;
use crate::canary::{NoteKey, NotedBy, RecentNotes, RecentRequest, RecordedFields, rules_hash};
use crate::request_callers::RequestCallers;
use crate::sketch::CallerHasher;

/// The most versions of each rule, and the most clients, in one handover.
const MAX_LABELS: usize = 256;
/// The most refused callers that are listed in one handover. Further ones are only counted.
const MAX_REFUSED: usize = 4 * 1024;

/// The usage that one core hands over.
#[derive(Default)]
pub struct UsageBatch {
    pub(crate) exempted: ExemptedRequests,
    pub(crate) cells: Vec<UsageCell>,
    pub(crate) refused: Vec<RefusedCaller>,
    pub(crate) noted: Vec<(NoteKey, RecentRequest)>,
}

/// The usage that one core has counted since it last handed over.
pub struct UsageTally {
    exempted: ExemptedRequests,
    hasher: CallerHasher,
    notes: RecentNotes,
    /// The versions of each rule.
    rules: HashMap<Arc<str>, LabelSet, FxBuildHasher>,
    clients: ClientLabels,
    combinations: Combinations,
    cells: CellTable,
    senders: Senders,
    /// The senders that have details of a refusal.
    listed: usize,
}

impl UsageBatch {
    /// Returns true if nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The refused callers, in no order.
    pub(crate) fn into_refused(self) -> Vec<RefusedCaller> {
        self.refused
    }

    /// Returns the requests that were noted for the canary.
    pub fn take_noted(&mut self) -> Vec<(NoteKey, RecentRequest)> {
        std::mem::take(&mut self.noted)
    }
}

impl UsageTally {
    /// An empty tally whose callers are hashed with this key.
    pub fn new(hasher: CallerHasher) -> Self {
        Self {
            exempted: ExemptedRequests::default(),
            hasher,
            notes: RecentNotes::default(),
            rules: HashMap::default(),
            clients: ClientLabels::new(MAX_LABELS),
            combinations: Combinations::default(),
            cells: CellTable::default(),
            senders: Senders::default(),
            listed: 0,
        }
    }

    /// Counts one decided request, and notes it for the canary. `recorded` are the fields that the
    /// canary keeps.
    pub fn count_decision(
        &mut self,
        callers: &RequestCallers<'_>,
        decision: &Decision<'_>,
        now: Timestamp,
        recorded: &RecordedFields,
    ) {
        let facts = callers.facts();
        let combination = self.find_combination(decision, facts);
        let address = callers.by_address().hash(self.hasher);
        self.exempted.count_decision(decision, address);
        let (mut noted, mut is_address) = (address, true);
        self.senders.begin_request(address);
        for ruling in decision.matched() {
            let caller = callers.of_rule(ruling.rule);
            let hash = caller.hash(self.hasher);
            self.senders.add_caller(hash);
            // An identity says more than an address, which others may share.
            if caller.identity().is_some() {
                (noted, is_address) = (hash, false);
            }
        }
        let first = self.senders.count_request(&combination, now.as_second());
        if let Some(number) = first
            && decision.verdict == Verdict::Refuse
        {
            self.list_refused(number, callers, decision);
        }
        if let Some(caller) = noted {
            let by = NotedBy { caller, is_address, rules: combination.rules };
            self.notes.note_request(by, facts, recorded);
        }
    }

    /// Returns true if so much was counted that it should be handed over now.
    pub fn is_full(&self) -> bool {
        self.senders.is_full()
    }

    /// Returns what was counted, and leaves the tally empty.
    pub fn take_batch(&mut self) -> UsageBatch {
        for sender in self.senders.iter() {
            let Combination { request, rulings, .. } = &*sender.combination;
            let numbers = std::iter::once(request).chain(rulings);
            for (number, caller) in numbers.zip(self.senders.hashes_of(sender)) {
                self.cells.add_requests(*number, sender.requests, *caller);
            }
        }
        let refused = self.refused_callers();
        let cells = self.cells.take_cells();
        self.sweep_labels(&cells);
        self.combinations.clear();
        self.senders.clear();
        self.listed = 0;
        let exempted = std::mem::take(&mut self.exempted);
        UsageBatch { exempted, cells, refused, noted: self.notes.take_requests() }
    }

    /// Notes all callers again.
    pub fn forget_notes(&mut self) {
        self.notes.forget();
    }

    /// The combination of labels that a request has.
    fn find_combination(&mut self, decision: &Decision<'_>, facts: &Facts<'_>) -> Rc<Combination> {
        if let Some(known) = self.combinations.find(decision, facts) {
            return known;
        }
        let labels = RequestLabels {
            http: http_label(facts),
            tls: tls_label(facts),
            client: self.clients.client_label(facts),
        };
        let mut rulings = Vec::with_capacity(decision.rulings.len());
        for ruling in decision.matched() {
            rulings.push(self.place_ruling(&labels, ruling));
        }
        let combination = Rc::new(Combination {
            request: self.place_request(&labels, decision),
            rulings: rulings.into(),
            rules: rules_hash(self.hasher, decision),
            number: self.combinations.next_number(),
        });
        self.combinations.remember(&combination);
        combination
    }

    /// The cell of a request as a whole.
    fn place_request(&mut self, labels: &RequestLabels, decision: &Decision<'_>) -> CellNumber {
        let standing = Standing::of_decision(decision);
        self.cells.number_of(CellKey {
            ruling: None,
            verdict: decision.verdict,
            standing,
            http: labels.http,
            tls: labels.tls,
            client: Arc::clone(&labels.client),
        })
    }

    /// The cell of what one rule ruled.
    fn place_ruling(&mut self, labels: &RequestLabels, ruling: &Ruling<'_>) -> CellNumber {
        let id = &*ruling.rule.id;
        let rule = match self.rules.get_key_value(id) {
            Some((known, _)) => Arc::clone(known),
            None => id.into(),
        };
        let versions =
            self.rules.entry(Arc::clone(&rule)).or_insert_with(|| LabelSet::new(MAX_LABELS));
        let version = versions.admit_label(&version_text(ruling), 1);
        self.cells.number_of(CellKey {
            ruling: Some(RulingLabels { rule, phase: ruling.phase(), version }),
            verdict: ruling.verdict,
            standing: Standing::of_ruling(ruling),
            http: labels.http,
            tls: labels.tls,
            client: Arc::clone(&labels.client),
        })
    }

    /// Keeps what reports show of a sender that was refused.
    fn list_refused(
        &mut self,
        number: SenderNumber,
        callers: &RequestCallers<'_>,
        decision: &Decision<'_>,
    ) {
        if self.listed >= MAX_REFUSED {
            return;
        }
        self.listed += 1;
        let mut fingerprints = Vec::with_capacity(decision.rulings.len());
        for ruling in decision.matched() {
            let is_refused = ruling.verdict == Verdict::Refuse;
            fingerprints.push(if is_refused { callers.fingerprint(ruling.rule) } else { None });
        }
        let facts = callers.facts();
        let (path, network) = (path_pattern(facts.path), Network::of_address(facts.client_ip));
        self.senders.set_refused(number, RefusedSender { fingerprints, path, network });
    }

    /// The refused callers, once for each combination that they were refused with.
    fn refused_callers(&self) -> Vec<RefusedCaller> {
        let mut refused = Vec::with_capacity(self.listed);
        for sender in self.senders.iter() {
            let Some(details) = &sender.refused else { continue };
            for (cell, caller) in sender.combination.rulings.iter().zip(&details.fingerprints) {
                if let Some(caller) = *caller
                    && let CellKey { ruling: Some(labels), client, .. } = self.cells.key(*cell)
                {
                    refused.push(RefusedCaller {
                        rule: Arc::clone(&labels.rule),
                        caller,
                        requests: sender.requests,
                        uncertainty: 0,
                        first_seen: sender.first_seen,
                        last_seen: sender.last_seen,
                        version: Arc::clone(&labels.version),
                        client: Arc::clone(client),
                        path: details.path.clone(),
                        network: details.network,
                    });
                }
            }
        }
        refused
    }

    /// Frees the places of labels that are no longer seen.
    fn sweep_labels(&mut self, cells: &[UsageCell]) {
        for UsageCell { key, requests, .. } in cells {
            let Some(RulingLabels { rule, version, .. }) = &key.ruling else {
                self.clients.add_hits(&key.client, *requests);
                continue;
            };
            if let Some(versions) = self.rules.get_mut(rule) {
                versions.add_hits(version, *requests);
            }
        }
        self.clients.sweep();
        for versions in self.rules.values_mut() {
            versions.sweep();
        }
    }
}
