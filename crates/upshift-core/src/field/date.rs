//! Dates in fields: `Sunset` (RFC 8594) and `Deprecation` (RFC 9745).
//!
//! These readers are strict: a date that an upstream wrote in another form is replaced by the
//! rule's. [`read_date`](crate::follow::read_date), for clients, is lenient.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// `IMF-fixdate` (RFC 9110 §5.6.7): two digits for the day, and `GMT`.
const IMF_FIXDATE: &str = "%a, %d %b %Y %H:%M:%S GMT";

/// The HTTP date (RFC 9110 §5.6.7) of a time.
pub(crate) fn http_date(date: Timestamp) -> String {
    date.strftime(IMF_FIXDATE).to_string()
}

/// Reads an HTTP date in its preferred form (`IMF-fixdate`, RFC 9110 §5.6.7); `None` if it has any
/// other form.
pub fn parse_http_date(value: &str) -> Option<Timestamp> {
    let date = DateTime::strptime(IMF_FIXDATE, value).ok()?;
    TimeZone::UTC.to_timestamp(date).ok()
}

/// RFC 9745 §2.1: an Item Structured Field, a Date.
pub(crate) fn deprecation_date(date: Timestamp) -> String {
    format!("@{}", date.as_second())
}

/// Reads a date of RFC 9745, or the HTTP date of the drafts before it. `true`, which the drafts
/// also allowed, gives no date.
pub(crate) fn parse_deprecation_date(value: &str) -> Option<Timestamp> {
    let Some(item) = value.strip_prefix('@') else { return parse_http_date(value) };
    // RFC 9651 §3.1.2: an Item may have parameters. RFC 9745 defines none.
    let seconds = item.split(';').next()?.trim().parse().ok()?;
    Timestamp::from_second(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_their_rfcs_want() -> Result<(), jiff::Error> {
        let date: Timestamp = "2026-12-01T00:00:00Z".parse()?;
        assert_eq!(http_date(date), "Tue, 01 Dec 2026 00:00:00 GMT");
        assert_eq!(deprecation_date(date), "@1796083200");
        assert_eq!(parse_deprecation_date("@1796083200"), Some(date));
        assert_eq!(parse_deprecation_date("true"), None);
        assert_eq!(parse_http_date("Tue, 01 Dec 2026 00:00:00 GMT"), Some(date));
        Ok(())
    }
}
