//! The report of adoption, made from rows of usage.

mod counts;
mod projected;
mod rule;
mod version_order;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use upshift_core::Policy;
use upshift_record::adoption::AdoptionReport;

use self::counts::CountsByLabel;
use self::rule::RuleCounts;
use crate::usage::{Dimension, RefusedCaller, Span, StoredRow};

/// The input of a report.
pub struct ReportInput<'a> {
    /// The time.
    pub now: Timestamp,
    /// The start of the period, in seconds since 1970.
    pub from: i64,
    /// The first time that is recorded, in seconds since 1970.
    pub recording_since: Option<i64>,
    /// The rows of the period. No time is in two of them.
    pub rows: Vec<StoredRow>,
    /// The refused callers, those of each rule with the most refused first.
    pub refused: Vec<RefusedCaller>,
    /// The policy in force.
    pub policy: &'a Policy,
}

/// The most refused callers of a rule in a report.
const MAX_REFUSED: usize = 50;

/// Makes the report.
pub fn build_report(input: ReportInput<'_>) -> AdoptionReport {
    let ReportInput { now, from, recording_since, rows, refused, policy } = input;
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
            Dimension::Phase | Dimension::Version | Dimension::Client => {}
        }
    }
    for caller in refused {
        let rule = rules.entry(Arc::clone(&caller.rule)).or_default();
        if rule.refused.len() < MAX_REFUSED && caller.last_seen >= from {
            rule.refused.push(caller);
        }
    }
    let mut reported = Vec::new();
    for rule in policy.rules() {
        let counts = rules.remove(&*rule.id).unwrap_or_default();
        reported.push(counts.into_record(&rule.id, Some(rule), &times));
    }
    for (rule, counts) in rules {
        reported.push(counts.into_record(&rule, None, &times));
    }
    AdoptionReport {
        now: now.to_string(),
        from: instant_text(from),
        recording_since: recording_since.map(instant_text),
        total: http.total(),
        http: http.into_records(),
        tls: tls.into_records(),
        rules: reported,
    }
}

/// The times that a report is about.
struct ReportTimes {
    now: Timestamp,
    /// The start of the period.
    from: i64,
    recording_since: Option<i64>,
    /// The length of a point of the series.
    step: Span,
}

impl ReportTimes {
    /// The longest period that is shown by the hour.
    const BY_HOUR: i64 = 3 * 86_400;

    fn new(now: Timestamp, from: i64, recording_since: Option<i64>) -> Self {
        let is_short = now.as_second() - from <= Self::BY_HOUR;
        let step = if is_short { Span::Hour } else { Span::Day };
        Self { now, from, recording_since, step }
    }
}

/// A second since 1970 as RFC 3339.
fn instant_text(second: i64) -> String {
    Timestamp::from_second(second).unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests;
