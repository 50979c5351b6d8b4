//! The times that a report is about.

use jiff::Timestamp;

use crate::usage::Span;

/// The times that a report is about.
pub(super) struct ReportTimes {
    pub(super) now: Timestamp,
    /// The start of the period.
    pub(super) from: i64,
    pub(super) recording_since: Option<i64>,
    /// The length of a point of the series.
    pub(super) step: Span,
}

impl ReportTimes {
    /// The longest period that is shown by the hour.
    const BY_HOUR: i64 = 3 * 86_400;

    pub(super) fn new(now: Timestamp, from: i64, recording_since: Option<i64>) -> Self {
        let is_short = now.as_second() - from <= Self::BY_HOUR;
        let step = if is_short { Span::Hour } else { Span::Day };
        Self { now, from, recording_since, step }
    }
}

/// A second since 1970 as RFC 3339.
pub(super) fn instant_text(second: i64) -> String {
    Timestamp::from_second(second).unwrap_or_default().to_string()
}
