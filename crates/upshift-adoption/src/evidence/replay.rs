//! The replay of a chain: from revisions to spans of time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use upshift_record::evidence::{ChangeEvidence, RulePhaseRecord};

use super::period::Period;
use super::timeline::{Gap, GapKind, PolicySpan, RuleSpan, Timeline};
use crate::ledger::{LedgerEntry, PolicyInForce, RevisionCause, StoredChain};

/// The spans of time between the revisions of a chain. `running` is true if the last process is
/// still running.
pub(super) fn replay_chain(chain: &StoredChain, running: bool, now: Timestamp) -> Timeline {
    let mut replay = Replay::default();
    for (digest, text) in &chain.policies {
        if let Ok(policy) = serde_json::from_str(text) {
            replay.timeline.texts.insert(digest.clone(), policy);
        }
    }
    for stored in &chain.entries {
        if let Some(entry) = &stored.entry {
            let change = chain.change_of(entry);
            replay.apply_entry(entry, Origin { number: stored.number, change });
        }
    }
    let alive = chain.alive.and_then(|second| Timestamp::from_second(second).ok());
    replay.finish(if running { Some(now) } else { alive }, now)
}

/// The revision and change that put something in force.
#[derive(Clone, Copy)]
struct Origin<'c> {
    /// The number of the revision.
    number: u64,
    change: Option<&'c ChangeEvidence>,
}

/// The state of the replay.
#[derive(Default)]
struct Replay {
    timeline: Timeline,
    rules: BTreeMap<String, RuleSpan>,
    policy: Option<PolicySpan>,
    /// The time from which requests are not counted.
    usage_off: Option<Timestamp>,
    /// The time of the last revision.
    last: Option<Timestamp>,
    /// The time at which the last process stopped, if it did.
    stopped: Option<Timestamp>,
}

impl Replay {
    fn apply_entry(&mut self, entry: &LedgerEntry, origin: Origin<'_>) {
        // A clock that was set back must not make spans of negative length.
        let at = self.last.map_or(entry.at, |last| last.max(entry.at));
        self.timeline.begin.get_or_insert(at);
        match entry.cause {
            RevisionCause::Start => self.begin_process(at, entry.last_seen),
            RevisionCause::Stop => {
                self.close_all(at);
                self.stopped = Some(at);
            }
            RevisionCause::UsageLost => {
                let from = entry.last_seen.unwrap_or(at);
                self.add_gap(GapKind::UsageLost, from, at);
            }
            RevisionCause::Reload
            | RevisionCause::Change
            | RevisionCause::Trip
            | RevisionCause::Lapse
            | RevisionCause::Calendar
            | RevisionCause::Restored
            | RevisionCause::Pruned => {}
        }
        if let Some(in_force) = &entry.in_force {
            self.apply_policy(in_force, origin, (at, entry));
        }
        self.last = Some(at);
    }

    /// Ends the spans of the previous process, and records the time between the two.
    fn begin_process(&mut self, at: Timestamp, last_seen: Option<Timestamp>) {
        if let Some(stopped) = self.stopped.take() {
            self.add_gap(GapKind::Stopped, stopped, at);
        } else if let Some(last) = self.last {
            let end = last_seen.unwrap_or(last).clamp(last, at);
            self.close_all(end);
            self.add_gap(GapKind::NotRecorded, end, at);
        }
    }

    fn apply_policy(
        &mut self,
        in_force: &PolicyInForce,
        origin: Origin<'_>,
        (at, entry): (Timestamp, &LedgerEntry),
    ) {
        if in_force.complete {
            let listed: BTreeSet<&str> =
                in_force.rules.iter().map(|state| state.rule.as_str()).collect();
            let gone: Vec<String> =
                self.rules.keys().filter(|rule| !listed.contains(rule.as_str())).cloned().collect();
            for rule in gone {
                self.close_rule(&rule, at);
            }
        }
        if self.policy.as_ref().is_none_or(|span| span.digest != in_force.policy) {
            self.close_policy(at);
            let digest = in_force.policy.clone();
            let (actor, reason) = (entry.actor.clone(), entry.reason.clone());
            self.policy = Some(PolicySpan { from: at, to: at, digest, actor, reason });
        }
        for state in &in_force.rules {
            self.apply_state(state, origin, (at, entry));
        }
        match (in_force.recording, self.usage_off) {
            (false, None) => self.usage_off = Some(at),
            (true, Some(since)) => {
                self.usage_off = None;
                self.add_gap(GapKind::UsageOff, since, at);
            }
            _ => {}
        }
    }

    fn apply_state(
        &mut self,
        state: &RulePhaseRecord,
        origin: Origin<'_>,
        (at, entry): (Timestamp, &LedgerEntry),
    ) {
        if self.rules.get(&state.rule).is_some_and(|span| span.state.is_same_phase(state)) {
            return;
        }
        self.close_rule(&state.rule, at);
        // An override is attributed to its author, even if the event is a reload.
        let (actor, reason) = match (&state.set_by, &state.reason) {
            (Some(by), Some(reason)) => (by, reason),
            (Some(by), None) => (by, &entry.reason),
            (None, _) => (&entry.actor, &entry.reason),
        };
        let is_change = matches!(entry.cause, RevisionCause::Change | RevisionCause::Trip);
        // An undo can bring back the override of another person.
        let is_new = is_change && (actor, reason) == (&entry.actor, &entry.reason);
        let span = RuleSpan {
            from: at,
            to: at,
            state: state.clone(),
            revision: origin.number,
            cause: entry.cause,
            held: state.set_by.is_some() && !is_new,
            actor: actor.clone(),
            reason: reason.clone(),
            change: origin.change.cloned(),
        };
        self.rules.insert(state.rule.clone(), span);
    }

    fn close_rule(&mut self, rule: &str, at: Timestamp) {
        let Some(mut span) = self.rules.remove(rule) else { return };
        span.to = at;
        if span.from < span.to {
            self.timeline.rules.entry(rule.to_owned()).or_default().push(span);
        }
    }

    fn close_policy(&mut self, at: Timestamp) {
        let Some(mut span) = self.policy.take() else { return };
        span.to = at;
        if span.from < span.to {
            self.timeline.policies.push(span);
        }
    }

    fn close_all(&mut self, at: Timestamp) {
        let rules: Vec<String> = self.rules.keys().cloned().collect();
        for rule in rules {
            self.close_rule(&rule, at);
        }
        self.close_policy(at);
        if let Some(since) = self.usage_off.take() {
            self.add_gap(GapKind::UsageOff, since, at);
        }
    }

    fn add_gap(&mut self, kind: GapKind, from: Timestamp, to: Timestamp) {
        if from < to {
            self.timeline.gaps.push(Gap { times: Period { from, to }, kind });
        }
    }

    /// Ends the last spans at `end`, or at the last revision if nothing later is known.
    fn finish(mut self, end: Option<Timestamp>, now: Timestamp) -> Timeline {
        if let Some(stopped) = self.stopped {
            self.add_gap(GapKind::Stopped, stopped, now);
        } else if let Some(last) = self.last {
            let end = end.unwrap_or(last).max(last);
            self.close_all(end);
            self.add_gap(GapKind::NotRecorded, end, now);
        }
        self.timeline.gaps.sort_by_key(|gap| gap.times.from);
        self.timeline
    }
}
