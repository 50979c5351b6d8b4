//! Malformed input: no octets make a reader or a note panic.

use proptest::prelude::*;
use upshift_notes::reader::{Format, guess_format, read};
use upshift_notes::{all_notes, examine};

/// Reads in every format, and examines all that was read.
fn read_and_examine(input: &[u8]) {
    guess_format(input);
    for format in Format::ALL {
        for recording in read(input, format).unwrap_or_default() {
            for finding in examine(&recording.exchange) {
                recording.line_of(finding.place, finding.field.as_deref());
            }
        }
    }
}

proptest! {
    #[test]
    fn any_octets(input in proptest::collection::vec(any::<u8>(), 0..300)) {
        read_and_examine(&input);
    }

    #[test]
    fn fields_of_any_value(value in "[ -~]{0,40}", other in "[ -~]{0,40}") {
        for name in FIELDS {
            let text = format!(
                "# url: http://a/\nGET / HTTP/1.1\n{name}: {other}\n\n\
                 HTTP/1.1 101 Switching Protocols\n{name}: {value}\n\n\
                 HTTP/1.1 426 Upgrade Required\n{name}: {value}\n{name}: {other}\n\nx"
            );
            read_and_examine(text.as_bytes());
        }
    }

    /// What a person breaks: an example with a part replaced or cut out.
    #[test]
    fn damaged_examples(
        index in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        length in 0..40_usize,
        junk in proptest::collection::vec(any::<u8>(), 0..9),
    ) {
        let example = all_notes()[index.index(all_notes().len())].right_example();
        let mut octets = example.as_bytes().to_vec();
        let start = at.index(octets.len());
        let end = (start + length).min(octets.len());
        octets.splice(start..end, junk);
        read_and_examine(&octets);
    }
}

/// The fields whose values the notes take apart.
const FIELDS: [&str; 18] = [
    "Upgrade",
    "Connection",
    "Alt-Svc",
    "Cache-Control",
    "Link",
    "Deprecation",
    "Sunset",
    "Strict-Transport-Security",
    "Retry-After",
    "Vary",
    "Via",
    "Content-Length",
    "Transfer-Encoding",
    "Content-Type",
    "HTTP2-Settings",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Extensions",
    "Expires",
];
