//! `N(.N)*`, the versions of browsers and apps.

use crate::inline_vec::InlineVec;

/// The numbers of a version without trailing zeros, so that `1` equals `1.0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NumericVersion(Numbers);

type Numbers = InlineVec<u64, 4>;

/// The most numbers of a version, more than any release has; the sender chooses how many there are.
const NUMBER_LIMIT: usize = 16;

/// The count of numbers that name a release. A number after them is that of a build.
const RELEASE_NUMBERS: usize = 3;

impl NumericVersion {
    /// Reads `N(.N)*`. A prerelease (`-beta`) or build (`+7`) after it is ignored, so that testers
    /// of the next release do not count as older than it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let end = text.find(['-', '+']).unwrap_or(text.len());
        let (release, behind) = text.split_at(end);
        // `5-3-0` is not 5.
        if !release.contains('.') && starts_with_dash_and_digit(behind) {
            return None;
        }
        let mut numbers = Numbers::new();
        for part in release.split('.') {
            let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            if !is_number || numbers.len() == NUMBER_LIMIT {
                return None;
            }
            numbers.push(part.parse().ok()?);
        }
        Some(Self::without_trailing_zeros(numbers))
    }

    /// Reads the `N(.N)*` at the start of a text and returns what follows it; `None` if the text
    /// does not begin with a digit. A number that does not fit is the largest.
    pub(super) fn parse_leading(text: &str) -> Option<(Self, &str)> {
        let mut numbers = Numbers::new();
        let mut rest = text;
        while numbers.len() < NUMBER_LIMIT {
            let digits = match rest.strip_prefix('.') {
                _ if numbers.is_empty() => rest,
                Some(after_dot) => after_dot,
                None => break,
            };
            let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
            if end == 0 {
                break;
            }
            numbers.push(digits[..end].parse().unwrap_or(u64::MAX));
            rest = &digits[end..];
        }
        if numbers.is_empty() {
            return None;
        }
        Some((Self::without_trailing_zeros(numbers), rest))
    }

    /// Reads the date `YYYY-MM-DD` at the start of a text as three numbers and returns what follows
    /// it.
    pub(super) fn parse_leading_date(text: &str) -> Option<(Self, &str)> {
        let (date, rest) = text.split_at_checked("YYYY-MM-DD".len())?;
        let mut numbers = Numbers::new();
        let mut widths = InlineVec::<usize, 4>::new();
        for part in date.split('-') {
            if !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            widths.push(part.len());
            numbers.push(part.parse().ok()?);
        }
        if *widths != [4, 2, 2] || rest.starts_with(char::is_alphanumeric) {
            return None;
        }
        Some((Self::without_trailing_zeros(numbers), rest))
    }

    /// The numbers that name the release.
    pub(super) fn release(&self) -> [u64; RELEASE_NUMBERS] {
        let mut release = [0; RELEASE_NUMBERS];
        for (place, number) in release.iter_mut().zip(&self.0) {
            *place = *number;
        }
        release
    }

    /// The numbers after those of the release.
    pub(super) fn further(&self) -> &[u64] {
        self.0.get(RELEASE_NUMBERS..).unwrap_or_default()
    }

    fn without_trailing_zeros(mut numbers: Numbers) -> Self {
        while numbers.last() == Some(&0) {
            numbers.pop();
        }
        Self(numbers)
    }
}

fn starts_with_dash_and_digit(text: &str) -> bool {
    matches!(text.as_bytes(), [b'-', digit, ..] if digit.is_ascii_digit())
}
