//! The callers of the last minutes, decided under two policies.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use upshift_core::{Policy, Timestamp, Verdict};
use upshift_record::canary::{CanaryReport, CanaryRule};

use super::notes::{NoteKey, NotedRequests};
use super::request::{RecentRequest, RecordedFields};
use crate::sketch::CallerHash;

/// The most requests of one half of the window.
const MAX_REQUESTS: usize = 16 * 1024;
/// The length of one half of the window, in seconds.
const HALF_WINDOW: i64 = 300;

const TWO_HALVES: i64 = 2 * HALF_WINDOW;

/// The requests of one half of the window.
type Half = HashMap<NoteKey, RecentRequest>;

/// The callers of the last five to ten minutes.
#[derive(Default)]
pub struct RecentCallers {
    current: Half,
    previous: Half,
    /// The beginning of `current`, in seconds since 1970.
    began: i64,
    /// The half before `current` was recorded, although it may be empty.
    has_previous: bool,
    /// The requests of `current` for which there was no room.
    missed: u64,
    /// The same of `previous`.
    previous_missed: u64,
}

impl RecentCallers {
    /// Adds the requests that a core has noted until `second`. Returns true if cores should note
    /// all callers again.
    pub fn add_requests(&mut self, second: i64, noted: impl Into<NotedRequests>) -> bool {
        let is_over = self.begin_half(second);
        let NotedRequests { requests, left_out } = noted.into();
        self.missed += left_out;
        for (key, request) in requests {
            if self.current.len() < MAX_REQUESTS || self.current.contains_key(&key) {
                self.current.insert(key, request);
            } else {
                self.missed += 1;
            }
        }
        is_over
    }

    /// Begins the next half of the window if the present one is over at `second`. Returns true if
    /// cores should note all callers again. Without traffic, this has to be called as well: cores
    /// hand over only those callers that they have not noted before.
    pub fn begin_half(&mut self, second: i64) -> bool {
        match second - self.began {
            0..HALF_WINDOW => return false,
            HALF_WINDOW..TWO_HALVES => {
                self.previous = std::mem::take(&mut self.current);
                self.has_previous = true;
                // Not `second`: requests must not become older than the two halves.
                self.began += HALF_WINDOW;
                self.previous_missed = std::mem::take(&mut self.missed);
            }
            // Everything is too old, or the clock was set back.
            _ => *self = Self { began: second, ..Self::default() },
        }
        true
    }

    /// Forgets all requests.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The halves of the window that are not too old, the current one first.
    fn halves_at(&self, second: i64) -> [&Half; 2] {
        static EMPTY: std::sync::LazyLock<Half> = std::sync::LazyLock::new(Half::default);
        match second - self.began {
            ..HALF_WINDOW => [&self.current, &self.previous],
            HALF_WINDOW..TWO_HALVES => [&self.current, &EMPTY],
            _ => [&EMPTY, &EMPTY],
        }
    }

    /// The requests for which there was no room, in the halves that are not too old.
    fn missed_at(&self, second: i64) -> u64 {
        match second - self.began {
            ..HALF_WINDOW => self.missed + self.previous_missed,
            HALF_WINDOW..TWO_HALVES => self.missed,
            _ => 0,
        }
    }

    /// The length of the time that the halves at `second` cover, in seconds.
    fn window_length(&self, second: i64) -> i64 {
        let age = second - self.began;
        if self.has_previous && age < HALF_WINDOW { age + HALF_WINDOW } else { age }
    }

    /// The latest request of each caller and kind, in no order.
    pub(crate) fn requests_at(
        &self,
        second: i64,
    ) -> impl Iterator<Item = (&NoteKey, &RecentRequest)> {
        let [current, previous] = self.halves_at(second);
        let previous = previous.iter().filter(|(key, _)| !current.contains_key(key));
        current.iter().chain(previous)
    }

    /// Decides the request of each caller under both policies at `now`, as long as `has_time`
    /// returns true. Requests for which no time is left are counted as missed.
    pub fn compare_policies(
        &self,
        (running, next): (&Policy, &Policy),
        recorded: &RecordedFields,
        now: Timestamp,
        has_time: impl Fn() -> bool,
    ) -> CanaryReport {
        let mut tally = CanaryTally::default();
        let identified = identified_callers(self.halves_at(now.as_second()));
        let unnoted = self.missed_at(now.as_second());
        let mut missed = unnoted;
        for (key, request) in self.requests_at(now.as_second()) {
            if missed > unnoted || !has_time() {
                missed += 1;
                continue;
            }
            let caller = caller_of(key, request, &identified);
            let facts = request.facts();
            let before = running.decide(&facts, now);
            let after = next.decide(&facts, now);
            tally.callers.insert(caller);
            match (before.verdict == Verdict::Refuse, after.verdict == Verdict::Refuse) {
                (false, true) => {
                    tally.newly_refused.insert(caller);
                    for ruling in after.refusing() {
                        let rule = tally.rules.entry(ruling.rule.id.to_string()).or_default();
                        rule.insert(caller);
                    }
                }
                (true, false) => drop(tally.newly_admitted.insert(caller)),
                _ => {}
            }
        }
        let seconds = self.window_length(now.as_second());
        tally.into_report(seconds, missed, recorded.unrecorded_fields(next))
    }
}

/// The callers with an identity, by their addresses.
fn identified_callers(halves: [&Half; 2]) -> HashMap<IpAddr, CallerHash> {
    let mut callers = HashMap::new();
    for (key, request) in halves.into_iter().flatten() {
        if let (false, Some(address)) = (key.is_address, request.address()) {
            callers.insert(address, key.caller);
        }
    }
    callers
}

/// The caller that sent a request. Some requests of a client match no rule that reads its identity.
/// These count for the identity from the same address, not as a second caller.
fn caller_of(
    key: &NoteKey,
    request: &RecentRequest,
    identified: &HashMap<IpAddr, CallerHash>,
) -> CallerHash {
    let known = request.address().and_then(|address| identified.get(&address));
    match known {
        Some(identity) if key.is_address => *identity,
        _ => key.caller,
    }
}

#[derive(Default)]
struct CanaryTally {
    callers: HashSet<CallerHash>,
    newly_refused: HashSet<CallerHash>,
    newly_admitted: HashSet<CallerHash>,
    rules: BTreeMap<String, HashSet<CallerHash>>,
}

impl CanaryTally {
    fn into_report(
        self,
        seconds: i64,
        missed: u64,
        unrecorded_fields: Vec<String>,
    ) -> CanaryReport {
        let mut rules = Vec::new();
        for (rule, callers) in self.rules {
            rules.push(CanaryRule { rule, newly_refused: callers.len() as u64 });
        }
        CanaryReport {
            off: false,
            seconds: if self.callers.is_empty() { 0 } else { seconds },
            callers: self.callers.len() as u64,
            newly_refused: self.newly_refused.len() as u64,
            newly_admitted: self.newly_admitted.len() as u64,
            rules,
            missed,
            unrecorded_fields,
        }
    }
}

#[cfg(test)]
mod tests;
