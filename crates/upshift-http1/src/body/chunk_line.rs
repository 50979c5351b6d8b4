//! The first line of a chunk: `chunk-size [ chunk-ext ] CRLF` (RFC 9112 §7.1).

use crate::fault::FaultClass;
use crate::limits::Limits;
use crate::octets::is_tchar;

/// The parser of a chunk line, which takes it byte by byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChunkLine {
    size: u64,
    /// The bytes of the line so far.
    length: usize,
    /// The bytes after the size so far.
    extension: usize,
    place: Place,
}

/// A position in the grammar of the line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Before the first digit.
    #[default]
    Start,
    Size,
    /// In white space before `;`.
    BeforeSemicolon,
    /// After `;`.
    BeforeName,
    Name,
    /// In white space after a name: `=` or `;` follows.
    AfterName,
    /// After `=`.
    BeforeValue,
    Value,
    Quoted,
    /// After a backslash within quotes.
    Escaped,
    AfterQuoted,
    /// After CR.
    LineEnd,
}

/// The effect of a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineStep {
    /// More bytes are needed.
    Partial,
    /// The line is complete.
    Complete { size: u64, length: usize, extension: usize },
}

impl ChunkLine {
    /// Takes a byte. `earlier` is the total length of the extensions of earlier chunks.
    pub(crate) fn take_byte(
        &mut self,
        byte: u8,
        earlier: usize,
        limits: &Limits,
    ) -> Result<LineStep, FaultClass> {
        self.length += 1;
        self.place = match (self.place, byte) {
            (Place::LineEnd, b'\n') => {
                return Ok(LineStep::Complete {
                    size: self.size,
                    length: self.length,
                    extension: self.extension,
                });
            }
            (Place::LineEnd, _) => return Err(FaultClass::ChunkLineEnd),
            (Place::Start | Place::Size, byte) if byte.is_ascii_hexdigit() => {
                self.size = add_digit(self.size, byte).ok_or(FaultClass::ChunkSize)?;
                Place::Size
            }
            (Place::Start, _) => return Err(FaultClass::ChunkSize),
            (Place::Size, b'\r') => Place::LineEnd,
            (Place::Size, b'\n') => return Err(FaultClass::ChunkLineEnd),
            (Place::Size, b';' | b' ' | b'\t') => extension_place(Place::BeforeSemicolon, byte)?,
            (Place::Size, _) => return Err(FaultClass::ChunkSize),
            (place, byte) => extension_place(place, byte)?,
        };
        self.check_limits(earlier, limits)?;
        Ok(LineStep::Partial)
    }

    /// RFC 9112 §7.1.1: "A recipient MUST ignore unrecognized chunk extensions. A server ought to
    /// limit the total length of chunk extensions received in a request".
    fn check_limits(&mut self, earlier: usize, limits: &Limits) -> Result<(), FaultClass> {
        if !matches!(self.place, Place::Start | Place::Size | Place::LineEnd) {
            self.extension += 1;
        }
        let is_over = self.extension > limits.chunk_extension
            || self.extension + earlier > limits.chunk_extensions;
        if is_over {
            return Err(FaultClass::ChunkExtensionTooLong);
        }
        // Leading zeros are legal in any number.
        if self.length > limits.chunk_extension + 32 {
            return Err(FaultClass::ChunkSize);
        }
        Ok(())
    }
}

/// RFC 9112 §7.1: "Recipients MUST anticipate potentially large hexadecimal numerals and prevent
/// parsing errors due to integer conversion overflows".
fn add_digit(size: u64, digit: u8) -> Option<u64> {
    let value = char::from(digit).to_digit(16)?;
    let shifted = size.checked_mul(16)?;
    // As for lengths: beyond 2^63 - 1, a peer that uses signed numbers overflows.
    Some(shifted + u64::from(value)).filter(|size| *size <= i64::MAX as u64)
}

/// The next place within `chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ]
/// )`. A recipient that does not follow this grammar may end the line elsewhere.
fn extension_place(place: Place, byte: u8) -> Result<Place, FaultClass> {
    let next = match (place, byte) {
        (Place::Quoted, b'\\') => Place::Escaped,
        (Place::Quoted, b'"') => Place::AfterQuoted,
        (Place::Quoted | Place::Escaped, byte) if is_quotable(byte) => Place::Quoted,
        // RFC 9112 §7.1.1: only some recipients end the line at a line break within quotes.
        (Place::Quoted | Place::Escaped, _) => return Err(FaultClass::ChunkExtension),
        (Place::BeforeName | Place::BeforeValue, b' ' | b'\t') => place,
        (Place::BeforeName | Place::Name, byte) if is_tchar(byte) => Place::Name,
        (Place::BeforeValue | Place::Value, byte) if is_tchar(byte) => Place::Value,
        (Place::BeforeValue, b'"') => Place::Quoted,
        (Place::Name | Place::AfterName, b'=') => Place::BeforeValue,
        (Place::Name | Place::AfterName, b' ' | b'\t') => Place::AfterName,
        (Place::Name | Place::Value | Place::AfterQuoted, b'\r') => Place::LineEnd,
        (Place::BeforeSemicolon | Place::Value | Place::AfterQuoted, b' ' | b'\t') => {
            Place::BeforeSemicolon
        }
        (Place::BeforeName | Place::BeforeValue, _) => return Err(FaultClass::ChunkExtension),
        (_, b';') => Place::BeforeName,
        (_, b'\n') => return Err(FaultClass::ChunkLineEnd),
        _ => return Err(FaultClass::ChunkExtension),
    };
    Ok(next)
}

/// RFC 9110 §5.6.4: `qdtext`, without its two special characters, or the second of a `quoted-pair`.
fn is_quotable(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..=0xff)
}
