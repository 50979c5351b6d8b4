//! Numbers as people read them, in a terminal and on a page.

/// `1 rule`, `1,204 rules`; `– rules` if the number is not known.
pub fn counted(number: impl Into<Option<u64>>, word: &str) -> String {
    let number = number.into();
    let ending = if number == Some(1) { "" } else { "s" };
    format!("{} {word}{ending}", grouped(number))
}

/// A number with commas between groups of three digits; `–` if it is not known.
pub fn grouped(number: impl Into<Option<u64>>) -> String {
    let Some(number) = number.into() else { return "–".to_owned() };
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share in percent, with two digits behind the point at most: `43.12%`.
pub fn format_percent(share: f64) -> String {
    format!("{}%", (share * 10_000.0).round() / 100.0)
}

/// A share of a whole, from 0 to 1; `None` if there is no whole, or one of the two is not known.
pub fn share_of(part: impl Into<Option<u64>>, all: impl Into<Option<u64>>) -> Option<f64> {
    let (part, all) = (part.into()?, all.into()?);
    if all == 0 {
        return None;
    }
    // Two counts of distinct callers have errors of their own.
    Some((part as f64 / all as f64).min(1.0))
}

/// A share of a whole in percent; `–` if there is no whole. A small rest is never shown as 0 %.
pub fn share_text(part: impl Into<Option<u64>>, all: impl Into<Option<u64>>) -> String {
    let part = part.into();
    match share_of(part, all) {
        None => "–".to_owned(),
        Some(share) if part > Some(0) && share < 0.0001 => "<0.01%".to_owned(),
        Some(share) => format_percent(share),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_at_a_glance() {
        assert_eq!(share_text(1, 1_000_000), "<0.01%");
        assert_eq!(share_text(1, 8), "12.5%");
        assert_eq!(share_text(9, 8), "100%");
        assert_eq!(share_text(0, 0), "–");
        assert_eq!(counted(1, "caller"), "1 caller");
        assert_eq!(counted(1_234_567, "caller"), "1,234,567 callers");
    }
}
