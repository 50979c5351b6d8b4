//! The lines of a block, with the positions of their quotes where a format cuts lines at them.

use super::combined::Quotes;

/// Cuts a block into lines.
pub(crate) struct Lines<'b> {
    block: &'b [u8],
    begin: usize,
    /// The quotes, newlines and backslashes of the block; `None` if only newlines are of use.
    marks: Option<memchr::Memchr3<'b>>,
}

impl<'b> Lines<'b> {
    pub(super) fn new(block: &'b [u8], with_quotes: bool) -> Self {
        let marks =
            if with_quotes { Some(memchr::memchr3_iter(b'"', b'\n', b'\\', block)) } else { None };
        Self { block, begin: 0, marks }
    }

    /// The next line without its newline.
    pub(crate) fn next_line(&mut self) -> Option<(&'b [u8], Quotes)> {
        if self.begin >= self.block.len() {
            return None;
        }
        let begin = self.begin;
        let mut quotes = Quotes::default();
        let end = match &mut self.marks {
            Some(marks) => loop {
                let Some(mark) = marks.next() else { break self.block.len() };
                match self.block[mark] {
                    b'"' => quotes.push(mark - begin),
                    b'\n' => break mark,
                    _ => quotes.note_escape(),
                }
            },
            None => {
                let found = memchr::memchr(b'\n', &self.block[begin..]);
                found.map_or(self.block.len(), |length| begin + length)
            }
        };
        self.begin = end + 1;
        let line = &self.block[begin..end];
        let text = line.strip_suffix(b"\r").unwrap_or(line);
        match text.first() {
            Some(0 | 0xef) => {}
            _ => return Some((text, quotes)),
        }
        // A hole in a file that was truncated while it was written, or a byte order mark.
        let hole = text.iter().take_while(|byte| **byte == 0).count();
        let mark = if text[hole..].starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let skipped = hole + mark;
        Some((&text[skipped..], quotes.shifted(skipped)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_a_newline_or_the_block() {
        for with_quotes in [true, false] {
            let mut lines = Lines::new(b"a \"b\"\r\n\n\0\0\0c\nlast", with_quotes);
            let mut seen = Vec::new();
            while let Some((line, _)) = lines.next_line() {
                seen.push(String::from_utf8_lossy(line).into_owned());
            }
            assert_eq!(seen, ["a \"b\"", "", "c", "last"]);
        }
    }
}
