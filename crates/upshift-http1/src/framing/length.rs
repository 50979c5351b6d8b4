//! `Content-Length` (RFC 9110 §8.6).

use crate::fault::FaultClass;
use crate::octets::trim_ows;

/// The treatment of a repeated length, on several lines or in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repetition {
    /// Repetition is a fault, which RFC 9110 §8.6 permits.
    Reject,
    /// Equal lengths are merged into one; different lengths are a fault.
    Merge,
}

/// The most digits: every number of 19 digits fits into 64 bits.
const MOST_DIGITS: usize = 19;

/// Reads the length that the lines of `Content-Length` declare; `None` if there are none.
pub(crate) fn read_length<'v>(
    lines: impl Iterator<Item = &'v [u8]>,
    repetition: Repetition,
) -> Result<Option<u64>, FaultClass> {
    let mut declared = None;
    for line in lines {
        if repetition == Repetition::Reject {
            if declared.is_some() {
                return Err(FaultClass::ContentLengths);
            }
            declared = Some(parse_length(line)?);
            continue;
        }
        for element in line.split(|byte| *byte == b',') {
            let length = parse_length(trim_ows(element))?;
            if declared.is_some_and(|earlier| earlier != length) {
                return Err(FaultClass::ContentLengths);
            }
            declared = Some(length);
        }
    }
    Ok(declared)
}

/// RFC 9110 §8.6: `Content-Length = 1*DIGIT`, and "a recipient MUST anticipate potentially large
/// decimal numerals and prevent parsing errors due to integer conversion overflows".
fn parse_length(digits: &[u8]) -> Result<u64, FaultClass> {
    if digits.is_empty() || digits.len() > MOST_DIGITS {
        return Err(too_long_or_malformed(digits));
    }
    let mut length = 0u64;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return Err(too_long_or_malformed(digits));
        }
        length = length * 10 + u64::from(digit - b'0');
    }
    // A length beyond 2^63 - 1 overflows in a peer that uses signed numbers.
    if length > i64::MAX as u64 {
        return Err(FaultClass::ContentLength);
    }
    Ok(length)
}

/// The class of a value that is not one number. A list of numbers counts as several values.
fn too_long_or_malformed(value: &[u8]) -> FaultClass {
    if value.contains(&b',') { FaultClass::ContentLengths } else { FaultClass::ContentLength }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str], repetition: Repetition) -> Result<Option<u64>, FaultClass> {
        read_length(lines.iter().map(|line| line.as_bytes()), repetition)
    }

    #[test]
    fn a_length_is_digits_and_nothing_else() {
        assert_eq!(read(&[], Repetition::Reject), Ok(None));
        assert_eq!(read(&["0"], Repetition::Reject), Ok(Some(0)));
        assert_eq!(read(&["0000000000000000003"], Repetition::Reject), Ok(Some(3)));
        assert_eq!(
            read(&["9223372036854775807"], Repetition::Reject),
            Ok(Some(9_223_372_036_854_775_807))
        );
        for wrong in [
            "",
            "+3",
            "-1",
            "1_0",
            "0x3",
            "1Z",
            "1 2",
            "3 ",
            "3.0",
            "9223372036854775808",
            "18446744073709551619",
            "00000000000000000003",
        ] {
            for repetition in [Repetition::Reject, Repetition::Merge] {
                // White space around an element of a list is allowed.
                if !(wrong == "3 " && repetition == Repetition::Merge) {
                    assert_eq!(read(&[wrong], repetition), Err(FaultClass::ContentLength));
                }
            }
        }
    }

    #[test]
    fn equal_lengths_are_merged_or_rejected() {
        for lines in [&["3", "3"][..], &["3, 3"], &["3,03", "3"]] {
            assert_eq!(read(lines, Repetition::Reject), Err(FaultClass::ContentLengths));
            assert_eq!(read(lines, Repetition::Merge), Ok(Some(3)));
        }
        for lines in [&["3", "4"][..], &["3, 4"]] {
            assert_eq!(read(lines, Repetition::Merge), Err(FaultClass::ContentLengths));
        }
        for lines in [&["3,"][..], &[",3"], &["3", ""]] {
            assert_eq!(read(lines, Repetition::Merge), Err(FaultClass::ContentLength));
        }
    }
}
