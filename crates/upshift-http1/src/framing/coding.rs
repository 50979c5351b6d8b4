//! `Transfer-Encoding` (RFC 9112 §6.1).

use crate::fault::FaultClass;
use crate::octets::{is_token, trim_ows};

/// Checks that the lines of `Transfer-Encoding`, as one list, are `chunked` alone.
///
/// RFC 9110 §5.6.1 lets a recipient skip empty elements. This function rejects them, because a hop
/// that reads the whole value as one coding name would frame the message differently.
pub(crate) fn check_coding<'v>(lines: impl Iterator<Item = &'v [u8]>) -> Result<(), FaultClass> {
    let mut others = 0;
    let mut has_chunked = false;
    for line in lines {
        for element in line.split(|byte| *byte == b',') {
            let coding = trim_ows(element);
            if !is_token(coding) {
                return Err(FaultClass::CodingList);
            }
            // RFC 9112 §6.3: the last coding of a request must be `chunked`; §6.1: a sender MUST
            // NOT apply it more than once.
            if has_chunked {
                return Err(FaultClass::ChunkedNotLast);
            }
            // RFC 9112 §7: names of codings are case-insensitive.
            if coding.eq_ignore_ascii_case(b"chunked") {
                has_chunked = true;
            } else {
                others += 1;
            }
        }
    }
    match (has_chunked, others) {
        (false, _) => Err(FaultClass::ChunkedNotLast),
        (true, 0) => Ok(()),
        // RFC 9112 §6.1: "A server that receives a request message with a transfer coding it does
        // not understand SHOULD respond with 501."
        (true, _) => Err(FaultClass::CodingUnsupported),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[&str]) -> Result<(), FaultClass> {
        check_coding(lines.iter().map(|line| line.as_bytes()))
    }

    #[test]
    fn only_one_chunked_is_taken() {
        assert_eq!(check(&["chunked"]), Ok(()));
        assert_eq!(check(&["\t Chunked "]), Ok(()));
        for (lines, class) in [
            (&["xchunked"][..], FaultClass::ChunkedNotLast),
            (&["gzip"], FaultClass::ChunkedNotLast),
            (&["identity"], FaultClass::ChunkedNotLast),
            (&["gzip, chunked"], FaultClass::CodingUnsupported),
            (&["gzip", "chunked"], FaultClass::CodingUnsupported),
            (&["identity, chunked"], FaultClass::CodingUnsupported),
            (&["chunked, chunked"], FaultClass::ChunkedNotLast),
            (&["chunked", "chunked"], FaultClass::ChunkedNotLast),
            (&["chunked, gzip"], FaultClass::ChunkedNotLast),
            (&[",chunked"], FaultClass::CodingList),
            (&["chunked,"], FaultClass::CodingList),
            (&[""], FaultClass::CodingList),
            (&["\x0bchunked"], FaultClass::CodingList),
            (&["\"chunked\""], FaultClass::CodingList),
            (&["chunked;a=b"], FaultClass::CodingList),
        ] {
            assert_eq!(check(lines), Err(class), "{lines:?}");
        }
    }
}
