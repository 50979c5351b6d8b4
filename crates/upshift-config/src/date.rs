//! Dates and times: a date is the midnight that begins it, in UTC or in the zone of the rollout.

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;
use toml::de::DeValue;
use toml::value::Datetime;

use crate::toml_value::TomlValue;

const EXPECTED: &str = "a date such as 2026-06-01 or 2026-06-01T09:00:00Z";

impl TomlValue<'_> {
    /// A date, or a date and time. Dates, and times without an offset, are local to `zone`; without
    /// a zone, a date is in UTC and a time needs its offset.
    pub(crate) fn read_date(&self, zone: Option<&TimeZone>) -> Option<Timestamp> {
        match self.as_toml() {
            DeValue::Datetime(datetime) => self.resolve_datetime(datetime, zone),
            // Quoted dates are the habit from JSON and YAML; a type error alone would not help.
            DeValue::String(text) if parse_moment(text).is_some() => {
                let error = self.error_here("dates are written without quotes");
                let bare = text.trim();
                self.report(error.with_label("expected a date").with_help(format!("write {bare}")));
                None
            }
            _ => {
                self.report_type(EXPECTED);
                None
            }
        }
    }

    fn resolve_datetime(&self, datetime: &Datetime, zone: Option<&TimeZone>) -> Option<Timestamp> {
        let Datetime { date, time, offset } = datetime;
        // TOML has times without a date, such as `09:00:00`.
        if date.is_none() {
            self.report_type(EXPECTED);
            return None;
        }
        let text = datetime.to_string();
        let resolved = match (time, offset, zone) {
            // An offset is exact, so that it beats the zone of the rollout.
            (Some(_), Some(_), _) => text.parse().ok(),
            (Some(_), None, Some(zone)) => local_time(&text, zone),
            // UTC is not assumed: a brownout in local time would begin at the wrong hour.
            (Some(_), None, None) => {
                self.report_missing_offset(&text);
                return None;
            }
            (None, ..) => midnight(&text, zone.unwrap_or(&TimeZone::UTC)),
        };
        if resolved.is_none() {
            self.report_error(format!("there is no date {text}"), format!("expected {EXPECTED}"));
        }
        resolved
    }

    fn report_missing_offset(&self, text: &str) {
        let error = self.error_here("the time has no offset").with_label("expected an offset");
        let help = format!("write {text}Z for UTC, or set `zone` in the rule's rollout");
        self.report(error.with_help(help));
    }

    /// A time zone by its name in the IANA database.
    pub(crate) fn read_time_zone(&self) -> Option<TimeZone> {
        self.parse_with("a time zone such as \"Europe/Berlin\"", |name| {
            TimeZone::get(name).map_err(|_| "the IANA database has no such zone".to_owned())
        })
    }
}

/// Parses a date (midnight in UTC) or a date and time with an offset, as typed on a command line.
pub fn parse_moment(text: &str) -> Option<Timestamp> {
    let trimmed = text.trim();
    if let Ok(timestamp) = trimmed.parse() {
        return Some(timestamp);
    }
    // jiff parses a civil date from a date and time too, and would drop the time.
    if trimmed.len() == "2026-06-01".len() { midnight(trimmed, &TimeZone::UTC) } else { None }
}

fn local_time(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    // A time that occurs twice, when clocks are set back, is the earlier one. A time that is
    // skipped, when they are set forward, is moved on by the length of the gap.
    let time: civil::DateTime = text.parse().ok()?;
    zone.to_timestamp(time).ok()
}

/// The first moment of a day. Where a change of the clock skips midnight, that is a later hour.
fn midnight(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let day: civil::Date = text.parse().ok()?;
    zone.to_timestamp(day.at(0, 0, 0, 0)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_midnight_and_a_time_needs_its_offset() {
        assert_eq!(
            parse_moment("2026-06-01").map(|at| at.to_string()).as_deref(),
            Some("2026-06-01T00:00:00Z")
        );
        assert_eq!(
            parse_moment("2026-06-01T09:00:00+02:00").map(|at| at.to_string()).as_deref(),
            Some("2026-06-01T07:00:00Z")
        );
        assert_eq!(parse_moment("2026-06-01T09:00:00"), None);
        assert_eq!(parse_moment("June"), None);
    }
}
