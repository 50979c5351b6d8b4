//! What stands behind the numbers of a client's version: a prerelease, a build, or words such as
//! those of a flavour.
//!
//! 1. A build that stands behind a `+`, in brackets or behind a word for it (`build 1234`, `#1234`)
//!    is the build. A number that is attached (`-1234`) is one only where there is no such build.
//! 2. Words in front of it, `-debug` or `-arm64`, are part of no build. They count where the policy
//!    names them.
//! 3. Digits that are none of these, and two builds, leave it in doubt which build it is.

use std::cmp::Ordering;

use super::identifier::{Identifier, compare, identifiers};

/// What a suffix tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Suffix {
    /// `beta`, `2`; empty for a release.
    prerelease: Vec<Identifier>,
    /// `1234`; empty if it tells none.
    pub(super) build: Vec<Identifier>,
    /// What is attached and neither of them: `windows`, `2`.
    words: Vec<Identifier>,
    /// Whether there are digits that mean nothing here, so that they may tell the build.
    in_doubt: bool,
    /// Whether there are several builds.
    contradicts: bool,
    /// Whether there are words that mean nothing here.
    has_rest: bool,
}

/// A part of a suffix, by where it stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PartPosition {
    /// Right behind the numbers: `-beta.2`, `b3`, `_1234`.
    Attached,
    /// Behind a `+`, in brackets, or behind a space.
    Apart,
}

/// The meaning of a part.
#[derive(Default)]
struct PartMeaning {
    prerelease: Vec<Identifier>,
    build: Vec<Identifier>,
    words: Vec<Identifier>,
}

/// Which of the lists of a [`PartMeaning`] an identifier belongs to.
#[derive(Clone, Copy)]
enum SuffixPart {
    Prerelease,
    Build,
    Words,
}

/// Prereleases that have a place, the earliest first, as PEP 440 and Maven order them.
const ORDERED: [&str; 4] = ["alpha", "beta", "milestone", "rc"];

/// Prereleases that are before their release, and whose place among others is not known.
const UNORDERED: [&str; 9] =
    ["canary", "dev", "ea", "experimental", "nightly", "pre", "prerelease", "preview", "snapshot"];

/// Short forms, which are a prerelease only between the numbers and another number: `(b1234)` is a
/// build, and so is the letter of OpenSSL's `1.0.2c`.
const SHORT: [(&str, &str); 5] =
    [("a", "alpha"), ("b", "beta"), ("c", "rc"), ("cr", "rc"), ("m", "milestone")];

/// Words for a build, in front of its number.
const BUILD_WORDS: [&str; 7] = ["bld", "build", "r", "rev", "revision", "vc", "versioncode"];

/// Words that tell nothing.
const EMPTY_WORDS: [&str; 6] = ["build", "final", "ga", "release", "stable", "unknown"];

/// The word for a build that is one only apart from the numbers: `5.2.0b3` is a beta.
const SHORT_BUILD_WORD: &str = "b";

/// The most parts that are looked at; the sender chooses how many there are.
const PARTS: usize = 16;

impl Suffix {
    /// Reads what follows the numbers of a version.
    pub(super) fn read(text: &str) -> Self {
        let mut suffix = Self::default();
        let end =
            text.find(|c: char| c.is_whitespace() || "([;,".contains(c)).unwrap_or(text.len());
        let mut plus = text[..end].split('+');
        let attached = PartMeaning::read(
            &identifiers(plus.next().unwrap_or_default()),
            PartPosition::Attached,
        );
        for part in plus.take(PARTS) {
            suffix.take(PartMeaning::read(&identifiers(part), PartPosition::Apart));
        }
        for part in parts(&text[end..]) {
            suffix.take_apart(part);
        }
        if suffix.build.is_empty() && !suffix.contradicts {
            suffix.build = attached.build;
        }
        if !attached.prerelease.is_empty() {
            suffix.prerelease = attached.prerelease;
        }
        suffix.words.splice(..0, attached.words);
        suffix
    }

    /// Tells whether all of the text that it was read from means something.
    pub(super) fn is_meant(&self) -> bool {
        !self.in_doubt && !self.contradicts && !self.has_rest
    }

    /// Tells whether it is a prerelease, or says that it is none.
    pub(super) fn is_plain_stage(&self) -> bool {
        self.is_meant() && self.build.is_empty() && self.words.is_empty()
    }

    /// Tells whether it tells nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.prerelease.is_empty() && self.build.is_empty() && self.words.is_empty()
    }

    /// How its prerelease compares with the one that an entry names; the release is after all of
    /// them.
    pub(super) fn cmp_stage(&self, entry: &Self) -> Option<Ordering> {
        let Some((named, behind)) = entry.prerelease.split_first() else {
            return Some(Ordering::Equal);
        };
        let Some((sent, sent_behind)) = self.prerelease.split_first() else {
            // A word whose place is not known, `-insider.3`, may be a prerelease too.
            let may_tell = !self.words.is_empty() || self.in_doubt;
            return (!may_tell).then_some(Ordering::Greater);
        };
        if sent == named {
            return compare(sent_behind, behind);
        }
        Some(place(sent)?.cmp(&place(named)?))
    }

    /// How a build compares with the one that an entry names; a version without any is before every
    /// build of it.
    pub(super) fn cmp_build(&self, sent: &[Identifier], named: &[Identifier]) -> Option<Ordering> {
        if !sent.is_empty() {
            return compare(sent, named);
        }
        let may_tell =
            self.in_doubt || self.contradicts || self.words.iter().any(Identifier::has_digit);
        (!may_tell || !self.prerelease.is_empty()).then_some(Ordering::Less)
    }

    /// How its words compare with those that an entry names.
    pub(super) fn cmp_words(&self, entry: &Self) -> Option<Ordering> {
        if entry.words.is_empty() {
            return Some(Ordering::Equal);
        }
        if !self.words.is_empty() {
            return compare(&self.words, &entry.words);
        }
        let may_tell = self.in_doubt || self.contradicts || !self.build.is_empty();
        (!may_tell).then_some(Ordering::Less)
    }

    /// Adds what a part tells. The same build twice is one.
    fn take(&mut self, told: PartMeaning) {
        if self.build.is_empty() && !self.contradicts {
            self.build = told.build;
        } else if !told.build.is_empty()
            && compare(&told.build, &self.build) != Some(Ordering::Equal)
        {
            self.contradicts = true;
            self.build.clear();
        }
        if self.prerelease.is_empty() {
            self.prerelease = told.prerelease;
        }
        self.words.extend(told.words);
    }

    /// Adds what stands in brackets, or loose.
    fn take_apart(&mut self, part: &str) {
        let (named, others) = match part.strip_prefix(['(', '[']) {
            Some(inner) => named_member(inner.trim_end_matches([')', ']'])),
            None => (part, false),
        };
        let (found, rest) = statement(named);
        let told = PartMeaning::read(&found, PartPosition::Apart);
        let tells = !told.build.is_empty() || !told.prerelease.is_empty();
        let digits = part.contains(|c: char| c.is_ascii_digit());
        self.in_doubt |= digits && (!tells || told.words.iter().any(Identifier::has_digit));
        self.has_rest |= others || !told.words.is_empty() || !says_nothing(rest);
        // Apart from the numbers, a word is one of a platform or a sentence.
        self.take(PartMeaning { words: Vec::new(), ..told });
    }
}

impl PartMeaning {
    /// Sorts the identifiers of a part.
    fn read(found: &[Identifier], place: PartPosition) -> Self {
        let mut told = Self::default();
        let is_number = found.first().is_some_and(Identifier::is_number);
        let mut section = if is_number { SuffixPart::Build } else { SuffixPart::Words };
        for (at, identifier) in found.iter().enumerate() {
            let numbered = found.get(at + 1).is_some_and(Identifier::is_number);
            let stage = stage(identifier, numbered && at == 0 && place == PartPosition::Attached);
            if let Some(stage) = stage.filter(|_| told.prerelease.is_empty()) {
                section = SuffixPart::Prerelease;
                told.prerelease.push(Identifier::Word(stage.into()));
            } else if numbered && is_build_word(identifier, place) && told.build.is_empty() {
                section = SuffixPart::Build;
            } else if identifier.among(&EMPTY_WORDS).is_none() {
                told.section(section).push(identifier.clone());
            }
        }
        told
    }

    fn section(&mut self, section: SuffixPart) -> &mut Vec<Identifier> {
        match section {
            SuffixPart::Prerelease => &mut self.prerelease,
            SuffixPart::Build => &mut self.build,
            SuffixPart::Words => &mut self.words,
        }
    }
}

/// The prerelease that a word names; the short forms where they may be one.
fn stage(word: &Identifier, may_be_short: bool) -> Option<&'static str> {
    let short = SHORT.iter().find(|(short, _)| may_be_short && word.among(&[short]).is_some());
    short
        .map(|(_, stage)| *stage)
        .or_else(|| word.among(&ORDERED))
        .or_else(|| word.among(&UNORDERED))
}

/// The place of a prerelease among the others.
fn place(word: &Identifier) -> Option<usize> {
    let word = word.among(&ORDERED)?;
    ORDERED.iter().position(|known| *known == word)
}

fn is_build_word(word: &Identifier, place: PartPosition) -> bool {
    word.among(&BUILD_WORDS).is_some()
        || place == PartPosition::Apart && word.among(&[SHORT_BUILD_WORD]).is_some()
}

/// The parts behind the attached one: each pair of brackets, and what stands between `;`, `,` and
/// brackets.
fn parts(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() && found.len() < PARTS {
        let end = match rest.starts_with(['(', '[']) {
            true => bracket_length(rest),
            false => rest.find(['(', '[', ';', ',']).unwrap_or(rest.len()),
        };
        let (part, behind) = rest.split_at(end);
        found.push(part);
        rest = behind.trim_start_matches([';', ',']);
    }
    found.retain(|part| part.contains(char::is_alphanumeric));
    found
}

/// How far the brackets reach that the text begins with; to the end, if they are not closed.
fn bracket_length(text: &str) -> usize {
    let mut depth = 0_u32;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' if depth <= 1 => return at + 1,
            b')' | b']' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

/// The member in brackets that may tell the build, and whether there are others: the one that
/// begins with a word for it, else the only one, else a number in front.
fn named_member(inner: &str) -> (&str, bool) {
    let members: Vec<&str> =
        inner.split([';', ',']).map(str::trim).filter(|member| !says_nothing(member)).collect();
    let others = members.len() > 1;
    if let Some(named) = members.iter().find(|member| names_build(member)) {
        return (named, others);
    }
    match members.as_slice() {
        [only] => (only, false),
        // `(1,234)` is one number, or two builds.
        [first, second, ..] if is_number(first) && !is_number(second) => (first, true),
        _ => ("", others),
    }
}

/// The words in front that belong together, and what follows them: `build 1234` and `iOS 17` of
/// `build 1234 iOS 17`.
fn statement(text: &str) -> (Vec<Identifier>, &str) {
    let mut found = Vec::new();
    let mut rest = text.trim_start_matches(|c: char| !c.is_alphanumeric());
    while !rest.is_empty() && found.iter().all(introduces) {
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        found.extend(identifiers(&rest[..end]));
        rest = rest[end..].trim_start_matches(|c: char| !c.is_alphanumeric());
    }
    (found, rest)
}

/// Tells whether a number may follow that belongs to this word.
fn introduces(word: &Identifier) -> bool {
    is_build_word(word, PartPosition::Apart)
        || word.among(&EMPTY_WORDS).is_some()
        || stage(word, false).is_some()
}

/// Tells whether there are only words in it that tell nothing.
fn says_nothing(text: &str) -> bool {
    identifiers(text).iter().all(|identifier| identifier.among(&EMPTY_WORDS).is_some())
}

/// Tells whether the comment behind a product tells a build, and not the platform.
pub(super) fn is_build_comment(comment: &str) -> bool {
    let mut members = comment.split([';', ',']).map(str::trim);
    members.clone().any(names_build) || members.next().is_some_and(is_number)
}

/// Tells whether a text is a number, perhaps with further ones behind a dot.
pub(super) fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// Tells whether a text begins with a word for a build and its number: `build 1234`, `Build:1234`,
/// `vc1234`, `#1234`.
pub(super) fn names_build(text: &str) -> bool {
    let text = text.trim_start_matches(['[', ' ']);
    let word_end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (word, behind) = text.split_at(word_end);
    let number = behind.trim_start_matches([' ', ':', '=', '/', '#', '.', '-']);
    let named = match word {
        "" => text.starts_with('#'),
        word => {
            identifiers(word).first().is_some_and(|word| is_build_word(word, PartPosition::Apart))
        }
    };
    // One letter in front of more than a number is some other code.
    let is_code =
        word.len() == 1 && !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b']');
    named && !is_code && number.starts_with(|c: char| c.is_ascii_digit())
}
