//! Chunked content (RFC 9112 §7.1).

use crate::body::chunk_line::{ChunkLine, LineStep};
use crate::body::piece::{BodyPiece, BodyRead, take_up_to};
use crate::fault::{FaultClass, Malformed};
use crate::head::{Scanned, SectionRules, SectionScan, SpaceBeforeColon, parse_fields};
use crate::limits::Limits;

/// The reader of chunked content.
#[derive(Debug, Default)]
pub(crate) struct ChunkedReader {
    state: ChunkState,
    /// The bytes of content so far.
    content: u64,
    /// The bytes of chunk framing so far.
    framing: u64,
    /// The bytes of chunk extensions so far.
    extensions: usize,
}

#[derive(Clone, Copy, Debug)]
enum ChunkState {
    Line(ChunkLine),
    /// Within content.
    Data {
        left: u64,
    },
    /// Before the CR after content.
    DataReturn,
    /// Before the LF after content.
    DataLineFeed,
    Trailers(SectionScan),
    /// After the trailer section.
    Ended,
}

impl Default for ChunkState {
    fn default() -> Self {
        Self::Line(ChunkLine::default())
    }
}

impl ChunkedReader {
    /// Reads up to the end of the next piece.
    pub(crate) fn read_piece(
        &mut self,
        buffer: &[u8],
        limits: &Limits,
    ) -> Result<BodyRead, Malformed> {
        let mut at = 0;
        loop {
            match &mut self.state {
                ChunkState::Data { left } if at < buffer.len() => {
                    let length = take_up_to(*left, buffer.len() - at);
                    *left -= length as u64;
                    if *left == 0 {
                        self.state = ChunkState::DataReturn;
                    }
                    self.content += length as u64;
                    return Ok(BodyRead::new(at + length, BodyPiece::Data(at..at + length)));
                }
                ChunkState::Trailers(_) => return self.read_trailers(buffer, at, limits),
                ChunkState::Ended => return Ok(BodyRead::new(at, BodyPiece::End)),
                _ => {}
            }
            let Some(byte) = buffer.get(at) else {
                return Ok(BodyRead::new(at, BodyPiece::Partial));
            };
            self.take_byte(*byte, limits).map_err(|class| Malformed::new(class, at))?;
            at += 1;
        }
    }

    /// Takes a byte of the framing.
    fn take_byte(&mut self, byte: u8, limits: &Limits) -> Result<(), FaultClass> {
        self.state = match (&mut self.state, byte) {
            (ChunkState::Line(line), byte) => {
                match line.take_byte(byte, self.extensions, limits)? {
                    LineStep::Partial => return Ok(()),
                    LineStep::Complete { size, length, extension } => {
                        self.extensions += extension;
                        self.count_framing(length, limits)?;
                        match size {
                            0 => ChunkState::Trailers(SectionScan::of_trailers()),
                            left => ChunkState::Data { left },
                        }
                    }
                }
            }
            // RFC 9112 §7.1: `chunk-data CRLF`. Both bytes are checked: a recipient that merely
            // skips two bytes could read the next size elsewhere.
            (ChunkState::DataReturn, b'\r') => ChunkState::DataLineFeed,
            (ChunkState::DataLineFeed, b'\n') => ChunkState::default(),
            (ChunkState::DataReturn, b'\n') => return Err(FaultClass::ChunkLineEnd),
            _ => return Err(FaultClass::ChunkDataEnd),
        };
        Ok(())
    }

    /// Counts the bytes of a chunk's framing: its line, and the line end after its content.
    fn count_framing(&mut self, line: usize, limits: &Limits) -> Result<(), FaultClass> {
        self.framing += line as u64 + 2;
        // Tiny chunks could keep the recipient busy while hardly any content arrives.
        if self.framing > limits.chunk_overhead && self.content < self.framing / 4 {
            return Err(FaultClass::ChunkOverhead);
        }
        Ok(())
    }

    /// Reads the trailer section, which begins at `at`.
    fn read_trailers(
        &mut self,
        buffer: &[u8],
        at: usize,
        limits: &Limits,
    ) -> Result<BodyRead, Malformed> {
        let ChunkState::Trailers(scan) = &mut self.state else {
            return Ok(BodyRead::new(at, BodyPiece::Partial));
        };
        let section = &buffer[at..];
        let rules = SectionRules::of_trailers(limits);
        let scanned = scan.continue_in(section, &rules).map_err(|fault| fault.moved_by(at))?;
        let Scanned::Complete { length, fields } = scanned else {
            return Ok(BodyRead::new(at, BodyPiece::Partial));
        };
        let end = at + length;
        let table = parse_fields(&buffer[..end], at, fields, SpaceBeforeColon::Reject)?;
        self.state = ChunkState::Ended;
        match fields {
            0 => Ok(BodyRead::new(end, BodyPiece::End)),
            _ => Ok(BodyRead::new(end, BodyPiece::Trailers(table))),
        }
    }
}
