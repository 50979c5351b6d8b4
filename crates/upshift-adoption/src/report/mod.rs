//! The adoption report, computed from rows of usage.

mod counts;
mod projected;
mod rule;
mod times;
mod version_order;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use upshift_core::Policy;
use upshift_record::adoption::AdoptionReport;

pub use self::rule::refused_caller_record;
pub(crate) use self::times::instant_text;

use self::counts::CountsByLabel;
use self::projected::RecordedDays;
use self::rule::RuleCounts;
use self::times::ReportTimes;
use crate::usage::{Dimension, RefusedCaller, StoredRow};

/// The input of a report.
pub struct ReportInput<'a> {
    /// The time.
    pub now: Timestamp,
    /// The start of the period, in seconds since 1970.
    pub from: i64,
    /// The first time that is recorded, in seconds since 1970.
    pub recording_since: Option<i64>,
    /// The rows of the period. They do not overlap in time.
    pub rows: Vec<StoredRow>,
    /// The days of the weeks from which the decline is projected, by phase.
    pub weeks: Vec<StoredRow>,
    /// The refused callers, those of each rule with the most refused first.
    pub refused: Vec<RefusedCaller>,
    /// The policy in force.
    pub policy: &'a Policy,
}

/// The most refused callers of a rule in a report.
const MAX_REFUSED: usize = 50;

/// Computes the report.
pub fn build_report(input: ReportInput<'_>) -> AdoptionReport {
    let ReportInput { now, from, recording_since, rows, weeks, refused, policy } = input;
    let times = ReportTimes::new(now, from, recording_since);
    let mut rules: BTreeMap<Arc<str>, RuleCounts> = BTreeMap::new();
    let (mut http, mut tls) = (CountsByLabel::default(), CountsByLabel::default());
    for stored in rows {
        if !stored.key.rule.is_empty() {
            let rule = rules.entry(Arc::clone(&stored.key.rule)).or_default();
            rule.add_row(&stored, &times);
            continue;
        }
        match stored.key.dimension {
            Dimension::Http => http.add_row(&stored),
            Dimension::Tls => tls.add_row(&stored),
            // The report shows these by rule.
            Dimension::Phase | Dimension::Version | Dimension::Client | Dimension::Exemption => {}
        }
    }
    let mut days = RecordedDays::default();
    for stored in weeks {
        match rules.get_mut(&stored.key.rule) {
            Some(rule) => rule.add_week_row(&stored, &times),
            None if stored.key.rule.is_empty() => days.add_row(&stored, times.last_midnight()),
            // Without a request in the period, the rule has no outlook.
            None => {}
        }
    }
    for caller in refused {
        let rule = rules.entry(Arc::clone(&caller.rule)).or_default();
        if rule.refused.len() < MAX_REFUSED && caller.last_seen >= times.from {
            rule.refused.push(caller);
        }
    }
    let mut reported = Vec::new();
    for rule in policy.rules() {
        let counts = rules.remove(&*rule.id).unwrap_or_default();
        reported.push(counts.into_record(&rule.id, Some(rule), &times, &days));
    }
    for (rule, counts) in rules {
        reported.push(counts.into_record(&rule, None, &times, &days));
    }
    AdoptionReport {
        now: now.to_string(),
        from: instant_text(times.from),
        recording_since: recording_since.map(instant_text),
        gateways: None,
        total: http.total(),
        http: http.into_records(),
        tls: tls.into_records(),
        rules: reported,
        not_known: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
