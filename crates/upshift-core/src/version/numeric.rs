//! `N(.N)*`, as browsers and apps count.

/// The parts of a numeric version, without trailing zeros, so that `1` equals `1.0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Numeric(Vec<u64>);

/// More parts than any release has; a sender chooses the length.
const PARTS: usize = 16;

impl Numeric {
    /// Reads `N(.N)*`. A prerelease (`-beta`) or build (`+7`) behind it is ignored: who tests the next release is not
    /// behind it.
    pub fn parse(text: &str) -> Option<Self> {
        let release = text.split(['-', '+']).next().unwrap_or_default();
        let mut parts = Vec::new();
        for part in release.split('.') {
            if parts.len() == PARTS || part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            parts.push(part.parse().ok()?);
        }
        while parts.last() == Some(&0) {
            parts.pop();
        }
        Some(Self(parts))
    }
}
