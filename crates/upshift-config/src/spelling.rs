//! The nearest valid spelling of what somebody meant.

/// The candidate that is nearest to `given`, if any is near enough to be what was meant.
pub(crate) fn nearest<'c>(
    given: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    let plain = |text: &str| text.to_lowercase().replace('_', "-");
    // Among versions and other numbers, near is not meant.
    if given.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let given = plain(given);
    candidates
        .into_iter()
        .map(|candidate| (distance(&given, &plain(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= 1.max(candidate.len().max(given.len()) / 3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// A singular for a plural, or the start of a word, is nearer than its letters say.
fn distance(given: &str, candidate: &str) -> usize {
    if given.len() >= 3 && (candidate.starts_with(given) || given.starts_with(candidate)) {
        return 1;
    }
    strsim::damerau_levenshtein(given, candidate)
}

/// `a`, `b` and `c`, each in back quotes.
pub(crate) fn listed<'c>(names: impl IntoIterator<Item = &'c str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_found_and_nothing_is_invented() {
        assert_eq!(nearest("pathz", ["paths", "hosts"]), Some("paths"));
        assert_eq!(nearest("path", ["paths", "hosts"]), Some("paths"));
        assert_eq!(nearest("upgrade_url", ["upgrade-url", "docs"]), Some("upgrade-url"));
        assert_eq!(nearest("enforced", ["observe", "enforce"]), Some("enforce"));
        assert_eq!(nearest("colour", ["paths", "hosts"]), None);
        assert_eq!(nearest("1.4", ["1.2", "1.3"]), None);
        assert_eq!(listed(["a", "b", "c"]), "`a`, `b` or `c`");
    }
}
