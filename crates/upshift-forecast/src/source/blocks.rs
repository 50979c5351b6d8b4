//! Blocks of whole lines, read into one buffer.

use std::io::{self, Read};

/// The most bytes that a line may have.
pub(crate) const BLOCK: usize = 1024 * 1024;

/// The bytes that are read at once: few enough to stay in a cache until they are counted.
const PIECE: usize = 128 * 1024;

/// Reads blocks of whole lines.
pub(crate) struct BlockReader<R> {
    reader: R,
    buffer: Vec<u8>,
    /// The bytes in the buffer.
    filled: usize,
    /// The bytes of the block that was returned last.
    used: usize,
    is_at_end: bool,
    /// The failure that comes after the bytes in the buffer.
    failure: Option<io::Error>,
}

/// The next part of a source.
pub(crate) enum Block<'b> {
    /// Whole lines. The last line of a source may lack its newline.
    Lines(&'b [u8]),
    /// The beginning of a line that is too long.
    TooLong(&'b [u8]),
}

impl<R: Read> BlockReader<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, buffer: vec![0; BLOCK], filled: 0, used: 0, is_at_end: false, failure: None }
    }

    /// The next block; `None` at the end.
    ///
    /// # Errors
    /// If the source cannot be read any further. Everything before that was returned.
    pub(crate) fn next_block(&mut self) -> io::Result<Option<Block<'_>>> {
        self.buffer.copy_within(self.used..self.filled, 0);
        self.filled -= self.used;
        self.used = 0;
        self.fill_to(PIECE);
        if memchr::memchr(b'\n', &self.buffer[..self.filled]).is_none() {
            self.fill_to(BLOCK);
        }
        if let Some(end) = memchr::memrchr(b'\n', &self.buffer[..self.filled]) {
            self.used = end + 1;
            // What came before a failure is used first.
            return Ok(Some(Block::Lines(&self.buffer[..self.used])));
        }
        match self.failure.take() {
            Some(error) => Err(error),
            None if self.filled == 0 => Ok(None),
            None if self.is_at_end => {
                self.used = self.filled;
                Ok(Some(Block::Lines(&self.buffer[..self.used])))
            }
            None => self.skip_long_line(),
        }
    }

    /// Reads until the buffer has this many bytes, or there are no more.
    fn fill_to(&mut self, length: usize) {
        while !self.is_at_end && self.failure.is_none() && self.filled < length {
            match self.reader.read(&mut self.buffer[self.filled..length]) {
                Ok(0) => self.is_at_end = true,
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.failure = Some(error),
            }
        }
    }

    /// Skips the line that fills the buffer.
    fn skip_long_line(&mut self) -> io::Result<Option<Block<'_>>> {
        const SHOWN: usize = 256;
        let mut piece = vec![0; 64 * 1024];
        loop {
            let count = self.reader.read(&mut piece)?;
            if count == 0 {
                self.is_at_end = true;
                self.filled = SHOWN;
                break;
            }
            if let Some(end) = memchr::memchr(b'\n', &piece[..count]) {
                let rest = &piece[end + 1..count];
                self.buffer[SHOWN..SHOWN + rest.len()].copy_from_slice(rest);
                self.filled = SHOWN + rest.len();
                break;
            }
        }
        self.used = SHOWN;
        Ok(Some(Block::TooLong(&self.buffer[..SHOWN])))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    /// Reads a few bytes at a time, and fails at the end.
    struct Slow<'t>(&'t [u8], bool);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() && self.1 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let count = self.0.len().min(buffer.len()).min(700_000);
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn lines(text: &[u8], fails: bool) -> (Vec<usize>, usize, bool) {
        let mut reader = BlockReader::new(Slow(text, fails));
        let (mut lengths, mut long) = (Vec::new(), 0);
        loop {
            match reader.next_block() {
                Ok(Some(Block::Lines(block))) => {
                    lengths.extend(block.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::len));
                }
                Ok(Some(Block::TooLong(_))) => long += 1,
                Ok(None) => return (lengths, long, false),
                Err(_) => return (lengths, long, true),
            }
        }
    }

    #[test]
    fn every_line_comes_once_and_a_long_one_is_skipped() {
        let mut text = Vec::new();
        for number in 0..60_000 {
            text.extend_from_slice(format!("line {number}\n").as_bytes());
        }
        let lines_before = text.len();
        text.extend(std::iter::repeat_n(b'x', 3 * BLOCK));
        text.extend_from_slice(b"\nafter\nlast");
        let (lengths, long, failed) = lines(&text, false);
        assert_eq!((lengths.len(), long, failed), (60_002, 1, false));
        assert_eq!(lengths.iter().sum::<usize>(), lines_before + 10);
    }

    #[test]
    fn whole_lines_before_a_failure_are_returned() {
        assert_eq!(lines(b"one\ntwo\nthr", true), (vec![4, 4], 0, true));
    }

    #[test]
    fn an_empty_source_has_no_block() {
        assert!(BlockReader::new(Slow(b"", false)).next_block().unwrap().is_none());
    }
}
