//! The order of version labels.

use std::cmp::Ordering;

/// Compares labels in version order: runs of digits compare as numbers, so `1.10` comes after
/// `1.9`.
pub(super) fn compare_versions(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let ((number_a, rest_a), (number_b, rest_b)) = (split_number(a), split_number(b));
        let ordering = match (number_a, number_b) {
            (Some(one), Some(other)) => compare_digits(one, other),
            _ => {
                // Labels such as `none` and `other` come after all numbers.
                let (one, other) = (a.chars().next(), b.chars().next());
                let ordering = one.cmp(&other);
                if ordering.is_ne() || one.is_none() {
                    return ordering;
                }
                let width = one.map_or(0, char::len_utf8);
                (a, b) = (&a[width..], &b[width..]);
                continue;
            }
        };
        if ordering.is_ne() {
            return ordering;
        }
        (a, b) = (rest_a, rest_b);
    }
}

/// The part of a version before its number, such as `App/`; `None` if there is no number. Versions
/// of different products are not compared.
pub(super) fn product_of_version(label: &str) -> Option<&str> {
    let start = match label.rfind('/') {
        Some(slash) => slash + 1,
        None => 0,
    };
    let (product, number) = label.split_at(start);
    let number = number.strip_prefix('v').unwrap_or(number);
    if number.starts_with(|first: char| first.is_ascii_digit()) { Some(product) } else { None }
}

fn split_number(text: &str) -> (Option<&str>, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    (if digits > 0 { Some(number) } else { None }, rest)
}

/// Compares two runs of digits of any length.
fn compare_digits(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_sorted_as_people_do() {
        let sorted = [
            "",
            "0.9",
            "1",
            "1.0",
            "1.9",
            "1.10",
            "1.10.2",
            "2025-01-31",
            "App/9",
            "App/10",
            "none",
        ];
        let mut labels = sorted;
        labels.reverse();
        labels.sort_by(|a, b| compare_versions(a, b));
        assert_eq!(labels, sorted);
        assert_eq!(compare_versions("01", "1"), Ordering::Equal);
    }
}
