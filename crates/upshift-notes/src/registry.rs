//! The notes by id.

use std::fmt;

use crate::note::Note;
use crate::notes::NOTES;

/// An id that no note has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownNote {
    given: String,
    nearest: Option<&'static str>,
}

/// All notes, in the order of their ids.
pub fn all_notes() -> &'static [&'static Note] {
    NOTES
}

/// Finds a note by its id, in which case and leading zeros do not count: `U014`, `u14`, `14`.
///
/// # Errors
/// If no note has that id. The error names the nearest id.
pub fn find_note(id: &str) -> Result<&'static Note, UnknownNote> {
    let normal = normalize(id);
    let found = NOTES.iter().find(|note| note.id == normal);
    match found {
        Some(note) => Ok(note),
        None => Err(UnknownNote { given: id.to_owned(), nearest: nearest_id(&normal) }),
    }
}

fn normalize(id: &str) -> String {
    let upper = id.trim().to_ascii_uppercase();
    let digits = upper.strip_prefix('U').unwrap_or(&upper);
    match digits.parse::<u16>() {
        Ok(number) => format!("U{number:03}"),
        Err(_) => upper,
    }
}

fn nearest_id(normal: &str) -> Option<&'static str> {
    let mut nearest = None;
    for note in NOTES {
        let distance = strsim::damerau_levenshtein(normal, note.id);
        // `<`, so that among equals the first is proposed each time.
        if distance <= 2 && nearest.is_none_or(|(least, _)| distance < least) {
            nearest = Some((distance, note.id));
        }
    }
    let (_, id) = nearest?;
    Some(id)
}

impl fmt::Display for UnknownNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no note `{}`", self.given)?;
        match self.nearest {
            Some(id) => write!(f, "; did you mean `{id}`?"),
            None => write!(f, "; `upshift note --list` lists them"),
        }
    }
}

impl std::error::Error for UnknownNote {}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use super::*;

    #[test]
    fn a_note_is_found_however_its_id_is_written() {
        for id in ["U001", "u1", "1", " u001 "] {
            assert_eq!(find_note(id).unwrap().id, "U001");
        }
    }

    #[test]
    fn the_nearest_id_is_proposed() {
        let error = find_note("I001").unwrap_err().to_string();
        assert_eq!(error, "there is no note `I001`; did you mean `U001`?");
        let error = find_note("upgrade-missing").unwrap_err().to_string();
        assert!(error.contains("note --list"), "{error}");
    }
}
