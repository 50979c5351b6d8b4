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
    !bytes.is_empty() && bytes.iter().all(|byte| is_tchar(*byte))
}

pub(crate) fn is_target_byte(byte: u8) -> bool {
    TARGET[usize::from(byte)]
}

pub(crate) fn is_value_byte(byte: u8) -> bool {
    FIELD_VALUE[usize::from(byte)]
}

/// Returns true if a value has no other bytes than those of [`is_value_byte`].
pub(crate) fn has_value_bytes(value: &[u8]) -> bool {
    // Without a way out of the loop, the compiler looks at 16 bytes at once.
    let mut has_control = false;
    for &byte in value {
        has_control |= (byte < b' ' && byte != b'\t') || byte == 0x7f;
    }
    !has_control
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

    #[test]
    fn only_spaces_and_tabs_are_trimmed() {
        assert_eq!(trim_ows(b" \ta b\t "), b"a b");
        assert_eq!(trim_ows(b"\x0ba\xa0"), b"\x0ba\xa0");
        assert_eq!(trim_ows(b" \t"), b"");
    }
}
