//! The name that was probably meant by one that is misspelt.

/// The candidate nearest to `given`, if one is near enough to be meant.
pub fn nearest_name<'c>(
    given: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    let mut nearest = None;
    for candidate in candidates {
        // Damerau, because swapped letters are one slip, not two.
        let distance = strsim::damerau_levenshtein(given, candidate);
        let limit = 1.max(candidate.len().max(given.len()) / 3);
        if distance <= limit && nearest.is_none_or(|(least, _)| distance < least) {
            nearest = Some((distance, candidate));
        }
    }
    let (_, name) = nearest?;
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_found_and_another_word_is_not() {
        let names = ["run", "env", "scenario", "timeout", "expect"];
        for (given, meant) in [("rnu", "run"), ("scenaro", "scenario"), ("expects", "expect")] {
            assert_eq!(nearest_name(given, names), Some(meant), "{given}");
        }
        assert_eq!(nearest_name("command", names), None);
    }
}
