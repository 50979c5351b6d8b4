//! The parts of a suffix: numbers and words, and how they compare.

use std::cmp::Ordering;

/// A number or a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Identifier {
    /// A number; one too large to hold is the largest.
    Number(u64),
    /// A word in lower case, or the hash of a commit.
    Word(Box<str>),
}

/// The most identifiers of a text that are kept; the sender chooses how many there are.
const LIMIT: usize = 16;

/// The longest word that has a place in the alphabet: the letters of OpenSSL, `1.0.2k` and
/// `1.0.2za`.
const LETTERS: usize = 2;

impl Identifier {
    pub(super) fn is_number(&self) -> bool {
        matches!(self, Self::Number(_))
    }

    /// The word, if it is one of these.
    pub(super) fn among(&self, words: &[&'static str]) -> Option<&'static str> {
        match self {
            Self::Word(word) => words.iter().copied().find(|known| **known == **word),
            Self::Number(_) => None,
        }
    }

    /// Tells whether there is a digit in it.
    pub(super) fn has_digit(&self) -> bool {
        match self {
            Self::Number(_) => true,
            Self::Word(word) => word.bytes().any(|byte| byte.is_ascii_digit()),
        }
    }

    fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Number(number), Self::Number(other)) => Some(number.cmp(other)),
            (Self::Word(word), Self::Word(other)) if word == other => Some(Ordering::Equal),
            (Self::Word(word), Self::Word(other)) if word.len().max(other.len()) <= LETTERS => {
                Some((word.len(), word).cmp(&(other.len(), other)))
            }
            _ => None,
        }
    }
}

/// The order of two lists; `None` if they differ in a word, or one has a number where the other has
/// a word.
///
/// A word behind everything that was compared, such as a flavour or a hash, puts a list neither
/// before nor after the other one; a number does.
pub(super) fn compare(sent: &[Identifier], entry: &[Identifier]) -> Option<Ordering> {
    for (sent, entry) in sent.iter().zip(entry) {
        let order = sent.compare(entry)?;
        if order.is_ne() {
            return Some(order);
        }
    }
    let common = sent.len().min(entry.len());
    let goes_on = |list: &[Identifier]| list.get(common).is_some_and(Identifier::is_number);
    Some(goes_on(sent).cmp(&goes_on(entry)))
}

/// The runs of digits and of letters, in lower case. A hash is one word.
pub(super) fn identifiers(text: &str) -> Vec<Identifier> {
    let mut found = Vec::new();
    for token in text.split(|c: char| !c.is_alphanumeric()) {
        if found.len() >= LIMIT {
            break;
        }
        if is_hash(token) {
            found.push(Identifier::Word(token.to_lowercase().into()));
        } else {
            found.extend(runs(token));
        }
    }
    found.truncate(LIMIT);
    found
}

/// The runs of digits and of letters of a token.
fn runs(token: &str) -> Vec<Identifier> {
    let mut found = Vec::new();
    let mut rest = token;
    while let Some(first) = rest.chars().next().filter(|_| found.len() < LIMIT) {
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

/// Tells whether this is the hash of a commit, `abcdef1`, perhaps as `git describe` writes it,
/// `gabcdef1`.
fn is_hash(token: &str) -> bool {
    let digits = token.strip_prefix(['g', 'G']).unwrap_or(token);
    let is_hex =
        (7..=64).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let behind_letter = token.get(1..).unwrap_or_default();
    // `1234567` is a number, and `b1234567` names one.
    let is_number =
        [token, behind_letter].iter().any(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    is_hex
        && (!is_number || token.len() > digits.len())
        && token.bytes().any(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(sent: &str, entry: &str) -> Option<Ordering> {
        compare(&identifiers(sent), &identifiers(entry))
    }

    /// Kind: what cannot be compared is taken for later, or for earlier.
    #[test]
    fn words_compare_only_where_they_have_a_place() {
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
