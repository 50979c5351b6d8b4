//! The sources of a forecast: files and stdin, plain or compressed.

mod blocks;
mod zstd;

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

pub(crate) use blocks::{BLOCK, Block, BlockReader};
use zstd::ZstdReader;

/// The bytes from which a format is guessed.
const SAMPLE: usize = 64 * 1024;

/// A log to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogSource {
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

/// The compression of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
}

/// A source that could be opened.
pub(crate) struct OpenSource {
    pub(crate) source: LogSource,
    pub(crate) compression: Compression,
    /// Its beginning, decompressed, and of a plain file also a piece of its middle.
    pub(crate) sample: Vec<u8>,
    /// The length of the part of the sample that is its beginning.
    pub(crate) beginning: usize,
    /// The bytes of a plain file, which is read in ranges; `None` for a stream.
    pub(crate) length: Option<u64>,
    /// The rest of a stream, after the sample.
    stream: Option<Remainder>,
    /// The bytes of the stream that were read, before decompression.
    position: Arc<AtomicU64>,
}

/// The fault of a source that cannot be read to its end.
#[derive(Debug)]
pub struct SourceError {
    /// The name of the source.
    pub source: String,
    /// The fault, in words.
    pub message: String,
}

/// The rest of a stream.
struct Remainder {
    /// The failure that reading the sample ended with.
    failure: Option<io::Error>,
    stream: Box<dyn Read + Send>,
}

impl Read for Remainder {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => self.stream.read(buffer),
        }
    }
}

/// Counts the bytes that are read.
struct CountingReader<R> {
    inner: R,
    position: Arc<AtomicU64>,
}

impl<R: Read> Read for CountingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.position.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl LogSource {
    /// Opens the source and reads a sample of it.
    ///
    /// # Errors
    /// If it cannot be read, or is not text.
    pub(crate) fn open(self) -> Result<OpenSource, SourceError> {
        match open_source(&self) {
            Ok(opened) => Ok(opened),
            Err(error) => Err(self.error(&error)),
        }
    }

    /// An error about this source.
    pub(crate) fn error(&self, message: &dyn fmt::Display) -> SourceError {
        SourceError { source: self.to_string(), message: message.to_string() }
    }
}

impl fmt::Display for LogSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Stdin => f.write_str("stdin"),
        }
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.message)
    }
}

impl std::error::Error for SourceError {}

fn open_source(source: &LogSource) -> io::Result<OpenSource> {
    let position = Arc::new(AtomicU64::new(0));
    let (mut raw, length): (Box<dyn Read + Send>, Option<u64>) = match source {
        LogSource::File(path) => {
            let (file, length) = open_file(path)?;
            (Box::new(file), length)
        }
        LogSource::Stdin => (Box::new(io::stdin()), None),
    };
    let mut head = Vec::new();
    raw.by_ref().take(SAMPLE as u64).read_to_end(&mut head)?;
    let compression = compression_of(&head);
    let inner = Cursor::new(head).chain(raw);
    let counting = CountingReader { inner, position: Arc::clone(&position) };
    let mut stream = decompress(counting, compression);
    let mut sample = Vec::new();
    // A stream that breaks off within the sample is reported after its lines were counted.
    let failure = stream.by_ref().take(SAMPLE as u64).read_to_end(&mut sample).err();
    if let (true, Some(error)) = (sample.is_empty(), &failure) {
        return Err(io::Error::other(describe_damage(position.load(Ordering::Relaxed), error)));
    }
    check_text(&sample)?;
    let length = if compression == Compression::None { length } else { None };
    let mut beginning = sample.len();
    if let (LogSource::File(path), Some(length)) = (source, length) {
        let middle = middle_of(path, length)?;
        if !middle.is_empty() {
            // The last line of the beginning is cut off, and might fit a shorter format.
            beginning = memchr::memrchr(b'\n', &sample).map_or(0, |end| end + 1);
            sample.truncate(beginning);
            sample.extend(middle);
        }
    }
    Ok(OpenSource {
        source: source.clone(),
        compression,
        sample,
        beginning,
        length,
        stream: Some(Remainder { failure, stream }),
        position,
    })
}

/// The fault of compressed data that cannot be read any further.
pub(crate) fn describe_damage(bytes: u64, error: &io::Error) -> String {
    format!(
        "the compressed data ends early or is damaged after {bytes} bytes: {error}; the requests \
         before that are counted"
    )
}

fn decompress(raw: impl Read + Send + 'static, compression: Compression) -> Box<dyn Read + Send> {
    let buffered = BufReader::with_capacity(BLOCK, raw);
    match compression {
        Compression::None => Box::new(buffered),
        Compression::Gzip => Box::new(MultiGzDecoder::new(buffered)),
        Compression::Zstd => Box::new(ZstdReader::new(buffered)),
    }
}

/// Opens a file, and returns its length if it is a regular one.
fn open_file(path: &Path) -> io::Result<(File, Option<u64>)> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
    }
    let length = if metadata.is_file() { Some(metadata.len()) } else { None };
    Ok((file, length))
}

/// Whole lines from the middle of a long file.
fn middle_of(path: &Path, length: u64) -> io::Result<Vec<u8>> {
    if length < 4 * SAMPLE as u64 {
        return Ok(Vec::new());
    }
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(length / 2))?;
    let mut piece = Vec::new();
    file.take(SAMPLE as u64).read_to_end(&mut piece)?;
    match memchr::memchr(b'\n', &piece) {
        // The first line of the piece is not whole.
        Some(end) => Ok(piece.split_off(end + 1)),
        None => Ok(Vec::new()),
    }
}

fn compression_of(head: &[u8]) -> Compression {
    match head {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        // RFC 8878 §3.1.1: a frame; §3.1.2: a skippable frame.
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
        _ => Compression::None,
    }
}

/// Refuses what is certainly no log.
fn check_text(sample: &[u8]) -> io::Result<()> {
    if sample.starts_with(&[0xff, 0xfe]) || sample.starts_with(&[0xfe, 0xff]) {
        let message = "it is UTF-16: convert it with `iconv -f utf-16 -t utf-8`";
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    let mut controls = 0;
    let mut texts = 0;
    for byte in sample {
        match byte {
            // Holes in a file that was truncated while it was written.
            0 => {}
            b'\t' | b'\n' | b'\r' | 0x1b => texts += 1,
            0x01..=0x1f | 0x7f => controls += 1,
            _ => texts += 1,
        }
    }
    if controls * 20 > texts {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not text"));
    }
    Ok(())
}

impl OpenSource {
    /// The stream of a source that is not read in ranges. Can be taken once.
    pub(crate) fn take_stream(&mut self) -> Option<Box<dyn Read + Send>> {
        let rest = self.stream.take()?;
        let sample = std::mem::take(&mut self.sample);
        Some(Box::new(Cursor::new(sample).chain(rest)))
    }

    /// The bytes that were read before decompression, for the message about a stream that breaks
    /// off.
    pub(crate) fn position(&self) -> u64 {
        self.position.load(Ordering::Relaxed)
    }

    pub(crate) fn position_counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.position)
    }
}

/// The ranges of a plain file, each of whole lines.
pub(crate) fn line_ranges(path: &Path, length: u64, parts: u64) -> io::Result<Vec<(u64, u64)>> {
    let mut cuts = vec![0];
    for part in 1..parts {
        let cut = next_line(path, length * part / parts)?.min(length);
        if cuts.last().is_none_or(|last| cut > *last) {
            cuts.push(cut);
        }
    }
    if cuts.last().is_none_or(|last| length > *last) {
        cuts.push(length);
    }
    Ok(cuts.windows(2).map(|pair| (pair[0], pair[1])).collect())
}

/// The beginning of the first line after `position`.
fn next_line(path: &Path, position: u64) -> io::Result<u64> {
    let mut file = BufReader::new(File::open(path)?);
    file.seek(SeekFrom::Start(position))?;
    let mut at = position;
    loop {
        let buffer = io::BufRead::fill_buf(&mut file)?;
        if buffer.is_empty() {
            return Ok(at);
        }
        if let Some(end) = memchr::memchr(b'\n', buffer) {
            return Ok(at + end as u64 + 1);
        }
        let length = buffer.len();
        at += length as u64;
        io::BufRead::consume(&mut file, length);
    }
}

/// Opens a range of a file.
pub(crate) fn open_range(path: &Path, from: u64, to: u64) -> io::Result<io::Take<File>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    Ok(file.take(to - from))
}
