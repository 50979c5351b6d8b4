//! `YYYY-MM-DD`, as Stripe, GitHub and Shopify count.

use jiff::civil::Date;

/// Reads a date of the calendar; `.name` or `-name` behind it is ignored.
pub(super) fn parse(text: &str) -> Option<Date> {
    let date = text.get(..10)?;
    let rest = &text[10..];
    if !(rest.is_empty() || rest.len() > 1 && rest.starts_with(['.', '-'])) {
        return None;
    }
    let mut parts = date.split('-');
    let mut part = |digits: usize| {
        parts.next().filter(|part| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let (year, month, day) = (part(4)?, part(2)?, part(2)?);
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}
