//! The `Content-Range` of an answer, in bytes (RFC 9110 §14.4).

use http::HeaderMap;
use http::header::CONTENT_RANGE;

/// The part of a whole that an answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ContentRange {
    /// The first byte of it.
    pub(super) first: u64,
    /// The last byte of it.
    last: u64,
    /// How long the whole is, if the server says.
    pub(super) whole: Option<u64>,
}

impl ContentRange {
    /// Reads the field of a 206; `None` where it is missing, malformed or doubled.
    pub(super) fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let (range, whole) = single_range(headers)?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let (first, last) = (parse_digits(first)?, parse_digits(last)?);
        let whole = if whole == "*" { None } else { Some(parse_digits(whole)?) };
        let sound = first <= last && whole.is_none_or(|whole| last < whole);
        sound.then_some(Self { first, last, whole })
    }

    /// How many bytes it has.
    pub(super) fn byte_count(&self) -> u64 {
        (self.last - self.first).saturating_add(1)
    }

    /// Tells whether more of the whole comes behind it; `None` where the server does not say how
    /// long the whole is.
    pub(super) fn is_cut(&self) -> Option<bool> {
        self.whole.map(|whole| self.last + 1 < whole)
    }
}

/// How long the whole is, as a 416 says it (RFC 9110 §15.5.17).
pub(super) fn whole_length(headers: &HeaderMap) -> Option<u64> {
    parse_digits(single_range(headers)?.strip_prefix("*/")?)
}

/// What stands behind `bytes`, where the field comes once.
fn single_range(headers: &HeaderMap) -> Option<&str> {
    let mut lines = headers.get_all(CONTENT_RANGE).iter();
    let (line, more) = (lines.next()?, lines.next());
    let (unit, range) = line.to_str().ok()?.trim().split_once(' ')?;
    (more.is_none() && unit.eq_ignore_ascii_case("bytes")).then_some(range.trim())
}

/// Digits and nothing else: a sign is no part of a number here.
fn parse_digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &'static str) -> HeaderMap {
        [(CONTENT_RANGE, http::HeaderValue::from_static(value))].into_iter().collect()
    }

    #[test]
    fn a_range_is_read_whole_or_not_at_all() {
        let range = |first, last, whole| Some(ContentRange { first, last, whole });
        assert_eq!(ContentRange::from_headers(&headers("bytes 5-9/10")), range(5, 9, Some(10)));
        assert_eq!(ContentRange::from_headers(&headers("Bytes 5-9/*")), range(5, 9, None));
        for wrong in [
            "",
            "bytes",
            "bytes 5-/10",
            "bytes 9-5/10",
            "bytes 5-9/9",
            "bytes +5-9/10",
            "items 5-9/10",
            "5-9/10",
        ] {
            assert_eq!(ContentRange::from_headers(&headers(wrong)), None, "{wrong}");
        }
        let mut twice = headers("bytes 5-9/10");
        twice.append(CONTENT_RANGE, http::HeaderValue::from_static("bytes 0-9/10"));
        assert_eq!(ContentRange::from_headers(&twice), None);
    }

    #[test]
    fn the_length_of_the_whole_is_read_from_a_416() {
        assert_eq!(whole_length(&headers("bytes */47")), Some(47));
        assert_eq!(whole_length(&headers("bytes */*")), None);
        assert_eq!(whole_length(&HeaderMap::new()), None);
    }
}
