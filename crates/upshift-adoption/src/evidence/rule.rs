//! The evidence on one rule.

use jiff::Timestamp;
use upshift_record::evidence::{Interruption, PhaseSpan, RuleDefinition, RuleEvidence};

use super::counts::RuleCounts;
use super::enforcement::Enforcement;
use super::period::Period;
use super::timeline::{RuleSpan, Timeline};
use super::words::{definition_text, duration_text, requirement_text, second_text};

/// The record of a rule.
pub(super) fn rule_record(
    rule: &str,
    timeline: &Timeline,
    period: &Period,
    counts: RuleCounts,
) -> RuleEvidence {
    let enforcement = Enforcement::new(rule, timeline, *period);
    let interruptions = enforcement.interruptions();
    RuleEvidence {
        rule: rule.to_owned(),
        statement: statement_on(&enforcement, &interruptions),
        enforced_since: enforcement.enforced_since().map(|since| since.to_string()),
        enforced_seconds: enforcement.last_definition_seconds(),
        interruptions,
        phases: phase_records(enforcement.spans, period),
        definitions: definition_records(&enforcement, period),
        counts: counts.all.to_record(),
        refused_versions: counts.refused_versions(),
        http: counts.http.to_records(),
        tls: counts.tls.to_records(),
    }
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

fn definition_records(enforcement: &Enforcement<'_>, period: &Period) -> Vec<RuleDefinition> {
    let mut records = Vec::new();
    for (span, definition) in &enforcement.definitions {
        let Some(times) = period.clip(span.times()) else { continue };
        records.push(RuleDefinition {
            from: times.from.to_string(),
            to: times.to.to_string(),
            requirement: requirement_text(&definition.require),
            required: definition.require.clone(),
            applies_to: definition.applies_to.clone(),
            enforced_seconds: enforcement.enforced_seconds(times),
            policy: span.digest.clone(),
        });
    }
    records
}

/// The evidence on the rule's last definition in words.
fn statement_on(enforcement: &Enforcement<'_>, interruptions: &[Interruption]) -> String {
    let Some((_, definition)) = enforcement.definitions.last() else {
        return "No policy revision of this period has the rule.".to_owned();
    };
    let subject = definition_text(definition);
    let others = other_definitions_text(enforcement);
    let Some(begin) = enforcement.last_definition_begin() else {
        let phases = enforcement.last_definition_phases().join(", ");
        return format!("{subject}: not enforced in this period ({phases}){others}.");
    };
    let enforced = enforced_text(enforcement);
    let interrupted = interruption_text(interruptions, begin);
    format!("{subject}: {enforced}{interrupted}{others}.")
}

fn enforced_text(enforcement: &Enforcement<'_>) -> String {
    let length = duration_text(enforcement.last_definition_seconds());
    let since = enforcement.enforced_since().map(second_text);
    let stop = enforcement.stop_at_end().map(second_text);
    match (since, stop) {
        (Some(since), Some(stop)) => format!(
            "enforced since {since}, until the gateway stopped at {stop}, and in this period for \
             {length}"
        ),
        (Some(since), None) => format!("enforced since {since}, and in this period for {length}"),
        (None, _) if enforcement.is_end_unknown() => {
            format!("enforced in this period for {length}; nothing is known of its end")
        }
        (None, _) => format!("enforced in this period for {length}, but not at its end"),
    }
}

fn other_definitions_text(enforcement: &Enforcement<'_>) -> String {
    match enforcement.other_definition_seconds() {
        0 => String::new(),
        seconds => format!(
            "; the rule enforced another requirement, or for other requests, for {}",
            duration_text(seconds)
        ),
    }
}

/// The interruptions from `begin` on, in words.
fn interruption_text(interruptions: &[Interruption], begin: Timestamp) -> String {
    let (mut known, mut unknown) = ((0_u64, 0), (0_u64, 0));
    for interruption in interruptions {
        let times = (interruption.from.parse(), interruption.to.parse());
        let (Ok(from), Ok(to)) = times else { continue };
        if from < begin {
            continue;
        }
        let is_gap = ["stopped", "not-recorded"].contains(&interruption.kind.as_str());
        let (count, seconds) = if is_gap { &mut unknown } else { &mut known };
        *count += 1;
        *seconds += Period { from, to }.seconds();
    }
    let mut text = String::new();
    if known.0 > 0 {
        let times = if known.0 == 1 { "time" } else { "times" };
        let length = duration_text(known.1);
        text.push_str(&format!("; interrupted {} {times}, for {length}", known.0));
    }
    if unknown.0 > 0 {
        let length = duration_text(unknown.1);
        text.push_str(&format!("; the gateway was stopped, or recorded nothing, for {length}"));
    }
    text
}
