//! The first line of a message.

use std::ops::Range;

use memchr::memchr;

use crate::fault::{FaultClass, Malformed};
use crate::limits::Limits;
use crate::octets::{is_target_byte, is_tchar, is_value_byte};
use crate::version::Version;

/// A request line. Offsets are from the start of the section.
#[derive(Clone, Debug)]
pub(crate) struct RequestLine {
    pub(crate) method: Range<usize>,
    pub(crate) target: Range<usize>,
    pub(crate) version: Version,
}

/// A status line. Offsets are from the start of the section.
#[derive(Clone, Debug)]
pub(crate) struct StatusLine {
    pub(crate) version: Version,
    pub(crate) status: u16,
    pub(crate) reason: Range<usize>,
}

/// A kind of start line.
pub(crate) trait StartLine: Sized {
    /// The class of a line that exceeds the limit of its section.
    const TOO_LONG: FaultClass;

    /// Checks the beginning of a line at the offset `at`, so that input that is not HTTP is
    /// rejected early. [`StartLine::parse`] makes its checks in the same order.
    fn check_start(line: &[u8], at: usize, limits: &Limits) -> Result<(), Malformed>;

    /// Parses a whole line at the offset `at`.
    fn parse(line: &[u8], at: usize, limits: &Limits) -> Result<Self, Malformed>;
}

impl StartLine for RequestLine {
    const TOO_LONG: FaultClass = FaultClass::TargetTooLong;

    fn check_start(line: &[u8], at: usize, limits: &Limits) -> Result<(), Malformed> {
        method_length(without_open_cr(line), at, limits.method_bytes).map(drop)
    }

    /// Parses `method SP request-target SP HTTP-version` (RFC 9112 §3).
    ///
    /// RFC 9112 §3 lets a recipient split the line at other white space. This parser does not,
    /// because a server behind it may split the line elsewhere.
    fn parse(line: &[u8], at: usize, limits: &Limits) -> Result<Self, Malformed> {
        // A line without a version is an HTTP/0.9 request, which RFC 9112 does not support.
        let no_version = Malformed::new(FaultClass::Version, at + line.len());
        let method = method_length(line, at, limits.method_bytes)?.ok_or(no_version)?;
        let start = at + method + 1;
        let rest = &line[method + 1..];
        let length = memchr(b' ', rest).ok_or(no_version)?;
        check_target_bytes(&rest[..length], start)?;
        let version_text = &rest[length + 1..];
        let version_start = start + length + 1;
        if version_text.contains(&b' ') {
            return Err(Malformed::new(FaultClass::RequestLineSpace, version_start));
        }
        let version = Version::parse(version_text, version_start)?;
        Ok(Self { method: at..at + method, target: start..start + length, version })
    }
}

impl StartLine for StatusLine {
    const TOO_LONG: FaultClass = FaultClass::HeadTooLarge;

    fn check_start(line: &[u8], at: usize, _limits: &Limits) -> Result<(), Malformed> {
        let begun = without_open_cr(line);
        let length = begun.len().min(b"HTTP/".len());
        if begun[..length] == b"HTTP/"[..length] {
            Ok(())
        } else {
            Err(Malformed::new(FaultClass::StatusLine, at))
        }
    }

    /// Parses `HTTP-version SP status-code SP [ reason-phrase ]` (RFC 9112 §4).
    ///
    /// RFC 9112 §4: the reason phrase may be empty. Some servers then omit the space before it,
    /// too.
    fn parse(line: &[u8], at: usize, limits: &Limits) -> Result<Self, Malformed> {
        Self::check_start(line, at, limits)?;
        let space = memchr(b' ', line).ok_or(Malformed::new(FaultClass::StatusLine, at))?;
        let version = Version::parse(&line[..space], at)?;
        let after = &line[space + 1..];
        let (digits, reason) = match memchr(b' ', after) {
            Some(end) => (&after[..end], &after[end + 1..]),
            None => (after, &[][..]),
        };
        let no_status = Malformed::new(FaultClass::Status, at + space + 1);
        let status = parse_status(digits).ok_or(no_status)?;
        let end = at + line.len();
        let start = end - reason.len();
        match reason.iter().position(|byte| !is_value_byte(*byte)) {
            Some(place) => Err(Malformed::new(FaultClass::StatusLine, start + place)),
            None => Ok(Self { version, status, reason: start..end }),
        }
    }
}

/// The line without a CR at its end, which may be the first byte of CR LF.
fn without_open_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The length of the method; `None` if the line ends before the space after it.
fn method_length(line: &[u8], at: usize, longest: usize) -> Result<Option<usize>, Malformed> {
    for (place, byte) in line.iter().enumerate() {
        let class = match byte {
            b' ' if place > 0 => return Ok(Some(place)),
            byte if is_tchar(*byte) => {
                if place < longest {
                    continue;
                }
                FaultClass::MethodTooLong
            }
            b'\r' => FaultClass::BareCr,
            b' ' | b'\t' | 0x0b | 0x0c => FaultClass::RequestLineSpace,
            _ => FaultClass::Method,
        };
        return Err(Malformed::new(class, at + place));
    }
    Ok(None)
}

fn check_target_bytes(target: &[u8], at: usize) -> Result<(), Malformed> {
    let Some(place) = target.iter().position(|byte| !is_target_byte(*byte)) else {
        if target.is_empty() {
            return Err(Malformed::new(FaultClass::RequestLineSpace, at));
        }
        return Ok(());
    };
    let class = match target[place] {
        b'\t' | 0x0b | 0x0c => FaultClass::RequestLineSpace,
        b'\r' => FaultClass::BareCr,
        _ => FaultClass::TargetByte,
    };
    Err(Malformed::new(class, at + place))
}

/// RFC 9110 §15: three digits, of which the first is 1 to 5. A client may treat others as 5xx; a
/// gateway treats them as invalid.
fn parse_status(digits: &[u8]) -> Option<u16> {
    let [class @ b'1'..=b'5', tens @ b'0'..=b'9', ones @ b'0'..=b'9'] = digits else {
        return None;
    };
    let mut status = 0;
    for digit in [class, tens, ones] {
        status = status * 10 + u16::from(digit - b'0');
    }
    Some(status)
}
