//! `Deprecation` (RFC 9745) and `Sunset` (RFC 8594).

use jiff::Timestamp;
use upshift_core::field::parse_http_date;

use crate::exchange::FieldSection;

/// The time of `Deprecation`; `None` if it is absent or not a Date of RFC 9651.
pub(crate) fn deprecation_time(section: &FieldSection<'_>) -> Option<Timestamp> {
    parse_deprecation(&section.text("deprecation")?)
}

/// Reads an Item Structured Field of type Date (RFC 9651 §3.3.7), with its parameters.
pub(crate) fn parse_deprecation(value: &str) -> Option<Timestamp> {
    let item = value.split(';').next()?.trim();
    Timestamp::from_second(item.strip_prefix('@')?.parse().ok()?).ok()
}

/// The time of `Sunset`; `None` if it is absent or not an HTTP date.
pub(crate) fn sunset_time(section: &FieldSection<'_>) -> Option<Timestamp> {
    parse_http_date(&section.text("sunset")?)
}
