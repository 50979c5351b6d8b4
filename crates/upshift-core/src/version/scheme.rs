//! Schemes in which versions are written and compared.

use std::fmt;
use std::sync::Arc;

use super::date::parse_date;
use super::numeric::NumericVersion;
use super::semantic::parse_semantic;
use crate::inline_text::InlineText;

/// The scheme in which the versions of a rule are written and compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionScheme {
    /// Semantic Versioning 2.0.0. Missing parts are 0 and build metadata is ignored.
    Semver,
    /// `N(.N)*`. Missing parts are 0 and a prerelease counts as its release.
    Numeric,
    /// `YYYY-MM-DD`, or `YYYY-MM` for the first day of a month. A `.name` or `-name` after it is
    /// ignored.
    Date,
    /// The members of a list, the oldest first.
    Ordered(Arc<[Box<str>]>),
}

/// A version in a scheme.
///
/// Compare versions of the same scheme only. A rule has one scheme, so this holds for its versions.
#[derive(Clone, Debug)]
pub struct Version {
    text: InlineText,
    key: VersionKey,
}

/// An error in a text that should be a version of a scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VersionError {
    /// The text is not `N(.N(.N))(-prerelease)(+build)`.
    Semver,
    /// The text is not `N(.N)*`.
    Numeric,
    /// The text is not a calendar date, `YYYY-MM-DD` or `YYYY-MM`.
    Date,
    /// The text is not in the list.
    NotListed(Arc<[Box<str>]>),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum VersionKey {
    Semver(semver::Version),
    Numeric(NumericVersion),
    Date(jiff::civil::Date),
    Ordered(usize),
}

impl VersionScheme {
    /// Reads a version. White space around it is ignored, and so are quotes and the `v` of `v2`
    /// unless the scheme is a list.
    ///
    /// # Errors
    /// If `text` is not a version of this scheme.
    pub fn parse(&self, text: &str) -> Result<Version, VersionError> {
        let bare = match self {
            // `v2` may be a member of the list as it is.
            Self::Ordered(_) => text.trim(),
            Self::Semver | Self::Numeric | Self::Date => strip_decoration(text),
        };
        let key = match self {
            Self::Semver => parse_semantic(bare).map(VersionKey::Semver),
            Self::Numeric => NumericVersion::parse(bare).map(VersionKey::Numeric),
            Self::Date => parse_date(bare).map(VersionKey::Date),
            Self::Ordered(list) => {
                list.iter().position(|listed| **listed == *bare).map(VersionKey::Ordered)
            }
        };
        match key {
            Some(key) => Ok(Version { text: bare.into(), key }),
            None => Err(self.parse_error()),
        }
    }

    /// The name of the scheme in the policy file.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Semver => "semver",
            Self::Numeric => "numeric",
            Self::Date => "date",
            Self::Ordered(_) => "ordered",
        }
    }

    fn parse_error(&self) -> VersionError {
        match self {
            Self::Semver => VersionError::Semver,
            Self::Numeric => VersionError::Numeric,
            Self::Date => VersionError::Date,
            Self::Ordered(list) => VersionError::NotListed(Arc::clone(list)),
        }
    }
}

impl Version {
    /// The version as it was written, without quotes and a leading `v`.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

/// The text without white space, quotes, and a `v` before a number.
fn strip_decoration(text: &str) -> &str {
    let trimmed = text.trim();
    // RFC 8941 §3.3.3: a structured field has its strings in quotes.
    let unquoted = match trimmed.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner.trim(),
        None => trimmed,
    };
    match unquoted.strip_prefix(['v', 'V']) {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => rest,
        _ => unquoted,
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for VersionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Semver => {
                f.write_str("a semantic version is written like 2, 2.1, 2.1.0 or 2.1.0-rc.1")
            }
            Self::Numeric => f.write_str("a numeric version is written like 5, 5.1 or 5.1.0.3"),
            Self::Date => f.write_str("a date version is written like 2026-11-22 or 2026-11"),
            Self::NotListed(list) => write!(f, "the versions of this rule are {}", list.join(", ")),
        }
    }
}

impl std::error::Error for VersionError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn listed() -> VersionScheme {
        VersionScheme::Ordered(Arc::from(["alpha", "beta", "ga"].map(Box::from)))
    }

    /// A spelling must not make a version unreadable, which would admit the request.
    #[test]
    fn equal_without_being_alike() {
        for (scheme, a, b) in [
            (VersionScheme::Semver, "1", "1.0.0"),
            (VersionScheme::Semver, "1.2+build7", "1.2.0"),
            (VersionScheme::Numeric, "1", "1.0"),
            (VersionScheme::Numeric, "5.1.0-beta", "5.1"),
            (VersionScheme::Date, "2026-09-30.endive", "2026-09-30"),
            (VersionScheme::Date, "2026-09-30-preview", "2026-09-30"),
            (VersionScheme::Date, "2026-07", "2026-07-01"),
            (VersionScheme::Date, "2026-07-rc", "2026-07"),
            (VersionScheme::Semver, "v2", "2"),
            (VersionScheme::Semver, "V2.1.0-rc.1", "2.1-rc.1"),
            (VersionScheme::Semver, "\"2\"", "2"),
            (VersionScheme::Numeric, "v2", "2.0"),
            (VersionScheme::Numeric, "\"v2.1\"", "2.1"),
            (VersionScheme::Date, "v2026-07", "2026-07"),
            (VersionScheme::Date, "20260630", "2026-06-30"),
            (VersionScheme::Date, "20260630-preview", "2026-06-30"),
            (VersionScheme::Date, "2026-06-30T00:00:00Z", "2026-06-30"),
            (VersionScheme::Date, "2026-06-30T12:30", "2026-06-30"),
        ] {
            assert_eq!(scheme.parse(a), scheme.parse(b), "{a} {b}");
        }
    }

    #[test]
    fn older_and_newer() {
        for (scheme, old, new) in [
            (VersionScheme::Semver, "2.0.0-rc.1", "2"),
            (VersionScheme::Semver, "2.9", "2.10"),
            (VersionScheme::Numeric, "109.0.5414.120", "109.0.5414.121"),
            (VersionScheme::Numeric, "9", "10"),
            (VersionScheme::Date, "2025-12-31", "2026-01-01"),
            (VersionScheme::Date, "2026-04", "2026-07"),
            (VersionScheme::Date, "2026-07", "2026-07-15"),
            (listed(), "beta", "ga"),
        ] {
            let (old, new) = (scheme.parse(old), scheme.parse(new));
            assert!(old.is_ok() && old.ok() < new.ok());
        }
    }

    #[test]
    fn other_texts_are_no_versions() {
        for (scheme, text) in [
            (VersionScheme::Semver, ""),
            (VersionScheme::Semver, "vv2"),
            (VersionScheme::Semver, "v 2"),
            (VersionScheme::Semver, "\"2"),
            (VersionScheme::Semver, "2-1"),
            (VersionScheme::Numeric, "5-3-0"),
            (VersionScheme::Numeric, "5_3"),
            (VersionScheme::Semver, "1.2.3.4"),
            (VersionScheme::Semver, "01.2"),
            (VersionScheme::Numeric, "5."),
            (VersionScheme::Numeric, "5.x"),
            (VersionScheme::Numeric, "99999999999999999999999"),
            (VersionScheme::Date, "2026-02-29"),
            (VersionScheme::Date, "2026-2-3"),
            (VersionScheme::Date, "2026-01-01x"),
            (VersionScheme::Date, "2026-01-01-"),
            (VersionScheme::Date, "2026-01-01-2"),
            (VersionScheme::Date, "2026-13"),
            (VersionScheme::Date, "2026"),
            (VersionScheme::Date, "2026-7"),
            (VersionScheme::Date, "202607"),
            (VersionScheme::Date, "20260229"),
            (VersionScheme::Date, "2026-06-30 00:00"),
            (VersionScheme::Date, "2026-06-30Tea"),
            (listed(), "gamma"),
        ] {
            assert!(scheme.parse(text).is_err(), "{text}");
        }
    }

    fn versions_of(
        scheme: VersionScheme,
        pattern: &'static str,
    ) -> impl Strategy<Value = Vec<Version>> {
        proptest::collection::vec(pattern, 3).prop_map(move |texts| {
            texts.iter().filter_map(|text| scheme.parse(text).ok()).collect::<Vec<_>>()
        })
    }

    fn any_version() -> impl Strategy<Value = Vec<Version>> {
        prop_oneof![
            versions_of(VersionScheme::Semver, "[0-3](\\.[0-3]){0,2}(-(a|b|1)(\\.[0-2])?)?(\\+x)?"),
            versions_of(VersionScheme::Numeric, "[0-3](\\.[0-3]){0,4}"),
            versions_of(VersionScheme::Date, "20(25|26)-0[1-3]-[0-2][1-9](\\.x)?"),
            versions_of(listed(), "(alpha|beta|ga)"),
        ]
    }

    proptest! {
        #[test]
        fn comparison_is_total_and_transitive(versions in any_version()) {
            if let [a, b, c] = versions.as_slice() {
                prop_assert_eq!(a.cmp(b), b.cmp(a).reverse());
                prop_assert_eq!(a == b, a.cmp(b).is_eq());
                if a <= b && b <= c {
                    prop_assert!(a <= c);
                }
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            for scheme in [VersionScheme::Semver, VersionScheme::Numeric, VersionScheme::Date, listed()] {
                let _ = scheme.parse(&text);
            }
        }
    }
}
