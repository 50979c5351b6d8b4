//! Zstandard: any number of frames, some of which may be skippable (RFC 8878 §3).

use std::io::{self, BufRead, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// The bytes that are decompressed at once.
const CHUNK: usize = 256 * 1024;

/// Decompresses frames in turn.
pub(super) struct ZstdReader<R: BufRead> {
    reader: R,
    decoder: FrameDecoder,
    is_within: bool,
}

impl<R: BufRead> ZstdReader<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, decoder: FrameDecoder::new(), is_within: false }
    }

    /// Begins the next frame; false at the end.
    fn begin_frame(&mut self) -> io::Result<bool> {
        loop {
            if self.reader.fill_buf()?.is_empty() {
                return Ok(false);
            }
            match self.decoder.reset(&mut self.reader) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => self.skip_bytes(u64::from(length))?,
                Err(error) => return Err(invalid(error)),
            }
        }
    }

    fn skip_bytes(&mut self, length: u64) -> io::Result<()> {
        let skipped = io::copy(&mut self.reader.by_ref().take(length), &mut io::sink())?;
        if skipped < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

impl<R: BufRead> Read for ZstdReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.is_within {
                if !self.begin_frame()? {
                    return Ok(0);
                }
                self.is_within = true;
            }
            if self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let strategy = BlockDecodingStrategy::UptoBytes(CHUNK);
                self.decoder.decode_blocks(&mut self.reader, strategy).map_err(invalid)?;
            }
            let count = self.decoder.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            if self.decoder.is_finished() {
                self.is_within = false;
            }
        }
    }
}

fn invalid(error: FrameDecoderError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    /// A frame of one raw block (RFC 8878 §3.1.1): magic, descriptor, content size, block header.
    fn raw_frame(text: &[u8]) -> Vec<u8> {
        let length = u8::try_from(text.len()).unwrap();
        let header = (u32::from(length) << 3 | 1).to_le_bytes();
        let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x20, length];
        frame.extend_from_slice(&header[..3]);
        frame.extend_from_slice(text);
        frame
    }

    #[test]
    fn frames_follow_each_other_and_skippable_ones_are_skipped() {
        let skippable = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9];
        let bytes =
            [&skippable[..], &raw_frame(b"one\n"), &skippable, &raw_frame(b"two\n")].concat();
        let mut text = String::new();
        ZstdReader::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
        assert_eq!(text, "one\ntwo\n");
    }

    #[test]
    fn a_cut_frame_gives_what_came_before() {
        let bytes = [raw_frame(b"one\n"), raw_frame(b"two\n")[..9].to_vec()].concat();
        let mut text = Vec::new();
        assert!(ZstdReader::new(bytes.as_slice()).read_to_end(&mut text).is_err());
        assert_eq!(text, b"one\n");
    }
}
