//! Versions of clients, as programs write them: `5.2.0`, `v1.27.1`, `5.2.0 (1234)`, `2.33.0.windows.2`.
//!
//! 1. The leading `v?N(.N)*` is the version. What follows it, the suffix, never makes it unreadable.
//! 2. A suffix may tell a prerelease (`-beta.2`, `b3`), a build (`+1234`, ` (build 1234)`, `_1234`, `.windows.2`), or both.
//! 3. Which of them count depends on the entry in the policy that a version is held against: see
//!    [`ClientVersion::cmp_to`].

use std::cmp::Ordering;
use std::fmt;

use super::numeric::Numeric;
use super::suffix::{self, Identifier, Suffix};

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
    /// What follows the numbers names neither a prerelease nor a build.
    Remainder,
}

impl ClientVersion {
    /// Reads what a client sent; `None` if it does not begin with `v?N`.
    pub fn read(sent: &str) -> Option<Self> {
        let (text, numbers, rest) = split(sent)?;
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
        if !rest.is_empty() && !Suffix::is_meant(rest) {
            return Err(ClientVersionError::Remainder);
        }
        Ok(Self { text: text.into(), numbers, suffix: Suffix::read(rest) })
    }

    /// Whether a comment behind a version tells its build: `1234`, `build 1234`, `com.acme; build:1234; iOS 17`.
    pub(crate) fn is_build_comment(comment: &str) -> bool {
        suffix::is_build_comment(comment)
    }

    /// As it was written, without the `v` in front.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How it compares with an entry of the policy, as far as that entry goes.
    ///
    /// An entry of numbers is compared with numbers: `5.3.0-beta.3` and `5.3.0+1234` are 5.3.0. One that names a
    /// prerelease or a build is compared with that as well: a prerelease is before its release, a version that tells no
    /// build is before every build of it, and `5.3.0+1234`, `5.3.0 (1234)` and `5.3.0.1234` are one build.
    pub fn cmp_to(&self, entry: &Self) -> Ordering {
        let suffixed = entry.suffix != Suffix::default();
        if !suffixed && entry.numbers.further().is_empty() {
            return self.numbers.cmp(&entry.numbers);
        }
        let mut order = self.numbers.release().cmp(&entry.numbers.release());
        if suffixed {
            order = order.then_with(|| self.suffix.stage().cmp(&entry.suffix.stage()));
        }
        let named = entry.builds();
        if named.is_empty() { order } else { order.then_with(|| self.builds().cmp(&named)) }
    }

    /// The build, whether it is a further number or stands in the suffix.
    fn builds(&self) -> Vec<Identifier> {
        let further = self.numbers.further().iter().map(|number| Identifier::Number(*number));
        further.chain(self.suffix.build.iter().cloned()).collect()
    }
}

/// The text without white space, quotes and `v`, its numbers, and what follows them.
fn split(text: &str) -> Option<(&str, Numeric, &str)> {
    let text = text.trim().trim_matches('"').trim();
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let (numbers, rest) = Numeric::leading(text)?;
    Some((text, numbers, rest))
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

    fn order(sent: &str, entry: &str) -> Ordering {
        ClientVersion::read(sent).unwrap().cmp_to(&ClientVersion::parse(entry).unwrap())
    }

    /// Kind: a spelling that a program sends makes the whole version unreadable, so that no setting gates it.
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
            assert!(order(sent, "5.2").is_eq() && order(sent, "5.2.1").is_lt() && order(sent, "5.1").is_gt(), "{sent}");
        }
        for none in ["", "v", "latest", "x5", "-5", ".5", "go1.17", "?"] {
            assert!(ClientVersion::read(none).is_none(), "{none}");
        }
    }

    /// Kind: an entry that names one build also holds for its neighbours, the repaired one among them.
    #[test]
    fn a_build_is_that_build_however_it_is_written() {
        let spellings =
            ["5.3.0+1234", "5.3.0.1234", "5.3.0 (1234)", "5.3.0 (build 1234)", "5.3.0_1234", "5.3.0 build 1234"];
        for entry in spellings {
            for same in
                spellings.into_iter().chain(["v5.3.0-1234", "5.3.0 (com.acme; build:1234; iOS 17.0)", "5.3+1234"])
            {
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

    /// Kind: a prerelease is taken for its release where the entry names a prerelease, or for another where it does not.
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
            ("5.3.0-beta.3+1234", "5.3.0+1234", Ordering::Less),
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
        ] {
            assert_eq!(ClientVersion::parse(text).err(), Some(wanted), "{text}");
        }
        assert_eq!(ClientVersion::parse("v5.3").unwrap().text(), "5.3");
    }

    proptest! {
        /// Hostile input is an answer, not a panic.
        #[test]
        fn no_text_makes_it_panic_and_an_entry_is_itself(text in "\\PC{0,40}", entry in "v?[0-9]{1,30}(\\.[0-9]{1,3}){0,20}([+-][a-z0-9]{1,5})?") {
            let entry = ClientVersion::parse(&entry).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert!(entry.cmp_to(&entry).is_eq());
            if let Some(sent) = ClientVersion::read(&text) {
                let _ = sent.cmp_to(&entry);
            }
        }
    }
}
