//! Octets on a connection, for people: as text with its line ends, or in hexadecimal.

use std::fmt::Write as _;

/// The number of octets in a line of hexadecimal.
const PER_LINE: usize = 16;

/// The number of octets below which a start that looks like text is taken for chance.
const SHORTEST_TEXT: usize = 12;

/// The lines for octets, each without an end. Nothing is left out: what follows the last line of
/// text is in hexadecimal, such as frames after a 101.
pub fn octet_lines(octets: &[u8]) -> Vec<String> {
    let (text, rest) = split_text(octets);
    let mut lines: Vec<String> = text.split_inclusive('\n').map(text_line).collect();
    lines.extend(rest.chunks(PER_LINE).enumerate().map(hex_line));
    lines
}

/// The text at the start, and the octets after it.
fn split_text(octets: &[u8]) -> (&str, &[u8]) {
    if let Some(text) = as_text(octets) {
        return (text, &[]);
    }
    let mut end = 0;
    for line in octets.split_inclusive(|octet| *octet == b'\n') {
        if as_text(line).is_none() || !line.ends_with(b"\n") {
            break;
        }
        end += line.len();
    }
    match as_text(&octets[..end]) {
        Some(text) if end >= SHORTEST_TEXT => (text, &octets[end..]),
        _ => ("", octets),
    }
}

/// The text, if it is one: UTF-8 without control characters other than tabs and line ends.
fn as_text(octets: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(octets).ok()?;
    let has_controls = text.chars().any(|c| c.is_control() && !matches!(c, '\r' | '\n' | '\t'));
    if has_controls { None } else { Some(text) }
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
    fn frames_after_text_are_shown_in_hexadecimal() {
        let lines = octet_lines(b"HTTP/1.1 101 S\r\n\r\n\x00\x00\x06\x04\n");
        assert_eq!(lines[..2], ["HTTP/1.1 101 S\\r\\n", "\\r\\n"]);
        assert!(lines[2].starts_with("000000  00 00 06 04 0a "), "{}", lines[2]);
        assert_eq!(octet_lines(b"\n\x00").len(), 1);
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
