//! `N(.N)*`, as browsers and apps count.

/// The parts of a numeric version, without trailing zeros, so that `1` equals `1.0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Numeric(Vec<u64>);

/// More parts than any release has; a sender chooses the length.
const PARTS: usize = 16;

/// The parts that name a release; a number behind them is that of a build.
const RELEASE: usize = 3;

impl Numeric {
    /// Reads `N(.N)*`. A prerelease (`-beta`) or build (`+7`) behind it is ignored: who tests the
    /// next release is not behind it.
    pub fn parse(text: &str) -> Option<Self> {
        let end = text.find(['-', '+']).unwrap_or(text.len());
        let (release, behind) = text.split_at(end);
        let number_follows = behind
            .strip_prefix('-')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        if number_follows && !release.contains('.') {
            // `5-3-0` is not 5.
            return None;
        }
        let mut parts = Vec::new();
        for part in release.split('.') {
            if parts.len() == PARTS
                || part.is_empty()
                || !part.bytes().all(|byte| byte.is_ascii_digit())
            {
                return None;
            }
            parts.push(part.parse().ok()?);
        }
        Some(Self::trimmed(parts))
    }

    /// The leading `N(.N)*` of a text, and what follows it; `None` if it does not begin with a
    /// digit. A number too large to hold is the largest.
    pub(super) fn leading(text: &str) -> Option<(Self, &str)> {
        let mut parts = Vec::new();
        let mut rest = text;
        while parts.len() < PARTS {
            let digits =
                if parts.is_empty() { rest } else { rest.strip_prefix('.').unwrap_or_default() };
            let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
            if end == 0 {
                break;
            }
            parts.push(digits[..end].parse().unwrap_or(u64::MAX));
            rest = &digits[end..];
        }
        let any = !parts.is_empty();
        any.then(|| (Self::trimmed(parts), rest))
    }

    /// The date `YYYY-MM-DD` that a text begins with, as three parts, and what follows it.
    pub(super) fn calendar(text: &str) -> Option<(Self, &str)> {
        let (date, rest) = text.split_at_checked("YYYY-MM-DD".len())?;
        let widths: Vec<usize> = date.split('-').map(str::len).collect();
        let is_date = date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        if !is_date || widths != [4, 2, 2] || rest.starts_with(|c: char| c.is_alphanumeric()) {
            return None;
        }
        let parts: Result<Vec<u64>, _> = date.split('-').map(str::parse).collect();
        Some((Self::trimmed(parts.ok()?), rest))
    }

    /// The first three parts.
    pub(super) fn release(&self) -> [u64; RELEASE] {
        std::array::from_fn(|at| self.0.get(at).copied().unwrap_or_default())
    }

    /// The parts behind the first three.
    pub(super) fn further(&self) -> &[u64] {
        self.0.get(RELEASE..).unwrap_or_default()
    }

    fn trimmed(mut parts: Vec<u64>) -> Self {
        while parts.last() == Some(&0) {
            parts.pop();
        }
        Self(parts)
    }
}
