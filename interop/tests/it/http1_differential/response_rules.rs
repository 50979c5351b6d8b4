//! Responses that only one side takes, and why. Seen with nginx 1.22.1, HAProxy 2.6.12, Go 1.19.8, and
//! Node 20.20 and 22.20.

use super::comparison::{Framed, Laxer, Rules, Stricter};

pub(super) const RULES: Rules = Rules { stricter: &STRICTER, laxer: &LAXER, framed: &FRAMED };

const fn stricter(
    class: &'static str,
    takers: &'static [&'static str],
    why: &'static str,
) -> Stricter {
    Stricter { class, takers, why }
}

const STRICTER: [Stricter; 23] = [
    stricter("bare-cr", &["nginx", "go"], "RFC 9112 §2.2: a CR without LF is invalid"),
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
        "chunked-not-last",
        &["nginx", "node"],
        "RFC 9112 §6.3 reads it to the end of the connection; the coding cannot be passed on",
    ),
    stricter(
        "coding-in-http-1.0",
        &["nginx", "haproxy", "node", "go"],
        "RFC 9112 §6.1: the framing is faulty",
    ),
    stricter(
        "coding-list",
        &["nginx", "haproxy", "node"],
        "another hop may not skip empty elements",
    ),
    stricter("coding-unsupported", &["nginx", "node"], "RFC 9112 §6.1: chunked is the only coding"),
    stricter(
        "connection-option",
        &["nginx", "haproxy", "node", "go", "gateway"],
        "RFC 9110 §7.6.1: who removes what Connection names removes the framing; the gateway does not",
    ),
    stricter(
        "content-length",
        &["nginx", "haproxy", "go"],
        "RFC 9110 §8.6: the value is no number, or to HAProxy one beyond 64 bits",
    ),
    stricter(
        "content-lengths",
        &["nginx"],
        "RFC 9112 §6.3: to nginx, the last one of several counts",
    ),
    stricter(
        "empty-lines",
        &["nginx", "haproxy", "node"],
        "RFC 9112 §2.2 permits them before a request only",
    ),
    stricter("field-name", &["nginx", "haproxy", "go"], "RFC 9110 §5.1: a name is a token"),
    stricter(
        "field-value",
        &["nginx", "haproxy", "go"],
        "RFC 9110 §5.5: control characters are invalid",
    ),
    stricter(
        "incomplete",
        &["nginx"],
        "RFC 9110 §15.2: nginx takes a 1xx for the final response; RFC 9112 §8: or half a head for \
         content of HTTP/0.9",
    ),
    stricter(
        "leading-space",
        &["nginx", "haproxy"],
        "RFC 9112 §2.2: refuse it, or ignore the line",
    ),
    stricter("line-folding", &["nginx", "haproxy", "go"], "RFC 9112 §5.2 permits both"),
    stricter("no-colon", &["nginx"], "RFC 9112 §5: nginx ignores the line"),
    stricter("no-response", &["nginx"], "RFC 9110 §15.2: nginx takes a 1xx for the final response"),
    stricter(
        "status",
        &["nginx", "haproxy", "go"],
        "RFC 9110 §15: a status is from 100 to 599, with a space before and behind it",
    ),
    stricter(
        "status-line",
        &["nginx", "haproxy", "node", "go"],
        "RFC 9112 §4: nginx passes on bytes without a status line as they are",
    ),
    stricter("version", &["nginx", "haproxy"], "RFC 9112 §2.3: as for the status line"),
];

const LAXER: [Laxer; 18] = [
    Laxer {
        refuser: "gateway",
        answer: "502",
        concerns: |disputed| disputed.is_empty_with_framing(),
        why: "a malformed length or coding, even where there is no content",
    },
    Laxer {
        refuser: "gateway",
        answer: "502",
        concerns: |disputed| disputed.has_length_and_coding(),
        why: "RFC 9112 §6.3: it ought to be handled as an error",
    },
    Laxer {
        refuser: "gateway",
        answer: "502",
        concerns: |disputed| disputed.has_list_of_lengths(),
        why: "equal lengths; RFC 9112 §6.3 permits both",
    },
    Laxer {
        refuser: "nginx",
        answer: "502",
        concerns: |disputed| disputed.has_space_before_a_colon(),
        why: "RFC 9112 §5.1: a proxy removes white space before a colon; this one refuses it",
    },
    Laxer {
        refuser: "haproxy",
        answer: "502",
        concerns: |disputed| disputed.has_space_before_a_colon(),
        why: "RFC 9112 §5.1: a proxy removes white space before a colon; this one refuses it",
    },
    Laxer {
        refuser: "haproxy",
        answer: "502",
        concerns: |disputed| disputed.has_length_and_coding() && disputed.has_faulty_length(),
        why: "a malformed length beside a coding, where it does not count",
    },
    Laxer {
        refuser: "go",
        answer: "error net/http:",
        concerns: |disputed| {
            disputed.has_list_of_lengths() || disputed.has_several(b"content-length")
        },
        why: "equal lengths; RFC 9112 §6.3 permits both",
    },
    Laxer {
        refuser: "go",
        answer: "error ",
        concerns: |disputed| disputed.has_space_before_a_colon(),
        why: "RFC 9112 §5.1: a proxy removes white space before a colon; to Go it is another field",
    },
    Laxer {
        refuser: "go",
        answer: "error http chunk length too large",
        concerns: |disputed| disputed.has_long_chunk_size(),
        why: "it takes 16 digits at most; RFC 9112 §7.1 allows leading zeros",
    },
    Laxer {
        refuser: "node",
        answer: "error HPE_INVALID_HEADER_TOKEN",
        concerns: |disputed| disputed.has_space_before_a_colon(),
        why: "RFC 9112 §5.1: a client refuses white space before a colon, or removes it",
    },
    Laxer {
        refuser: "haproxy",
        answer: "502",
        concerns: |disputed| disputed.is_empty_with_framing(),
        why: "a malformed length or coding, even where there is no content",
    },
    Laxer {
        refuser: "go",
        answer: "error net/http: HTTP/1.x transport connection broken: ",
        concerns: |disputed| disputed.is_empty_with_framing(),
        why: "a malformed length or coding, even where there is no content",
    },
    Laxer {
        refuser: "go",
        answer: "error invalid byte in chunk length",
        concerns: |disputed| disputed.has_space_in_an_extension(),
        why: "RFC 9112 §7.1.1 allows white space around `;` and `=`",
    },
    Laxer {
        refuser: "node",
        answer: "error HPE_",
        concerns: |disputed| disputed.has_space_in_an_extension(),
        why: "RFC 9112 §7.1.1 allows white space around `;` and `=`",
    },
    Laxer {
        refuser: "node",
        answer: "error HPE_",
        concerns: |disputed| disputed.has_length_and_coding(),
        why: "RFC 9112 §6.3: it ought to be handled as an error",
    },
    Laxer {
        refuser: "node",
        answer: "error HPE_",
        concerns: |disputed| {
            disputed.has_several(b"content-length")
                || disputed.has_list_of_lengths()
                || disputed.has_tab_around_a_value()
        },
        why: "equal lengths, or a tab around one; RFC 9112 §6.3, RFC 9110 §5.6.3: both are valid",
    },
    Laxer {
        refuser: "node",
        answer: "error HPE_",
        concerns: |disputed| disputed.is_empty_with_framing() || disputed.has_framing_trailer(),
        why: "a malformed length or coding, even where there is no content, or in a trailer",
    },
    Laxer {
        refuser: "node",
        answer: "error HPE_",
        concerns: |disputed| disputed.has_bytes_behind(),
        why: "RFC 9112 §9.2: bytes behind the response are not another one; the codec drops them",
    },
];

const FRAMED: [Framed; 4] = [
    Framed {
        reader: "go",
        concerns: |disputed| disputed.has_space_before_a_colon(),
        why: "RFC 9112 §5.1: a proxy removes white space before a colon; to Go it is another field",
    },
    Framed {
        reader: "nginx",
        concerns: |disputed| disputed.has_tab_around_a_value(),
        why: "RFC 9110 §5.6.3: a tab is white space, too; nginx ignores the length",
    },
    Framed {
        reader: "node",
        concerns: |disputed| disputed.has_tab_around_a_value(),
        why: "RFC 9110 §5.6.3: a tab is white space, too; to Node, the coding is not chunked",
    },
    Framed {
        reader: "nginx",
        concerns: |disputed| disputed.has_list_of_lengths(),
        why: "RFC 9110 §8.6: equal lengths are one; nginx ignores a list",
    },
];
