//! `Content-Range` in bytes (RFC 9110 §14.4).

use http::HeaderMap;
use http::header::CONTENT_RANGE;

/// The part of a whole that an answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ContentRange {
    /// The first byte.
    pub(super) first: u64,
    /// The last byte.
    last: u64,
    /// The length of the whole, if the server says.
    pub(super) whole: Option<u64>,
}

impl ContentRange {
    /// Reads the field of a 206; `None` if it is missing, malformed or doubled.
    pub(super) fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let (range, whole) = single_range(headers)?.split_once('/')?;
        let (from, to) = range.split_once('-')?;
        let (first, last) = (parse_digits(from)?, parse_digits(to)?);
        let length = if whole == "*" { None } else { Some(parse_digits(whole)?) };
        // RFC 9110 §14.4: any other range is invalid, and a recipient must not use it.
        if first > last || length.is_some_and(|length| last >= length) {
            return None;
        }
        Some(Self { first, last, whole: length })
    }

    /// The number of bytes in the part.
    pub(super) fn byte_count(&self) -> u64 {
        // `0-18446744073709551615` has one byte more than a u64 can count.
        (self.last - self.first).saturating_add(1)
    }

    /// Returns true if the whole goes on behind this part; `None` if the server does not say how
    /// long the whole is.
    pub(super) fn is_cut(&self) -> Option<bool> {
        // Cannot overflow: `last` is less than `whole`.
        self.whole.map(|whole| self.last + 1 < whole)
    }
}

/// The length of the whole according to a 416 (RFC 9110 §15.5.17).
pub(super) fn whole_length(headers: &HeaderMap) -> Option<u64> {
    parse_digits(single_range(headers)?.strip_prefix("*/")?)
}

/// The text behind `bytes`, if there is exactly one such field.
fn single_range(headers: &HeaderMap) -> Option<&str> {
    let mut lines = headers.get_all(CONTENT_RANGE).iter();
    let (line, more) = (lines.next()?, lines.next());
    let (unit, range) = line.to_str().ok()?.trim().split_once(' ')?;
    // RFC 9110 §14.1: the names of range units are case-insensitive. Of two fields neither can be
    // trusted.
    let is_single = more.is_none() && unit.eq_ignore_ascii_case("bytes");
    if is_single { Some(range.trim()) } else { None }
}

/// Parses a number of digits only. Rust would also take a sign.
fn parse_digits(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
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
