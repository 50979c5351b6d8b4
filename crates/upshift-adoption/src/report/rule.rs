//! The part of a report for one rule.

use std::collections::BTreeMap;

use upshift_core::Verdict;
use upshift_core::policy::Rule;
use upshift_record::adoption::{
    LabelCounts, NextPhase, RefusedCallerRecord, RuleAdoption, SeriesPoint,
};

use super::counts::{Counts, CountsByLabel, request_counts};
use super::projected::{RecordedDays, WeeklyCounts};
use super::times::{ReportTimes, instant_text};
use crate::usage::{Dimension, RefusedCaller, Standing, StoredRow, UsageRow};

/// The most points of a series. For a longer period, the latest ones are shown.
const MAX_POINTS: i64 = 1_000;

/// The counts of one rule.
#[derive(Default)]
pub(super) struct RuleCounts {
    all: Counts,
    uncertain: UsageRow,
    verdicts: CountsByLabel,
    versions: CountsByLabel,
    clients: CountsByLabel,
    http: CountsByLabel,
    tls: CountsByLabel,
    points: BTreeMap<i64, PointCounts>,
    weeks: WeeklyCounts,
    pub(super) refused: Vec<RefusedCaller>,
}

#[derive(Default)]
struct PointCounts {
    all: Counts,
    admitted: UsageRow,
    warned: UsageRow,
    exempt: UsageRow,
    refused: UsageRow,
}

impl PointCounts {
    fn add_row(&mut self, stored: &StoredRow) {
        self.all.add_row(stored);
        let of_verdict = match stored.key.verdict {
            Verdict::Admit => &mut self.admitted,
            Verdict::Warn => &mut self.warned,
            Verdict::Exempt => &mut self.exempt,
            Verdict::Refuse => &mut self.refused,
        };
        of_verdict.merge_row(&stored.row);
    }
}

impl RuleCounts {
    /// Adds a row of the rule.
    pub(super) fn add_row(&mut self, stored: &StoredRow, times: &ReportTimes) {
        match stored.key.dimension {
            Dimension::Phase => self.add_phase_row(stored, times),
            Dimension::Version => self.versions.add_row(stored),
            Dimension::Client => self.clients.add_row(stored),
            Dimension::Http => self.http.add_row(stored),
            Dimension::Tls => self.tls.add_row(stored),
            // Counted for the gateway as a whole.
            Dimension::Exemption => {}
        }
    }

    /// Adds a row of the dimension that contains every request exactly once.
    fn add_phase_row(&mut self, stored: &StoredRow, times: &ReportTimes) {
        self.all.add_row(stored);
        let verdict = stored.key.verdict;
        self.verdicts.add_row_as(verdict.as_str().into(), stored);
        if stored.key.standing == Standing::Uncertain {
            self.uncertain.merge_row(&stored.row);
        }
        let point = self.points.entry(times.step.start_of(stored.start)).or_default();
        point.add_row(stored);
    }

    /// Adds a row of the weeks from which the decline is projected.
    pub(super) fn add_week_row(&mut self, stored: &StoredRow, times: &ReportTimes) {
        self.weeks.add_row(stored, times.last_midnight());
    }

    /// The record of the rule; `rule` is `None` if it is no longer in the policy.
    pub(super) fn into_record(
        self,
        id: &str,
        rule: Option<&Rule>,
        times: &ReportTimes,
        days: &RecordedDays,
    ) -> RuleAdoption {
        let mut clients = self.clients.into_records();
        clients.sort_by(most_callers_first);
        RuleAdoption {
            rule: id.to_owned(),
            phase: rule.map(|rule| rule.rollout_state(times.now).phase.as_str().to_owned()),
            held_by: rule.and_then(|rule| holder(rule, times)),
            next: rule.and_then(|rule| next_phase(rule, times)),
            total: request_counts(&self.all.total),
            behind: request_counts(&self.all.behind),
            uncertain: request_counts(&self.uncertain),
            verdicts: self.verdicts.into_records(),
            versions: self.versions.into_version_records(),
            clients,
            http: self.http.into_records(),
            tls: self.tls.into_records(),
            series: series(&self.points, times),
            weeks: self.weeks.points(times.last_midnight(), days),
            projection: self.weeks.project(times.last_midnight(), days),
            refused_callers: self.refused.iter().map(refused_caller_record).collect(),
        }
    }
}

fn most_callers_first(a: &LabelCounts, b: &LabelCounts) -> std::cmp::Ordering {
    b.total.callers.cmp(&a.total.callers).then_with(|| a.label.cmp(&b.label))
}

/// The actor whose override is in force.
fn holder(rule: &Rule, times: &ReportTimes) -> Option<String> {
    let set = rule.overridden()?;
    let is_over = set.until.is_some_and(|until| until <= times.now);
    if is_over { None } else { Some(set.by.to_string()) }
}

/// The next phase by the plan, unless an override or a pin holds the rule.
fn next_phase(rule: &Rule, times: &ReportTimes) -> Option<NextPhase> {
    if rule.overridden().is_some() || rule.phase.is_some() {
        return None;
    }
    for stage in rule.rollout.as_ref()?.stages() {
        if stage.from > times.now {
            let phase = stage.phase.as_str().to_owned();
            return Some(NextPhase { phase, from: stage.from.to_string() });
        }
    }
    None
}

/// The points of the period from the first that is recorded, without gaps.
fn series(points: &BTreeMap<i64, PointCounts>, times: &ReportTimes) -> Vec<SeriesPoint> {
    let (step, now) = (times.step, times.now.as_second());
    let Some(recorded) = times.recording_since else { return Vec::new() };
    let most = MAX_POINTS * step.seconds();
    let mut start = step.start_of(recorded.max(times.from).max(now - most));
    let (mut series, empty) = (Vec::new(), PointCounts::default());
    while start <= now {
        let end = start + step.seconds();
        let point = points.get(&start).unwrap_or(&empty);
        series.push(SeriesPoint {
            from: instant_text(start),
            seconds: step.seconds(),
            complete: recorded <= start && end <= now,
            total: request_counts(&point.all.total),
            behind: request_counts(&point.all.behind),
            admitted: request_counts(&point.admitted),
            warned: request_counts(&point.warned),
            exempt: request_counts(&point.exempt),
            refused: request_counts(&point.refused),
        });
        start = end;
    }
    series
}

/// The record of a refused caller.
pub fn refused_caller_record(caller: &RefusedCaller) -> RefusedCallerRecord {
    RefusedCallerRecord {
        caller: caller.caller.to_string(),
        requests: caller.requests,
        uncertainty: caller.uncertainty,
        first_seen: instant_text(caller.first_seen),
        last_seen: instant_text(caller.last_seen),
        version: caller.version.to_string(),
        client: caller.client.to_string(),
        path: caller.path.to_string(),
        network: caller.network.to_string(),
    }
}
