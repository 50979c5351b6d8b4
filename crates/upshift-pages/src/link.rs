//! Addresses of pages.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The characters that are escaped in a segment of a path: all but the unreserved ones (RFC 3986
/// §2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~').remove(b'.');

/// The path of the page of a rule.
pub fn rule_path(rule: &str) -> String {
    format!("/rules/{}", utf8_percent_encode(rule, ESCAPED))
}

/// The path of the page to log in, which leads to the page at `next` afterwards.
pub fn login_path(next: &str) -> String {
    match next {
        "/" => "/login".to_owned(),
        _ => format!("/login?next={}", utf8_percent_encode(next, ESCAPED)),
    }
}

/// A name for a fragment of a page, which is unique for each rule.
pub fn rule_anchor(rule: &str) -> String {
    format!("rule-{}", utf8_percent_encode(rule, ESCAPED).to_string().replace('%', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_cannot_leave_its_segment() {
        assert_eq!(rule_path("orders-v2.1"), "/rules/orders-v2.1");
        assert_eq!(rule_path("a/b c?d#e%f"), "/rules/a%2Fb%20c%3Fd%23e%25f");
        assert_eq!(rule_path("<script>"), "/rules/%3Cscript%3E");
        assert_eq!(login_path("/rules/a%20b"), "/login?next=%2Frules%2Fa%2520b");
        assert_eq!(rule_anchor("a b"), "rule-a_20b");
    }
}
