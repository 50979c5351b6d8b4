//! Requests that only one side takes, and why. Seen with nginx 1.22.1, HAProxy 2.6.12, Go 1.19.8, and
//! Node 20.20 and 22.20.

use super::comparison::{Laxer, Rules, Stricter};

pub(super) const RULES: Rules = Rules { stricter: &STRICTER, laxer: &LAXER, framed: &[] };

const fn stricter(
    class: &'static str,
    takers: &'static [&'static str],
    why: &'static str,
) -> Stricter {
    Stricter { class, takers, why }
}

const STRICTER: [Stricter; 23] = [
    stricter("bare-cr", &["nginx", "node", "go"], "RFC 9112 §2.2: a CR without LF is invalid"),
    stricter(
        "bare-lf",
        &["nginx", "haproxy", "node", "go"],
        "RFC 9112 §2.2 permits both; a peer that does not take it reads another message",
    ),
    stricter(
        "chunk-extension",
        &["nginx", "haproxy", "node", "go"],
        "RFC 9112 §7.1.1: it is outside of the grammar, and a peer may end the line elsewhere",
    ),
    stricter(
        "chunk-line-end",
        &["nginx", "haproxy", "go"],
        "RFC 9112 §7.1: chunked framing has no other line end than CR LF",
    ),
    stricter("chunk-size", &["go"], "RFC 9112 §7.1: an empty size is none"),
    stricter(
        "coding-in-http-1.0",
        &["haproxy", "node", "go"],
        "RFC 9112 §6.1: the framing is faulty",
    ),
    stricter("coding-list", &["node"], "another hop may not skip empty elements"),
    stricter("coding-unsupported", &["node"], "RFC 9112 §6.1: chunked is the only coding"),
    stricter(
        "connection-option",
        &["nginx", "haproxy", "node", "go", "gateway"],
        "RFC 9110 §7.6.1: who removes what Connection names removes the framing; the gateway does not",
    ),
    stricter(
        "content-length",
        &["haproxy", "go"],
        "RFC 9110 §8.6: an empty value is no number, nor one beyond 64 bits beside a coding",
    ),
    stricter("content-lengths", &["haproxy", "go"], "RFC 9110 §8.6 permits both"),
    stricter("empty-lines", &["nginx", "haproxy", "node"], "RFC 9112 §2.2 asks for one at least"),
    stricter("field-name", &["nginx", "go"], "RFC 9110 §5.1: a name is a token"),
    stricter(
        "field-value",
        &["nginx", "haproxy", "go"],
        "RFC 9110 §5.5: control characters are invalid",
    ),
    stricter("host", &["nginx", "haproxy", "node", "go"], "RFC 9112 §3.2 demands 400"),
    stricter("leading-space", &["nginx"], "RFC 9112 §2.2: refuse it, or ignore the line"),
    stricter(
        "length-and-coding",
        &["haproxy", "go"],
        "RFC 9112 §6.3: it ought to be handled as an error",
    ),
    stricter(
        "line-folding",
        &["nginx", "haproxy", "go"],
        "RFC 9112 §5.2 permits both; nginx ignores the line",
    ),
    stricter("no-colon", &["nginx"], "RFC 9112 §5: nginx ignores the line"),
    stricter(
        "request-line-space",
        &["nginx", "haproxy", "node"],
        "RFC 9112 §3: lenient splitting enables smuggling",
    ),
    stricter("target", &["haproxy", "go"], "RFC 9112 §3.2: it has none of the forms"),
    stricter(
        "target-byte",
        &["nginx", "haproxy", "node", "go"],
        "RFC 9112 §3.2: another server may cut the target elsewhere",
    ),
    stricter(
        "version",
        &["nginx", "haproxy", "node"],
        "RFC 9112 §2.3: there is no HTTP/0.9, and a version has one digit on each side",
    ),
];

const LAXER: [Laxer; 21] = [
    Laxer {
        refuser: "nginx",
        answer: "400",
        concerns: |disputed| disputed.has_unusual_method(),
        why: "it takes methods of upper-case letters, `_` and `-`; RFC 9110 §9.1: any token",
    },
    Laxer {
        refuser: "nginx",
        answer: "400",
        concerns: |disputed| disputed.has_encoded_nul() || disputed.has_stray_percent(),
        why: "it decodes the path, and refuses NUL and a stray `%`",
    },
    Laxer {
        refuser: "nginx",
        answer: "400",
        concerns: |disputed| disputed.has_several(b"expect"),
        why: "it takes one `Expect` line; RFC 9110 §10.1.1: it is a list",
    },
    Laxer {
        refuser: "nginx",
        answer: "400",
        concerns: |disputed| disputed.has_unusual_host(),
        why: "it takes fewer characters in a host than RFC 3986 §3.2.2, and no empty one",
    },
    Laxer {
        refuser: "nginx",
        answer: "",
        concerns: |disputed| disputed.has_tab_around_a_value(),
        why: "it strips spaces only; RFC 9110 §5.6.3: a tab is white space, too",
    },
    Laxer {
        refuser: "haproxy",
        answer: "413",
        concerns: |disputed| disputed.is_http_1_0() && disputed.has(b"content-length"),
        why: "it takes no content with GET, HEAD and DELETE in HTTP/1.0",
    },
    Laxer {
        refuser: "haproxy",
        answer: "400",
        concerns: |disputed| disputed.has_two_hosts(),
        why: "`Host` is not the authority of the target; RFC 9112 §3.2.2: it is ignored",
    },
    Laxer {
        refuser: "node",
        answer: "400 HPE_INVALID_METHOD",
        concerns: |disputed| disputed.has_method_outside(&KNOWN_METHODS),
        why: "it takes registered methods only; RFC 9110 §9.1: any token",
    },
    Laxer {
        refuser: "node",
        answer: "400 HPE_",
        concerns: |disputed| disputed.has_space_in_an_extension(),
        why: "RFC 9112 §7.1.1 allows white space around `;` and `=`",
    },
    Laxer {
        refuser: "node",
        answer: "400 HPE_",
        concerns: |disputed| disputed.has_framing_trailer() || disputed.has_tab_around_a_value(),
        why: "it reads trailers as fields of the head, and a tab as part of a coding or length",
    },
    Laxer {
        refuser: "node",
        answer: "400 HPE_INVALID_URL",
        concerns: |disputed| disputed.has_other_scheme(),
        why: "it takes schemes of letters only; RFC 3986 §3.1 also has digits, `+`, `-` and `.`",
    },
    Laxer {
        refuser: "node",
        answer: "417",
        concerns: |disputed| disputed.has_other_expectation(),
        why: "RFC 9110 §10.1.1: a server may ignore an expectation that it does not know",
    },
    Laxer {
        refuser: "go",
        answer: "417",
        concerns: |disputed| disputed.has_other_expectation(),
        why: "RFC 9110 §10.1.1: a server may ignore an expectation that it does not know",
    },
    Laxer {
        refuser: "go",
        answer: "400",
        concerns: |disputed| disputed.begins_with_an_empty_line(),
        why: "it takes no empty line before a request; RFC 9112 §2.2 asks for it",
    },
    Laxer {
        refuser: "go",
        answer: "400 invalid byte in chunk length",
        concerns: |disputed| disputed.has_space_in_an_extension(),
        why: "RFC 9112 §7.1.1 allows white space around `;` and `=`",
    },
    Laxer {
        refuser: "go",
        answer: "400 http chunk length too large",
        concerns: |disputed| disputed.has_long_chunk_size(),
        why: "it takes 16 digits at most; RFC 9112 §7.1 allows leading zeros",
    },
    Laxer {
        refuser: "go",
        answer: "400",
        concerns: |disputed| disputed.has_stray_percent(),
        why: "it decodes the path, and refuses a stray `%`",
    },
    Laxer {
        refuser: "gateway",
        answer: "400 The path contains a NUL.",
        concerns: |disputed| disputed.has_encoded_nul(),
        why: "it reads paths, which the codec does not",
    },
    Laxer {
        refuser: "gateway",
        answer: "400 The request's target has a character that must be percent-encoded.",
        concerns: |disputed| disputed.has_unencoded_character(),
        why: "RFC 3986 does not allow the character in a target",
    },
    Laxer {
        refuser: "gateway",
        answer: "400 Only http and https URLs are served here.",
        concerns: |disputed| disputed.has_other_scheme(),
        why: "the codec leaves the choice of schemes to its driver",
    },
    Laxer {
        refuser: "gateway",
        answer: "400 The Host field is not a valid host.",
        concerns: |disputed| disputed.has_unusual_host(),
        why: "it takes no percent-encoded host, which RFC 3986 §3.2.2 allows",
    },
];

/// The registered methods that cases have.
const KNOWN_METHODS: [&[u8]; 5] = [b"GET", b"POST", b"PUT", b"OPTIONS", b"DELETE"];
