//! The shape of a path: identifiers replaced by `*`, so that paths can be counted.

use upshift_adoption::usage::path_pattern;
use upshift_core::Facts;

/// The path of a target without its authority and query, in the form in which the gateway's reports
/// show paths.
pub(crate) fn path_shape(target: &[u8]) -> String {
    let target = String::from_utf8_lossy(target);
    let (path, _) = Facts::split_target(&target);
    path_pattern(path)
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
            ("http://api.example.com/app/orders/12345", "/app/orders/*"),
            ("https://api.example.com:443/app?next=http://x/", "/app"),
            ("http://api.example.com?x=1", "/"),
            ("http://api.example.com", "/"),
            ("/to=http://x/7", "/*//x/*"),
            ("/a#b?c", "/a"),
        ] {
            assert_eq!(path_shape(target.as_bytes()), shape, "{target}");
        }
    }
}
