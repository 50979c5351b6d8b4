//! The usage that one core has counted since the last handover.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use upshift_core::{Decision, Timestamp, Verdict};

use super::batch::{NewSenders, RefusalRecord, SenderRecord, UsageBatch};
use super::combinations::{CombinationNumber, Combinations};
use super::path_patterns::PathPatterns;
use super::request_keys::RequestKeys;
use super::senders::{KnownSenders, SenderNumber};
use crate::Network;
use crate::canary::{NotedBy, RecentNotes, RecordedFields, RequestKind};
use crate::request_callers::RequestCallers;
use crate::sketch::CallerHasher;

/// The most refused senders that are listed in one handover. Further ones are only counted, and are
/// listed when they are refused again later.
const MAX_LISTED: usize = 4 * 1024;
/// The number of callers and refusals of known senders after which all are forgotten.
const MAX_DETAILS: usize = 256 * 1024;

/// The number of the next tally.
static NEXT_TALLY: AtomicU64 = AtomicU64::new(0);

/// The usage that one core has counted since the last handover.
pub struct UsageTally {
    number: u64,
    hasher: CallerHasher,
    keys: RequestKeys,
    notes: RecentNotes,
    combinations: Combinations,
    senders: KnownSenders,
    patterns: PathPatterns,
    /// The definitions that have not been handed over yet.
    new: NewSenders,
    /// The refused senders among them that are listed.
    listed: usize,
    /// The callers and the refusals of the known senders.
    details: usize,
    /// No sender was handed over since all were forgotten.
    begins: bool,
}

impl UsageTally {
    /// An empty tally whose callers are hashed with this key.
    pub fn new(hasher: CallerHasher) -> Self {
        Self {
            number: NEXT_TALLY.fetch_add(1, Ordering::Relaxed),
            hasher,
            keys: RequestKeys::new(hasher),
            notes: RecentNotes::default(),
            combinations: Combinations::new(),
            senders: KnownSenders::default(),
            patterns: PathPatterns::default(),
            new: NewSenders::default(),
            listed: 0,
            details: 0,
            begins: true,
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
        let (key, second) = (self.keys.sender_key(decision, callers), now.as_second());
        let number = match self.senders.count_request(key, second) {
            Some(number) => number,
            None => self.add_sender(key, callers, decision, second),
        };
        let kind = self.notes.kind_of(callers.facts());
        if !self.senders.was_noted(number, kind) {
            let noted = (key, kind);
            if self.notes.has_noted(key, kind)
                || self.note_request(noted, number, callers, decision, recorded)
            {
                self.senders.set_noted(number, kind);
            }
        }
    }

    /// Returns true if enough was counted to hand it over now.
    pub fn is_full(&self) -> bool {
        self.senders.is_full() || self.details >= MAX_DETAILS
    }

    /// Returns true if nothing was counted since the last handover.
    pub fn is_idle(&self) -> bool {
        self.senders.is_idle()
    }

    /// Returns what was counted since the last call.
    pub fn take_batch(&mut self) -> UsageBatch {
        if self.combinations.needs_sweep() && !self.senders.is_idle() {
            let requests = self.senders.requests_by_combination();
            self.combinations.sweep_labels(&requests);
        }
        let mut new = std::mem::take(&mut self.new);
        (new.cells, new.combinations) = self.combinations.take_new();
        let batch = UsageBatch {
            tally: self.number,
            begins: std::mem::take(&mut self.begins),
            new,
            counts: self.senders.take_counts(),
            noted: self.notes.take_requests(),
        };
        self.listed = 0;
        if self.is_full() || self.combinations.is_full() {
            self.forget_senders();
        } else if self.senders.forget_provisional() {
            self.combinations.forget_provisional();
        }
        batch
    }

    /// Forgets all senders, so that they are defined again. Required if a batch was not merged.
    pub fn forget_senders(&mut self) {
        self.senders.clear();
        self.combinations.clear();
        self.new = NewSenders::default();
        (self.listed, self.details) = (0, 0);
        self.begins = true;
    }

    /// Notes all callers again.
    pub fn forget_notes(&mut self) {
        self.notes.forget();
    }

    /// Adds the sender of a request that is not known yet.
    fn add_sender(
        &mut self,
        key: u64,
        callers: &RequestCallers<'_>,
        decision: &Decision<'_>,
        second: i64,
    ) -> SenderNumber {
        let labels_key = self.keys.labels_key(decision, callers);
        let number = self.combinations.number_of(labels_key, decision, callers, self.hasher);
        let callers_before = self.new.callers.len();
        self.new.callers.push(callers.by_address().hash(self.hasher));
        for caller in callers.identified() {
            self.new.callers.push(caller.hash(self.hasher));
        }
        let mut is_provisional = self.combinations.get(number).is_provisional;
        let mut refusals = 0;
        if decision.verdict == Verdict::Refuse {
            if self.listed < MAX_LISTED {
                refusals = self.list_refusals(callers, decision, number);
            } else {
                is_provisional = true;
            }
        }
        let found = (self.new.callers.len() - callers_before) as u32;
        self.details += (found + refusals) as usize;
        let record =
            SenderRecord { combination: number, callers: found, refusals, first_seen: second };
        self.new.senders.push(record);
        self.senders.add_sender(key, number, is_provisional, second)
    }

    /// Keeps the details of a refused sender for reports. Returns the number of its refusals.
    fn list_refusals(
        &mut self,
        callers: &RequestCallers<'_>,
        decision: &Decision<'_>,
        combination: CombinationNumber,
    ) -> u32 {
        self.listed += 1;
        let facts = callers.facts();
        let path = self.patterns.pattern_of(facts.path);
        let network = Network::of_address(facts.client_ip);
        let listed_before = self.new.refusals.len();
        let cells = &self.combinations.get(combination).cells[1..];
        for (ruling, counted) in decision.matched().zip(cells) {
            if ruling.verdict == Verdict::Refuse
                && let Some(caller) = callers.fingerprint(ruling.rule)
            {
                let (cell, path) = (counted.cell, Arc::clone(&path));
                self.new.refusals.push(RefusalRecord { cell, caller, path, network });
            }
        }
        (self.new.refusals.len() - listed_before) as u32
    }

    /// Notes a request for the canary. Returns false if it has to be noted later.
    fn note_request(
        &mut self,
        noted: (u64, RequestKind),
        number: SenderNumber,
        callers: &RequestCallers<'_>,
        decision: &Decision<'_>,
        recorded: &RecordedFields,
    ) -> bool {
        let (mut caller, mut is_address) = (callers.by_address().hash(self.hasher), true);
        for ruling in decision.matched() {
            let of_rule = callers.of_rule(ruling.rule);
            // An identity is preferred to an address, which others may share.
            if of_rule.identity().is_some() {
                (caller, is_address) = (of_rule.hash(self.hasher), false);
            }
        }
        // A request without a caller cannot be identified.
        let Some(caller) = caller else { return true };
        let rules = self.combinations.get(self.senders.combination_of(number)).rules;
        let by = NotedBy { caller, is_address, rules };
        self.notes.note_request(noted, by, callers.facts(), recorded)
    }
}
