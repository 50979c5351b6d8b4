//! The projection of a rule's decline, as a record with a sentence.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use upshift_record::adoption::{ProjectionRecord, WeekPoint};

use super::times::instant_text;
use crate::projection::{Projection, WeekCount, project_decline};
use crate::usage::{Span, Standing, StoredRow, UsageRow};

/// The share of callers behind that counts as done.
const THRESHOLD: f64 = 0.01;
const WEEK: i64 = 7 * 86_400;

/// The complete weeks of a rule, counted back from the last midnight.
#[derive(Default)]
pub(super) struct WeeklyCounts {
    weeks: BTreeMap<i32, WeekRows>,
}

#[derive(Default)]
struct WeekRows {
    all: UsageRow,
    behind: UsageRow,
    phases: BTreeSet<Arc<str>>,
}

impl WeekRows {
    /// Returns true if the week has no brownout and no change of phase.
    fn is_quiet(&self) -> bool {
        self.phases.len() == 1 && !self.phases.contains("brownout")
    }

    fn count(&self, week: i32) -> WeekCount {
        let (behind, all) = (self.behind.caller_count(), self.all.caller_count());
        WeekCount { week, behind, all }
    }
}

/// The days on which the gateway recorded requests, or counted and had none, by week.
#[derive(Default)]
pub(super) struct RecordedDays(BTreeMap<i32, BTreeSet<i64>>);

impl RecordedDays {
    /// Adds a row of the gateway as a whole.
    pub(super) fn add_row(&mut self, stored: &StoredRow, midnight: i64) {
        if let Some(week) = week_of(stored.start, midnight) {
            self.0.entry(week).or_default().insert(Span::Day.start_of(stored.start));
        }
    }

    /// Returns true if every day of the week was recorded. A day without requests is not a gap if
    /// the gateway ran.
    fn are_complete(&self, week: i32) -> bool {
        self.0.get(&week).is_some_and(|days| days.len() == 7)
    }
}

/// The number of the complete week that `start` is in: 0 for the last one; `None` after it.
fn week_of(start: i64, midnight: i64) -> Option<i32> {
    let before = midnight - 1 - start;
    if before < 0 {
        return None;
    }
    // The last complete week ends at midnight.
    i32::try_from(before / WEEK).ok().map(|weeks| -weeks)
}

impl WeeklyCounts {
    /// Adds a row whose label is the phase; `midnight` is the last one before now.
    pub(super) fn add_row(&mut self, stored: &StoredRow, midnight: i64) {
        let Some(week) = week_of(stored.start, midnight) else { return };
        let rows = self.weeks.entry(week).or_default();
        rows.all.merge_row(&stored.row);
        if stored.key.standing == Standing::Behind {
            rows.behind.merge_row(&stored.row);
        }
        rows.phases.insert(Arc::clone(&stored.key.label));
    }

    /// The projection from the weeks without gaps, brownouts and changes of phase.
    pub(super) fn project(&self, midnight: i64, days: &RecordedDays) -> ProjectionRecord {
        let mut usable = Vec::new();
        for (week, rows) in &self.weeks {
            if rows.is_quiet() && days.are_complete(*week) {
                usable.push(rows.count(*week));
            }
        }
        record(project_decline(&usable, THRESHOLD), usable.len(), midnight)
    }

    /// The weeks, the earliest first.
    pub(super) fn points(&self, midnight: i64, days: &RecordedDays) -> Vec<WeekPoint> {
        let mut points = Vec::new();
        for (week, rows) in &self.weeks {
            let WeekCount { behind, all: callers, .. } = rows.count(*week);
            let from = instant_text(midnight + i64::from(*week - 1) * WEEK);
            let projected = rows.is_quiet() && days.are_complete(*week);
            points.push(WeekPoint { from, callers, behind, projected });
        }
        points
    }
}

fn record(projection: Projection, weeks: usize, midnight: i64) -> ProjectionRecord {
    // The middle of the last complete week is the origin of the projection's times.
    let moment = |weeks: f64| midnight - WEEK / 2 + (weeks * WEEK as f64) as i64;
    let (answer, earliest, latest, sentence) = match projection {
        Projection::NeedsWeeks { more } => {
            let weeks = if more == 1 { "week" } else { "weeks" };
            let sentence = format!(
                "Not enough data for a date yet: it takes {more} more complete {weeks} without a \
                 brownout or a phase change, and at least 50 callers behind."
            );
            ("needs-weeks", None, None, sentence)
        }
        Projection::FewCallers { callers } => {
            let sentence = format!(
                "Only {callers} callers were behind in the last week: contact them directly."
            );
            ("few-callers", None, None, sentence)
        }
        Projection::Below { since } => {
            let start = midnight - WEEK + i64::from(since) * WEEK;
            let sentence = format!(
                "Fewer than 1 % of the callers have been behind since {}.",
                date_text(start)
            );
            ("below", Some(start), None, sentence)
        }
        Projection::NotAtThisRate => {
            let sentence = format!(
                "Not at this rate: over the last {weeks} complete weeks, the share of callers behind \
                 shows no significant decline."
            );
            ("not-at-this-rate", None, None, sentence)
        }
        Projection::TooSlow => {
            let sentence = "Not at this rate: the share of callers behind falls so slowly that it \
                            stays above 1 % for more than two years."
                .to_owned();
            ("not-at-this-rate", None, None, sentence)
        }
        Projection::NotBefore { earliest } => {
            let earliest = moment(earliest);
            let sentence =
                format!("Not before {}; it is too early for a latest date.", date_text(earliest));
            ("not-before", Some(earliest), None, sentence)
        }
        Projection::Between { earliest, latest } => {
            let (earliest, latest) = (moment(earliest), moment(latest));
            let sentence = format!(
                "Fewer than 1 % of the callers will be behind between {} and {}, if the trend of the \
                 last {weeks} weeks continues.",
                date_text(earliest),
                date_text(latest)
            );
            ("between", Some(earliest), Some(latest), sentence)
        }
    };
    ProjectionRecord {
        answer: answer.to_owned(),
        earliest: earliest.map(instant_text),
        latest: latest.map(instant_text),
        sentence,
    }
}

fn date_text(second: i64) -> String {
    let mut text = instant_text(second);
    text.truncate("2026-11-29".len());
    text
}
