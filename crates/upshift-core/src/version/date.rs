//! `YYYY-MM-DD`, as Stripe, GitHub and Azure count, `YYYY-MM`, as Shopify does, and `YYYYMMDD`.

use jiff::civil::Date;

/// Reads a date of the calendar; a month stands for its first day. `.name`, `-name` or the time of
/// the day behind it is ignored.
pub(super) fn parse(text: &str) -> Option<Date> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '-')).unwrap_or(text.len());
    // The `-` or `.` in front of a name.
    let date = text[..end].trim_end_matches('-');
    let rest = &text[date.len()..];
    let is_name = match rest.split_at_checked(1) {
        Some((".", name)) => !name.is_empty(),
        Some(("-", name)) => {
            !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        }
        // RFC 3339 §5.6: a date, then a time.
        Some(("T" | "t", time)) => time.starts_with(|c: char| c.is_ascii_digit()),
        _ => rest.is_empty(),
    };
    if !is_name {
        return None;
    }
    let parts: Vec<&str> = match date.len() {
        // The basic format of ISO 8601.
        8 if !date.contains('-') => vec![&date[..4], &date[4..6], &date[6..]],
        _ => date.split('-').collect(),
    };
    let day = match parts.as_slice() {
        [_, _] => "01",
        [_, _, day] => day,
        _ => return None,
    };
    let (year, month) = (number(parts[0], 4)?, number(parts[1], 2)?);
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(number(day, 2)?).ok()?).ok()
}

/// A number of so many digits.
fn number(part: &str, digits: usize) -> Option<i16> {
    let all = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| part.parse().ok())?
}
