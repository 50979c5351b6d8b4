//! The prefix that syslog puts before a line: RFC 3164, as nginx sends it and as files have it, and
//! the dates of rsyslog.

/// The length of the prefix of a line, up to its text; 0 if there is none.
pub(super) fn prefix_length(text: &[u8]) -> usize {
    let priority = match text {
        [b'<', rest @ ..] => match memchr::memchr(b'>', &rest[..rest.len().min(5)]) {
            Some(length) => length + 2,
            None => return 0,
        },
        _ => 0,
    };
    let Some(words) = words_after_date(&text[priority..]) else { return 0 };
    // The host, and the name of the program: `web1 nginx[17]: `.
    let rest = &text[priority + words..];
    let limit = rest.len().min(160);
    match memchr::memmem::find(&rest[..limit], b": ") {
        Some(colon) if memchr::memchr_iter(b' ', &rest[..colon]).count() <= 1 => {
            priority + words + colon + 2
        }
        _ => 0,
    }
}

/// The length of the date at the beginning, and of the space after it.
fn words_after_date(text: &[u8]) -> Option<usize> {
    const RFC3164: usize = b"Nov 25 12:20:51 ".len();
    match text.get(..RFC3164)? {
        [b'A'..=b'Z', _, _, b' ', _, _, b' ', _, _, b':', _, _, b':', _, _, b' '] => Some(RFC3164),
        // `2026-11-25T12:20:51.123456+00:00 `.
        [_, _, _, _, b'-', _, _, b'-', _, _, b'T', ..] => {
            Some(memchr::memchr(b' ', &text[..text.len().min(40)])? + 1)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_end_before_the_text() {
        for (line, text) in [
            ("<190>Nov 25 12:20:51 web1 nginx: 192.0.2.1 - -", "192.0.2.1 - -"),
            ("Nov  5 12:20:51 web1 nginx[17]: {\"a\":1}", "{\"a\":1}"),
            ("2026-11-25T12:20:51.1+00:00 web1 nginx: 192.0.2.1 - -", "192.0.2.1 - -"),
            (
                "192.0.2.1 - - [25/Nov/2026:12:20:51 +0000] \"GET /a: b\"",
                "192.0.2.1 - - [25/Nov/2026:12:20:51 +0000] \"GET /a: b\"",
            ),
            ("{\"ts\": 1}", "{\"ts\": 1}"),
            ("<", "<"),
            ("", ""),
        ] {
            assert_eq!(&line[prefix_length(line.as_bytes())..], text);
        }
    }
}
