//! The words that programs write after the numbers of a version, and their meaning.

use super::identifier::{Identifier, identifiers_of};

/// The position of a part of a suffix, which decides how its words are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum PartPosition {
    /// Right after the numbers: `-beta.2`, `b3`, `_1234`.
    Attached,
    /// After a `+`, in brackets, or after a space.
    Apart,
}

/// Prereleases with a known order, the earliest first, as PEP 440 and Maven order them.
const ORDERED_STAGES: [&str; 4] = ["alpha", "beta", "milestone", "rc"];

/// Prereleases that come before their release, but in no known order among themselves.
const UNORDERED_STAGES: [&str; 9] =
    ["canary", "dev", "ea", "experimental", "nightly", "pre", "prerelease", "preview", "snapshot"];

/// Short forms. They name a prerelease only between the numbers and another number: `(b1234)` is a
/// build, and OpenSSL's `1.0.2c` is a release.
const SHORT_STAGES: [(&str, &str); 5] =
    [("a", "alpha"), ("b", "beta"), ("c", "rc"), ("cr", "rc"), ("m", "milestone")];

/// Words that introduce the number of a build.
const BUILD_WORDS: [&str; 7] = ["bld", "build", "r", "rev", "revision", "vc", "versioncode"];

/// A word that introduces a build only apart from the numbers: `5.2.0b3` is a beta.
const SHORT_BUILD_WORD: &str = "b";

/// Words without a meaning of their own.
const EMPTY_WORDS: [&str; 6] = ["build", "final", "ga", "release", "stable", "unknown"];

/// The prerelease that a word names.
pub(super) fn stage_named_by(word: &Identifier, may_be_short: bool) -> Option<&'static str> {
    if may_be_short {
        for (short, stage) in SHORT_STAGES {
            if word.is_in(&[short]) {
                return Some(stage);
            }
        }
    }
    word.find_in(&ORDERED_STAGES).or(word.find_in(&UNORDERED_STAGES))
}

/// The rank of a prerelease among those with a known order.
pub(super) fn stage_rank(word: &Identifier) -> Option<usize> {
    ORDERED_STAGES.iter().position(|stage| word.is_in(&[stage]))
}

pub(super) fn is_build_word(word: &Identifier, position: PartPosition) -> bool {
    word.is_in(&BUILD_WORDS) || position == PartPosition::Apart && word.is_in(&[SHORT_BUILD_WORD])
}

pub(super) fn is_empty_word(word: &Identifier) -> bool {
    word.is_in(&EMPTY_WORDS)
}

/// Returns true if a number after this word can belong to it.
pub(super) fn introduces_number(word: &Identifier) -> bool {
    is_build_word(word, PartPosition::Apart)
        || is_empty_word(word)
        || stage_named_by(word, false).is_some()
}

/// Returns true if the text has no word with a meaning.
pub(super) fn is_empty_text(text: &str) -> bool {
    identifiers_of(text).iter().all(is_empty_word)
}

/// Returns true for a number, possibly with further numbers after dots.
pub(super) fn is_dotted_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// Returns true if the text begins with a word for a build and its number: `build 1234`,
/// `Build:1234`, `vc1234`, `#1234`.
pub(super) fn names_build(text: &str) -> bool {
    let trimmed = text.trim_start_matches(['[', ' ']);
    let word_end = trimmed.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(trimmed.len());
    let (word, behind) = trimmed.split_at(word_end);
    let is_introduced = match (word, identifiers_of(word).first()) {
        ("", _) => trimmed.starts_with('#'),
        (_, Some(word)) => is_build_word(word, PartPosition::Apart),
        (_, None) => false,
    };
    let number = behind.trim_start_matches([' ', ':', '=', '/', '#', '.', '-']);
    // A single letter before more than a number is some other code, such as a device's.
    let is_code =
        word.len() == 1 && !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b']');
    is_introduced && !is_code && number.starts_with(|c: char| c.is_ascii_digit())
}

/// Returns true if the comment after a product names a build and not the platform: `1234`,
/// `build 1234`, `com.acme; build:1234; iOS 17`.
pub(super) fn is_build_comment(comment: &str) -> bool {
    for (index, member) in comment.split([';', ',']).map(str::trim).enumerate() {
        if names_build(member) || (index == 0 && is_dotted_number(member)) {
            return true;
        }
    }
    false
}

/// Returns true if a word after a version names its build: `Build/1234`, `#1234`, `[1234]`.
pub(super) fn is_build_token(token: &str) -> bool {
    if names_build(token) {
        return true;
    }
    match token.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(inner) => is_dotted_number(inner),
        None => false,
    }
}
