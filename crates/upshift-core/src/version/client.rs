//! Versions of clients, as programs write them: `5.2.0`, `v1.27.1`, `5.2.0 (1234)`,
//! `2.33.0.windows.2`.
//!
//! 1. The leading `v?N(.N)*` is the version. The text after it, the suffix, makes the version
//!    unreadable only if it can contain more of the numbers: `5_2_0`, `5,2`.
//! 2. A suffix can name a prerelease (`-beta.2`, `b3`), a build (`+1234`, ` (build 1234)`, `_1234`,
//!    `.windows.2`), or both.
//! 3. The entry of the policy decides which of them count: see [`ClientVersion::compare_with`].

use std::cmp::Ordering;
use std::fmt;

use super::identifier::Identifier;
use super::numeric::NumericVersion;
use super::suffix::Suffix;
use super::vocabulary;
use crate::inline_text::InlineText;

/// A version of a client, with the meaning of its suffix.
#[derive(Clone, Debug)]
pub struct ClientVersion {
    text: InlineText,
    numbers: NumericVersion,
    suffix: Suffix,
}

/// An error in a text of the policy file that should be a version of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientVersionError {
    /// The text does not begin with `N` or `vN`.
    NoNumber,
    /// The text has a wildcard: `5.x` or `5.*`.
    Wildcard,
    /// The numbers are not separated by dots: `5_3_0`, `5,3`.
    Separator,
    /// The text after the numbers names neither a prerelease nor a build.
    Remainder,
}

impl ClientVersion {
    /// Reads a version that a client sent; `None` if it does not begin with `v?N`, or if other
    /// numbers follow the first one without dots.
    pub fn parse_lenient(sent: &str) -> Option<Self> {
        let (text, numbers, rest) = split_numbers(sent)?;
        if can_contain_numbers(text, rest) {
            return None;
        }
        Some(Self { text: text.into(), numbers, suffix: Suffix::parse(rest) })
    }

    /// Reads an entry of the policy file. Every part of an entry must have a meaning.
    ///
    /// # Errors
    /// If the entry is not a version, or if a part of it has no meaning.
    pub fn parse(entry: &str) -> Result<Self, ClientVersionError> {
        let (text, numbers, rest) = split_numbers(entry).ok_or(ClientVersionError::NoNumber)?;
        if rest.starts_with(".*") || rest.eq_ignore_ascii_case(".x") {
            return Err(ClientVersionError::Wildcard);
        }
        let suffix = Suffix::parse(rest);
        let has_words = rest.contains(char::is_alphanumeric);
        if has_words && can_contain_numbers(text, rest) {
            return Err(ClientVersionError::Separator);
        }
        let has_meaning = has_words && suffix.is_meaningful();
        if !rest.is_empty() && !has_meaning {
            return Err(ClientVersionError::Remainder);
        }
        Ok(Self { text: text.into(), numbers, suffix })
    }

    /// Returns true if a comment after a version names its build: `1234`, `build 1234`,
    /// `com.acme; build:1234; iOS 17`.
    pub(crate) fn is_build_comment(comment: &str) -> bool {
        vocabulary::is_build_comment(comment)
    }

    /// Returns true if a word after a version names its build: `Build/1234`, `#1234`, `[1234]`.
    pub(crate) fn is_build_word(word: &str) -> bool {
        vocabulary::is_build_token(word)
    }

    /// The version as it was written, without a leading `v`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Compares the version with an entry of the policy, as far as the entry goes; `None` if the
    /// order is unknown.
    ///
    /// An entry of numbers is compared with numbers only: `5.3.0-beta.3` and `5.3.0+1234` equal
    /// 5.3.0. An entry that names a prerelease, a build or a word is compared with that too. A
    /// prerelease comes before its release, and a version without a build comes before every build
    /// of it. `5.3.0+1234`, `5.3.0-debug (1234)` and `5.3.0.1234` are the same build.
    pub fn compare_with(&self, entry: &Self) -> Option<Ordering> {
        let release = self.numbers.release().cmp(&entry.numbers.release());
        if release.is_ne() {
            return Some(release);
        }
        if entry.suffix.is_empty() && entry.numbers.further().is_empty() {
            return Some(self.numbers.cmp(&entry.numbers));
        }
        // A prerelease comes before its release, so it decides before the build does.
        let stage = self.suffix.cmp_stage(&entry.suffix)?;
        if stage.is_ne() {
            return Some(stage);
        }
        let build = self.compare_build_with(entry)?;
        if build.is_ne() { Some(build) } else { self.suffix.cmp_words(&entry.suffix) }
    }

    /// Compares the build with that of an entry, which can name it as a fourth number, in its
    /// suffix, or both.
    fn compare_build_with(&self, entry: &Self) -> Option<Ordering> {
        let (further, build) = (self.further(), &self.suffix.build);
        let (named_further, named_build) = (entry.further(), &entry.suffix.build);
        if named_build.is_empty() {
            if named_further.is_empty() {
                return Some(Ordering::Equal);
            }
            // The fourth number comes first: it may be a part of the release and not its build.
            let sent = if further.is_empty() { build } else { &further };
            return self.suffix.cmp_build(sent, &named_further);
        }
        if named_further.is_empty() || named_further == *named_build {
            let sent = if build.is_empty() { &further } else { build };
            return self.suffix.cmp_build(sent, named_build);
        }
        let by_number = self.suffix.cmp_build(&further, &named_further)?;
        if by_number.is_ne() {
            return Some(by_number);
        }
        self.suffix.cmp_build(build, named_build)
    }

    /// The numbers after the first three.
    fn further(&self) -> Vec<Identifier> {
        self.numbers.further().iter().copied().map(Identifier::Number).collect()
    }
}

/// Returns the text without white space, quotes and `v`, its numbers, and what follows them.
fn split_numbers(text: &str) -> Option<(&str, NumericVersion, &str)> {
    let unquoted = text.trim().trim_matches('"').trim();
    let bare = unquoted.strip_prefix(['v', 'V']).unwrap_or(unquoted);
    // A date comes first: as `N(.N)*`, `2026-11-03` would be 2026 with a suffix.
    let (numbers, rest) = match NumericVersion::parse_leading_date(bare) {
        Some(date) => date,
        None => NumericVersion::parse_leading(bare)?,
    };
    Some((bare, numbers, rest))
}

/// Returns true if the text after the numbers can contain more of them.
///
/// One number is not a version if another number follows in some other way: `5_2_0` is not 5.
/// After two numbers, `-1` and `_392` are builds (`1.8.0_392`), but a comma or a dot is not.
fn can_contain_numbers(text: &str, rest: &str) -> bool {
    let numbers = &text[..text.len() - rest.len()];
    let behind = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
    let separator = &rest[..rest.len() - behind.len()];
    let number_follows = !separator.is_empty() && behind.starts_with(char::is_numeric);
    match numbers.split(['.', '-']).count() {
        1 if rest.starts_with('.') && !number_follows => {
            behind.is_empty() || !Suffix::parse(rest).is_plain_stage()
        }
        1 => number_follows && !separator.contains(['+', '(', '[', '#']),
        // U+066B and U+060C are the Arabic decimal separator and comma.
        2 => number_follows && separator.contains(['.', ',', '%', '\u{66b}', '\u{60c}']),
        _ => false,
    }
}

impl fmt::Display for ClientVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for ClientVersionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoNumber => {
                "a client's version is written like 5, 5.1, 5.1.0.3, v5.1 or 5.1.0+1234"
            }
            Self::Wildcard => "there are no wildcards: write 5 for 5.0 and everything after it",
            Self::Separator => "dots separate the numbers: write 5.3.0",
            Self::Remainder => {
                "the text after the numbers names neither a prerelease (5.1.0-beta.2) \
                 nor a build (5.1.0+1234)"
            }
        })
    }
}

impl std::error::Error for ClientVersionError {}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]
    use proptest::prelude::*;

    use super::*;

    fn compared(sent: &str, entry: &str) -> Option<Ordering> {
        ClientVersion::parse_lenient(sent)
            .unwrap()
            .compare_with(&ClientVersion::parse(entry).unwrap())
    }

    fn order(sent: &str, entry: &str) -> Ordering {
        compared(sent, entry).unwrap_or_else(|| panic!("{sent} cannot be compared with {entry}"))
    }

    /// A spelling that a program sends must not make the whole version unreadable, because then no
    /// setting would apply to it.
    #[test]
    fn the_leading_numbers_count_whatever_follows() {
        for sent in [
            "5.2.0",
            "v5.2.0",
            "V5.2",
            "\"5.2.0\"",
            "5.2.0 (1234)",
            "5.2.0 (build 1234)",
            "5.2.0_1234",
            "5.2.0b3",
            "5.2.0.RELEASE",
            "5.2.0.windows.2",
            "5.2.0-SNAPSHOT",
            "5.2.0 (ec8a8a0ca 2023-04-25)",
            "5.2.0;arm64",
            "5.2.",
            "5.2.x",
            "5.2.0é",
        ] {
            assert!(
                order(sent, "5.2").is_eq()
                    && order(sent, "5.2.1").is_lt()
                    && order(sent, "5.1").is_gt(),
                "{sent}"
            );
        }
        for none in ["", "v", "latest", "x5", "-5", ".5", "go1.17", "?"] {
            assert!(ClientVersion::parse_lenient(none).is_none(), "{none}");
        }
    }

    /// An entry that names one build must not apply to other builds, such as the repaired one.
    #[test]
    fn a_build_is_the_same_in_every_spelling() {
        let spellings = [
            "5.3.0+1234",
            "5.3.0.1234",
            "5.3.0 (1234)",
            "5.3.0 (build 1234)",
            "5.3.0_1234",
            "5.3.0 build 1234",
        ];
        for entry in spellings {
            for same in spellings.into_iter().chain([
                "v5.3.0-1234",
                "5.3.0 (com.acme; build:1234; iOS 17.0)",
                "5.3+1234",
            ]) {
                assert!(order(same, entry).is_eq(), "{same} {entry}");
            }
            for older in ["5.3.0", "5.3.0+1200", "5.3.0 (99)", "5.2.9+9999", "5.3.0.7"] {
                assert!(order(older, entry).is_lt(), "{older} {entry}");
            }
            for newer in ["5.3.0+1240", "5.3.0 (build 1235)", "5.3.1", "5.3.0.1234.1"] {
                assert!(order(newer, entry).is_gt(), "{newer} {entry}");
            }
        }
    }

    /// A prerelease differs from its release only if the entry names a prerelease.
    #[test]
    fn a_prerelease_counts_where_the_entry_names_one() {
        for (sent, entry, wanted) in [
            ("5.3.0-beta.3", "5.3.0", Ordering::Equal),
            ("5.3.0rc1", "5.3.0", Ordering::Equal),
            ("5.3.0-beta.2", "5.3.0-beta.2", Ordering::Equal),
            ("5.3.0-beta.2+99", "5.3.0-beta.2", Ordering::Equal),
            ("5.3.0-BETA2 (99)", "5.3.0-beta.2", Ordering::Equal),
            ("5.3.0-beta.10", "5.3.0-beta.2", Ordering::Greater),
            ("5.3.0-alpha.3", "5.3.0-beta.2", Ordering::Less),
            ("5.3.0-rc.1", "5.3.0-beta.2", Ordering::Greater),
            ("5.3.0", "5.3.0-beta.2", Ordering::Greater),
            ("5.3.0+1", "5.3.0-beta.2", Ordering::Greater),
            ("5.3.0-beta.3", "5.3.0+1234", Ordering::Less),
            ("5.3.0-beta.3+1234", "5.3.0+1234", Ordering::Equal),
            ("5.3.0-beta.3+1200", "5.3.0+1234", Ordering::Less),
            ("5.3.0.1", "5.3.0", Ordering::Greater),
            ("1.27.1-gke.200", "1.27.1-gke.100", Ordering::Greater),
            ("2.33.0.windows.2", "2.33.0.windows.1", Ordering::Greater),
            ("5.2.0", "5.2.0.RELEASE", Ordering::Equal),
            ("5.2.0.M1", "5.2.0.M2", Ordering::Less),
            ("5.2.0", "5.2.0.M2", Ordering::Greater),
            ("1.0.2k", "1.0.2c", Ordering::Greater),
            ("1.0.2", "1.0.2c", Ordering::Less),
        ] {
            assert_eq!(order(sent, entry), wanted, "{sent} {entry}");
        }
    }

    /// A version whose separators are not dots must not be cut to its first number, because then new
    /// clients would be refused as old.
    #[test]
    fn numbers_that_no_dot_separates_are_no_version() {
        for none in [
            "5_2_0",
            "5,2,0",
            "5,2",
            "5-2-0",
            "5 2 0",
            "5. 2.0",
            "5\u{66b}2\u{66b}0",
            "5.\u{ff12}",
            "5%2E2%2E0",
            "5.undefined",
            "5.",
            "5.x",
            "5;1234",
            "5 - 1234",
            "5.2,0",
            "5.2. 0",
            "5.2%2E0",
            "2026-11",
            "2026-1-3",
        ] {
            assert!(ClientVersion::parse_lenient(none).is_none(), "{none}");
        }
        for one in [
            "5",
            "5+1234",
            "5 (1234)",
            "5 build 1234",
            "5-beta.2",
            "5b2",
            "5.M1",
            "5.RELEASE",
            "5 (Linux 6)",
            "5, iOS",
        ] {
            assert!(order(one, "5").is_eq(), "{one}");
        }
        for entry in ["5_3_0", "5-3", "5,3"] {
            assert_eq!(
                ClientVersion::parse(entry).err(),
                Some(ClientVersionError::Separator),
                "{entry}"
            );
        }
        assert!(order("1.8.0_392", "1.8").is_eq() && order("5.2-1", "5.2").is_eq());
        assert!(
            order("2026-11-03", "2026.11.3").is_eq() && order("2026-11-03", "2026-11-04").is_lt()
        );
    }

    /// The build that an entry names must be recognized however a program writes it: with a flavour
    /// before it, a hash after it, in brackets, with a word for it, twice.
    #[test]
    fn a_build_is_read_wherever_programs_write_it() {
        for same in [
            "5.3.0-debug (1234)",
            "5.3.0-arm64 (1234)",
            "5.3.0-googlePlay (1234)",
            "5.3.0-prod+1234",
            "5.3.0-play+1234",
            "5.3.0-r1234",
            "5.3.0 (b1234)",
            "5.3.0 (vc1234)",
            "5.3.0 (versionCode 1234)",
            "5.3.0.1234 (1234)",
            "5.3.0.1234 (com.acme; build:1234; iOS 17.0)",
            "5.3.0+1234 (build 1234)",
            "5.3.0.1234+1234",
            "5.3.0+1234.abcdef1",
            "5.3.0+1234.7abcdef",
            "5.3.0.1234+abcdef1",
            "5.3.0 Build 1234 (abc)",
            "5.3.0; build 1234",
            "5.3.0, build 1234",
            "5.3.0, 1234",
            "5.3.0 [1234]",
            "5.3.0 [build 1234]",
            "5.3.0 - 1234",
            "5.3.0 - build 1234",
            "5.3.0 \u{2013} 1234",
            "5.3.0 #1234",
            "5.3.0 (#1234)",
            "5.3.0 (build #1234)",
            "5.3.0 b1234",
            "5.3.0 Build1234",
            "5.3.0 Build/1234",
            "5.3.0 rev 1234",
            "5.3.0 release (1234)",
            "5.3.0-release+1234",
            "5.3.0 (1234 release)",
            "5.3.0 (Build 1234, release)",
            "5.3.0 (iPhone; build 1234)",
            "5.3.0 (build 1234) beta",
            "5.3.0-beta (1234)",
            "5.3.0/1234",
            "5.3.0+01234",
            "5.3.0.0+1234",
        ] {
            assert!(order(same, "5.3.0+1234").is_eq(), "{same}");
            assert!(
                order(same, "5.3.0+1235").is_lt() && order(same, "5.3.0+1233").is_gt(),
                "{same}"
            );
        }
    }

    /// What cannot be compared with a build or a prerelease must not count as later or as older.
    #[test]
    fn an_unknown_order_is_neither_before_nor_after() {
        for (sent, entry) in [
            ("5.3.0 (1,234)", "5.3.0+1234"),
            ("5.3.0+abcdef1", "5.3.0+1234"),
            ("5.3.0-arm64", "5.3.0+1234"),
            ("5.3.0-gke.7", "5.3.0+1234"),
            ("5.3.0 (1234) (1240)", "5.3.0+1234"),
            ("5.3.0 (iOS 17.0; iPhone)", "5.3.0+1234"),
            ("5.3.0-eks.7", "5.3.0-gke.7"),
            ("5.3.0+7", "5.3.0-gke.7"),
            ("5.3.0-nightly", "5.3.0-beta.2"),
            ("5.3.0-SNAPSHOT", "5.3.0-beta.2"),
            ("5.3.0-insider.3", "5.3.0-beta.2"),
            ("5.3.0-beta.2", "5.3.0-dev"),
        ] {
            assert_eq!(compared(sent, entry), None, "{sent} {entry}");
            assert!(order(sent, "5.3.0").is_eq() && order(sent, "5.3.1+1").is_lt(), "{sent}");
        }
        // A word without a digit does not name a build.
        assert!(
            order("5.3.0-debug", "5.3.0+1234").is_lt()
                && order("5.3.0 (abc)", "5.3.0+1234").is_lt()
        );
        assert!(order("10.0.1.5 (build 19045)", "10.0.1.5").is_eq());
    }

    /// All names of a prerelease mean the same prerelease.
    #[test]
    fn the_names_of_a_prerelease_are_one() {
        for same in [
            "5.3.0b2",
            "5.3.0-b2",
            "5.3.0 beta 2",
            "5.3.0 Beta-2",
            "5.3.0 (beta 2)",
            "5.3.0_beta_2",
            "5.3.0~beta2",
            "5.3.0-arm64-beta.2",
        ] {
            assert!(
                order(same, "5.3.0-beta.2").is_eq() && order("5.3.0-beta.2", "5.3.0b2").is_eq(),
                "{same}"
            );
            assert!(
                order(same, "5.3.0-beta.3").is_lt() && order(same, "5.3.0-a9").is_gt(),
                "{same}"
            );
        }
        let in_order = [
            "5.3.0a1",
            "5.3.0-alpha.2",
            "5.3.0b1",
            "5.3.0-M1",
            "5.3.0-milestone.2",
            "5.3.0c1",
            "5.3.0-rc.2",
            "5.3.0cr3",
        ];
        for pair in in_order.windows(2) {
            assert!(order(pair[0], pair[1]).is_lt() && order(pair[1], pair[0]).is_gt(), "{pair:?}");
        }
        assert!(
            order("5.3.0-snapshot.1", "5.3.0-snapshot.2").is_lt()
                && order("5.3.0", "5.3.0-dev").is_gt()
        );
    }

    #[test]
    fn an_entry_with_a_remainder_is_refused() {
        for (text, wanted) in [
            ("latest", ClientVersionError::NoNumber),
            ("", ClientVersionError::NoNumber),
            ("5.x", ClientVersionError::Wildcard),
            ("5.*", ClientVersionError::Wildcard),
            ("5.", ClientVersionError::Remainder),
            ("5.3.0+", ClientVersionError::Remainder),
            ("5.3 or later", ClientVersionError::Remainder),
            ("5.3.0 (iOS 17)", ClientVersionError::Remainder),
            ("5.3.0 (1234; Android)", ClientVersionError::Remainder),
            ("5.3.0 (1234) (1240)", ClientVersionError::Remainder),
        ] {
            assert_eq!(ClientVersion::parse(text).err(), Some(wanted), "{text}");
        }
        assert_eq!(ClientVersion::parse("v5.3").unwrap().as_str(), "5.3");
    }

    proptest! {
        /// Hostile input must not cause a panic.
        #[test]
        fn no_text_makes_it_panic_and_an_entry_is_itself(
            text in "\\PC{0,40}",
            entry in "v?[0-9]{1,30}(\\.[0-9]{1,3}){1,20}([+-][a-z0-9]{1,5})?",
        ) {
            let entry = ClientVersion::parse(&entry)
                .map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(entry.compare_with(&entry), Some(Ordering::Equal));
            if let Some(sent) = ClientVersion::parse_lenient(&text) {
                let _ = sent.compare_with(&entry);
            }
        }
    }
}
