//! The lines of a block.

/// Cuts a block into lines.
pub(crate) struct Lines<'b> {
    /// The part of the block that is still to be read.
    rest: &'b [u8],
}

impl<'b> Lines<'b> {
    pub(crate) fn new(block: &'b [u8]) -> Self {
        Self { rest: block }
    }

    /// The lines that are still to be read.
    pub(crate) fn rest(&self) -> &'b [u8] {
        self.rest
    }

    /// Goes past the next `length` bytes, which end with a line.
    pub(crate) fn skip(&mut self, length: usize) {
        self.rest = &self.rest[length..];
    }

    /// The next line without its newline.
    pub(crate) fn next_line(&mut self) -> Option<&'b [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', self.rest).unwrap_or(self.rest.len());
        let line = &self.rest[..end];
        self.rest = self.rest.get(end + 1..).unwrap_or_default();
        let text = line.strip_suffix(b"\r").unwrap_or(line);
        match text.first() {
            Some(0 | 0xef) => {}
            _ => return Some(text),
        }
        // A hole in a file that was truncated while it was written, or a byte order mark.
        let hole = text.iter().take_while(|byte| **byte == 0).count();
        let bare = &text[hole..];
        Some(bare.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bare))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_a_newline_or_the_block() {
        let mut lines = Lines::new(b"a \"b\"\r\n\n\0\0\0c\nlast");
        let mut seen = Vec::new();
        while let Some(line) = lines.next_line() {
            seen.push(String::from_utf8_lossy(line).into_owned());
        }
        assert_eq!(seen, ["a \"b\"", "", "c", "last"]);
    }
}
