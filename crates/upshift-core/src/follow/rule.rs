//! The numbered rules, so that a step can name the one behind it.

/// One of the numbered rules of [`follow`](super).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FollowRule {
    /// Its number in the documentation of the module.
    pub number: u8,
    /// The paragraph that it follows from.
    pub paragraph: &'static str,
    /// The rule in a few words, as `-v` prints it.
    pub says: &'static str,
}

macro_rules! rules {
    ($($name:ident = $number:literal, $paragraph:literal, $says:literal;)*) => {
        impl FollowRule {
            $(#[doc = $says]
            pub const $name: FollowRule =
                FollowRule { number: $number, paragraph: $paragraph, says: $says };)*

            /// All rules, in order.
            pub const ALL: &'static [FollowRule] = &[$(FollowRule::$name),*];
        }
    };
}

rules! {
    ONLY_426 = 1, "RFC 9110 §15.5.22", "only a 426 is followed";
    WANTED = 2, "RFC 9110 §7.8", "a 426 requires what Upgrade or the problem body names";
    MALFORMED = 3, "RFC 9110 §7.8", "nothing in a malformed Upgrade is trusted";
    NOTHING_NAMED = 4, "RFC 9110 §15.5.22", "a 426 that names nothing is not followed";
    HTTP_1_0 = 5, "RFC 9110 §6.2", "a bare 426 to an HTTP/1.0 request means HTTP/1.1";
    DECLINED = 6, "RFC 6455 §4.1", "a declined WebSocket handshake is repeated as plain HTTP";
    ORDER = 7, "RFC 9110 §7.8", "the first alternative that is possible and allowed is taken";
    STACK = 8, "RFC 2817 §3.3", "HTTP/1.1 after TLS is the protocol inside TLS";
    TLS = 9, "RFC 6797 §8.3", "TLS is a new connection to the same host";
    TLS_IN_BAND = 10, "RFC 2817 §3.2", "a switch to TLS inside the connection needs permission";
    HTTP_2 = 11, "RFC 9113 §3.2, §3.3", "HTTP/2 by ALPN, or by prior knowledge over cleartext";
    H2C = 12, "RFC 7540 §3.2", "the obsolete h2c switch needs permission";
    HTTP_3 = 13, "RFC 9114 §3.1", "HTTP/3 needs https and an Alt-Svc of the same host";
    WEBSOCKET = 14, "RFC 6455 §4.4", "a WebSocket handshake uses a version that the server lists";
    VERSION = 15, "RFC 9110 §7.8", "only the caller can raise a version";
    NEVER_WEAKER = 16, "RFC 9110 §4.3.4", "never weaker, never https to http, never another host";
    CREDENTIALS = 17, "RFC 9110 §17.16.1", "credentials are not repeated over cleartext";
    REWIND = 18, "RFC 9110 §9.2.2", "a body is repeated only if it can be read again";
    ONCE = 19, "RFC 9110 §15.4", "each requirement is tried once, and the steps are limited";
    SWITCHED = 20, "RFC 9110 §15.2.2", "a 101 counts only if it names what was offered";
    HTTP_2_UNREADABLE = 21, "RFC 9113 §8.1.1", "what HTTP/2 cannot carry is requested over HTTP/1.1";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_lists_every_rule_with_its_paragraph() {
        let documentation =
            include_str!("mod.rs").replace("\n//!    ", "").replace("\n//!     ", "");
        let listed = documentation.lines().filter(|line| {
            line.strip_prefix("//! ")
                .is_some_and(|line| line.starts_with(|first: char| first.is_ascii_digit()))
        });
        assert_eq!(listed.count(), FollowRule::ALL.len());
        for (index, rule) in FollowRule::ALL.iter().enumerate() {
            assert_eq!(usize::from(rule.number), index + 1);
            let first = rule.paragraph.split(',').next().unwrap_or_default();
            let start = format!("//! {}. ", rule.number);
            let line =
                documentation.lines().find(|line| line.starts_with(&start)).unwrap_or_default();
            assert!(
                line.contains(first.trim_start_matches("RFC 9110 ")),
                "rule {}: {line}",
                rule.number
            );
        }
    }
}
