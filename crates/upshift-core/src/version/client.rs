//! Versions of clients, as programs write them: `5.2.0`, `v1.27.1`, `5.2.0 (1234)`,
//! `2.33.0.windows.2`.
//!
//! 1. The leading `v?N(.N)*` is the version. What follows it, the suffix, makes it unreadable only
//!    where it may hold more of the numbers: `5_2_0`, `5,2`.
//! 2. A suffix may tell a prerelease (`-beta.2`, `b3`), a build (`+1234`, ` (build 1234)`, `_1234`,
//!    `.windows.2`), or both.
//! 3. Which of them count depends on the entry in the policy that a version is held against: see
//!    [`ClientVersion::compare_with`].

use std::cmp::Ordering;
use std::fmt;

use super::identifier::Identifier;
use super::numeric::Numeric;
use super::suffix::{self, Suffix};

/// A version of a client, with what its suffix tells.
#[derive(Clone, Debug)]
pub struct ClientVersion {
    text: Box<str>,
    numbers: Numeric,
    suffix: Suffix,
}

/// Why a text of the policy file is no version of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientVersionError {
    /// It does not begin with `N` or `vN`.
    NoNumber,
    /// It has a wildcard: `5.x` or `5.*`.
    Wildcard,
    /// Its numbers are not separated by dots: `5_3_0`, `5,3`.
    Separator,
    /// What follows the numbers names neither a prerelease nor a build.
    Remainder,
}

impl ClientVersion {
    /// Reads what a client sent; `None` if it does not begin with `v?N`, or with a number behind
    /// which others follow that are not separated by dots.
    pub fn parse_lenient(sent: &str) -> Option<Self> {
        let (text, numbers, rest) = split(sent)?;
        if is_cut(text, rest) {
            return None;
        }
        Some(Self { text: text.into(), numbers, suffix: Suffix::read(rest) })
    }

    /// Reads an entry of the policy file, in which every part has to mean something.
    ///
    /// # Errors
    /// If it is no version, or something is left over.
    pub fn parse(text: &str) -> Result<Self, ClientVersionError> {
        let (text, numbers, rest) = split(text).ok_or(ClientVersionError::NoNumber)?;
        if rest.starts_with(".*") || rest.eq_ignore_ascii_case(".x") {
            return Err(ClientVersionError::Wildcard);
        }
        let suffix = Suffix::read(rest);
        let says_something = rest.contains(char::is_alphanumeric);
        if says_something && is_cut(text, rest) {
            return Err(ClientVersionError::Separator);
        }
        let is_meant = says_something && suffix.is_meant();
        if !rest.is_empty() && !is_meant {
            return Err(ClientVersionError::Remainder);
        }
        Ok(Self { text: text.into(), numbers, suffix })
    }

    /// Tells whether a comment behind a version tells its build: `1234`, `build 1234`,
    /// `com.acme; build:1234; iOS 17`.
    pub(crate) fn is_build_comment(comment: &str) -> bool {
        suffix::is_build_comment(comment)
    }

    /// Tells whether a word behind a version tells its build: `Build/1234`, `#1234`, `[1234]`.
    pub(crate) fn is_build_word(word: &str) -> bool {
        let bracketed = word.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
        suffix::names_build(word) || bracketed.is_some_and(suffix::is_number)
    }

    /// As it was written, without the `v` in front.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How it compares with an entry of the policy, as far as that entry goes; `None` if it may be
    /// before or after it.
    ///
    /// An entry of numbers is compared with numbers: `5.3.0-beta.3` and `5.3.0+1234` are 5.3.0. One
    /// that names a prerelease, a build or a word is compared with that as well, and with nothing
    /// else: a prerelease is before its release, a version that tells no build is before every
    /// build of it, and `5.3.0+1234`, `5.3.0-debug (1234)` and `5.3.0.1234` are one build.
    pub fn compare_with(&self, entry: &Self) -> Option<Ordering> {
        let release = self.numbers.release().cmp(&entry.numbers.release());
        if release.is_ne() {
            return Some(release);
        }
        if entry.suffix.is_empty() && entry.numbers.further().is_empty() {
            return Some(self.numbers.cmp(&entry.numbers));
        }
        let stage = self.suffix.cmp_stage(&entry.suffix)?;
        if stage.is_ne() {
            return Some(stage);
        }
        let build = self.cmp_build(entry)?;
        if build.is_ne() { Some(build) } else { self.suffix.cmp_words(&entry.suffix) }
    }

    /// How its build compares with the one that the entry names, as a further number, in its
    /// suffix, or as both.
    fn cmp_build(&self, entry: &Self) -> Option<Ordering> {
        let (further, build) = (self.further(), &self.suffix.build);
        let (named_further, named_build) = (entry.further(), &entry.suffix.build);
        // What is written in the same way is compared first: a fourth number may be that of a
        // release.
        let (first, second) = match (named_further.is_empty(), named_build.is_empty()) {
            (true, true) => return Some(Ordering::Equal),
            (true, false) => (build, &further),
            (false, true) => (&further, build),
            (false, false) if named_further != *named_build => {
                let order = self.suffix.cmp_build(&further, &named_further)?;
                return if order.is_ne() {
                    Some(order)
                } else {
                    self.suffix.cmp_build(build, named_build)
                };
            }
            (false, false) => (build, &further),
        };
        let sent = if first.is_empty() { second } else { first };
        let named = if named_build.is_empty() { &named_further } else { named_build };
        self.suffix.cmp_build(sent, named)
    }

    /// The numbers behind the first three.
    fn further(&self) -> Vec<Identifier> {
        self.numbers.further().iter().copied().map(Identifier::Number).collect()
    }
}

/// The text without white space, quotes and `v`, its numbers, and what follows them.
fn split(text: &str) -> Option<(&str, Numeric, &str)> {
    let text = text.trim().trim_matches('"').trim();
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let (numbers, rest) = Numeric::calendar(text).or_else(|| Numeric::leading(text))?;
    Some((text, numbers, rest))
}

/// Tells whether what follows the numbers of a text may be more of them.
///
/// One number alone is no version if another one follows in some other way: `5_2_0` is not 5.
/// Behind two of them `-1` and `_392` are builds, `1.8.0_392`, and a comma or a dot is none.
fn is_cut(text: &str, rest: &str) -> bool {
    let numbers = &text[..text.len() - rest.len()];
    let behind = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
    let separator = &rest[..rest.len() - behind.len()];
    let number_follows = !separator.is_empty() && behind.starts_with(char::is_numeric);
    match numbers.split(['.', '-']).count() {
        1 if rest.starts_with('.') && !number_follows => {
            behind.is_empty() || !Suffix::read(rest).is_plain_stage()
        }
        1 => number_follows && !separator.contains(['+', '(', '[', '#']),
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
            Self::NoNumber => "a client's version is written like 5, 5.1, 5.1.0.3, v5.1 or 5.1.0+1234",
            Self::Wildcard => "there are no wildcards: write 5 for 5.0 and everything after it",
            Self::Separator => "dots separate the numbers: write 5.3.0",
            Self::Remainder => {
                "what follows the numbers names neither a prerelease (5.1.0-beta.2) nor a build (5.1.0+1234)"
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

    /// Kind: a spelling that a program sends makes the whole version unreadable, so that no setting
    /// gates it.
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

    /// Kind: an entry that names one build also holds for its neighbours, the repaired one among
    /// them.
    #[test]
    fn a_build_is_that_build_however_it_is_written() {
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

    /// Kind: a prerelease is taken for its release where the entry names a prerelease, or for
    /// another where it does not.
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

    /// Kind: a version whose separators are not dots is cut to its first number, so that new
    /// clients are refused as old.
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

    /// Kind: the very build that an entry names is another one, because of how it is told: a
    /// flavour in front of it, a hash behind it, brackets, a word for it, twice.
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

    /// Kind: what cannot be compared with a build or a prerelease is taken for later, or for older.
    #[test]
    fn what_is_not_understood_is_neither_before_nor_after() {
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
        // Where a word has no digit, it tells no build.
        assert!(
            order("5.3.0-debug", "5.3.0+1234").is_lt()
                && order("5.3.0 (abc)", "5.3.0+1234").is_lt()
        );
        assert!(order("10.0.1.5 (build 19045)", "10.0.1.5").is_eq());
    }

    /// Kind: the same prerelease under another of its names is another one.
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
        /// Hostile input is an answer, not a panic.
        #[test]
        fn no_text_makes_it_panic_and_an_entry_is_itself(text in "\\PC{0,40}", entry in "v?[0-9]{1,30}(\\.[0-9]{1,3}){1,20}([+-][a-z0-9]{1,5})?") {
            let entry = ClientVersion::parse(&entry).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(entry.compare_with(&entry), Some(Ordering::Equal));
            if let Some(sent) = ClientVersion::parse_lenient(&text) {
                let _ = sent.compare_with(&entry);
            }
        }
    }
}
