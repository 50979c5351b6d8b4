//! The time range of a report.

use jiff::Timestamp;

use crate::usage::Span;

/// The time range of a report.
pub(super) struct ReportTimes {
    pub(super) now: Timestamp,
    /// The start of the period.
    pub(super) from: i64,
    pub(super) recording_since: Option<i64>,
    /// The length of a point of the series.
    pub(super) step: Span,
}

impl ReportTimes {
    pub(super) fn new(now: Timestamp, from: i64, recording_since: Option<i64>) -> Self {
        let step = Span::of_period(from, now.as_second());
        // The first point covers its whole span.
        Self { now, from: step.start_of(from), recording_since, step }
    }

    /// The last midnight of UTC, in seconds since 1970.
    pub(super) fn last_midnight(&self) -> i64 {
        Span::Day.start_of(self.now.as_second())
    }
}

/// A second since 1970 as RFC 3339.
pub(crate) fn instant_text(second: i64) -> String {
    Timestamp::from_second(second).unwrap_or_default().to_string()
}
