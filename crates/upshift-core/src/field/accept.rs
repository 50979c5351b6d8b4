//! `Accept = #( media-range [ weight ] )` (RFC 9110 §12.5.1).

use super::{MediaType, list_elements};
use crate::Fields;

/// The media types that a reader accepts.
#[derive(Clone, Debug, Default)]
pub struct Accept<'v>(Vec<MediaRange<'v>>);

/// One range and its weight.
#[derive(Clone, Copy, Debug)]
pub struct MediaRange<'v> {
    /// The range, with its parameters.
    pub media: MediaType<'v>,
    /// The weight in thousandths, 0 to 1000 (RFC 9110 §12.4.2).
    pub weight: u16,
}

impl<'v> Accept<'v> {
    /// Reads the field; elements that are no media range are passed over.
    pub fn from_fields(fields: &'v dyn Fields) -> Self {
        let ranges = list_elements(fields.all("accept")).filter_map(|element| {
            let media = MediaType::parse(std::str::from_utf8(element).ok()?)?;
            Some(MediaRange {
                media,
                weight: media.first_parameter("q").map_or(1000, |text| weight(&text)),
            })
        });
        Self(ranges.collect())
    }

    /// The ranges, the heaviest first, those of equal weight in the order sent.
    pub fn by_weight(&self) -> Vec<MediaRange<'v>> {
        let mut ranges = self.0.clone();
        ranges.sort_by_key(|range| std::cmp::Reverse(range.weight));
        ranges
    }

    /// The rank of `essence` (`type/subtype`): its weight, then how precisely it was named (0 not
    /// at all, 1 `*/*`, 2 `type/*`, 3 by name). The most precise range decides (RFC 9110 §12.5.1).
    pub fn rank_of(&self, essence: &str) -> (u16, u8) {
        let precision = |range: &MediaRange<'_>| {
            let named = range.media.essence;
            if named.eq_ignore_ascii_case(essence) {
                return 3;
            }
            match named.strip_suffix("/*") {
                Some("*") => 1,
                Some(kind)
                    if essence
                        .split('/')
                        .next()
                        .is_some_and(|have| have.eq_ignore_ascii_case(kind)) =>
                {
                    2
                }
                _ => 0,
            }
        };
        let best = self
            .0
            .iter()
            .map(|range| (precision(range), range.weight))
            .filter(|(precision, _)| *precision > 0);
        best.max().map_or((0, 0), |(precision, weight)| (weight, precision))
    }

    /// Tells whether there was no preference, so that anything is acceptable.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The least weight of a range that is asked for.
const LEAST: u16 = 1;

/// `qvalue` in thousandths. What is not one counts as the least: a garbled wish is not preferred,
/// and still is one, while 0 means "not acceptable" (RFC 9110 §12.4.2).
fn weight(text: &str) -> u16 {
    match text.parse::<f32>() {
        Ok(0.0) => 0,
        Ok(value) if value > 0.0 => ((value.min(1.0) * 1000.0).round() as u16).max(LEAST),
        _ => LEAST,
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

    /// Kind: a weight that cannot be read hides the range that it stands at.
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
            assert_eq!(weight(text), wanted, "{text}");
        }
        let fields = vec![("accept", "text/html;q=abc, text/plain;q=0.1")];
        let accept = Accept::from_fields(&fields);
        assert!(
            accept.rank_of("text/html") < accept.rank_of("text/plain")
                && accept.rank_of("text/html").0 > 0
        );
    }

    #[test]
    fn the_heaviest_range_comes_first() {
        let fields = vec![("accept", "a/b;q=0.1, c/d, e/f")];
        let ranges = Accept::from_fields(&fields).by_weight();
        let essences: Vec<_> = ranges.iter().map(|range| range.media.essence).collect();
        assert_eq!(essences, ["c/d", "e/f", "a/b"]);
    }
}
