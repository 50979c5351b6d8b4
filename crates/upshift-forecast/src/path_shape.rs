//! The shape of a path: identifiers replaced by `*`, so that paths can be counted.

use upshift_adoption::usage::path_pattern;

/// The path of a target without its query, in the form in which the gateway's reports show paths.
pub(crate) fn path_shape(target: &[u8]) -> String {
    let end = memchr::memchr2(b'?', b'#', target);
    let path = &target[..end.unwrap_or(target.len())];
    path_pattern(&String::from_utf8_lossy(path))
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
            assert_eq!(path_shape(target.as_bytes()), shape, "{target}");
        }
    }
}
