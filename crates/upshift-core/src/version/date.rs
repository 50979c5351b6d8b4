//! Dates as versions: `YYYY-MM-DD` (Stripe, GitHub, Azure), `YYYY-MM` (Shopify) and `YYYYMMDD`.

use jiff::civil::Date;

use crate::inline_vec::InlineVec;

/// Reads a calendar date. A month means its first day. A `.name`, a `-name` or a time of day after
/// the date is ignored.
pub(super) fn parse_date(text: &str) -> Option<Date> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '-')).unwrap_or(text.len());
    // A `-` at the end belongs to the name.
    let date = text[..end].trim_end_matches('-');
    if !can_follow_date(&text[date.len()..]) {
        return None;
    }
    let (year, month, day) = match split_date(date).as_slice() {
        [year, month] => (parse_digits(year, 4)?, parse_digits(month, 2)?, 1),
        [year, month, day] => {
            (parse_digits(year, 4)?, parse_digits(month, 2)?, parse_digits(day, 2)?)
        }
        _ => return None,
    };
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

fn split_date(date: &str) -> InlineVec<&str, 3> {
    // The basic format of ISO 8601.
    if date.len() == "YYYYMMDD".len() && !date.contains('-') {
        return [&date[..4], &date[4..6], &date[6..]].into_iter().collect();
    }
    date.split('-').collect()
}

/// Returns true for nothing, a `.name`, a `-name` and a time.
fn can_follow_date(rest: &str) -> bool {
    match rest.split_at_checked(1) {
        Some((".", name)) => !name.is_empty(),
        Some(("-", name)) => {
            !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        }
        // RFC 3339 §5.6: a date, then a time.
        Some(("T" | "t", time)) => time.starts_with(|c: char| c.is_ascii_digit()),
        _ => rest.is_empty(),
    }
}

/// Reads a number of exactly this many digits.
fn parse_digits(part: &str, count: usize) -> Option<i16> {
    if part.len() != count || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    part.parse().ok()
}
