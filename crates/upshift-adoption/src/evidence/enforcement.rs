//! The times of a period in which a rule enforced, and which of its definitions.

use jiff::Timestamp;
use upshift_record::evidence::Interruption;
use upshift_record::policy::PolicyRuleRecord;

use super::period::Period;
use super::timeline::{GapKind, PolicySpan, RuleSpan, Timeline};
use super::words::definition_text;

const ENFORCE: &str = "enforce";

/// The phases and definitions of one rule over a period.
pub(super) struct Enforcement<'t> {
    timeline: &'t Timeline,
    period: Period,
    /// The phases, in the order of time, also from outside of the period.
    pub(super) spans: &'t [RuleSpan],
    /// The definitions that were in force in the period, in the order of time.
    pub(super) definitions: Vec<(PolicySpan, &'t PolicyRuleRecord)>,
}

/// A time in which the rule enforced one definition.
struct EnforcedTime<'e> {
    times: Period,
    policy: &'e PolicySpan,
    definition: &'e PolicyRuleRecord,
    /// It is the definition that the evidence is about.
    is_last: bool,
}

impl<'t> Enforcement<'t> {
    /// The phases and definitions of a rule.
    pub(super) fn new(rule: &str, timeline: &'t Timeline, period: Period) -> Self {
        let mut definitions = timeline.definitions_of(rule);
        definitions.retain(|(span, _)| period.overlaps(span.times()));
        Self { timeline, period, spans: timeline.spans_of(rule), definitions }
    }

    /// The seconds for which the rule enforced its last definition.
    pub(super) fn last_definition_seconds(&self) -> u64 {
        let enforced = self.enforced_times();
        enforced.iter().filter(|time| time.is_last).map(|time| time.times.seconds()).sum()
    }

    /// The seconds for which the rule enforced earlier definitions.
    pub(super) fn other_definition_seconds(&self) -> u64 {
        let enforced = self.enforced_times();
        enforced.iter().filter(|time| !time.is_last).map(|time| time.times.seconds()).sum()
    }

    /// The seconds of a time for which the rule enforced.
    pub(super) fn enforced_seconds(&self, times: Period) -> u64 {
        let mut seconds = 0;
        for span in self.spans.iter().filter(|span| span.state.phase == ENFORCE) {
            seconds += times.clip(span.times()).map_or(0, |both| both.seconds());
        }
        seconds
    }

    /// The beginning of the first time in which the last definition was enforced.
    pub(super) fn last_definition_begin(&self) -> Option<Timestamp> {
        let enforced = self.enforced_times();
        enforced.iter().find(|time| time.is_last).map(|time| time.times.from)
    }

    /// The phases that the rule was in while it had its last definition, each once.
    pub(super) fn last_definition_phases(&self) -> Vec<&'t str> {
        let mut phases: Vec<&str> = Vec::new();
        for (policy, definition) in &self.definitions {
            if !self.is_last_definition(definition) {
                continue;
            }
            for span in self.spans {
                let both = policy.times().clip(span.times());
                let is_in_period = both.is_some_and(|both| self.period.overlaps(both));
                if is_in_period && !phases.contains(&span.state.phase.as_str()) {
                    phases.push(&span.state.phase);
                }
            }
        }
        phases
    }

    /// The time since which the rule has enforced its last definition, as of the end of the period.
    /// A gap in which the gateway was not running does not interrupt this, and neither does a stop
    /// that lasts.
    pub(super) fn enforced_since(&self) -> Option<Timestamp> {
        let mut since: Option<Timestamp> = None;
        for span in self.spans.iter().rev().filter(|span| span.from < self.period.to) {
            let is_enforced = span.state.phase == ENFORCE;
            let continues = match since {
                None => span.to >= self.period.to || self.stop_at_end() == Some(span.to),
                Some(later) => {
                    span.to >= later || self.timeline.is_hidden(Period { from: span.to, to: later })
                }
            };
            if !is_enforced || !continues {
                break;
            }
            since = Some(span.from);
        }
        // A changed definition restarts the enforcement.
        match (since, self.definitions.last()) {
            (Some(since), Some((span, _))) => Some(since.max(span.from)),
            _ => since,
        }
    }

    /// The time at which the gateway stopped, if it was still stopped at the end of the period.
    pub(super) fn stop_at_end(&self) -> Option<Timestamp> {
        self.gap_at_end(GapKind::Stopped)
    }

    /// Returns true if nothing was recorded at the end of the period.
    pub(super) fn is_end_unknown(&self) -> bool {
        self.gap_at_end(GapKind::NotRecorded).is_some()
    }

    fn gap_at_end(&self, kind: GapKind) -> Option<Timestamp> {
        let last = self.timeline.gaps.iter().rfind(|gap| gap.kind == kind)?;
        let Period { from, to } = last.times;
        if from < self.period.to && to >= self.period.to { Some(from) } else { None }
    }

    /// The times from the first enforcement to the end of the period in which the rule did not
    /// enforce, or, from the first enforcement of its last definition on, enforced another; and
    /// those of which nothing is known.
    pub(super) fn interruptions(&self) -> Vec<Interruption> {
        let mut enforced = self.spans.iter().filter(|span| span.state.phase == ENFORCE);
        let Some(first) = enforced.find_map(|span| self.period.clip(span.times())) else {
            return Vec::new();
        };
        let rest = Period { from: first.from, to: self.period.to };
        let mut known = self.known_times(rest);
        known.sort_by_key(|(times, _)| times.from);
        let (mut found, mut end) = (Vec::new(), rest.from);
        for (times, interrupted) in known {
            if end < times.from {
                found.push(interruption(&Period { from: end, to: times.from }, "absent"));
            }
            end = end.max(times.to);
            found.extend(interrupted);
        }
        if end < rest.to {
            found.push(interruption(&Period { from: end, to: rest.to }, "absent"));
        }
        found
    }

    /// The times of which something is known, with the interruption that each is, if it is one.
    fn known_times(&self, rest: Period) -> Vec<(Period, Option<Interruption>)> {
        let mut known = Vec::new();
        for span in self.spans {
            let Some(times) = rest.clip(span.times()) else { continue };
            let interruption = Interruption {
                actor: Some(span.actor.clone()),
                reason: Some(span.reason.clone()),
                ..interruption(&times, &span.state.phase)
            };
            let is_enforced = span.state.phase == ENFORCE;
            known.push((times, if is_enforced { None } else { Some(interruption) }));
        }
        for gap in self.timeline.gaps.iter().filter(|gap| gap.kind.hides_phases()) {
            let Some(times) = rest.clip(gap.times) else { continue };
            known.push((times, Some(interruption(&times, gap.kind.as_str()))));
        }
        let begin = self.last_definition_begin();
        for time in self.enforced_times() {
            if time.is_last || begin.is_none_or(|begin| time.times.from < begin) {
                continue;
            }
            let interruption = Interruption {
                actor: Some(time.policy.actor.clone()),
                reason: Some(time.policy.reason.clone()),
                definition: Some(definition_text(time.definition)),
                ..interruption(&time.times, "other-definition")
            };
            known.push((time.times, Some(interruption)));
        }
        known
    }

    /// The times of the period in which the rule enforced, in the order of time, each with the
    /// definition that it enforced.
    fn enforced_times(&self) -> Vec<EnforcedTime<'_>> {
        let mut enforced = Vec::new();
        for span in self.spans.iter().filter(|span| span.state.phase == ENFORCE) {
            let Some(in_period) = self.period.clip(span.times()) else { continue };
            for (policy, definition) in &self.definitions {
                let Some(times) = in_period.clip(policy.times()) else { continue };
                let is_last = self.is_last_definition(definition);
                enforced.push(EnforcedTime { times, policy, definition, is_last });
            }
        }
        enforced
    }

    fn is_last_definition(&self, definition: &PolicyRuleRecord) -> bool {
        self.definitions.last().is_some_and(|(_, last)| last.has_same_definition(definition))
    }
}

fn interruption(times: &Period, kind: &str) -> Interruption {
    Interruption {
        from: times.from.to_string(),
        to: times.to.to_string(),
        kind: kind.to_owned(),
        definition: None,
        actor: None,
        reason: None,
    }
}
