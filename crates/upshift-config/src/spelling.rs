//! The nearest valid spelling of a misspelt name, and lists of names for messages.

/// The candidate nearest to `given`, if one is near enough to be meant.
pub(crate) fn nearest_name<'c>(
    given: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    // A version that is near another one is not a misspelling of it.
    if given.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let normalized = normalize(given);
    let mut nearest = None;
    for candidate in candidates {
        let distance = name_distance(&normalized, &normalize(candidate));
        let longest = candidate.len().max(normalized.len());
        // With more edits than a third of the letters, unrelated words become near.
        let is_near = distance <= 1.max(longest / 3);
        // `<`, so that among equals the first candidate is proposed each time.
        let is_nearer = nearest.is_none_or(|(least, _)| distance < least);
        if is_near && is_nearer {
            nearest = Some((distance, candidate));
        }
    }
    let (_, name) = nearest?;
    Some(name)
}

fn normalize(name: &str) -> String {
    // Other programs spell their keys `upgrade_url` or `Upgrade-URL`.
    name.to_lowercase().replace('_', "-")
}

/// The edit distance; 1 if one name begins with the other, as a singular and its plural.
fn name_distance(given: &str, candidate: &str) -> usize {
    // Two letters begin too many names.
    if given.len() >= 3 && (candidate.starts_with(given) || given.starts_with(candidate)) {
        return 1;
    }
    // Damerau, because swapped letters are one slip, not two.
    strsim::damerau_levenshtein(given, candidate)
}

/// The names in back quotes, as in "`a`, `b` or `c`".
pub(crate) fn join_names<'c>(names: impl IntoIterator<Item = &'c str>) -> String {
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
        assert_eq!(nearest_name("pathz", ["paths", "hosts"]), Some("paths"));
        assert_eq!(nearest_name("path", ["paths", "hosts"]), Some("paths"));
        assert_eq!(nearest_name("upgrade_url", ["upgrade-url", "docs"]), Some("upgrade-url"));
        assert_eq!(nearest_name("enforced", ["observe", "enforce"]), Some("enforce"));
        assert_eq!(nearest_name("colour", ["paths", "hosts"]), None);
        assert_eq!(nearest_name("1.4", ["1.2", "1.3"]), None);
        assert_eq!(join_names(["a", "b", "c"]), "`a`, `b` or `c`");
    }
}
