//! The ids of traces and spans as bytes.

/// The bytes of an id in hexadecimal.
pub(super) fn id_bytes(digits: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(digits.len() / 2);
    for pair in digits.as_bytes().chunks(2) {
        let text = std::str::from_utf8(pair).unwrap_or_default();
        bytes.push(u8::from_str_radix(text, 16).unwrap_or_default());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_digits_are_one_byte() {
        assert_eq!(id_bytes("00f067aa"), [0x00, 0xf0, 0x67, 0xaa]);
    }
}
