//! The parts of a suffix, numbers and words, and their order.

use std::cmp::Ordering;

/// A number or a word of a suffix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Identifier {
    /// A number. One that does not fit is the largest.
    Number(u64),
    /// A word in lower case, or the hash of a commit.
    Word(Box<str>),
}

/// The most identifiers of a text that are kept; the sender chooses how many there are.
const IDENTIFIER_LIMIT: usize = 16;

/// The longest word that is ordered by the alphabet: the letters of OpenSSL, `1.0.2k` and
/// `1.0.2za`.
const LETTER_LIMIT: usize = 2;

impl Identifier {
    /// The one of `words` that this identifier is.
    pub(super) fn find_in(&self, words: &[&'static str]) -> Option<&'static str> {
        match self {
            Self::Word(word) => words.iter().copied().find(|known| **known == **word),
            Self::Number(_) => None,
        }
    }

    pub(super) fn is_in(&self, words: &[&'static str]) -> bool {
        self.find_in(words).is_some()
    }

    pub(super) fn has_digit(&self) -> bool {
        match self {
            Self::Number(_) => true,
            Self::Word(word) => word.bytes().any(|byte| byte.is_ascii_digit()),
        }
    }

    fn compare_with(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Number(number), Self::Number(other)) => Some(number.cmp(other)),
            (Self::Word(word), Self::Word(other)) if word == other => Some(Ordering::Equal),
            (Self::Word(word), Self::Word(other))
                if word.len().max(other.len()) <= LETTER_LIMIT =>
            {
                // The length comes first: OpenSSL went from `1.0.2z` to `1.0.2za`.
                Some((word.len(), word).cmp(&(other.len(), other)))
            }
            _ => None,
        }
    }
}

/// The order of two lists; `None` if they differ in a word, or if one has a number where the other
/// has a word.
///
/// If one list is longer, its next identifier decides: a number makes it greater, and a word such
/// as a flavour or a hash does not change the order.
pub(super) fn compare_identifiers(sent: &[Identifier], entry: &[Identifier]) -> Option<Ordering> {
    for (identifier, named) in sent.iter().zip(entry) {
        let order = identifier.compare_with(named)?;
        if order.is_ne() {
            return Some(order);
        }
    }
    let common = sent.len().min(entry.len());
    Some(has_number_at(sent, common).cmp(&has_number_at(entry, common)))
}

fn has_number_at(list: &[Identifier], index: usize) -> bool {
    matches!(list.get(index), Some(Identifier::Number(_)))
}

/// Splits a text into its runs of digits and of letters, in lower case. A hash is one word.
pub(super) fn identifiers_of(text: &str) -> Vec<Identifier> {
    let mut found = Vec::new();
    for token in text.split(|c: char| !c.is_alphanumeric()) {
        if found.len() >= IDENTIFIER_LIMIT {
            break;
        }
        if is_hash(token) {
            found.push(Identifier::Word(token.to_lowercase().into()));
        } else {
            found.extend(split_runs(token));
        }
    }
    found.truncate(IDENTIFIER_LIMIT);
    found
}

fn split_runs(token: &str) -> Vec<Identifier> {
    let mut found = Vec::new();
    let mut rest = token;
    while found.len() < IDENTIFIER_LIMIT
        && let Some(first) = rest.chars().next()
    {
        let is_digit = first.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != is_digit).unwrap_or(rest.len());
        let (run, behind) = rest.split_at(end);
        found.push(match is_digit {
            true => Identifier::Number(run.parse().unwrap_or(u64::MAX)),
            false => Identifier::Word(run.to_lowercase().into()),
        });
        rest = behind;
    }
    found
}

/// Returns true for the hash of a commit: `abcdef1`, or `gabcdef1` as `git describe` writes it.
fn is_hash(token: &str) -> bool {
    let without_g = token.strip_prefix(['g', 'G']).unwrap_or(token);
    // Git abbreviates a hash to seven digits by default; a whole SHA-256 has 64.
    let is_hex = (7..=64).contains(&without_g.len())
        && without_g.bytes().all(|byte| byte.is_ascii_hexdigit());
    // Without a digit it may be a word: `defaced` is hexadecimal.
    let has_digit = token.bytes().any(|byte| byte.is_ascii_digit());
    if !is_hex || !has_digit {
        return false;
    }
    // `1234567` is a number and `b1234567` is the build of that number, but `g1234567` is a hash.
    let after_letter = token.get(1..).unwrap_or_default();
    let is_number = is_digits(token) || is_digits(after_letter);
    !is_number || without_g.len() < token.len()
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(sent: &str, entry: &str) -> Option<Ordering> {
        compare_identifiers(&identifiers_of(sent), &identifiers_of(entry))
    }

    /// What cannot be compared must not count as later or as earlier.
    #[test]
    fn words_compare_only_where_they_have_an_order() {
        for (sent, entry, wanted) in [
            ("1234", "1234", Some(Ordering::Equal)),
            ("1234.abcdef1", "1234", Some(Ordering::Equal)),
            ("1234.7abcdef", "1234", Some(Ordering::Equal)),
            ("1234.5", "1234", Some(Ordering::Greater)),
            ("1234", "1234.5", Some(Ordering::Less)),
            ("gke.200", "gke.100", Some(Ordering::Greater)),
            ("gke.200", "eks.100", None),
            ("arm64", "1234", None),
            ("abcdef1", "1234", None),
            ("k", "c", Some(Ordering::Greater)),
            ("za", "k", Some(Ordering::Greater)),
            ("b1234567", "b1234568", Some(Ordering::Less)),
            ("g1234567", "g1234568", None),
        ] {
            assert_eq!(order(sent, entry), wanted, "{sent} {entry}");
        }
    }
}
