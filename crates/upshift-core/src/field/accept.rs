//! `Accept = #( media-range [ weight ] )` (RFC 9110 §12.5.1).

use super::list::list_elements;
use super::media_type::MediaType;
use crate::Fields;
use crate::inline_vec::InlineVec;

/// The media types that a client accepts.
#[derive(Clone, Debug, Default)]
pub struct Accept<'v>(MediaRanges<'v>);

/// Media ranges. A browser sends six to eight.
type MediaRanges<'v> = InlineVec<MediaRange<'v>, 8>;

/// A media range and its weight.
#[derive(Clone, Copy, Debug)]
pub struct MediaRange<'v> {
    /// The range with its parameters.
    pub media: MediaType<'v>,
    /// The weight in thousandths, 0 to 1000 (RFC 9110 §12.4.2).
    pub weight: u16,
}

/// The weight of a range without `q` (RFC 9110 §12.4.2), in thousandths.
const FULL_WEIGHT: u16 = 1000;

/// The least weight that still accepts a range.
const LEAST_WEIGHT: u16 = 1;

impl<'v> Accept<'v> {
    /// Reads the field. Elements that are not media ranges are skipped.
    pub fn from_fields(fields: &'v dyn Fields) -> Self {
        let mut ranges = MediaRanges::new();
        for element in list_elements(fields.all("accept")) {
            let Ok(text) = std::str::from_utf8(element) else { continue };
            let Some(media) = MediaType::parse(text) else { continue };
            let weight = match media.first_parameter("q") {
                Some(quality) => parse_weight(&quality),
                None => FULL_WEIGHT,
            };
            ranges.push(MediaRange { media, weight });
        }
        Self(ranges)
    }

    /// The ranges, the heaviest first. Ranges of equal weight keep their order.
    pub fn by_weight(&self) -> InlineVec<MediaRange<'v>, 8> {
        let mut ranges = self.0.clone();
        ranges.sort_by_key(|range| std::cmp::Reverse(range.weight));
        ranges
    }

    /// The rank of `essence` (`type/subtype`): its weight, then how precisely a range names it (0
    /// not at all, 1 `*/*`, 2 `type/*`, 3 by name).
    pub fn rank_of(&self, essence: &str) -> (u16, u8) {
        let mut most_precise = (0, 0);
        for range in &self.0 {
            let precision = range.precision_for(essence);
            // RFC 9110 §12.5.1: the most specific range that matches decides about the weight.
            if precision > 0 {
                most_precise = most_precise.max((precision, range.weight));
            }
        }
        let (precision, weight) = most_precise;
        (weight, precision)
    }
}

impl MediaRange<'_> {
    fn precision_for(&self, essence: &str) -> u8 {
        let named = self.media.essence;
        if named.eq_ignore_ascii_case(essence) {
            return 3;
        }
        match (named.strip_suffix("/*"), essence.split_once('/')) {
            (Some("*"), _) => 1,
            (Some(kind), Some((have, _))) if have.eq_ignore_ascii_case(kind) => 2,
            _ => 0,
        }
    }
}

/// Reads a `qvalue` in thousandths.
///
/// A malformed value counts as the least weight: the client does not prefer the range, but did name
/// it, and 0 would mean "not acceptable" (RFC 9110 §12.4.2).
fn parse_weight(text: &str) -> u16 {
    match text.parse::<f32>() {
        Ok(0.0) => 0,
        // `inf` is a number for the parser and becomes 1; NaN is not greater than 0.
        Ok(value) if value > 0.0 => {
            let thousandths = (value.min(1.0) * f32::from(FULL_WEIGHT)).round() as u16;
            thousandths.max(LEAST_WEIGHT)
        }
        _ => LEAST_WEIGHT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_precise_range_decides() {
        let fields = vec![("accept", "text/*;q=0.3, text/html;q=0.7, */*;q=0.5")];
        let accept = Accept::from_fields(&fields);
        assert_eq!(accept.rank_of("text/html"), (700, 3));
        assert_eq!(accept.rank_of("text/plain"), (300, 2));
        assert_eq!(accept.rank_of("image/png"), (500, 1));
    }

    /// A weight that cannot be read must not hide its range.
    #[test]
    fn a_garbled_weight_is_the_least() {
        for (text, wanted) in [
            ("abc", 1),
            ("", 1),
            ("-1", 1),
            ("NaN", 1),
            ("0", 0),
            ("0.000", 0),
            ("0.5", 500),
            ("7", 1000),
        ] {
            assert_eq!(parse_weight(text), wanted, "{text}");
        }
        let fields = vec![("accept", "text/html;q=abc, text/plain;q=0.1")];
        let accept = Accept::from_fields(&fields);
        let garbled = accept.rank_of("text/html");
        assert!(garbled < accept.rank_of("text/plain") && garbled.0 > 0);
    }

    #[test]
    fn the_heaviest_range_comes_first() {
        let fields = vec![("accept", "a/b;q=0.1, c/d, e/f")];
        let ranges = Accept::from_fields(&fields).by_weight();
        let essences: Vec<_> = ranges.iter().map(|range| range.media.essence).collect();
        assert_eq!(essences, ["c/d", "e/f", "a/b"]);
    }
}
