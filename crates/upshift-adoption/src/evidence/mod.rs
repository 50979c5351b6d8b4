//! The evidence for a period, made from the ledger and from usage.

mod chain_record;
mod counts;
mod enforcement;
mod exemptions;
mod gaps;
mod period;
mod policy_changes;
mod replay;
mod revisions;
mod rule;
mod timeline;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use upshift_record::evidence::{EvidenceReport, RuleEvidence, TrafficEvidence};

use self::counts::{RuleCounts, TrafficCounts};
use self::exemptions::exemption_records;
use self::period::{Period, instant};
use self::replay::replay_chain;
use self::rule::rule_record;
use self::timeline::Timeline;
use crate::store::{PeriodRows, RecordedEvidence};
use crate::usage::Span;

/// The input of the evidence.
pub struct EvidenceInput {
    /// The time.
    pub now: Timestamp,
    /// The start of the period; `None`: the first record.
    pub from: Option<Timestamp>,
    /// The end of the period.
    pub to: Timestamp,
    /// True if a gateway has the store open.
    pub running: bool,
    /// The records of the period.
    pub records: RecordedEvidence,
}

/// Makes the evidence.
pub fn build_evidence(input: EvidenceInput) -> EvidenceReport {
    let EvidenceInput { now, from, to, running, records } = input;
    let RecordedEvidence { chain, recording_since, usage } = records;
    let timeline = replay_chain(&chain, running, now);
    let to = to.min(now);
    let from = from.or_else(|| first_record(&timeline, recording_since)).unwrap_or(to).min(to);
    let period = Period { from, to };
    let (policies, revisions) = revisions::revision_records(&chain, &timeline, &period);
    let traffic = TrafficCounts::from_rows(&usage.rows);
    EvidenceReport {
        now: now.to_string(),
        from: period.from.to_string(),
        to: period.to.to_string(),
        records_begin: timeline.records_begin().map(|begin| begin.to_string()),
        chain: chain_record::chain_record(&chain),
        gaps: gaps::gap_records(&timeline, &period),
        exemptions: exemption_records(&timeline, &period, &traffic),
        rules: rule_records(&timeline, &period, traffic.rules.clone()),
        traffic: traffic_record(&traffic, &usage, &period, recording_since),
        revisions,
        policies,
    }
}

/// The rules of the latest policy in its order, then the rules that it no longer has.
fn rule_records(
    timeline: &Timeline,
    period: &Period,
    mut counts: BTreeMap<Arc<str>, RuleCounts>,
) -> Vec<RuleEvidence> {
    let mut records = Vec::new();
    for rule in timeline.rule_names() {
        let counted = counts.remove(rule);
        let is_in_force = timeline.spans_of(rule).iter().any(|span| period.overlaps(span.times()));
        if is_in_force || counted.is_some() {
            records.push(rule_record(rule, timeline, period, counted.unwrap_or_default()));
        }
    }
    // Counted before the first policy revision that is kept.
    for (rule, counted) in counts {
        records.push(rule_record(&rule, timeline, period, counted));
    }
    records
}

fn traffic_record(
    traffic: &TrafficCounts,
    usage: &PeriodRows,
    period: &Period,
    recording_since: Option<i64>,
) -> TrafficEvidence {
    let counts = &traffic.all;
    TrafficEvidence {
        from: instant(usage.from).min(period.from).to_string(),
        to: instant(usage.to).max(period.to).to_string(),
        recording_since: recording_since.map(|second| instant(second).to_string()),
        counts: counts.all.to_record(),
        http: counts.http.to_records(),
        tls: counts.tls.to_records(),
    }
}

/// The time of the first policy revision, or of the first requests if they are older.
fn first_record(timeline: &Timeline, recording_since: Option<i64>) -> Option<Timestamp> {
    let Some(begin) = timeline.records_begin() else { return recording_since.map(instant) };
    match recording_since {
        // Old requests are kept by day, so those of the first day may be later than its start.
        Some(since) if since < Span::Day.start_of(begin.as_second()) => Some(instant(since)),
        _ => Some(begin),
    }
}

#[cfg(test)]
mod tests;
