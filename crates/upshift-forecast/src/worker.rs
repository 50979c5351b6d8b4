//! The worker that counts the lines of one part of a log.

use std::collections::BTreeSet;
use std::sync::Arc;

use upshift_adoption::Network;
use upshift_adoption::sketch::{CallerHash, CallerHasher};
use upshift_core::policy::{IdentityReader, bucket};
use upshift_core::{Policy, Timestamp};

use crate::coverage::{Recorded, records_identity};
use crate::decide::Decider;
use crate::format::{LogFormat, ReadState};
use crate::interner::Interner;
use crate::line::{LineKind, LogLine, Malformed};
use crate::outcome::{Outcome, OutcomeId, RuleOutcomes};
use crate::path_shape::path_shape;
use crate::request::{LineClient, RequestReader, field_value, parse_address};
use crate::steps::RampSteps;
use crate::tally::{Stretch, Tally};
use crate::view::View;

const DAY: i64 = 86_400;

/// Everything that the workers share.
pub(crate) struct Job<'p> {
    pub(crate) policy: &'p Policy,
    pub(crate) reader: &'p RequestReader,
    pub(crate) view: View,
    /// The time at which exemptions expire.
    pub(crate) at: Timestamp,
    /// The time of the forecast.
    pub(crate) now: Timestamp,
    pub(crate) hasher: CallerHasher,
    /// The ramp that is still to come, for each rule.
    pub(crate) ramps: Vec<RampSteps>,
}

/// Counts lines.
pub(crate) struct Worker<'p> {
    job: &'p Job<'p>,
    decider: Decider<'p>,
    /// The outcomes in the view, by those under full enforcement.
    viewed: Vec<Option<OutcomeId>>,
    identities: IdentitySupport,
    texts: Interner,
    /// True if a ramp is still to come.
    has_ramp: bool,
    pub(crate) tally: Tally,
}

/// The rules whose identity the lines record.
struct IdentitySupport {
    /// The lines for which it was computed.
    recorded: Option<Recorded>,
    by_rule: Vec<bool>,
    /// The rules that count callers by something else than the client's address.
    named: Vec<usize>,
}

/// One request, as the counts need it.
struct CountedRequest<'r, 'l> {
    line: &'r LogLine<'l>,
    client: &'r LineClient,
    stretch: Stretch,
    caller: Option<CallerHash>,
}

impl<'p> Worker<'p> {
    pub(crate) fn new(job: &'p Job<'p>) -> Self {
        let mut named = Vec::new();
        for (index, rule) in job.policy.rules().iter().enumerate() {
            if rule.identity.iter().any(|reader| *reader != IdentityReader::Peer) {
                named.push(index);
            }
        }
        let by_rule = vec![false; job.policy.rules().len()];
        Self {
            job,
            decider: Decider::new(job.policy, job.reader, job.at),
            viewed: Vec::new(),
            identities: IdentitySupport { recorded: None, by_rule, named },
            texts: Interner::default(),
            has_ramp: !job.ramps.iter().all(RampSteps::is_empty),
            tally: Tally::default(),
        }
    }

    /// The counts, the outcomes by their number, and for each rule the facts that made its outcome
    /// unknown.
    pub(crate) fn finish(self) -> (Tally, Vec<RuleOutcomes>, Vec<BTreeSet<String>>) {
        let (known, gaps) = self.decider.into_parts();
        (self.tally, known, gaps)
    }

    /// Counts the lines of a block.
    pub(crate) fn count_block(&mut self, block: &[u8], format: &LogFormat, state: &mut ReadState) {
        let mut line = LogLine::default();
        let mut lines = format.lines(block);
        while let Some((text, quotes)) = lines.next_line() {
            self.tally.lines += 1;
            match format.parse_line(text, quotes, &mut line, state) {
                Ok(LineKind::Request) => self.count_line(&line),
                Ok(LineKind::NotRequest(kind)) => {
                    *self.tally.not_requests.entry(kind).or_default() += 1;
                }
                Ok(LineKind::Directive) => {}
                Err(kind) => self.tally.count_malformed(kind, self.tally.lines, text),
            }
        }
    }

    /// Counts a line that is too long to be read.
    pub(crate) fn count_long_line(&mut self, beginning: &[u8]) {
        self.tally.lines += 1;
        self.tally.count_malformed(Malformed::TooLong, self.tally.lines, beginning);
    }

    fn count_line(&mut self, line: &LogLine<'_>) {
        let client = self.job.reader.read_client(line);
        let stretch = self.stretch_of(line.time);
        let enforced = self.decider.decide(line, &client);
        let outcome = self.apply_view(enforced, line, &client);
        let caller = self.caller_of(line, &client);
        self.tally.count_request(stretch, outcome.0 as usize, caller);
        let request = CountedRequest { line, client: &client, stretch, caller };
        if !self.identities.named.is_empty() {
            self.count_identities(&request, outcome);
        }
        if self.decider.total(outcome) == Outcome::Refused {
            self.count_refused(&request, outcome);
        }
        if self.has_ramp && self.decider.total(enforced) == Outcome::Refused {
            self.count_steps(&request, enforced);
        }
    }

    fn stretch_of(&mut self, time: Option<i64>) -> Stretch {
        let Some(time) = time else { return Stretch::Undated };
        self.tally.note_time(time);
        if time > self.job.now.as_second() + DAY {
            return Stretch::Future;
        }
        match i32::try_from(time.div_euclid(DAY)) {
            Ok(day) => Stretch::Day(day),
            Err(_) => Stretch::Undated,
        }
    }

    fn apply_view(
        &mut self,
        enforced: OutcomeId,
        line: &LogLine<'_>,
        client: &LineClient,
    ) -> OutcomeId {
        let index = enforced.0 as usize;
        if let Some(Some(viewed)) = self.viewed.get(index) {
            return *viewed;
        }
        let outcomes = self.decider.outcomes(enforced).clone();
        let job = self.job;
        self.identities.update(job, client.recorded);
        let texts = job.reader.read_texts(line);
        let facts = texts.facts(client);
        let applied = job.view.apply(&outcomes, job.policy, &facts, &self.identities.by_rule);
        let viewed = self.decider.intern(applied);
        if job.view.is_uniform(&outcomes) {
            self.viewed.resize(self.viewed.len().max(index + 1), None);
            self.viewed[index] = Some(viewed);
        }
        viewed
    }

    /// The client, by its address or by what stands in its place.
    fn caller_of(&self, line: &LogLine<'_>, client: &LineClient) -> Option<CallerHash> {
        if let Some(address) = client.address {
            return Some(self.job.hasher.hash_caller(address));
        }
        // A name, where the server looks names up. An address that is here and not in `client` is
        // that of a proxy that does not tell its client's.
        let text = line.peer.value()?;
        match parse_address(text) {
            Some(_) => None,
            None => Some(self.job.hasher.hash_caller(&**text)),
        }
    }

    /// Counts callers by the identities of rules, where the line records them.
    fn count_identities(&mut self, request: &CountedRequest<'_, '_>, outcome: OutcomeId) {
        let job = self.job;
        self.identities.update(job, request.client.recorded);
        let texts = job.reader.read_texts(request.line);
        let facts = texts.facts(request.client);
        let stretch = self.tally.stretch_of(request.stretch);
        for index in &self.identities.named {
            let outcome = self.decider.outcomes(outcome).0[*index];
            if outcome == Outcome::NotMatched || !self.identities.by_rule[*index] {
                continue;
            }
            let identity = job.policy.rules()[*index].identity(&facts);
            let tally = self.tally.identities.entry((stretch, *index)).or_default();
            tally.requests += 1;
            let caller = match identity {
                Some(identity) => Some(job.hasher.hash_caller(identity.as_str())),
                None => request.caller,
            };
            let Some(caller) = caller else { continue };
            tally.callers.insert_caller(caller);
            if outcome == Outcome::Refused {
                tally.refused.insert_caller(caller);
            }
        }
    }

    /// Counts who is refused.
    fn count_refused(&mut self, request: &CountedRequest<'_, '_>, outcome: OutcomeId) {
        let line = request.line;
        let path = self.texts.intern(path_shape(&line.target).as_bytes());
        let agent = field_value(line, self.job.reader.user_agent);
        let agent = agent.map(|agent| self.texts.intern(agent));
        for (index, outcome) in self.decider.outcomes(outcome).0.iter().enumerate() {
            if *outcome != Outcome::Refused {
                continue;
            }
            let top = self.tally.top.entry(index).or_default();
            if let Some(address) = request.client.address {
                top.clients.count_item(address, 1);
                top.networks.count_item(Network::of_address(Some(address)), 1);
            }
            top.paths.count_item(Arc::clone(&path), 1);
            if let Some(agent) = &agent {
                top.agents.count_item(Arc::clone(agent), 1);
            }
        }
    }

    /// Counts a request that rules refuse once they are enforced, by the steps of their ramps.
    fn count_steps(&mut self, request: &CountedRequest<'_, '_>, enforced: OutcomeId) {
        let job = self.job;
        self.identities.update(job, request.client.recorded);
        let texts = job.reader.read_texts(request.line);
        let facts = texts.facts(request.client);
        for (index, steps) in job.ramps.iter().enumerate() {
            let is_refused = self.decider.outcomes(enforced).0[index] == Outcome::Refused;
            if steps.is_empty() || !is_refused {
                continue;
            }
            let tally = self.tally.ramps.entry(index).or_default();
            if !self.identities.by_rule[index] {
                tally.unknown += 1;
                continue;
            }
            let rule = &job.policy.rules()[index];
            let Some(identity) = rule.identity(&facts) else { continue };
            let Some(step) = steps.first_including(bucket(&rule.id, &identity)) else { continue };
            let step = tally.steps.entry(step).or_default();
            step.requests += 1;
            step.callers.insert_caller(job.hasher.hash_caller(identity.as_str()));
        }
    }
}

impl IdentitySupport {
    fn update(&mut self, job: &Job<'_>, recorded: Recorded) {
        if self.recorded == Some(recorded) {
            return;
        }
        for (rule, is_recorded) in job.policy.rules().iter().zip(&mut self.by_rule) {
            *is_recorded = records_identity(rule, &job.reader.wanted, recorded);
        }
        self.recorded = Some(recorded);
    }
}
