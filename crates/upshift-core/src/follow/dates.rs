//! Dates as servers write them.

use jiff::civil::Date;
use jiff::fmt::rfc2822::DateTimeParser;

use crate::Timestamp;

/// Reads a date in any form that servers send: `@1767225600` (RFC 9651 §3.3.7), RFC 3339, a bare
/// date, and `Wed, 01 Jul 2026 00:00:00 GMT`, even with a wrong weekday.
pub fn read_date(text: &str) -> Option<Timestamp> {
    let trimmed = text.trim();
    if let Some(seconds) = trimmed.strip_prefix('@') {
        return Timestamp::from_second(seconds.parse().ok()?).ok();
    }
    if let Ok(timestamp) = trimmed.parse::<Timestamp>() {
        return Some(timestamp);
    }
    // jiff also reads a date followed by a time without a zone, which is not an instant.
    if trimmed.len() == "YYYY-MM-DD".len()
        && let Ok(date) = trimmed.parse::<Date>()
    {
        let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        return Some(midnight.timestamp());
    }
    // Servers in the wild send wrong weekdays.
    DateTimeParser::new().relaxed_weekday(true).parse_timestamp(trimmed).ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]
    use super::*;

    #[test]
    fn dates_of_careless_servers_are_read() {
        for (text, wanted) in [
            ("@1688169599", "2023-06-30T23:59:59Z"),
            (" 2026-09-01 ", "2026-09-01T00:00:00Z"),
            ("2026-09-01T12:00:00+02:00", "2026-09-01T10:00:00Z"),
            // The first of April 2022 was a Friday; a widely copied sample says Thursday.
            ("Thu, 01 Apr 2022 00:00:00 GMT", "2022-04-01T00:00:00Z"),
        ] {
            assert_eq!(read_date(text).unwrap().to_string(), wanted, "{text}");
        }
        for none in ["", "soon", "@x", "2026-09-01T12:00:00", "20260901"] {
            assert_eq!(read_date(none), None, "{none}");
        }
    }
}
