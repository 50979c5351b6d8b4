//! Octets on a connection, for people: as text with its line ends, or in hexadecimal.

use std::fmt::Write as _;

/// The number of octets in a line of hexadecimal.
const PER_LINE: usize = 16;

/// The lines for octets, each without an end. Nothing is left out.
pub(super) fn octet_lines(octets: &[u8]) -> Vec<String> {
    match as_text(octets) {
        Some(text) => text.split_inclusive('\n').map(text_line).collect(),
        None => octets.chunks(PER_LINE).enumerate().map(hex_line).collect(),
    }
}

/// The text, if it is one: UTF-8 without control characters other than tabs and line ends.
fn as_text(octets: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(octets).ok()?;
    let is_textual = |c: char| !c.is_control() || matches!(c, '\r' | '\n' | '\t');
    if text.chars().all(is_textual) { Some(text) } else { None }
}

/// A line with its end made visible.
fn text_line(line: &str) -> String {
    line.replace('\r', "\\r").replace('\n', "\\n").replace('\t', "\\t")
}

fn hex_line((place, octets): (usize, &[u8])) -> String {
    let mut line = format!("{:06x} ", place * PER_LINE);
    for octet in octets {
        // Writing to a string does not fail.
        let _ = write!(line, " {octet:02x}");
    }
    let width = "000000 ".len() + 3 * PER_LINE;
    let _ = write!(line, "{:1$}  ", "", width - line.len());
    for octet in octets {
        let is_visible = octet.is_ascii_graphic() || *octet == b' ';
        line.push(if is_visible { char::from(*octet) } else { '.' });
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_keeps_its_line_ends() {
        let lines = octet_lines(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nx");
        assert_eq!(lines, ["GET / HTTP/1.1\\r\\n", "Host: a\\r\\n", "\\r\\n", "x"]);
    }

    #[test]
    fn other_octets_are_shown_in_hexadecimal() {
        let lines = octet_lines(&[0, 1, b'a', 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b'z']);
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("000000  00 01 61 ff 00"), "{}", lines[0]);
        assert!(lines[0].ends_with("  ..a............."), "{}", lines[0]);
        assert!(lines[1].starts_with("000010  7a   "), "{}", lines[1]);
        assert_eq!(lines[0].rfind("..a"), lines[1].rfind('z'), "the columns are aligned");
    }
}
