//! Field values (RFC 9110 §5.5).

/// Returns true if `text` can be a field value, with visible ASCII, spaces and tabs only.
///
/// RFC 9110 §5.5: "Field values are usually constrained to the range of US-ASCII characters"; CR,
/// LF and NUL would end the field, or the message.
pub(crate) fn is_field_value(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t'))
}
