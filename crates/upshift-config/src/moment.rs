//! Points in time: a date is the midnight that begins it, in UTC or in the zone of the rollout.

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;
use toml::de::DeValue;
use toml::value::Datetime;

use crate::document::Item;

const EXPECTED: &str = "a date such as 2026-06-01 or 2026-06-01T09:00:00Z";

impl Item<'_> {
    /// A date or a date and time. `zone` is where dates and times without offset are; none: dates
    /// are in UTC.
    pub(crate) fn moment(&self, zone: Option<&TimeZone>) -> Option<Timestamp> {
        match self.value() {
            DeValue::Datetime(datetime) => self.datetime(datetime, zone),
            DeValue::String(text) if parse(text).is_some() => {
                let bare = text.trim();
                self.report(
                    self.error("a date stands without quotes")
                        .label("expected a date")
                        .help(format!("write {bare}")),
                );
                None
            }
            _ => self.unexpected(EXPECTED),
        }
    }

    fn datetime(&self, datetime: &Datetime, zone: Option<&TimeZone>) -> Option<Timestamp> {
        let Datetime { date, time, offset } = datetime;
        if date.is_none() {
            return self.unexpected(EXPECTED);
        }
        let text = datetime.to_string();
        let utc = TimeZone::UTC;
        let found =
            match (time, offset, zone) {
                (Some(_), Some(_), _) => text.parse().ok(),
                (Some(_), None, None) => {
                    let finding =
                        self.error("this time does not say where").label("its offset is missing");
                    self.report(finding.help(format!(
                        "write {text}Z for UTC, or set `zone` in the rule's rollout"
                    )));
                    return None;
                }
                (Some(_), None, Some(zone)) => in_zone(text.parse::<civil::DateTime>(), zone),
                (None, ..) => in_zone(
                    text.parse().map(|day: civil::Date| day.at(0, 0, 0, 0)),
                    zone.unwrap_or(&utc),
                ),
            };
        if found.is_none() {
            self.wrong(
                format!("{text} is not a date of the calendar"),
                format!("expected {EXPECTED}"),
            );
        }
        found
    }

    /// A time zone by its name in the IANA database.
    pub(crate) fn zone(&self) -> Option<TimeZone> {
        self.parsed("a time zone such as \"Europe/Berlin\"", |name| {
            TimeZone::get(name).map_err(|_| "no such zone in the IANA database".to_owned())
        })
    }
}

fn in_zone(civil: Result<civil::DateTime, jiff::Error>, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_timestamp(civil.ok()?).ok()
}

/// Reads what a person types on a command line: a date (midnight UTC) or a date and time with
/// offset.
pub fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    // A civil date is read from a longer text too, whose time would then be lost.
    let day = || text.parse().ok().filter(|_: &civil::Date| text.len() == "2026-06-01".len());
    let midnight = || in_zone(Ok(day()?.at(0, 0, 0, 0)), &TimeZone::UTC);
    text.parse().ok().or_else(midnight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_midnight_and_a_time_needs_its_offset() {
        assert_eq!(
            parse("2026-06-01").map(|at| at.to_string()).as_deref(),
            Some("2026-06-01T00:00:00Z")
        );
        assert_eq!(
            parse("2026-06-01T09:00:00+02:00").map(|at| at.to_string()).as_deref(),
            Some("2026-06-01T07:00:00Z")
        );
        assert_eq!(parse("2026-06-01T09:00:00"), None);
        assert_eq!(parse("June"), None);
    }
}
