//! From counts to the numbers of a forecast.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use jiff::tz::TimeZone;
use upshift_adoption::sketch::{DistinctCallers, TopItem, TopItems};
use upshift_core::policy::Rule;
use upshift_core::{Phase, Policy, Timestamp};
use upshift_record::forecast::{
    ForecastDay, ForecastRecord, ForecastTotal, MalformedRecord, NotRequestRecord, RuleForecast,
    SourceRecord, StepRecord, TopEntry, TopRecord,
};

use crate::coverage::covers_rule;
use crate::decide::DecisionGaps;
use crate::options::ForecastOptions;
use crate::outcome::{Outcome, RuleOutcomes};
use crate::steps::PlanStep;
use crate::tally::{RampTally, Stretch, TopTally, Totals};

/// Everything that a report is made from.
pub(crate) struct ReportInput<'p> {
    pub(crate) policy: &'p Policy,
    pub(crate) options: &'p ForecastOptions,
    pub(crate) totals: Totals,
    pub(crate) gaps: DecisionGaps,
    /// For each rule, the steps that are still to come.
    pub(crate) plans: Vec<Vec<PlanStep>>,
    pub(crate) sources: Vec<SourceRecord>,
    /// The beginning of each part of them.
    pub(crate) parts: Vec<PartStart>,
    pub(crate) notes: Vec<String>,
}

/// The beginning of a part of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PartStart {
    /// The index of the source.
    pub(crate) source: usize,
    /// The lines of the source before the part.
    pub(crate) lines_before: u64,
}

/// The numbers of some requests.
#[derive(Clone, Default)]
struct Sums {
    requests: u64,
    refused: u64,
    unknown: u64,
    callers: DistinctCallers,
    refused_callers: DistinctCallers,
}

impl Sums {
    /// The number of callers. It is an estimate, which could be above the number of requests.
    fn caller_count(&self) -> u64 {
        self.callers.estimate().min(self.requests)
    }

    /// The number of refused callers.
    fn refused_caller_count(&self) -> u64 {
        self.refused_callers.estimate().min(self.refused).min(self.caller_count())
    }
}

/// The record of a forecast.
pub(crate) fn report(input: ReportInput<'_>) -> ForecastRecord {
    let all = sums_by_stretch(&input.totals, RuleOutcomes::total);
    let days = day_records(&all);
    let threshold = input.options.threshold;
    let mut rules = Vec::new();
    for (index, rule) in input.policy.rules().iter().enumerate() {
        rules.push(rule_forecast(&input, index, rule));
    }
    let mut notes = input.notes.clone();
    notes.extend(exemption_notes(&input, &rules));
    let tally = &input.totals.tally;
    ForecastRecord {
        revision: input.policy.revision().to_owned(),
        at: input.options.at.map(|at| at.to_string()),
        threshold,
        sampled: input.options.sampled,
        from: tally.first.and_then(time_text),
        to: tally.last.and_then(time_text),
        total: total_record(&input.totals, &all),
        below_threshold_since: below_since(&days, threshold),
        days,
        rules,
        malformed_lines: malformed_records(&input),
        not_requests: not_request_records(&input.totals),
        sources: input.sources,
        notes,
    }
}

/// The exemptions that could not be applied, as far as rules that they cover refuse requests.
fn exemption_notes(input: &ReportInput<'_>, rules: &[RuleForecast]) -> Vec<String> {
    let mut notes = Vec::new();
    let at = input.options.at.unwrap_or(input.options.now);
    for exemption in input.policy.exemptions() {
        let id = &*exemption.id;
        let Some(facts) = input.gaps.exemptions.get(id) else { continue };
        if exemption.expires <= at {
            continue;
        }
        let mut covers_refused = false;
        for (rule, forecast) in input.policy.rules().iter().zip(rules) {
            covers_refused |= forecast.refused > 0 && covers_rule(exemption, rule);
        }
        if covers_refused {
            let facts: Vec<&str> = facts.iter().map(String::as_str).collect();
            notes.push(format!(
                "the exemption {id} depends on {}, which the logs do not record: requests that \
                 only it would admit count as refused",
                facts.join(", ")
            ));
        }
    }
    notes
}

/// Sums by stretch, for the outcome that `outcome_of` finds in those of the rules.
fn sums_by_stretch(
    totals: &Totals,
    outcome_of: impl Fn(&RuleOutcomes) -> Outcome,
) -> BTreeMap<Stretch, Sums> {
    let mut all = BTreeMap::new();
    for (stretch, by_outcome) in &totals.outcomes {
        let mut sums = Sums::default();
        for (outcomes, tally) in by_outcome {
            let outcome = outcome_of(outcomes);
            if outcome == Outcome::NotMatched {
                continue;
            }
            sums.requests += tally.requests;
            sums.callers.merge_callers(&tally.callers);
            if outcome == Outcome::Unknown {
                sums.unknown += tally.requests;
            }
            if outcome == Outcome::Refused {
                sums.refused += tally.requests;
                sums.refused_callers.merge_callers(&tally.callers);
            }
        }
        if sums.requests > 0 {
            all.insert(*stretch, sums);
        }
    }
    all
}

fn sum_all(stretches: &BTreeMap<Stretch, Sums>) -> Sums {
    let mut all = Sums::default();
    for sums in stretches.values() {
        all.requests += sums.requests;
        all.refused += sums.refused;
        all.unknown += sums.unknown;
        all.callers.merge_callers(&sums.callers);
        all.refused_callers.merge_callers(&sums.refused_callers);
    }
    all
}

fn total_record(totals: &Totals, stretches: &BTreeMap<Stretch, Sums>) -> ForecastTotal {
    let all = sum_all(stretches);
    let tally = &totals.tally;
    ForecastTotal {
        requests: all.requests,
        refused: all.refused,
        unknown: all.unknown,
        malformed: tally.malformed.values().map(|malformed| malformed.count).sum(),
        not_requests: tally.not_requests.values().sum(),
        undated: requests_in(stretches, Stretch::Undated),
        future: requests_in(stretches, Stretch::Future),
        callers: all.caller_count(),
        refused_callers: all.refused_caller_count(),
        without_address: tally.without_address,
    }
}

fn requests_in(stretches: &BTreeMap<Stretch, Sums>, stretch: Stretch) -> u64 {
    match stretches.get(&stretch) {
        Some(sums) => sums.requests,
        None => 0,
    }
}

fn rule_forecast(input: &ReportInput<'_>, index: usize, rule: &Rule) -> RuleForecast {
    let totals = &input.totals;
    let mut stretches = sums_by_stretch(totals, |outcomes| outcomes.0[index]);
    let by_identity = use_identities(totals, index, &mut stretches);
    let all = sum_all(&stretches);
    let days = day_records(&stretches);
    let empty = RampTally::default();
    let ramp = totals.tally.ramps.get(&index).unwrap_or(&empty);
    RuleForecast {
        rule: rule.id.to_string(),
        requests: all.requests,
        refused: all.refused,
        unknown: all.unknown,
        not_recorded: input.gaps.rules[index].iter().cloned().collect(),
        clients_by: if by_identity { "identity" } else { "address" }.to_owned(),
        clients: all.caller_count(),
        refused_clients: all.refused_caller_count(),
        top: match totals.tally.top.get(&index) {
            Some(top) => top_record(top, input.options.top),
            None => TopRecord::default(),
        },
        below_threshold_since: below_since(&days, input.options.threshold),
        days,
        steps: match input.options.at {
            Some(_) => Vec::new(),
            None => step_records(&input.plans[index], &all, ramp, (&input.gaps, index)),
        },
    }
}

/// Replaces callers by address with callers by identity, if most of the rule's requests record it.
fn use_identities(totals: &Totals, rule: usize, stretches: &mut BTreeMap<Stretch, Sums>) -> bool {
    let identities = &totals.tally.identities;
    let mut recorded = 0;
    for ((_, known), tally) in identities {
        if *known == rule {
            recorded += tally.requests;
        }
    }
    let requests: u64 = stretches.values().map(|sums| sums.requests).sum();
    if recorded == 0 || recorded * 2 < requests {
        return false;
    }
    for (stretch, sums) in stretches {
        let tally = identities.get(&(*stretch, rule)).cloned().unwrap_or_default();
        sums.callers = tally.callers;
        sums.refused_callers = tally.refused;
    }
    true
}

fn day_records(stretches: &BTreeMap<Stretch, Sums>) -> Vec<ForecastDay> {
    let mut days = Vec::new();
    for (stretch, sums) in stretches {
        let Stretch::Day(day) = stretch else { continue };
        let Some(day) = day_text(*day) else { continue };
        days.push(ForecastDay {
            day,
            requests: sums.requests,
            refused: sums.refused,
            unknown: sums.unknown,
            callers: sums.caller_count(),
            refused_callers: sums.refused_caller_count(),
        });
    }
    days
}

/// The first day of those at the end on which the share of refused callers is below the threshold.
fn below_since(days: &[ForecastDay], threshold: f64) -> Option<String> {
    let mut since = None;
    for day in days.iter().rev() {
        // Without addresses, only requests can be counted.
        let (refused, all) = match day.callers {
            0 => (day.refused, day.requests),
            callers => (day.refused_callers, callers),
        };
        if refused as f64 >= threshold * all as f64 {
            break;
        }
        since = Some(day.day.clone());
    }
    since
}

fn step_records(
    steps: &[PlanStep],
    all: &Sums,
    ramp: &RampTally,
    (gaps, index): (&DecisionGaps, usize),
) -> Vec<StepRecord> {
    let mut records = Vec::new();
    let mut ramp_index = 0;
    for step in steps {
        let mut not_recorded = BTreeSet::new();
        if all.unknown > 0 {
            not_recorded.extend(gaps.rules[index].iter().cloned());
        }
        let (refused, clients, unknown) = if step.phase == Phase::Ramp {
            not_recorded.extend(gaps.ramps[index].iter().cloned());
            let (mut refused, mut callers) = (0, DistinctCallers::default());
            for tally in ramp.steps.range(..=ramp_index).map(|(_, tally)| tally) {
                refused += tally.requests;
                callers.merge_callers(&tally.callers);
            }
            ramp_index += 1;
            let clients = callers.estimate().min(refused).min(all.refused_caller_count());
            (refused, clients, all.unknown + ramp.unknown)
        } else {
            (all.refused, all.refused_caller_count(), all.unknown)
        };
        records.push(StepRecord {
            at: step.at.to_string(),
            until: step.until.map(|until| until.to_string()),
            phase: step.phase.to_string(),
            share: step.share.fraction(),
            refused,
            refused_clients: clients,
            unknown,
            not_recorded: not_recorded.into_iter().collect(),
        });
    }
    records
}

fn top_record(top: &TopTally, limit: usize) -> TopRecord {
    TopRecord {
        clients: top_entries(&top.clients, limit),
        networks: top_entries(&top.networks, limit),
        paths: top_entries(&top.paths, limit),
        agents: top_entries(&top.agents, limit),
    }
}

fn top_entries<T>(items: &TopItems<T>, limit: usize) -> Vec<TopEntry>
where
    T: Clone + Eq + std::hash::Hash + Ord + Display,
{
    let mut entries = Vec::new();
    for TopItem { item, at_least, at_most } in items.top(limit) {
        entries.push(TopEntry { item: item.to_string(), at_least, at_most });
    }
    entries
}

fn malformed_records(input: &ReportInput<'_>) -> Vec<MalformedRecord> {
    let mut records = Vec::new();
    for (kind, tally) in &input.totals.tally.malformed {
        let start = input.parts[tally.part];
        records.push(MalformedRecord {
            kind: kind.as_str().to_owned(),
            count: tally.count,
            path: input.sources[start.source].path.clone(),
            line: start.lines_before + tally.line,
            example: tally.example.clone(),
        });
    }
    records
}

fn not_request_records(totals: &Totals) -> Vec<NotRequestRecord> {
    let mut records = Vec::new();
    for (kind, count) in &totals.tally.not_requests {
        records.push(NotRequestRecord { kind: kind.as_str().to_owned(), count: *count });
    }
    records
}

fn time_text(second: i64) -> Option<String> {
    Some(Timestamp::from_second(second).ok()?.to_string())
}

fn day_text(day: i32) -> Option<String> {
    let midnight = Timestamp::from_second(i64::from(day) * 86_400).ok()?;
    Some(midnight.to_zoned(TimeZone::UTC).date().to_string())
}
