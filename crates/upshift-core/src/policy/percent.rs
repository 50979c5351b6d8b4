//! Percent-encoding (RFC 3986 §2.1).

/// The first byte of `text`, percent-decoded, true if it was encoded, and the bytes after it. A `%`
/// that begins no encoding stands for itself.
pub(super) fn next_byte(text: &[u8]) -> Option<(u8, bool, &[u8])> {
    let (first, rest) = text.split_first()?;
    if *first == b'%'
        && let Some(byte) = hex_byte(rest)
    {
        return Some((byte, true, &rest[2..]));
    }
    Some((*first, false, rest))
}

/// The value of the two hexadecimal digits at the beginning of `text`.
pub(super) fn hex_byte(text: &[u8]) -> Option<u8> {
    let [high, low, ..] = text else { return None };
    let high = char::from(*high).to_digit(16)?;
    let low = char::from(*low).to_digit(16)?;
    // Two digits are 255 at most, so this never fails.
    u8::try_from(high * 16 + low).ok()
}

/// `text`, percent-decoded once.
pub(super) fn percent_decode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    // Once only: `%2541` is `%41` for every upstream that decodes correctly.
    while let Some((byte, _, after)) = next_byte(rest) {
        bytes.push(byte);
        rest = after;
    }
    bytes
}

/// Returns true if `path` contains `wanted` percent-encoded.
pub(super) fn has_encoded(path: &str, wanted: u8) -> bool {
    percent_signs(path).any(|after| hex_byte(after) == Some(wanted))
}

/// Returns true if `path` has a `%` without two hexadecimal digits.
pub(super) fn has_stray_percent(path: &str) -> bool {
    percent_signs(path).any(|after| hex_byte(after).is_none())
}

/// The bytes after each `%`.
fn percent_signs(path: &str) -> impl Iterator<Item = &[u8]> {
    let bytes = path.as_bytes();
    path.match_indices('%').map(|(at, _)| &bytes[at + 1..])
}
