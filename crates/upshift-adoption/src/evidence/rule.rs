//! The evidence on one rule.

use jiff::Timestamp;
use upshift_record::evidence::{Interruption, PhaseSpan, RuleDefinition, RuleEvidence};

use super::counts::RuleCounts;
use super::period::Period;
use super::timeline::{RuleSpan, Timeline};
use super::words::{duration_text, requirement_text, second_text};

const ENFORCE: &str = "enforce";

/// The record of a rule.
pub(super) fn rule_record(
    rule: &str,
    timeline: &Timeline,
    period: &Period,
    counts: RuleCounts,
) -> RuleEvidence {
    let spans = timeline.spans_of(rule);
    let definitions = definition_records(rule, timeline, period);
    let interruptions = interruptions(timeline, spans, period);
    let enforced_since = enforced_since(rule, timeline, period);
    let enforced_seconds = enforced_spans(spans, period).map(|times| times.seconds()).sum();
    let mut record = RuleEvidence {
        rule: rule.to_owned(),
        statement: String::new(),
        enforced_since: enforced_since.map(|since| since.to_string()),
        enforced_seconds,
        interruptions,
        phases: phase_records(spans, period),
        definitions,
        counts: counts.all.to_record(),
        refused_versions: counts.refused_versions(),
        http: counts.http.to_records(),
        tls: counts.tls.to_records(),
    };
    record.statement = statement_on(&record, enforced_since);
    record
}

fn enforced_spans(spans: &[RuleSpan], period: &Period) -> impl Iterator<Item = Period> {
    let enforced = spans.iter().filter(|span| span.state.phase == ENFORCE);
    enforced.filter_map(|span| period.clip(span.times()))
}

fn phase_records(spans: &[RuleSpan], period: &Period) -> Vec<PhaseSpan> {
    let mut records = Vec::new();
    for span in spans {
        let Some(times) = period.clip(span.times()) else { continue };
        records.push(PhaseSpan {
            from: times.from.to_string(),
            to: times.to.to_string(),
            since: span.from.to_string(),
            holds: times.to == period.to,
            phase: span.state.phase.clone(),
            share: f64::from(span.state.share) / 10_000.0,
            cause: if span.held { "held" } else { span.cause.as_str() }.to_owned(),
            actor: span.actor.clone(),
            reason: span.reason.clone(),
            revision: span.revision,
            change: span.change.clone(),
        });
    }
    records
}

fn definition_records(rule: &str, timeline: &Timeline, period: &Period) -> Vec<RuleDefinition> {
    let mut records = Vec::new();
    for (span, definition) in timeline.definitions_of(rule) {
        let Some(times) = period.clip(span.times()) else { continue };
        records.push(RuleDefinition {
            from: times.from.to_string(),
            to: times.to.to_string(),
            requirement: requirement_text(&definition.require),
            required: definition.require.clone(),
            applies_to: definition.applies_to.clone(),
            policy: span.digest,
        });
    }
    records
}

/// The time since which the rule has enforced its current requirement, as of the end of the period.
/// A gap in which the gateway was not running does not interrupt this.
fn enforced_since(rule: &str, timeline: &Timeline, period: &Period) -> Option<Timestamp> {
    let spans = timeline.spans_of(rule);
    let mut since: Option<Timestamp> = None;
    for span in spans.iter().rev().filter(|span| span.from < period.to) {
        let is_enforced = span.state.phase == ENFORCE;
        let continues = match since {
            None => span.to >= period.to,
            Some(later) => {
                span.to >= later || timeline.is_hidden(Period { from: span.to, to: later })
            }
        };
        if !is_enforced || !continues {
            break;
        }
        since = Some(span.from);
    }
    // A changed requirement restarts the enforcement.
    let definitions = timeline.definitions_of(rule);
    let mut present = definitions.iter().filter(|(span, _)| span.from < period.to);
    match (since, present.next_back()) {
        (Some(since), Some((span, _))) => Some(since.max(span.from)),
        _ => since,
    }
}

/// The times from the first enforcement to the end of the period in which the rule did not enforce,
/// or for which nothing is known.
fn interruptions(timeline: &Timeline, spans: &[RuleSpan], period: &Period) -> Vec<Interruption> {
    let Some(first) = enforced_spans(spans, period).next() else { return Vec::new() };
    let rest = Period { from: first.from, to: period.to };
    let mut known: Vec<(Period, Option<Interruption>)> = Vec::new();
    for span in spans {
        let Some(times) = rest.clip(span.times()) else { continue };
        let is_enforced = span.state.phase == ENFORCE;
        let interruption = Interruption {
            actor: Some(span.actor.clone()),
            reason: Some(span.reason.clone()),
            ..interruption(&times, &span.state.phase)
        };
        known.push((times, if is_enforced { None } else { Some(interruption) }));
    }
    for gap in timeline.gaps.iter().filter(|gap| gap.kind.hides_phases()) {
        let Some(times) = rest.clip(gap.times) else { continue };
        known.push((times, Some(interruption(&times, gap.kind.as_str()))));
    }
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

fn interruption(times: &Period, kind: &str) -> Interruption {
    Interruption {
        from: times.from.to_string(),
        to: times.to.to_string(),
        kind: kind.to_owned(),
        actor: None,
        reason: None,
    }
}

/// The evidence in words.
fn statement_on(record: &RuleEvidence, since: Option<Timestamp>) -> String {
    let Some(definition) = record.definitions.last() else {
        return "No policy revision of this period has the rule.".to_owned();
    };
    let subject = format!("{}, for {}", definition.requirement, definition.applies_to);
    if record.enforced_seconds == 0 && since.is_none() {
        let mut phases: Vec<&str> = Vec::new();
        for span in &record.phases {
            if !phases.contains(&span.phase.as_str()) {
                phases.push(&span.phase);
            }
        }
        return format!("{subject}: not enforced in this period ({}).", phases.join(", "));
    }
    let length = duration_text(record.enforced_seconds);
    let enforced = match since {
        Some(since) => {
            format!("enforced since {}, and in this period for {length}", second_text(since))
        }
        None => format!("enforced in this period for {length}, but not at its end"),
    };
    format!("{subject}: {enforced}{}.", interruption_text(&record.interruptions))
}

fn interruption_text(interruptions: &[Interruption]) -> String {
    let (mut known, mut unknown) = ((0_u64, 0), (0_u64, 0));
    for interruption in interruptions {
        let times = (interruption.from.parse(), interruption.to.parse());
        let (Ok(from), Ok(to)) = times else { continue };
        let is_gap = ["stopped", "not-recorded"].contains(&interruption.kind.as_str());
        let (count, seconds) = if is_gap { &mut unknown } else { &mut known };
        *count += 1;
        *seconds += Period { from, to }.seconds();
    }
    let mut text = String::new();
    if known.0 > 0 {
        let times = if known.0 == 1 { "time" } else { "times" };
        text.push_str(&format!(
            "; interrupted {} {times}, for {}",
            known.0,
            duration_text(known.1)
        ));
    }
    if unknown.0 > 0 {
        text.push_str(&format!(
            "; the gateway was stopped, or recorded nothing, for {}",
            duration_text(unknown.1)
        ));
    }
    text
}
