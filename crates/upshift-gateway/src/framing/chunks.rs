//! A strict scanner for the end of a chunked body (RFC 9112 §7.1). Input that two parsers may read
//! differently is an error.

/// The total length of all chunk extensions and trailers of one body, in bytes.
const MAX_OVERHEAD: usize = 16 * 1024;

/// A malformed chunked body. The client is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chunked coding of the body is malformed (RFC 9112 §7.1)")]
pub(crate) struct BadChunk;

/// Scans a chunked body as it passes.
#[derive(Debug)]
pub(crate) struct ChunkScanner {
    state: ChunkState,
    overhead: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ChunkState {
    /// In the size of a chunk, after this number of digits.
    Size {
        size: u64,
        digits: u8,
    },
    /// In white space after the size (RFC 9112 §7.1.1: BWS).
    BadSpace {
        size: u64,
    },
    Extension {
        size: u64,
    },
    SizeLineFeed {
        size: u64,
    },
    Data {
        left: u64,
    },
    DataReturn,
    DataLineFeed,
    /// At the start of a line after the last chunk.
    TrailerStart,
    Trailer {
        named: bool,
    },
    TrailerLineFeed,
    LastLineFeed,
    Done,
}

impl ChunkScanner {
    /// A scanner at the start of a body.
    pub(crate) fn new() -> Self {
        Self { state: ChunkState::Size { size: 0, digits: 0 }, overhead: 0 }
    }

    /// Returns true if the body has ended.
    pub(crate) fn is_done(&self) -> bool {
        self.state == ChunkState::Done
    }

    /// Scans `bytes`, up to the end of the body, and returns the number of bytes that belong to it.
    ///
    /// # Errors
    /// If the body is malformed.
    pub(crate) fn scan_bytes(&mut self, bytes: &[u8]) -> Result<usize, BadChunk> {
        let mut at = 0;
        while at < bytes.len() && !self.is_done() {
            if let ChunkState::Data { left } = self.state {
                let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - at);
                at += taken;
                self.state = match left - taken as u64 {
                    0 => ChunkState::DataReturn,
                    left => ChunkState::Data { left },
                };
            } else {
                self.state = self.next_state(bytes[at])?;
                at += 1;
            }
        }
        Ok(at)
    }

    /// Returns the state after `byte`, which is not content.
    fn next_state(&mut self, byte: u8) -> Result<ChunkState, BadChunk> {
        match (self.state, byte) {
            // More than 16 digits would overflow, and a parser that wraps around would see another
            // size.
            (ChunkState::Size { size, digits }, _) if byte.is_ascii_hexdigit() && digits < 16 => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                Ok(ChunkState::Size { size: size << 4 | u64::from(digit), digits: digits + 1 })
            }
            // RFC 9112 §7.1: `chunk-size = 1*HEXDIG`.
            (ChunkState::Size { digits: 0, .. }, _) => Err(BadChunk),
            (ChunkState::Size { size, .. } | ChunkState::BadSpace { size }, b' ' | b'\t') => {
                self.count_overhead()?;
                Ok(ChunkState::BadSpace { size })
            }
            (ChunkState::Size { size, .. } | ChunkState::BadSpace { size }, b';') => {
                Ok(ChunkState::Extension { size })
            }
            (
                ChunkState::Size { size, .. }
                | ChunkState::BadSpace { size }
                | ChunkState::Extension { size },
                b'\r',
            ) => Ok(ChunkState::SizeLineFeed { size }),
            (ChunkState::Extension { size }, _) if is_text(byte) => {
                self.count_overhead()?;
                Ok(ChunkState::Extension { size })
            }
            (ChunkState::SizeLineFeed { size: 0 }, b'\n') => Ok(ChunkState::TrailerStart),
            (ChunkState::SizeLineFeed { size }, b'\n') => Ok(ChunkState::Data { left: size }),
            (ChunkState::DataReturn, b'\r') => Ok(ChunkState::DataLineFeed),
            (ChunkState::DataLineFeed, b'\n') => Ok(ChunkState::Size { size: 0, digits: 0 }),
            _ => self.next_trailer_state(byte),
        }
    }

    /// Does the same for the trailer section.
    fn next_trailer_state(&mut self, byte: u8) -> Result<ChunkState, BadChunk> {
        match (self.state, byte) {
            (ChunkState::TrailerStart, b'\r') => Ok(ChunkState::LastLineFeed),
            (ChunkState::LastLineFeed, b'\n') => Ok(ChunkState::Done),
            (ChunkState::TrailerStart | ChunkState::Trailer { named: false }, _)
                if upshift_core::field::is_tchar(byte) =>
            {
                self.count_overhead()?;
                Ok(ChunkState::Trailer { named: false })
            }
            (ChunkState::Trailer { named: false }, b':') => Ok(ChunkState::Trailer { named: true }),
            (ChunkState::Trailer { named: true }, b'\r') => Ok(ChunkState::TrailerLineFeed),
            (ChunkState::Trailer { named: true }, _) if is_text(byte) => {
                self.count_overhead()?;
                Ok(ChunkState::Trailer { named: true })
            }
            (ChunkState::TrailerLineFeed, b'\n') => Ok(ChunkState::TrailerStart),
            _ => Err(BadChunk),
        }
    }

    fn count_overhead(&mut self) -> Result<(), BadChunk> {
        // Without this limit a client could send extensions for ever without any content.
        self.overhead += 1;
        if self.overhead > MAX_OVERHEAD { Err(BadChunk) } else { Ok(()) }
    }
}

/// Returns true for a byte that is allowed in an extension or a trailer's value (RFC 9110 §5.5).
fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The length of the body, or an error; the same whole and byte by byte.
    fn scanned(bytes: &[u8]) -> Result<Option<usize>, BadChunk> {
        let mut scanner = ChunkScanner::new();
        let whole = scanner.scan_bytes(bytes).map(|length| scanner.is_done().then_some(length));
        let mut scanner = ChunkScanner::new();
        let parts =
            bytes.iter().try_fold(0, |length, byte| Ok(length + scanner.scan_bytes(&[*byte])?));
        assert_eq!(whole, parts.map(|length| scanner.is_done().then_some(length)));
        whole
    }

    #[test]
    fn a_body_ends_where_its_last_chunk_does() {
        assert_eq!(scanned(b"0\r\n\r\nGET"), Ok(Some(5)));
        assert_eq!(scanned(b"5\r\nhello\r\n0\r\n\r\nGET"), Ok(Some(15)));
        assert_eq!(scanned(b"A ; x=\"y\"\r\n0123456789\r\n00\r\nX-Sum: 1\r\n\r\n"), Ok(Some(39)));
        assert_eq!(scanned(b"5\r\nhel"), Ok(None));
    }

    #[test]
    fn what_two_readers_may_read_differently_is_no_chunk() {
        let long = format!("5;{}\r\nhello\r\n", "x".repeat(20_000));
        for bytes in [
            "x\r\n",
            "\r\n",
            " 5\r\n",
            "5\nhello",
            "5\rhello",
            "-5\r\n",
            "+5\r\n",
            "0x5\r\n",
            "5\r\nhelloX",
            "5\r\nhello\n",
            "11111111111111111\r\n",
            "5;\n\r\n",
            "0\r\nno trailer\r\n",
            "0\r\n: x\r\n",
            "0\r\n\n",
            "0\r\nx : y\r\n",
            long.as_str(),
        ] {
            assert_eq!(scanned(bytes.as_bytes()), Err(BadChunk), "{bytes:?}");
        }
    }
}
