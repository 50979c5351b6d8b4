//! The shape of a path: numbers and identifiers replaced by `*`, so that paths can be counted.

use std::borrow::Cow;

/// The path of a target without its query, each segment that looks like an identifier as `*`.
pub(crate) fn path_shape(target: &[u8]) -> Cow<'_, [u8]> {
    let end = memchr::memchr2(b'?', b'#', target);
    let path = &target[..end.unwrap_or(target.len())];
    if !path.iter().any(u8::is_ascii_digit) {
        return Cow::Borrowed(path);
    }
    let mut shape = Vec::with_capacity(path.len());
    for (index, segment) in path.split(|byte| *byte == b'/').enumerate() {
        if index > 0 {
            shape.push(b'/');
        }
        if is_identifier(segment) {
            shape.push(b'*');
        } else {
            shape.extend_from_slice(segment);
        }
    }
    Cow::Owned(shape)
}

/// A number, or at least eight characters of hexadecimal digits and dashes, one of them a digit.
fn is_identifier(segment: &[u8]) -> bool {
    if segment.is_empty() || !segment.iter().any(u8::is_ascii_digit) {
        return false;
    }
    let is_number = segment.iter().all(u8::is_ascii_digit);
    let is_hex = segment.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
    is_number || (is_hex && segment.len() >= 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_replaced() {
        for (target, shape) in [
            ("/api/orders/1234?x=1", "/api/orders/*"),
            ("/api/v2/orders", "/api/v2/orders"),
            ("/o/1b4e28ba-2fa1-11d2-883f-0016d3cca427/items", "/o/*/items"),
            ("/o/deadbeef", "/o/deadbeef"),
            ("/", "/"),
            ("*", "*"),
        ] {
            assert_eq!(String::from_utf8_lossy(&path_shape(target.as_bytes())), shape, "{target}");
        }
    }
}
