//! The end of a message: a strict parser of `Content-Length` for all versions of HTTP, requests and
//! responses.
//!
//! A length that two parsers may read differently allows request smuggling, so an ambiguous one
//! makes the message malformed. The length for the other side is taken from the body that is sent,
//! never copied.

use http::header::{self, HeaderMap, HeaderValue};

/// An ambiguous length of a message. The sender is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadLength {
    /// A line is not `1*DIGIT`, or exceeds 64 bits.
    #[error("{}", self.as_str())]
    NotANumber,
    /// Two lines differ.
    #[error("{}", self.as_str())]
    Contradiction,
}

/// Returns the length that the fields declare; `None` if they declare none.
///
/// RFC 9110 §8.6: `Content-Length = 1*DIGIT`. A recipient of duplicated values "MUST either reject
/// the message as invalid or replace the duplicated field values with a single valid
/// Content-Length". A list in one line is rejected; equal lines are replaced by one.
///
/// # Errors
/// If the length is ambiguous.
pub(crate) fn declared_length(headers: &HeaderMap) -> Result<Option<u64>, BadLength> {
    let lines = headers.get_all(header::CONTENT_LENGTH).iter();
    length_of_lines(lines.map(HeaderValue::as_bytes))
}

/// Returns the length that these values of `Content-Length` declare.
///
/// # Errors
/// As [`declared_length`].
pub(crate) fn length_of_lines<'v>(
    lines: impl Iterator<Item = &'v [u8]>,
) -> Result<Option<u64>, BadLength> {
    let mut declared = None;
    for line in lines {
        let length = parse_digits(line)?;
        match declared {
            Some(earlier) if earlier != length => return Err(BadLength::Contradiction),
            // Equal lines declare one length.
            _ => declared = Some(length),
        }
    }
    Ok(declared)
}

fn parse_digits(digits: &[u8]) -> Result<u64, BadLength> {
    // `u64::from_str` alone would accept a sign.
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(BadLength::NotANumber);
    }
    let text = std::str::from_utf8(digits).unwrap_or_default();
    text.parse().map_err(|_| BadLength::NotANumber)
}

impl BadLength {
    /// The error as a static text, for a problem document.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::NotANumber => "Content-Length is not a number.",
            Self::Contradiction => "The Content-Length fields disagree.",
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    fn declared(lines: &[&str]) -> Result<Option<u64>, BadLength> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers
                .append(header::CONTENT_LENGTH, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        declared_length(&headers)
    }

    /// RFC 9110 §8.6.
    #[test]
    fn a_length_is_digits_and_nothing_else() {
        assert_eq!(declared(&[]), Ok(None));
        assert_eq!(declared(&["0"]), Ok(Some(0)));
        assert_eq!(declared(&["007"]), Ok(Some(7)));
        assert_eq!(declared(&["5", "5"]), Ok(Some(5)));
        for wrong in
            ["", "5, 5", "+5", "-1", "5x", "0x5", "5.0", "5 ", " 5", "٥", "18446744073709551616"]
        {
            assert_eq!(declared(&[wrong]), Err(BadLength::NotANumber), "{wrong:?}");
        }
        for (one, two) in [("0", "7"), ("7", "0")] {
            assert_eq!(declared(&[one, two]), Err(BadLength::Contradiction));
        }
        assert_eq!(declared(&["5", "x"]), Err(BadLength::NotANumber));
    }
}
