//! Searches in short texts: 16 bytes are one number, and are searched without a loop.

/// A one in each byte.
const ONES: u128 = u128::MAX / 0xff;

/// The highest bit of each byte.
const HIGHS: u128 = ONES << 7;

/// The highest bit of each byte that is `wanted`. The lowest one marks the first of them.
pub(crate) fn marks_of(wanted: u8, text: &[u8; 16]) -> u128 {
    // Zeros in place of what is wanted.
    let bytes = u128::from_le_bytes(*text) ^ (ONES * u128::from(wanted));
    // Without its highest bits, no byte carries into the next.
    let nonzero = ((bytes & !HIGHS) + !HIGHS) | bytes;
    !nonzero & HIGHS
}

/// The place of the first byte that is marked; 16 if none is.
pub(crate) fn first_mark(marks: u128) -> usize {
    marks.trailing_zeros() as usize / 8
}

/// The first word of a text, which a space ends.
pub(crate) fn first_word(text: &[u8]) -> Option<&[u8]> {
    const LONGEST: usize = 256;
    if let Some(begin) = text.first_chunk::<16>() {
        let marks = marks_of(b' ', begin);
        if marks != 0 {
            return Some(&text[..first_mark(marks)]);
        }
    }
    let end = memchr::memchr(b' ', &text[..text.len().min(LONGEST)])?;
    Some(&text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_that_is_wanted_is_marked() {
        let text = b"/..0\x80.\xae/.\x2d.abc..";
        let mut marks = marks_of(b'.', text);
        let mut places = Vec::new();
        while marks != 0 {
            places.push(first_mark(marks));
            marks &= marks - 1;
        }
        assert_eq!(places, [1, 2, 5, 8, 10, 14, 15]);
        assert_eq!(first_mark(0), 16);
    }

    #[test]
    fn a_word_ends_with_a_space() {
        for (text, word) in [
            ("192.0.2.7 - -", Some("192.0.2.7")),
            ("198.51.100.255 - - [25/Nov", Some("198.51.100.255")),
            ("a b", Some("a")),
            (" b", Some("")),
            ("! \" # $ % & ' ( ) * +", Some("!")),
            (
                "\u{a0}\u{a0}\u{a0}\u{a0}\u{a0}\u{a0}\u{a0}\u{a0} x",
                Some("\u{a0}\u{a0}\u{a0}\u{a0}\u{a0}\u{a0}\u{a0}\u{a0}"),
            ),
            (
                "2001:db8:85a3:8d3:1319:8a2e:370:7348 - -",
                Some("2001:db8:85a3:8d3:1319:8a2e:370:7348"),
            ),
            ("none", None),
            ("", None),
        ] {
            assert_eq!(first_word(text.as_bytes()), word.map(str::as_bytes), "{text}");
        }
    }
}
