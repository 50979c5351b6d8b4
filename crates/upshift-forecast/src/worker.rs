//! The worker that counts the lines of one part of a log.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use upshift_adoption::sketch::{CallerHash, CallerHasher};
use upshift_core::policy::{IdentityReader, Rule};
use upshift_core::{Facts, Policy, Timestamp};

use crate::address::parse_address;
use crate::coverage::{Recorded, hidden_identity_facts};
use crate::decide::{Decider, DecisionGaps};
use crate::format::cut::LineCut;
use crate::format::lines::Lines;
use crate::format::{LogFormat, ReadState};
use crate::interner::Interner;
use crate::known_requests::{CountedOutcome, KnownRequests, RefusedTexts, RequestKey};
use crate::line::{LineKind, LogLine, Malformed};
use crate::outcome::{Outcome, OutcomeId, RuleOutcomes};
use crate::path_shape::path_shape;
use crate::ramp_bucket::BucketReader;
use crate::request::{LineClient, RequestReader, field_value};
use crate::steps::{FirstStep, RampSteps};
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
    requests: KnownRequests,
    /// True if a ramp is still to come.
    has_ramp: bool,
    pub(crate) tally: Tally,
}

/// The rules whose identity the lines record.
struct IdentitySupport {
    /// The lines for which it was computed.
    recorded: Option<Recorded>,
    /// For each rule, the facts that its identity is read from and the lines do not record.
    hidden: Vec<Vec<String>>,
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
        let hidden = vec![Vec::new(); job.policy.rules().len()];
        Self {
            job,
            decider: Decider::new(job.policy, job.reader, job.at),
            viewed: Vec::new(),
            identities: IdentitySupport { recorded: None, hidden, named },
            texts: Interner::default(),
            requests: KnownRequests::default(),
            has_ramp: !job.ramps.iter().all(RampSteps::is_empty),
            tally: Tally::default(),
        }
    }

    /// The counts, the outcomes by their number, and the facts that the lines do not record.
    pub(crate) fn finish(self) -> (Tally, Vec<RuleOutcomes>, DecisionGaps) {
        let (known, gaps) = self.decider.into_parts();
        (self.tally, known, gaps)
    }

    /// Counts the lines of a block.
    pub(crate) fn count_block(&mut self, block: &[u8], format: &LogFormat, state: &mut ReadState) {
        let mut line = LogLine::default();
        let mut cut = LineCut::default();
        let mut lines = Lines::new(block);
        loop {
            // Most lines are equal to an earlier one in all that counts, and are not read.
            let is_cut = format.cut_line(lines.rest(), &mut cut, state).is_some();
            if is_cut && self.count_known(&cut).is_some() {
                lines.skip(cut.length);
                continue;
            }
            let Some(text) = lines.next_line() else { return };
            self.tally.lines += 1;
            for record in format.records(text) {
                match format.parse_line(record, &mut line, state) {
                    Ok(LineKind::Request) => self.count_line(&line, is_cut.then_some(&cut)),
                    Ok(LineKind::NotRequest(kind)) => {
                        *self.tally.not_requests.entry(kind).or_default() += 1;
                    }
                    Ok(LineKind::Directive) => {}
                    Err(kind) => self.tally.count_malformed(kind, self.tally.lines, record),
                }
            }
        }
    }

    /// Counts a line, if it is equal to an earlier one in all that counts.
    fn count_known(&mut self, cut: &LineCut<'_>) -> Option<()> {
        let address = cut.peer?.to_canonical();
        let counted = self.requests.find(&self.request_key(cut, address)?)?;
        // Nearly always `None`, and then nothing is cloned.
        let CountedOutcome { outcome, ramped, .. } = *counted;
        let refused = counted.refused.clone();
        self.tally.lines += 1;
        let stretch = self.stretch_of(cut.time);
        let caller = self.job.hasher.hash_caller(address);
        self.tally.count_request(stretch, outcome.0 as usize, Some(caller));
        if let Some(texts) = &refused {
            self.count_refused(Some(address), outcome, texts);
        }
        if let Some(enforced) = ramped {
            self.count_unknown_steps(enforced);
        }
        Some(())
    }

    /// The key of a line, which follows from its parts; `None` if its outcome depends on the whole
    /// address.
    fn request_key<'k, 'l>(
        &self,
        cut: &'k LineCut<'l>,
        address: IpAddr,
    ) -> Option<RequestKey<'k, 'l>> {
        let address = self.decider.address_facts(address)?;
        // Of the status, more than this does not count: a switch was performed, or HTTP/0.9
        // answered.
        let status = match cut.status {
            Some(101) => 0,
            Some(200..=299) => 1,
            Some(_) => 2,
            None => 3,
        };
        let facts = address.bits() << 2 | status;
        Some(RequestKey { facts, tags: cut.tags(), texts: cut.texts() })
    }

    /// Counts a line that is too long to be read.
    pub(crate) fn count_long_line(&mut self, beginning: &[u8]) {
        self.tally.lines += 1;
        self.tally.count_malformed(Malformed::TooLong, self.tally.lines, beginning);
    }

    fn count_line(&mut self, line: &LogLine<'_>, cut: Option<&LineCut<'_>>) {
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
        let mut counted = CountedOutcome { outcome, refused: None, ramped: None };
        if self.decider.total(outcome) == Outcome::Refused {
            let texts = Arc::new(self.refused_texts(line));
            self.count_refused(client.address, outcome, &texts);
            counted.refused = Some(texts);
        }
        if self.has_ramp && self.decider.total(enforced) == Outcome::Refused {
            self.count_steps(&request, enforced);
            counted.ramped = Some(enforced);
        }
        if let (Some(cut), Some(address)) = (cut, client.address)
            && self.job.reader.reads_peer_only(line)
            && self.viewed_outcome(enforced).is_some()
            && !self.depends_on_identity(line, &counted)
            && let Some(key) = self.request_key(cut, address)
        {
            self.requests.keep(&key, counted);
        }
    }

    /// Returns true if the counts of a request depend on an identity that its line records.
    fn depends_on_identity(&self, line: &LogLine<'_>, counted: &CountedOutcome) -> bool {
        let identities = &self.identities;
        let named = &identities.named;
        let mut has_identity = named.iter().any(|rule| identities.is_recorded(*rule))
            || !named.is_empty() && line.decision.caller.is_some();
        if let Some(enforced) = counted.ramped {
            // The share of the ramp, and so what its ruling proves, depends on the line's time.
            has_identity |= !line.decision.ramps.is_empty();
            for rule in self.decider.refusing_rules(enforced) {
                has_identity |= identities.is_recorded(rule) && !self.job.ramps[rule].is_empty();
            }
        }
        has_identity
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
        if let Some(viewed) = self.viewed_outcome(enforced) {
            return viewed;
        }
        let outcomes = self.decider.outcomes(enforced).clone();
        let job = self.job;
        self.identities.update(job, client.recorded);
        let texts = job.reader.read_texts(line);
        let facts = texts.facts(client);
        let reader = BucketReader { policy: job.policy, facts: &facts, line };
        let identities = &self.identities;
        let applied =
            job.view.apply(&outcomes, |rule| reader.bucket_of(rule, identities.is_recorded(rule)));
        for (rule, outcome) in applied.0.iter().enumerate() {
            if *outcome == Outcome::Unknown && outcomes.0[rule] == Outcome::Refused {
                identities.note_hidden(rule, &mut self.decider.gaps.rules);
            }
        }
        let viewed = self.decider.intern(applied);
        if job.view.is_uniform(&outcomes) {
            let index = enforced.0 as usize;
            self.viewed.resize(self.viewed.len().max(index + 1), None);
            self.viewed[index] = Some(viewed);
        }
        viewed
    }

    /// The outcomes in the view, if they are the same for all requests with these outcomes.
    fn viewed_outcome(&self, enforced: OutcomeId) -> Option<OutcomeId> {
        self.viewed.get(enforced.0 as usize).copied().flatten()
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
        let stretch = self.tally.outcomes.admit(request.stretch);
        for index in &self.identities.named {
            let outcome = self.decider.outcomes(outcome).0[*index];
            if outcome == Outcome::NotMatched {
                continue;
            }
            let rule = &job.policy.rules()[*index];
            let caller = if self.identities.is_recorded(*index) {
                job.hash_identity(rule, &facts).or(request.caller)
            } else {
                let Some(caller) = job.fingerprint_of(*index, request.line) else { continue };
                Some(caller)
            };
            let tally = self.tally.identities.entry((stretch, *index)).or_default();
            tally.requests += 1;
            let Some(caller) = caller else { continue };
            tally.callers.insert_caller(caller);
            if outcome == Outcome::Refused {
                tally.refused.insert_caller(caller);
            }
        }
    }

    fn refused_texts(&mut self, line: &LogLine<'_>) -> RefusedTexts {
        let path = self.texts.intern(path_shape(&line.target).as_bytes());
        let agent = field_value(line, self.job.reader.user_agent);
        let agent = agent.map(|agent| self.texts.intern(agent));
        RefusedTexts { path, agent }
    }

    /// Counts who is refused.
    fn count_refused(&mut self, address: Option<IpAddr>, outcome: OutcomeId, texts: &RefusedTexts) {
        for rule in self.decider.refusing_rules(outcome) {
            self.tally.count_refused(rule, address, texts);
        }
    }

    /// Counts a request whose identity is not recorded for the ramps that refuse it.
    fn count_unknown_steps(&mut self, enforced: OutcomeId) {
        for rule in self.decider.refusing_rules(enforced) {
            if !self.job.ramps[rule].is_empty() {
                self.tally.ramps.entry(rule).or_default().unknown += 1;
            }
        }
    }

    /// Counts a request that rules refuse once they are enforced, by the steps of their ramps.
    fn count_steps(&mut self, request: &CountedRequest<'_, '_>, enforced: OutcomeId) {
        let job = self.job;
        self.identities.update(job, request.client.recorded);
        let texts = job.reader.read_texts(request.line);
        let facts = texts.facts(request.client);
        let refusing: Vec<usize> = self.decider.refusing_rules(enforced).collect();
        for rule in refusing {
            if !job.ramps[rule].is_empty() {
                self.count_first_step(request, &facts, rule);
            }
        }
    }

    /// Counts a request for the step of the rule's ramp that refuses it first.
    fn count_first_step(
        &mut self,
        request: &CountedRequest<'_, '_>,
        facts: &Facts<'_>,
        rule: usize,
    ) {
        let job = self.job;
        let reader = BucketReader { policy: job.policy, facts, line: request.line };
        let is_recorded = self.identities.is_recorded(rule);
        let tally = self.tally.ramps.entry(rule).or_default();
        match job.ramps[rule].first_refusing(reader.bucket_of(rule, is_recorded)) {
            FirstStep::At(step) => {
                let step = tally.steps.entry(step).or_default();
                step.requests += 1;
                let caller = match is_recorded {
                    true => job.hash_identity(&job.policy.rules()[rule], facts),
                    false => job.fingerprint_of(rule, request.line),
                };
                if let Some(caller) = caller.or(request.caller) {
                    step.callers.insert_caller(caller);
                }
            }
            FirstStep::Never => {}
            FirstStep::Unknown => {
                tally.unknown += 1;
                self.identities.note_hidden(rule, &mut self.decider.gaps.ramps);
            }
        }
    }
}

impl<'p> Job<'p> {
    /// The caller of a line by the fingerprint that the gateway recorded; `None` if there is none,
    /// or the rule that it comes from reads another identity than this one.
    fn fingerprint_of(&self, rule: usize, line: &LogLine<'_>) -> Option<CallerHash> {
        let decision = &line.decision;
        let (caller, decided) = (decision.caller.as_ref()?, decision.rule.as_ref()?);
        let decided = self.policy.rule(std::str::from_utf8(decided).ok()?)?;
        if decided.identity != self.policy.rules()[rule].identity {
            return None;
        }
        Some(self.hasher.hash_caller(&**caller))
    }

    /// The caller of a request by the identity of a rule; `None` if it has none.
    fn hash_identity(&self, rule: &Rule, facts: &Facts<'_>) -> Option<CallerHash> {
        let identity = rule.identity(facts)?;
        Some(self.hasher.hash_caller(identity.as_str()))
    }
}

impl IdentitySupport {
    fn update(&mut self, job: &Job<'_>, recorded: Recorded) {
        if self.recorded == Some(recorded) {
            return;
        }
        for (rule, hidden) in job.policy.rules().iter().zip(&mut self.hidden) {
            *hidden = hidden_identity_facts(rule, &job.reader.wanted, recorded);
        }
        self.recorded = Some(recorded);
    }

    /// Returns true if the lines record what the identity of this rule is read from.
    fn is_recorded(&self, rule: usize) -> bool {
        self.hidden[rule].is_empty()
    }

    /// Adds the facts that the lines do not record to those of the rule.
    fn note_hidden(&self, rule: usize, gaps: &mut [BTreeSet<String>]) {
        for fact in &self.hidden[rule] {
            // Called for each line, and nearly always it is known.
            if !gaps[rule].contains(fact) {
                gaps[rule].insert(fact.clone());
            }
        }
    }
}
