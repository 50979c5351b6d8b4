//! The counts of one worker, which merge with those of others in any order.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use upshift_adoption::Network;
use upshift_adoption::sketch::{CallerHash, DistinctCallers, TopItems};

use crate::known_requests::RefusedTexts;
use crate::line::{Malformed, NotRequest};
use crate::outcome::RuleOutcomes;

/// The most days that are kept apart. The requests of others count in the totals only.
const MOST_DAYS: usize = 1_000;

/// The stretch of time that a request belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Stretch {
    /// This many days after 1970-01-01, in UTC.
    Day(i32),
    /// None: the line has no time, or there are too many days.
    Undated,
    /// More than a day after the forecast was made.
    Future,
}

/// The counts of requests with the same outcomes in one stretch.
#[derive(Clone, Default)]
pub(crate) struct OutcomeTally {
    pub(crate) requests: u64,
    /// The clients, by their address.
    pub(crate) callers: DistinctCallers,
}

/// The callers of one rule in one stretch, by the rule's identity.
#[derive(Clone, Default)]
pub(crate) struct IdentityTally {
    /// The requests that record what the identity is read from.
    pub(crate) requests: u64,
    pub(crate) callers: DistinctCallers,
    pub(crate) refused: DistinctCallers,
}

/// The callers that one rule refuses.
#[derive(Clone, Default)]
pub(crate) struct TopTally {
    pub(crate) clients: TopItems<IpAddr>,
    pub(crate) networks: TopItems<Network>,
    pub(crate) paths: TopItems<Arc<str>>,
    pub(crate) agents: TopItems<Arc<str>>,
}

/// The refused requests that one step of a ramp includes, and the steps before it do not.
#[derive(Clone, Default)]
pub(crate) struct StepTally {
    pub(crate) requests: u64,
    pub(crate) callers: DistinctCallers,
}

/// The refused requests of one rule by the step of its ramp that includes them.
#[derive(Clone, Default)]
pub(crate) struct RampTally {
    /// By the index of the first step that includes them.
    pub(crate) steps: BTreeMap<usize, StepTally>,
    /// Those whose identity the log does not record.
    pub(crate) unknown: u64,
}

/// The lines of one kind that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MalformedTally {
    pub(crate) count: u64,
    /// The index of the part with the first one.
    pub(crate) part: usize,
    /// The number of its line in that part, beginning at 1.
    pub(crate) line: u64,
    pub(crate) example: String,
}

/// The counts of a part of a log.
#[derive(Clone, Default)]
pub(crate) struct Tally {
    pub(crate) lines: u64,
    pub(crate) requests: u64,
    /// The requests whose client has no address in the log.
    pub(crate) without_address: u64,
    pub(crate) first: Option<i64>,
    pub(crate) last: Option<i64>,
    pub(crate) not_requests: BTreeMap<NotRequest, u64>,
    pub(crate) malformed: BTreeMap<Malformed, MalformedTally>,
    pub(crate) outcomes: StretchTallies,
    /// By stretch and rule.
    pub(crate) identities: BTreeMap<(Stretch, usize), IdentityTally>,
    /// By rule.
    pub(crate) top: BTreeMap<usize, TopTally>,
    /// By rule.
    pub(crate) ramps: BTreeMap<usize, RampTally>,
}

/// The counts by stretch, and by the number that the worker gave the outcomes. Most lines belong to
/// the stretch of the line before.
#[derive(Clone, Default)]
pub(crate) struct StretchTallies {
    places: BTreeMap<Stretch, usize>,
    tallies: Vec<Vec<OutcomeTally>>,
    /// The stretch that was asked for last, and its place.
    last: Option<(Stretch, usize)>,
}

/// The counts of a whole forecast, by the outcomes themselves.
#[derive(Clone, Default)]
pub(crate) struct Totals {
    pub(crate) tally: Tally,
    pub(crate) outcomes: BTreeMap<Stretch, BTreeMap<RuleOutcomes, OutcomeTally>>,
}

impl Tally {
    /// Counts a request.
    pub(crate) fn count_request(
        &mut self,
        stretch: Stretch,
        outcome: usize,
        caller: Option<CallerHash>,
    ) {
        self.requests += 1;
        let by_outcome = self.outcomes.of_stretch(stretch);
        if by_outcome.len() <= outcome {
            by_outcome.resize_with(outcome + 1, OutcomeTally::default);
        }
        let tally = &mut by_outcome[outcome];
        tally.requests += 1;
        match caller {
            Some(caller) => tally.callers.insert_caller(caller),
            None => self.without_address += 1,
        }
    }

    /// Counts a request that a rule refuses.
    pub(crate) fn count_refused(
        &mut self,
        rule: usize,
        address: Option<IpAddr>,
        texts: &RefusedTexts,
    ) {
        let top = self.top.entry(rule).or_default();
        if let Some(address) = address {
            top.clients.count_item(address, 1);
            top.networks.count_item(Network::of_address(Some(address)), 1);
        }
        top.paths.count_item(Arc::clone(&texts.path), 1);
        if let Some(agent) = &texts.agent {
            top.agents.count_item(Arc::clone(agent), 1);
        }
    }

    /// Counts a line that cannot be read.
    pub(crate) fn count_malformed(&mut self, kind: Malformed, line: u64, text: &[u8]) {
        let tally = self.malformed.entry(kind).or_insert_with(|| MalformedTally {
            count: 0,
            part: 0,
            line,
            example: shortened(text),
        });
        tally.count += 1;
    }

    /// Notes the time of a line.
    pub(crate) fn note_time(&mut self, time: i64) {
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
    }
}

impl StretchTallies {
    /// The counts of a stretch, by the number of the outcomes.
    fn of_stretch(&mut self, stretch: Stretch) -> &mut Vec<OutcomeTally> {
        let place = match self.last {
            Some((last, place)) if last == stretch => place,
            _ => self.find_place(stretch),
        };
        self.last = Some((stretch, place));
        &mut self.tallies[place]
    }

    fn find_place(&mut self, stretch: Stretch) -> usize {
        let stretch = self.admit(stretch);
        if let Some(place) = self.places.get(&stretch) {
            return *place;
        }
        let place = self.tallies.len();
        self.places.insert(stretch, place);
        self.tallies.push(Vec::new());
        place
    }

    /// The stretch, or [`Stretch::Undated`] if there are too many days.
    pub(crate) fn admit(&self, stretch: Stretch) -> Stretch {
        if self.places.len() >= MOST_DAYS && !self.places.contains_key(&stretch) {
            return Stretch::Undated;
        }
        stretch
    }

    /// All of them.
    fn into_stretches(mut self) -> impl Iterator<Item = (Stretch, Vec<OutcomeTally>)> {
        let places = self.places.into_iter();
        places.map(move |(stretch, place)| (stretch, std::mem::take(&mut self.tallies[place])))
    }
}

impl Totals {
    /// Adds the counts of the part with this index. `known` are the outcomes by the numbers of its
    /// worker.
    pub(crate) fn add(&mut self, index: usize, part: Tally, known: &[RuleOutcomes]) {
        let own = &mut self.tally;
        own.lines += part.lines;
        own.requests += part.requests;
        own.without_address += part.without_address;
        for time in [part.first, part.last].into_iter().flatten() {
            own.note_time(time);
        }
        for (kind, count) in part.not_requests {
            *own.not_requests.entry(kind).or_default() += count;
        }
        for (kind, other) in part.malformed {
            add_malformed(own, kind, MalformedTally { part: index, ..other });
        }
        for ((stretch, rule), other) in part.identities {
            let tally = own.identities.entry((stretch, rule)).or_default();
            tally.requests += other.requests;
            tally.callers.merge_callers(&other.callers);
            tally.refused.merge_callers(&other.refused);
        }
        for (rule, other) in part.top {
            own.top.entry(rule).or_default().merge(&other);
        }
        for (rule, other) in part.ramps {
            own.ramps.entry(rule).or_default().merge(other);
        }
        for (stretch, by_outcome) in part.outcomes.into_stretches() {
            let totals = self.outcomes.entry(stretch).or_default();
            for (other, outcomes) in by_outcome.into_iter().zip(known) {
                if other.requests == 0 {
                    continue;
                }
                let tally = totals.entry(outcomes.clone()).or_default();
                tally.requests += other.requests;
                tally.callers.merge_callers(&other.callers);
            }
        }
    }
}

fn add_malformed(own: &mut Tally, kind: Malformed, other: MalformedTally) {
    match own.malformed.get_mut(&kind) {
        // Parts come in any order. The example is that of the first one.
        Some(tally) if tally.part < other.part => tally.count += other.count,
        Some(tally) => *tally = MalformedTally { count: tally.count + other.count, ..other },
        None => {
            own.malformed.insert(kind, other);
        }
    }
}

impl TopTally {
    fn merge(&mut self, other: &Self) {
        self.clients.merge_items(&other.clients);
        self.networks.merge_items(&other.networks);
        self.paths.merge_items(&other.paths);
        self.agents.merge_items(&other.agents);
    }
}

impl RampTally {
    fn merge(&mut self, other: Self) {
        self.unknown += other.unknown;
        for (step, tally) in other.steps {
            let own = self.steps.entry(step).or_default();
            own.requests += tally.requests;
            own.callers.merge_callers(&tally.callers);
        }
    }
}

/// The beginning of a line, for an example.
fn shortened(text: &[u8]) -> String {
    const MOST: usize = 160;
    let mut example = String::from_utf8_lossy(&text[..text.len().min(MOST)]).into_owned();
    if text.len() > MOST {
        example.push('…');
    }
    example
}
