//! A body on a terminal: text as it is, everything else as escapes.

use std::io::{self, Write};

use upshift_config::is_visible;

/// Makes a body visible on its way to a terminal. Lines and tabs stay; a control character, a
/// character that changes the direction of the text, and a byte that is no UTF-8 become escapes.
/// [`flush`](Write::flush) ends the text.
pub(super) struct VisibleBody<W> {
    inner: W,
    /// The end of what was written: the beginning of a character, or a CR that LF may follow.
    held: Vec<u8>,
}

impl<W: Write> VisibleBody<W> {
    pub(super) fn new(inner: W) -> Self {
        Self { inner, held: Vec::new() }
    }

    /// Writes what is held; unless the body has ended, without its last, incomplete part.
    fn write_held(&mut self, ended: bool) -> io::Result<()> {
        let bytes = std::mem::take(&mut self.held);
        let mut rest = bytes.as_slice();
        let mut visible = String::with_capacity(rest.len());
        while !rest.is_empty() {
            let (text, invalid) = split_text(rest);
            // A CR at the end waits for the next byte: before LF it is part of the line break.
            let keep =
                !ended && invalid.is_none() && text.len() == rest.len() && text.ends_with('\r');
            push_visible(&mut visible, if keep { &text[..text.len() - 1] } else { text });
            if keep {
                self.held.push(b'\r');
            }
            rest = &rest[text.len()..];
            match invalid {
                // It may become a character when more comes.
                Some(None) if !ended => {
                    self.held.extend_from_slice(rest);
                    break;
                }
                Some(length) => {
                    let (bytes, after) = rest.split_at(length.unwrap_or(rest.len()));
                    bytes.iter().for_each(|byte| visible.push_str(&format!("\\x{byte:02x}")));
                    rest = after;
                }
                None => {}
            }
        }
        self.inner.write_all(visible.as_bytes())
    }
}

/// The text at the beginning, and how many bytes behind it are no UTF-8: `Some(None)` if that is
/// not known yet.
fn split_text(bytes: &[u8]) -> (&str, Option<Option<usize>>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let valid = &bytes[..error.valid_up_to()];
            // `valid_up_to` says that it is UTF-8.
            (std::str::from_utf8(valid).unwrap_or_default(), Some(error.error_len()))
        }
    }
}

fn push_visible(visible: &mut String, text: &str) {
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            // A CR before LF ends the line with it; elsewhere it would overwrite the line.
            '\r' if characters.peek() == Some(&'\n') => {}
            '\n' | '\t' => visible.push(character),
            character if is_visible(character) => visible.push(character),
            character => visible.extend(character.escape_default()),
        }
    }
}

impl<W: Write> Write for VisibleBody<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        self.write_held(false)?;
        // What is held counts as written; the next write or the flush writes it.
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_held(true)?;
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written whole, and byte by byte, since a body may be cut anywhere.
    fn shown(body: &[u8]) -> String {
        let mut whole = VisibleBody::new(Vec::new());
        let written = whole.write_all(body).and_then(|()| whole.flush());
        assert!(written.is_ok());
        let mut pieces = VisibleBody::new(Vec::new());
        let written = body.iter().try_for_each(|byte| pieces.write_all(&[*byte]));
        assert!(written.and_then(|()| pieces.flush()).is_ok());
        assert_eq!(String::from_utf8_lossy(&whole.inner), String::from_utf8_lossy(&pieces.inner));
        String::from_utf8_lossy(&whole.inner).into_owned()
    }

    #[test]
    fn text_stays_text() {
        let text = "Käse\t☃ 漢字 👍\nsecond\n";
        assert_eq!(shown(text.as_bytes()), text);
        assert_eq!(shown(b"a: b\r\n\r\nbody\r\n"), "a: b\n\nbody\n");
    }

    #[test]
    fn what_a_terminal_would_obey_becomes_an_escape() {
        assert_eq!(
            shown("\u{1b}[2J\u{9b}31m\u{202e}x".as_bytes()),
            "\\u{1b}[2J\\u{9b}31m\\u{202e}x"
        );
        assert_eq!(shown(b"honest\rforged\n"), "honest\\rforged\n");
        assert_eq!(shown(b"end\r"), "end\\r");
    }

    #[test]
    fn bytes_that_are_no_text_become_escapes() {
        assert_eq!(shown(b"\x89PNG\r\n\x1a\n\0"), "\\x89PNG\n\\u{1a}\n\\u{0}");
        assert_eq!(shown(b"cut \xe2\x98"), "cut \\xe2\\x98");
        assert_eq!(shown(b"\xff\xfe\xe2\x98\x83"), "\\xff\\xfe☃");
    }
}
