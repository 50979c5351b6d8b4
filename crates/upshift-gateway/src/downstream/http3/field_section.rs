//! What the codec does not check of a request's field section: how often each pseudo-header field
//! comes, and where.
//!
//! RFC 9114 §4.3: "Pseudo-header fields MUST NOT appear in trailer sections", "All pseudo-header
//! fields MUST appear in the header section before regular header fields"; §4.3.1: a request has
//! exactly one value of each. The codec takes the last of several, and another reader may take the
//! first.
//!
//! The section is encoded by QPACK (RFC 9204 §4.5) without a dynamic table, for the gateway offers
//! none. Only names are looked at, and of those that are Huffman-coded only whether they are one of
//! five.

/// Why a field section makes a request malformed (RFC 9114 §4.1.2). The client is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadSection {
    /// The encoding does not end where the section does.
    #[error("the field section breaks off")]
    Truncated,
    /// A pseudo-header field comes twice.
    #[error("a pseudo-header field comes twice")]
    Repeated,
    /// A pseudo-header field follows a regular one.
    #[error("a pseudo-header field follows a regular field")]
    Late,
    /// `:status` is in a request.
    #[error(":status is a field of responses")]
    Response,
}

/// The pseudo-header fields of a request, with their names as they stand in a literal, plain and
/// Huffman-coded (RFC 7541, appendix B).
const PSEUDO: [(&[u8], &[u8]); 5] = [
    (b":authority", &[0xb8, 0x3b, 0x53, 0x39, 0xec, 0x32, 0x7d, 0x7f]),
    (b":method", &[0xb9, 0x49, 0x53, 0x39, 0xe4]),
    (b":path", &[0xb9, 0x58, 0xd3, 0x3f]),
    (b":protocol", &[0xb9, 0x5d, 0x87, 0x49, 0xc8, 0x7a, 0x3f]),
    (b":scheme", &[0xb8, 0x82, 0x4e, 0x5a, 0x4b]),
];

/// `:status`, in the same two codings.
const STATUS: (&[u8], &[u8]) = (b":status", &[0xb8, 0x84, 0x8d, 0x36, 0xa3]);

/// Whether a string is Huffman-coded, and its bytes.
type Text<'s> = (bool, &'s [u8]);

/// The name of a field line, as far as it matters here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    /// A pseudo-header field of [`PSEUDO`].
    Pseudo(usize),
    /// `:status`.
    Status,
    /// Any other field; a pseudo-header field that is unknown is refused by the codec.
    Other,
}

/// Checks the pseudo-header fields of a request's header section.
///
/// # Errors
/// If the request is malformed.
pub(super) fn check(section: &[u8]) -> Result<(), BadSection> {
    // RFC 9204 §4.5.1: Required Insert Count and Delta Base.
    let (_, rest) = integer(section, 8)?;
    let (_, mut rest) = integer(rest, 7)?;
    let mut seen = [false; PSEUDO.len()];
    let mut regular = false;
    while let Some(first) = rest.first().copied() {
        let (name, after) = field_line(first, rest)?;
        rest = after;
        match name {
            Name::Pseudo(_) if regular => return Err(BadSection::Late),
            Name::Pseudo(index) if std::mem::replace(&mut seen[index], true) => {
                return Err(BadSection::Repeated);
            }
            Name::Pseudo(_) => {}
            // RFC 9114 §4.3: "pseudo-header fields defined for responses MUST NOT appear in
            // requests".
            Name::Status => return Err(BadSection::Response),
            Name::Other => regular = true,
        }
    }
    Ok(())
}

/// One field line: its name, and what follows it.
fn field_line(first: u8, line: &[u8]) -> Result<(Name, &[u8]), BadSection> {
    match first {
        // RFC 9204 §4.5.2: indexed, 1 T.
        0x80.. => {
            let (index, rest) = integer(line, 6)?;
            Ok((indexed(first & 0x40 != 0, index), rest))
        }
        // §4.5.4: literal with name reference, 0 1 N T.
        0x40.. => {
            let (index, rest) = integer(line, 4)?;
            Ok((indexed(first & 0x10 != 0, index), string(rest, 7)?.1))
        }
        // §4.5.6: literal with literal name, 0 0 1 N H.
        0x20.. => {
            let (name, rest) = string(line, 3)?;
            Ok((literal(name), string(rest, 7)?.1))
        }
        // §4.5.3 and §4.5.5: references to a dynamic table, which the codec refuses.
        0x10.. => Ok((Name::Other, integer(line, 4)?.1)),
        _ => Ok((Name::Other, string(integer(line, 3)?.1, 7)?.1)),
    }
}

/// RFC 9204, appendix A.
fn indexed(is_static: bool, index: u64) -> Name {
    match index {
        0 if is_static => Name::Pseudo(0),
        15..=21 if is_static => Name::Pseudo(1),
        1 if is_static => Name::Pseudo(2),
        22 | 23 if is_static => Name::Pseudo(4),
        24..=28 | 63..=71 if is_static => Name::Status,
        _ => Name::Other,
    }
}

fn literal((huffman, name): Text<'_>) -> Name {
    for (index, (plain, coded)) in PSEUDO.iter().enumerate() {
        if name == if huffman { *coded } else { *plain } {
            return Name::Pseudo(index);
        }
    }
    if name == if huffman { STATUS.1 } else { STATUS.0 } { Name::Status } else { Name::Other }
}

/// RFC 7541 §5.1: an integer with a prefix of `bits` bits.
fn integer(bytes: &[u8], bits: u32) -> Result<(u64, &[u8]), BadSection> {
    let (first, mut rest) = bytes.split_first().ok_or(BadSection::Truncated)?;
    let mask = u8::MAX >> (8 - bits);
    let mut value = u64::from(first & mask);
    if value < u64::from(mask) {
        return Ok((value, rest));
    }
    // Nine continuation bytes are more than any length here needs.
    for shift in (0..63).step_by(7) {
        let (byte, after) = rest.split_first().ok_or(BadSection::Truncated)?;
        rest = after;
        value = value.saturating_add(u64::from(byte & 0x7f) << shift);
        if byte & 0x80 == 0 {
            return Ok((value, rest));
        }
    }
    Err(BadSection::Truncated)
}

/// RFC 9204 §4.1.2: a string whose length has a prefix of `bits` bits, below the Huffman bit.
/// Whether it is Huffman-coded, its bytes, and what follows.
fn string(bytes: &[u8], bits: u32) -> Result<(Text<'_>, &[u8]), BadSection> {
    let huffman = bytes.first().is_some_and(|first| first & (1 << bits) != 0);
    let (length, rest) = integer(bytes, bits)?;
    let length = usize::try_from(length).map_err(|_| BadSection::Truncated)?;
    let (text, rest) = rest.split_at_checked(length).ok_or(BadSection::Truncated)?;
    Ok(((huffman, text), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFIX: [u8; 2] = [0, 0];

    fn checked(lines: &[&[u8]]) -> Result<(), BadSection> {
        check(&[&PREFIX[..], &lines.concat()].concat())
    }

    /// Literal with literal name, plain or Huffman-coded.
    fn named(name: &[u8], huffman: bool, value: &[u8]) -> Vec<u8> {
        let flag = if huffman { 0x08 } else { 0 };
        let mut line = match u8::try_from(name.len()) {
            Ok(length) if length < 7 => vec![0x20 | flag | length],
            Ok(length) => vec![0x27 | flag, length - 7],
            Err(_) => Vec::new(),
        };
        line.extend(name);
        line.push(u8::try_from(value.len()).unwrap_or_default());
        line.extend(value);
        line
    }

    const GET: &[u8] = &[0xc0 | 17];
    const PATH: &[u8] = &[0xc0 | 1];
    const HTTPS: &[u8] = &[0xc0 | 23];
    /// `:authority` by name reference, "a".
    const AUTHORITY: &[u8] = &[0x50, 1, b'a'];

    #[test]
    fn each_pseudo_field_once_and_before_the_others() {
        let regular = named(b"x-a", false, b"1");
        assert_eq!(checked(&[GET, PATH, HTTPS, AUTHORITY, &regular]), Ok(()));
        assert_eq!(checked(&[GET, PATH, HTTPS, AUTHORITY, PATH]), Err(BadSection::Repeated));
        assert_eq!(checked(&[GET, PATH, &[0xc0 | 20]]), Err(BadSection::Repeated));
        assert_eq!(checked(&[GET, &regular, PATH]), Err(BadSection::Late));
    }

    /// A name that is spelled out counts as the one that is referred to.
    #[test]
    fn every_encoding_of_a_name_is_known() {
        for (plain, coded) in PSEUDO {
            let (plain, coded) = (named(plain, false, b"a"), named(coded, true, b"a"));
            assert_eq!(checked(&[&plain]), Ok(()));
            assert_eq!(checked(&[&plain, &coded]), Err(BadSection::Repeated));
        }
        assert_eq!(checked(&[PATH, &named(b":path", false, b"/b")]), Err(BadSection::Repeated));
    }

    #[test]
    fn a_status_is_refused_in_every_encoding() {
        let literals = [named(STATUS.0, false, b"200"), named(STATUS.1, true, b"200")];
        for line in [&[0xc0 | 25][..], &[0xff, 0], &literals[0], &literals[1]] {
            assert_eq!(checked(&[GET, line]), Err(BadSection::Response));
        }
    }

    #[test]
    fn what_breaks_off_is_seen() {
        for section in [&[][..], &[0], &[0, 0, 0x27], &[0, 0, 0x23, b'x'], &[0, 0, 0xff, 0xff]] {
            assert_eq!(check(section), Err(BadSection::Truncated));
        }
    }
}
