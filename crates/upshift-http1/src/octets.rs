//! Classes of bytes.

/// Builds a table of the bytes for which a pattern matches.
macro_rules! byte_table {
    ($($pattern:pat_param)|+) => {{
        let mut table = [false; 256];
        let mut byte = 0;
        while byte < 256 {
            table[byte] = matches!(byte as u8, $($pattern)|+);
            byte += 1;
        }
        table
    }};
}

/// RFC 9110 §5.6.2: `tchar`.
static TCHAR: [bool; 256] = byte_table!(
    b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'0'..=b'9' | b'A'..=b'Z'
        | b'^'..=b'z' | b'|' | b'~'
);

/// Bytes of a request target: printable ASCII without `#`. RFC 3986 allows fewer, but clients send
/// the others, and they do not affect the framing.
static TARGET: [bool; 256] = byte_table!(b'!' | b'"' | b'$'..=b'~');

/// RFC 9110 §5.5: `field-vchar`, SP and HTAB.
static FIELD_VALUE: [bool; 256] = byte_table!(b'\t' | b' '..=b'~' | 0x80..=0xff);

/// RFC 3986 §3.2.2: the bytes of `reg-name`, with the `%` of an encoded one.
static HOST: [bool; 256] = byte_table!(
    b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'%'
        | b'!' | b'$' | b'&'..=b',' | b';' | b'='
);

pub(crate) fn is_tchar(byte: u8) -> bool {
    TCHAR[usize::from(byte)]
}

pub(crate) fn is_token(bytes: &[u8]) -> bool {
    // Without a way out of the loop: nearly every name is a token.
    let mut are_valid = !bytes.is_empty();
    for byte in bytes {
        are_valid &= is_tchar(*byte);
    }
    are_valid
}

pub(crate) fn is_target_byte(byte: u8) -> bool {
    TARGET[usize::from(byte)]
}

pub(crate) fn is_value_byte(byte: u8) -> bool {
    FIELD_VALUE[usize::from(byte)]
}

/// Returns true if a value has no other bytes than those of [`is_value_byte`].
pub(crate) fn has_value_bytes(value: &[u8]) -> bool {
    let (chunks, rest) = value.as_chunks::<16>();
    let mut has_control = false;
    for chunk in chunks {
        // Without a way out of the loop, the compiler looks at all of them at once.
        for &byte in chunk {
            has_control |= (byte < b' ' && byte != b'\t') || byte == 0x7f;
        }
    }
    !has_control && has_value_bytes_at_end(value, rest)
}

/// The same for the `rest` of a value, of less than 16 bytes: most values are as short.
fn has_value_bytes_at_end(value: &[u8], rest: &[u8]) -> bool {
    match (rest.first_chunk(), value.last_chunk()) {
        // The last eight bytes may be looked at twice.
        (Some(first), Some(last)) => has_only_value_bytes(*first) && has_only_value_bytes(*last),
        (None, Some(last)) => has_only_value_bytes(*last),
        (_, None) => rest.iter().all(|byte| is_value_byte(*byte)),
    }
}

/// The byte 0x01 in each place of a word.
const ONES: u64 = u64::MAX / 0xff;
/// The highest bit of each byte of a word.
const HIGH_BITS: u64 = ONES << 7;

fn has_only_value_bytes(word: [u8; 8]) -> bool {
    let word = u64::from_ne_bytes(word);
    let low = word & !HIGH_BITS;
    // In each byte, the highest bit is set if the byte is 0x20 or above, or not 0x09, or not 0x7f:
    // no sum of seven bits and the number carries into the next byte.
    let is_printable = low + ONES * 0x60;
    let is_not_tab = (low ^ (ONES * 0x09)) + ONES * 0x7f;
    let is_not_delete = (low ^ (ONES * 0x7f)) + ONES * 0x7f;
    let is_valid = word | ((is_printable | !is_not_tab) & is_not_delete);
    is_valid & HIGH_BITS == HIGH_BITS
}

/// Returns true if `name` is `known` in any case. `known` is in lower case.
pub(crate) fn is_same_name(name: &[u8], known: &[u8]) -> bool {
    if name.len() != known.len() {
        return false;
    }
    let (words, _) = name.as_chunks::<8>();
    let (known_words, _) = known.as_chunks::<8>();
    for (word, known) in words.iter().zip(known_words) {
        if lower_word(*word) != u64::from_ne_bytes(*known) {
            return false;
        }
    }
    match (name.last_chunk(), known.last_chunk()) {
        // The last eight bytes may be compared twice.
        (Some(word), Some(known)) => lower_word(*word) == u64::from_ne_bytes(*known),
        _ => name.eq_ignore_ascii_case(known),
    }
}

/// Eight bytes in lower case.
fn lower_word(word: [u8; 8]) -> u64 {
    let word = u64::from_ne_bytes(word);
    let low = word & !HIGH_BITS;
    let is_from_a = low + ONES * (0x80 - b'A' as u64);
    let is_after_z = low + ONES * (0x7f - b'Z' as u64);
    let is_capital = is_from_a & !is_after_z & !word & HIGH_BITS;
    // The bit 0x20 is the difference between the cases.
    word | is_capital >> 2
}

pub(crate) fn is_host_byte(byte: u8) -> bool {
    HOST[usize::from(byte)]
}

/// Removes SP and HTAB around `bytes` (RFC 9110 §5.6.3: OWS), and nothing else.
pub(crate) fn trim_ows(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while let [b' ' | b'\t', tail @ ..] = rest {
        rest = tail;
    }
    while let [head @ .., b' ' | b'\t'] = rest {
        rest = head;
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(test: fn(u8) -> bool) -> String {
        let taken = (0..128u8).filter(|byte| test(*byte));
        taken.map(char::from).collect()
    }

    #[test]
    fn the_classes_are_those_of_the_rfcs() {
        assert_eq!(
            bytes_of(is_tchar),
            "!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~"
        );
        assert_eq!(
            bytes_of(is_host_byte),
            "!$%&'()*+,-.0123456789;=ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~"
        );
        assert!(bytes_of(is_target_byte).starts_with("!\"$%&"));
        assert!(!is_target_byte(0x80) && !is_target_byte(0x7f) && !is_target_byte(b' '));
        for byte in 0..=255 {
            assert_eq!(has_value_bytes(&[b'a', byte]), is_value_byte(byte), "{byte}");
        }
        assert!(is_value_byte(0xff) && is_value_byte(b'\t') && !is_value_byte(0x7f));
    }

    /// Catches a byte that is judged differently among eight.
    #[test]
    fn bytes_are_judged_alike_in_every_place() {
        for byte in 0..=255 {
            for place in 0..17 {
                let mut value = [b'a'; 17];
                value[place] = byte;
                assert_eq!(has_value_bytes(&value), is_value_byte(byte), "{byte} at {place}");
                for beside in [0x00, 0xff] {
                    let mut value = [beside; 16];
                    value[place % 16] = byte;
                    let all = value.iter().all(|byte| is_value_byte(*byte));
                    assert_eq!(has_value_bytes(&value), all, "{byte} beside {beside}");
                }
            }
        }
    }

    #[test]
    fn names_compare_without_case_and_nothing_else() {
        for byte in 0..=255 {
            for known in [b'-', b'a', b'k', b'z', b'2'] {
                for place in 0..11 {
                    let (mut name, mut wanted) = ([b'Q'; 11], [b'q'; 11]);
                    (name[place], wanted[place]) = (byte, known);
                    let is_same = byte.eq_ignore_ascii_case(&known);
                    assert_eq!(is_same_name(&name, &wanted), is_same, "{byte} {known}");
                }
            }
        }
        assert!(!is_same_name(b"host", b"hosts") && is_same_name(b"", b""));
    }

    #[test]
    fn only_spaces_and_tabs_are_trimmed() {
        assert_eq!(trim_ows(b" \ta b\t "), b"a b");
        assert_eq!(trim_ows(b"\x0ba\xa0"), b"\x0ba\xa0");
        assert_eq!(trim_ows(b" \t"), b"");
    }
}
