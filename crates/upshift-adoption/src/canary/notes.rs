//! The callers that one core has noted.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, Hash as _, Hasher as _};
use std::num::NonZeroU32;

use foldhash::fast::RandomState;
use rustc_hash::{FxBuildHasher, FxHasher};
use upshift_core::{Decision, Facts};

use super::request::{RecentRequest, RecordedFields};
use crate::sketch::{CallerHash, CallerHasher};

/// The most callers that a core notes before it forgets which ones it has noted.
const MAX_NOTED: usize = 16 * 1024;
/// The most requests that are handed over at once. In a flood of new callers, further requests are
/// counted as left out.
const MAX_HANDED_OVER: usize = 8 * 1024;

/// The requests that one core has noted since the last handover.
#[derive(Default)]
pub struct NotedRequests {
    /// The requests.
    pub requests: Vec<(NoteKey, RecentRequest)>,
    /// The number of requests that should have been noted, and for which there was no room.
    pub left_out: u64,
}

/// The callers that one core has noted.
#[derive(Default)]
pub struct RecentNotes {
    /// The senders with the kinds of their requests.
    noted: HashSet<(u64, RequestKind), FxBuildHasher>,
    handover: NotedRequests,
    // Clients choose the paths, so the hasher has a random seed.
    kinds: RandomState,
    /// The number of times that everything was forgotten. It is part of each kind.
    epoch: u32,
}

/// The kind of a request: a hash of its method and of the first segment of its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestKind(NonZeroU32);

/// A caller and the kind of its request: the rules that apply now, and the method and the first
/// path segment, which future rules may match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NoteKey {
    /// The caller.
    pub(super) caller: CallerHash,
    /// The caller is an address, because the request has no identity.
    pub(super) is_address: bool,
    /// The hash of the caller and the rules.
    pub(super) request: u64,
}

/// The caller and the rules by which a request is noted.
#[derive(Clone, Copy)]
pub struct NotedBy {
    /// The caller.
    pub caller: CallerHash,
    /// The caller is an address, because the request has no identity.
    pub is_address: bool,
    /// Their [`rules_hash`].
    pub rules: u64,
}

/// The hash of the rules that apply and of their verdicts, by which requests are noted.
pub fn rules_hash(hasher: CallerHasher, decision: &Decision<'_>) -> u64 {
    let mut rules = Vec::with_capacity(decision.rulings.len());
    for ruling in decision.matched() {
        rules.push((&*ruling.rule.id, ruling.verdict, ruling.cause.is_some()));
    }
    hasher.hash_caller(rules).bits()
}

impl From<Vec<(NoteKey, RecentRequest)>> for NotedRequests {
    fn from(requests: Vec<(NoteKey, RecentRequest)>) -> Self {
        Self { requests, left_out: 0 }
    }
}

impl NoteKey {
    fn new(by: NotedBy, facts: &Facts<'_>) -> Self {
        // The hash of the caller is keyed, so that clients cannot hide each other's requests.
        let mut hasher = FxHasher::default();
        (by.caller, by.rules, facts.method, first_segment(facts.path)).hash(&mut hasher);
        let NotedBy { caller, is_address, .. } = by;
        Self { caller, is_address, request: hasher.finish() }
    }
}

/// The first segment of a path.
fn first_segment(path: &str) -> &[u8] {
    let Some((_, rest)) = path.as_bytes().split_first() else { return b"" };
    let end = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
    &rest[..end]
}

impl RecentNotes {
    /// The kind of a request. Those before and after [`RecentNotes::forget`] differ.
    pub fn kind_of(&self, facts: &Facts<'_>) -> RequestKind {
        let mut hasher = self.kinds.build_hasher();
        hasher.write_u32(self.epoch);
        hasher.write(facts.method.as_bytes());
        hasher.write(first_segment(facts.path));
        RequestKind(NonZeroU32::new(hasher.finish() as u32).unwrap_or(NonZeroU32::MIN))
    }

    /// Returns true if a request of this kind was noted, of the sender with this key.
    pub fn has_noted(&self, sender: u64, kind: RequestKind) -> bool {
        self.noted.contains(&(sender, kind))
    }

    /// Notes a request of this kind, of the sender with this key. Returns false if it has to wait
    /// for the next handover.
    pub fn note_request(
        &mut self,
        (sender, kind): (u64, RequestKind),
        by: NotedBy,
        facts: &Facts<'_>,
        recorded: &RecordedFields,
    ) -> bool {
        if self.handover.requests.len() >= MAX_HANDED_OVER {
            self.handover.left_out += 1;
            return false;
        }
        if self.noted.len() >= MAX_NOTED {
            self.noted.clear();
        }
        self.noted.insert((sender, kind));
        if let Some(request) = RecentRequest::copy_facts(facts, recorded) {
            self.handover.requests.push((NoteKey::new(by, facts), request));
        }
        true
    }

    /// Returns the requests that were noted since the last call.
    pub fn take_requests(&mut self) -> NotedRequests {
        std::mem::take(&mut self.handover)
    }

    /// Forgets which callers were noted, so that they are noted again.
    pub fn forget(&mut self) {
        self.noted.clear();
        self.epoch = self.epoch.wrapping_add(1);
    }
}
