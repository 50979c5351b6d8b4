//! What stands behind the numbers of a client's version: a prerelease, a build, or something of neither kind.

/// What a suffix tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Suffix {
    /// `beta`, `2`; empty for a release.
    prerelease: Vec<Identifier>,
    /// `1234`; empty if it tells none.
    pub(super) build: Vec<Identifier>,
}

/// A number or a word. Numbers are before words (Semantic Versioning 2.0.0 §11).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Identifier {
    /// A number; one too large to hold is the largest.
    Number(u64),
    /// A word in lower case.
    Word(Box<str>),
}

/// A part of a suffix, by where it stands.
enum Part<'s> {
    /// Right behind the numbers: `-beta.2`, `b3`, `_1234`.
    Attached(&'s str),
    /// Behind a `+`, in brackets, or behind a space.
    Apart(&'s str),
}

/// Words with which a prerelease begins.
const PRERELEASES: [&str; 13] = [
    "alpha",
    "beta",
    "canary",
    "dev",
    "ea",
    "experimental",
    "milestone",
    "nightly",
    "pre",
    "prerelease",
    "preview",
    "rc",
    "snapshot",
];

/// Short forms, which are a prerelease only between the numbers and another number: `(b1234)` is a build, and so is the
/// letter of OpenSSL's `1.0.2c`.
const SHORT_PRERELEASES: [&str; 5] = ["a", "b", "c", "cr", "m"];

/// Words that tell nothing.
const EMPTY_WORDS: [&str; 6] = ["build", "final", "ga", "release", "stable", "unknown"];

/// The most identifiers of a part that are kept; the sender chooses how many there are.
const IDENTIFIERS: usize = 16;

impl Suffix {
    /// Reads what follows the numbers of a version.
    pub(super) fn read(text: &str) -> Self {
        let mut suffix = Self::default();
        for part in parts(text) {
            let found = identifiers(part.text());
            let is_prerelease = part.tells_prerelease(&found);
            let told =
                if is_prerelease && suffix.prerelease.is_empty() { &mut suffix.prerelease } else { &mut suffix.build };
            told.extend(found.into_iter().filter(|identifier| !identifier.is_empty_word()));
        }
        suffix
    }

    /// Whether every part of the text is one of a suffix.
    pub(super) fn is_meant(text: &str) -> bool {
        let parts = parts(text);
        let kept: usize = parts.iter().map(|part| letters(part.text())).sum();
        kept > 0 && kept == letters(text)
    }

    /// The prerelease, in an order in which a release is after all of them.
    pub(super) fn stage(&self) -> (bool, &[Identifier]) {
        (self.prerelease.is_empty(), &self.prerelease)
    }
}

impl<'s> Part<'s> {
    fn text(&self) -> &'s str {
        match self {
            Self::Attached(text) | Self::Apart(text) => text,
        }
    }

    fn tells_prerelease(&self, found: &[Identifier]) -> bool {
        let Some(Identifier::Word(word)) = found.first() else { return false };
        let numbered = matches!((self, found.get(1)), (Self::Attached(_), Some(Identifier::Number(_))));
        PRERELEASES.contains(&&**word) || numbered && SHORT_PRERELEASES.contains(&&**word)
    }
}

impl Identifier {
    fn is_empty_word(&self) -> bool {
        matches!(self, Self::Word(word) if EMPTY_WORDS.contains(&&**word))
    }
}

/// The parts of a suffix: those of other products, of the platform and the like are left out.
fn parts(text: &str) -> Vec<Part<'_>> {
    let end = text.find(['(', ';', ',']).unwrap_or(text.len());
    let (before, behind) = text.split_at(end);
    let attached_end = before.find(char::is_whitespace).unwrap_or(before.len());
    let (attached, spaced) = before.split_at(attached_end);
    let mut plus = attached.split('+');
    let mut parts = vec![Part::Attached(plus.next().unwrap_or_default())];
    parts.extend(plus.map(Part::Apart));
    parts.push(Part::Apart(named_behind_space(spaced)));
    if let Some(bracket) = behind.strip_prefix('(') {
        parts.push(Part::Apart(named_in_brackets(bracket)));
    }
    parts
}

/// `build 1234`, `beta 3` or `1234`, if it stands in front.
fn named_behind_space(text: &str) -> &str {
    let text = text.trim();
    let first = text.split_whitespace().next().unwrap_or_default();
    if first.bytes().all(|byte| byte.is_ascii_digit()) {
        return first;
    }
    let is_word =
        first.eq_ignore_ascii_case("build") || PRERELEASES.iter().any(|known| first.eq_ignore_ascii_case(known));
    let number = text[first.len()..].trim_start();
    let digits = number.bytes().take_while(u8::is_ascii_digit).count();
    if is_word { &text[..text.len() - number.len() + digits] } else { "" }
}

/// The build among what stands in brackets: the part that begins with `build`, else the only part, else a number in front.
fn named_in_brackets(bracket: &str) -> &str {
    let inner = bracket.split(')').next().unwrap_or_default();
    let mut parts = inner.split([';', ',']).map(str::trim);
    if let Some(named) = parts.clone().find(|part| names_build(part)) {
        return named;
    }
    let first = parts.next().unwrap_or_default();
    if is_number(first) || parts.next().is_none() { first } else { "" }
}

/// Whether the comment behind a product tells a build, and not the platform.
pub(super) fn is_build_comment(comment: &str) -> bool {
    let mut parts = comment.split([';', ',']).map(str::trim);
    parts.clone().any(names_build) || parts.next().is_some_and(is_number)
}

fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// Whether a text is `build`, then a number: `build 1234`, `Build:1234`.
fn names_build(text: &str) -> bool {
    let is_build = text.get(..5).is_some_and(|word| word.eq_ignore_ascii_case("build"));
    is_build && text[5..].trim_start_matches([' ', ':', '=', '/', '#']).starts_with(|c: char| c.is_ascii_digit())
}

/// The runs of digits and of letters, in lower case.
fn identifiers(text: &str) -> Vec<Identifier> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next().filter(|_| found.len() < IDENTIFIERS) {
        let is_digit = first.is_ascii_digit();
        let same = |c: char| c.is_alphanumeric() && c.is_ascii_digit() == is_digit;
        let end = rest.find(|c| !same(c)).unwrap_or(rest.len());
        let (run, behind) = rest.split_at(end);
        match run {
            "" => rest = &rest[first.len_utf8()..],
            run => {
                found.push(if is_digit {
                    Identifier::Number(run.parse().unwrap_or(u64::MAX))
                } else {
                    Identifier::Word(run.to_lowercase().into())
                });
                rest = behind;
            }
        }
    }
    found
}

/// How many letters and digits there are.
fn letters(text: &str) -> usize {
    text.chars().filter(|c| c.is_alphanumeric()).count()
}
