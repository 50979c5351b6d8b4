//! Where a message ends, as its fields say: one strict reading of `Content-Length`, for every
//! version of HTTP, requests and responses.
//!
//! A length that two readers may read differently is how requests are smuggled, so one that is not
//! plain is a malformed message. Towards the other side the length is written from the body that is
//! sent, never copied.

pub(crate) mod chunks;

use http::header::{self, HeaderMap, HeaderValue};

/// Why the length of a message is in doubt. The sender is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadLength {
    /// A line is not `1*DIGIT`, or beyond 64 bits.
    #[error("Content-Length is not a number.")]
    NotANumber,
    /// Two lines differ.
    #[error("There are two Content-Length fields that disagree.")]
    Contradiction,
}

/// The length that the fields declare; `None` if they declare none.
///
/// # Errors
/// RFC 9110 §8.6: `Content-Length = 1*DIGIT`. A list is refused, although a recipient may repair
/// one whose members are equal: it "MUST either reject the message as invalid or replace the
/// duplicated field values with a single valid Content-Length". Equal lines are replaced.
pub(crate) fn declared_length(headers: &HeaderMap) -> Result<Option<u64>, BadLength> {
    let lines = headers.get_all(header::CONTENT_LENGTH).iter();
    length_of_lines(lines.map(HeaderValue::as_bytes))
}

/// The length that these values of `Content-Length` declare.
///
/// # Errors
/// As [`declared_length`].
pub(crate) fn length_of_lines<'v>(
    lines: impl Iterator<Item = &'v [u8]>,
) -> Result<Option<u64>, BadLength> {
    let mut declared = None;
    for line in lines {
        let length = parse_digits(line)?;
        if declared.is_some_and(|before| before != length) {
            return Err(BadLength::Contradiction);
        }
        declared = Some(length);
    }
    Ok(declared)
}

fn parse_digits(digits: &[u8]) -> Result<u64, BadLength> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(BadLength::NotANumber);
    }
    let text = std::str::from_utf8(digits).unwrap_or_default();
    text.parse().map_err(|_| BadLength::NotANumber)
}

impl BadLength {
    /// The error as text that does not change.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::NotANumber => "Content-Length is not a number.",
            Self::Contradiction => "There are two Content-Length fields that disagree.",
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
