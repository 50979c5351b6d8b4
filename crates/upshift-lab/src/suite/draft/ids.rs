//! Ids of cases, made of a method and a path.

use std::collections::BTreeSet;

/// The longest id that is made of a path, in characters.
const LONGEST_ID: usize = 60;

/// Makes ids that are unique in a suite.
#[derive(Clone, Debug, Default)]
pub struct UniqueIds(BTreeSet<String>);

impl UniqueIds {
    /// The id for these words, with a number behind it if it is taken.
    pub fn make(&mut self, words: &str) -> String {
        let base = id_of(words);
        let mut id = base.clone();
        let mut number = 2;
        while !self.0.insert(id.clone()) {
            id = format!("{base}-{number}");
            number += 1;
        }
        id
    }
}

/// Lower-case letters, digits, `_` and `.`, with one `-` in place of anything else.
fn id_of(words: &str) -> String {
    let mut id = String::new();
    for character in words.chars().take(4 * LONGEST_ID) {
        if character.is_ascii_alphanumeric() || character == '_' || character == '.' {
            id.push(character.to_ascii_lowercase());
        } else if !id.ends_with('-') && !id.is_empty() {
            id.push('-');
        }
        if id.len() == LONGEST_ID {
            break;
        }
    }
    let id = id.trim_end_matches('-');
    if id.is_empty() { "case".to_owned() } else { id.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_legal_and_unique() {
        let mut ids = UniqueIds::default();
        assert_eq!(ids.make("GET /api/{id}/ü?a=1"), "get-api-id-a-1");
        assert_eq!(ids.make("get api id a 1"), "get-api-id-a-1-2");
        assert_eq!(ids.make("???"), "case");
        assert!(ids.make(&"GET /long".repeat(100)).len() <= LONGEST_ID);
    }
}
