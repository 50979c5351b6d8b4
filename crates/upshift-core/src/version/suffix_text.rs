//! Splitting the text after the numbers of a version into the parts that can name a build.

use super::identifier::{Identifier, identifiers_of};
use super::vocabulary::{introduces_number, is_dotted_number, is_empty_text, names_build};

/// The most parts that are read; the sender chooses how many there are.
pub(super) const PART_LIMIT: usize = 16;

/// Splits the text after the attached part: each pair of brackets is one part, and so is each text
/// between `;`, `,` and brackets.
pub(super) fn split_parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() && parts.len() < PART_LIMIT {
        let end = match rest.starts_with(['(', '[']) {
            true => bracketed_length(rest),
            false => rest.find(['(', '[', ';', ',']).unwrap_or(rest.len()),
        };
        let (part, behind) = rest.split_at(end);
        parts.push(part);
        rest = behind.trim_start_matches([';', ',']);
    }
    parts.retain(|part| part.contains(char::is_alphanumeric));
    parts
}

/// The length of the bracketed text at the start. Brackets that are not closed reach to the end.
fn bracketed_length(text: &str) -> usize {
    let mut depth = 0_u32;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' if depth <= 1 => return index + 1,
            b')' | b']' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

/// The member of a bracketed text that can name the build, and true if there are other members.
///
/// It is the member that begins with a word for a build, else the only member, else a number at the
/// start.
pub(super) fn build_member(inner: &str) -> (&str, bool) {
    let mut members: Vec<&str> = inner.split([';', ',']).map(str::trim).collect();
    members.retain(|member| !is_empty_text(member));
    let has_others = members.len() > 1;
    if let Some(named) = members.iter().find(|member| names_build(member)) {
        return (named, has_others);
    }
    match members.as_slice() {
        [only] => (only, false),
        // `(1,234)` is one number, or two builds.
        [first, second, ..] if is_dotted_number(first) && !is_dotted_number(second) => {
            (first, true)
        }
        _ => ("", has_others),
    }
}

/// The words at the start that belong together, and the rest: `build 1234` and `iOS 17` of
/// `build 1234 iOS 17`.
pub(super) fn leading_statement(text: &str) -> (Vec<Identifier>, &str) {
    let mut found = Vec::new();
    let mut rest = text.trim_start_matches(|c: char| !c.is_alphanumeric());
    while !rest.is_empty() && found.iter().all(introduces_number) {
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        found.extend(identifiers_of(&rest[..end]));
        rest = rest[end..].trim_start_matches(|c: char| !c.is_alphanumeric());
    }
    (found, rest)
}
