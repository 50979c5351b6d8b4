//! The usage that one core has counted since it last handed over.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::FxBuildHasher;
use upshift_core::policy::{IdentityReader, identity};
use upshift_core::{Decision, Facts, Phase, Ruling, Timestamp, Verdict};

use super::labels::{LabelSet, OTHER, path_pattern};
use super::refused::RefusedCaller;
use super::request_labels::{ClientLabels, RequestLabels, http_label, tls_label, version_text};
use super::row::Standing;
use crate::canary::{NoteKey, RecentNotes, RecentRequest, RecordedFields};
use crate::sketch::{CallerHash, CallerHasher};
use crate::{IdentityKey, Network};

/// The most versions of each rule, and the most clients, in one handover.
const MAX_LABELS: usize = 256;
/// The most combinations of labels in one handover. Further ones lose their version and client.
const MAX_CELLS: usize = 4 * 1024;
/// The pairs of combination and caller after which a core hands over early.
const MAX_PAIRS: usize = 64 * 1024;
/// The most refused callers that are listed in one handover. Further ones are only counted.
const MAX_REFUSED: usize = 4 * 1024;

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

/// The usage that one core hands over.
#[derive(Default)]
pub struct UsageBatch {
    pub(crate) cells: Vec<UsageCell>,
    pub(crate) refused: Vec<RefusedCaller>,
    pub(crate) noted: Vec<(NoteKey, RecentRequest)>,
}

/// The counts of one combination of labels.
pub(crate) struct UsageCell {
    pub(crate) key: CellKey,
    pub(crate) requests: u64,
    pub(crate) callers: Vec<CallerHash>,
}

/// The usage that one core has counted since it last handed over.
pub struct UsageTally {
    hasher: CallerHasher,
    notes: RecentNotes,
    /// The versions of each rule.
    rules: HashMap<Arc<str>, LabelSet, FxBuildHasher>,
    clients: ClientLabels,
    cells: HashMap<CellKey, u32, FxBuildHasher>,
    /// The requests of each cell, by its number.
    requests: Vec<u64>,
    callers: HashSet<(u32, CallerHash), FxBuildHasher>,
    refused: HashMap<(Arc<str>, CallerHash), RefusedCaller>,
}

/// The caller of a request, as one rule sees it.
struct Caller {
    hash: Option<CallerHash>,
    identity: Option<String>,
}

impl UsageBatch {
    /// Returns true if nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
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
            hasher,
            notes: RecentNotes::default(),
            rules: HashMap::default(),
            clients: ClientLabels::new(MAX_LABELS),
            cells: HashMap::default(),
            requests: Vec::new(),
            callers: HashSet::default(),
            refused: HashMap::new(),
        }
    }

    /// Counts one decided request, and notes it for the canary. `key` makes the fingerprints of
    /// refused callers; `recorded` are the fields that the canary keeps.
    pub fn count_decision(
        &mut self,
        key: &IdentityKey,
        decision: &Decision<'_>,
        (facts, now): (&Facts<'_>, Timestamp),
        recorded: &RecordedFields,
    ) {
        let labels = RequestLabels {
            http: http_label(facts),
            tls: tls_label(facts),
            client: self.clients.client_label(facts),
        };
        self.count_request(&labels, decision, facts);
        let mut last: Option<(&[IdentityReader], Caller)> = None;
        let mut noted = self.hash_address(facts.client_ip);
        for ruling in decision.matched() {
            let readers = &*ruling.rule.identity;
            let caller = match last {
                // Rules usually share their readers, and a token has to be decoded.
                Some((same, caller)) if same == readers => caller,
                _ => self.caller(readers, facts),
            };
            let counted = self.count_ruling(&labels, ruling, caller.hash);
            if ruling.verdict == Verdict::Refuse {
                self.list_refused(counted, &labels, (&caller, key), (facts, now));
            }
            // An identity says more than an address, which others may share.
            if caller.identity.is_some() {
                noted = caller.hash;
            }
            last = Some((readers, caller));
        }
        if let Some(caller) = noted {
            self.notes.note_request(self.hasher, caller, (decision, facts), recorded);
        }
    }

    /// Returns true if so much was counted that it should be handed over now.
    pub fn is_full(&self) -> bool {
        self.callers.len() >= MAX_PAIRS
    }

    /// Returns what was counted, and leaves the tally empty.
    pub fn take_batch(&mut self) -> UsageBatch {
        let mut cells = Vec::with_capacity(self.cells.len());
        let mut places = vec![0; self.requests.len()];
        for (key, number) in self.cells.drain() {
            places[number as usize] = cells.len();
            let requests = self.requests[number as usize];
            cells.push(UsageCell { key, requests, callers: Vec::new() });
        }
        for (number, caller) in self.callers.drain() {
            cells[places[number as usize]].callers.push(caller);
        }
        self.requests.clear();
        self.clients.sweep();
        for versions in self.rules.values_mut() {
            versions.sweep();
        }
        let refused = self.refused.drain().map(|(_, caller)| caller).collect();
        UsageBatch { cells, refused, noted: self.notes.take_requests() }
    }

    /// Notes all callers again.
    pub fn forget_notes(&mut self) {
        self.notes.forget();
    }

    /// The caller by its identity, or by its address if it has none.
    fn caller(&self, readers: &[IdentityReader], facts: &Facts<'_>) -> Caller {
        let identity = identity(readers, facts);
        let hash = match &identity {
            Some(identity) => Some(self.hasher.hash_caller(identity.as_str())),
            None => self.hash_address(facts.client_ip),
        };
        Caller { hash, identity }
    }

    fn hash_address(&self, address: Option<IpAddr>) -> Option<CallerHash> {
        // An IPv4-mapped address is the same client as the IPv4 address.
        Some(self.hasher.hash_caller(address?.to_canonical()))
    }

    /// Counts the request as a whole.
    fn count_request(
        &mut self,
        labels: &RequestLabels,
        decision: &Decision<'_>,
        facts: &Facts<'_>,
    ) {
        let standing = match decision.top() {
            Some(top) => Standing::of_ruling(top),
            None => Standing::Meets,
        };
        let key = CellKey {
            ruling: None,
            verdict: decision.verdict,
            standing,
            http: labels.http,
            tls: labels.tls,
            client: Arc::clone(&labels.client),
        };
        self.add_to_cell(key, self.hash_address(facts.client_ip));
    }

    /// Counts what one rule ruled, and returns its labels.
    fn count_ruling(
        &mut self,
        labels: &RequestLabels,
        ruling: &Ruling<'_>,
        caller: Option<CallerHash>,
    ) -> RulingLabels {
        let counted = self.ruling_labels(ruling);
        let key = CellKey {
            ruling: Some(counted.clone()),
            verdict: ruling.verdict,
            standing: Standing::of_ruling(ruling),
            http: labels.http,
            tls: labels.tls,
            client: Arc::clone(&labels.client),
        };
        self.add_to_cell(key, caller);
        counted
    }

    fn ruling_labels(&mut self, ruling: &Ruling<'_>) -> RulingLabels {
        let id = &*ruling.rule.id;
        let rule = match self.rules.get_key_value(id) {
            Some((known, _)) => Arc::clone(known),
            None => id.into(),
        };
        let versions =
            self.rules.entry(Arc::clone(&rule)).or_insert_with(|| LabelSet::new(MAX_LABELS));
        let version = versions.admit_label(&version_text(ruling), 1);
        RulingLabels { rule, phase: ruling.phase(), version }
    }

    fn add_to_cell(&mut self, mut key: CellKey, caller: Option<CallerHash>) {
        if self.cells.len() >= MAX_CELLS && !self.cells.contains_key(&key) {
            key.client = OTHER.into();
            if let Some(ruling) = &mut key.ruling {
                ruling.version = OTHER.into();
            }
        }
        let next = self.requests.len() as u32;
        let number = *self.cells.entry(key).or_insert(next);
        if number == next {
            self.requests.push(0);
        }
        self.requests[number as usize] += 1;
        if let Some(caller) = caller
            && !self.is_full()
        {
            self.callers.insert((number, caller));
        }
    }

    fn list_refused(
        &mut self,
        counted: RulingLabels,
        labels: &RequestLabels,
        (caller, key): (&Caller, &IdentityKey),
        (facts, now): (&Facts<'_>, Timestamp),
    ) {
        let Some(hash) = caller.hash else { return };
        let RulingLabels { rule, version, .. } = counted;
        let second = now.as_second();
        let place = (Arc::clone(&rule), hash);
        if let Some(known) = self.refused.get_mut(&place) {
            known.requests += 1;
            known.last_seen = second;
            known.version = version;
            known.client = Arc::clone(&labels.client);
            known.network = Network::of_address(facts.client_ip);
            return;
        }
        if self.refused.len() >= MAX_REFUSED {
            return;
        }
        let fingerprint = match (&caller.identity, facts.client_ip) {
            (Some(identity), _) => key.fingerprint(identity.as_bytes()),
            (None, Some(address)) => key.fingerprint(address.to_canonical().to_string().as_bytes()),
            // Without both there is no hash, either.
            (None, None) => return,
        };
        let listed = RefusedCaller {
            rule,
            caller: fingerprint,
            requests: 1,
            uncertainty: 0,
            first_seen: second,
            last_seen: second,
            version,
            client: Arc::clone(&labels.client),
            path: path_pattern(facts.path),
            network: Network::of_address(facts.client_ip),
        };
        self.refused.insert(place, listed);
    }
}
