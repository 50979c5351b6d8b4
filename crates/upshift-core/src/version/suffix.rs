//! The text after the numbers of a client's version: a prerelease, a build, or words such as the
//! name of a flavour.
//!
//! 1. A number after a `+`, in brackets or after a word for a build (`build 1234`, `#1234`) is the
//!    build. An attached number (`-1234`) is the build only if there is no such number.
//! 2. Words before it, such as `-debug` or `-arm64`, are not part of the build. They count if the
//!    policy names them.
//! 3. Any other digits, and two different builds, leave the build in doubt.

use std::cmp::Ordering;

use super::identifier::{Identifier, compare_identifiers, identifiers_of};
use super::suffix_text::{PART_LIMIT, build_member, leading_statement, split_parts};
use super::vocabulary::{
    PartPosition, is_build_word, is_empty_text, is_empty_word, stage_named_by, stage_rank,
};

/// The meaning of a suffix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Suffix {
    /// `beta`, `2`; empty for a release.
    prerelease: Vec<Identifier>,
    /// `1234`; empty if there is none.
    pub(super) build: Vec<Identifier>,
    /// The attached words that are neither: `windows`, `2`.
    words: Vec<Identifier>,
    /// True if there are digits without a known meaning, which can be the build.
    in_doubt: bool,
    /// True if there are several builds.
    contradicts: bool,
    /// True if there are words without a known meaning.
    has_rest: bool,
}

/// The meaning of one part of a suffix.
#[derive(Default)]
struct PartMeaning {
    prerelease: Vec<Identifier>,
    build: Vec<Identifier>,
    words: Vec<Identifier>,
}

/// The lists of a [`PartMeaning`].
#[derive(Clone, Copy)]
enum PartKind {
    Prerelease,
    Build,
    Words,
}

impl Suffix {
    /// Reads the text after the numbers of a version.
    pub(super) fn parse(text: &str) -> Self {
        let mut suffix = Self::default();
        let end =
            text.find(|c: char| c.is_whitespace() || "([;,".contains(c)).unwrap_or(text.len());
        let (attached_text, parts_text) = text.split_at(end);
        let mut plus_parts = attached_text.split('+');
        let identifiers = identifiers_of(plus_parts.next().unwrap_or_default());
        let attached = PartMeaning::of_identifiers(&identifiers, PartPosition::Attached);
        for part in plus_parts.take(PART_LIMIT) {
            let identifiers = identifiers_of(part);
            suffix.add_meaning(PartMeaning::of_identifiers(&identifiers, PartPosition::Apart));
        }
        for part in split_parts(parts_text) {
            suffix.add_part_apart(part);
        }
        // The attached part comes last because its number is a build only if no other part has one.
        if suffix.build.is_empty() && !suffix.contradicts {
            suffix.build = attached.build;
        }
        if !attached.prerelease.is_empty() {
            suffix.prerelease = attached.prerelease;
        }
        // In front, because they were written before the other parts.
        suffix.words.splice(..0, attached.words);
        suffix
    }

    /// Returns true if all of the text has a meaning.
    pub(super) fn is_meaningful(&self) -> bool {
        !self.in_doubt && !self.contradicts && !self.has_rest
    }

    /// Returns true if the text names a prerelease or a release, and nothing else.
    pub(super) fn is_plain_stage(&self) -> bool {
        self.is_meaningful() && self.build.is_empty() && self.words.is_empty()
    }

    /// Returns true if the suffix has no meaning at all.
    pub(super) fn is_empty(&self) -> bool {
        self.prerelease.is_empty() && self.build.is_empty() && self.words.is_empty()
    }

    /// Compares the prerelease with that of an entry. A release comes after all its prereleases.
    pub(super) fn cmp_stage(&self, entry: &Self) -> Option<Ordering> {
        let Some((named, named_behind)) = entry.prerelease.split_first() else {
            return Some(Ordering::Equal);
        };
        let Some((sent, sent_behind)) = self.prerelease.split_first() else {
            // An unknown word, such as `-insider.3`, can be a prerelease too.
            let can_be_prerelease = !self.words.is_empty() || self.in_doubt;
            return order_unless(can_be_prerelease, Ordering::Greater);
        };
        if sent == named {
            return compare_identifiers(sent_behind, named_behind);
        }
        Some(stage_rank(sent)?.cmp(&stage_rank(named)?))
    }

    /// Compares a build with that of an entry. A version without a build comes before every build
    /// of it.
    pub(super) fn cmp_build(&self, sent: &[Identifier], named: &[Identifier]) -> Option<Ordering> {
        if !sent.is_empty() {
            return compare_identifiers(sent, named);
        }
        let can_have_build =
            self.in_doubt || self.contradicts || self.words.iter().any(Identifier::has_digit);
        // A prerelease comes before every build of its release, even if its own build is in doubt.
        order_unless(can_have_build && self.prerelease.is_empty(), Ordering::Less)
    }

    /// Compares the words with those of an entry.
    pub(super) fn cmp_words(&self, entry: &Self) -> Option<Ordering> {
        if entry.words.is_empty() {
            return Some(Ordering::Equal);
        }
        if !self.words.is_empty() {
            return compare_identifiers(&self.words, &entry.words);
        }
        let can_have_words = self.in_doubt || self.contradicts || !self.build.is_empty();
        order_unless(can_have_words, Ordering::Less)
    }

    /// Adds the meaning of a part. The same build twice is one build.
    fn add_meaning(&mut self, meaning: PartMeaning) {
        if self.build.is_empty() && !self.contradicts {
            self.build = meaning.build;
        } else if !meaning.build.is_empty()
            && compare_identifiers(&meaning.build, &self.build) != Some(Ordering::Equal)
        {
            self.contradicts = true;
            self.build.clear();
        }
        if self.prerelease.is_empty() {
            self.prerelease = meaning.prerelease;
        }
        self.words.extend(meaning.words);
    }

    /// Adds a part in brackets, or after a space.
    fn add_part_apart(&mut self, part: &str) {
        let (member, has_others) = match part.strip_prefix(['(', '[']) {
            Some(inner) => build_member(inner.trim_end_matches([')', ']'])),
            None => (part, false),
        };
        let (identifiers, rest) = leading_statement(member);
        let meaning = PartMeaning::of_identifiers(&identifiers, PartPosition::Apart);
        let is_known = !meaning.build.is_empty() || !meaning.prerelease.is_empty();
        let has_digits = part.contains(|c: char| c.is_ascii_digit());
        let has_unknown_digits = !is_known || meaning.words.iter().any(Identifier::has_digit);
        self.in_doubt |= has_digits && has_unknown_digits;
        self.has_rest |= has_others || !meaning.words.is_empty() || !is_empty_text(rest);
        // Words apart from the numbers belong to a platform or to a sentence.
        self.add_meaning(PartMeaning { words: Vec::new(), ..meaning });
    }
}

impl PartMeaning {
    /// Sorts the identifiers of a part by their meaning.
    fn of_identifiers(identifiers: &[Identifier], position: PartPosition) -> Self {
        let mut meaning = Self::default();
        let starts_with_number = matches!(identifiers.first(), Some(Identifier::Number(_)));
        let mut kind = if starts_with_number { PartKind::Build } else { PartKind::Words };
        for (index, identifier) in identifiers.iter().enumerate() {
            let is_numbered = matches!(identifiers.get(index + 1), Some(Identifier::Number(_)));
            let may_be_short = is_numbered && index == 0 && position == PartPosition::Attached;
            if let Some(stage) = stage_named_by(identifier, may_be_short)
                && meaning.prerelease.is_empty()
            {
                kind = PartKind::Prerelease;
                meaning.prerelease.push(Identifier::Word(stage.into()));
            } else if is_numbered && is_build_word(identifier, position) && meaning.build.is_empty()
            {
                kind = PartKind::Build;
            } else if !is_empty_word(identifier) {
                meaning.list_of(kind).push(identifier.clone());
            }
        }
        meaning
    }

    fn list_of(&mut self, kind: PartKind) -> &mut Vec<Identifier> {
        match kind {
            PartKind::Prerelease => &mut self.prerelease,
            PartKind::Build => &mut self.build,
            PartKind::Words => &mut self.words,
        }
    }
}

/// The order, or `None` if it is in doubt.
fn order_unless(is_in_doubt: bool, order: Ordering) -> Option<Ordering> {
    if is_in_doubt { None } else { Some(order) }
}
