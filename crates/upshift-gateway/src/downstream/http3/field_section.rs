//! A check that h3 does not make of a request's field section: the number and the position of its
//! pseudo-header fields.
//!
//! RFC 9114 §4.3: "Pseudo-header fields MUST NOT appear in trailer sections", "All pseudo-header
//! fields MUST appear in the header section before regular header fields"; §4.3.1: a request has
//! exactly one value of each. h3 takes the last of several, and another reader may take the first.
//!
//! The section is encoded by QPACK (RFC 9204 §4.5) without a dynamic table, because the gateway
//! offers none. Only names are read. Those that are Huffman-coded are not decoded, but compared
//! with the coded pseudo-header names.

/// A field section that makes a request malformed (RFC 9114 §4.1.2). The client is at fault.
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

/// The pseudo-header fields of a request: each name as a literal, plain and Huffman-coded (RFC
/// 7541, appendix B).
const PSEUDO: [(&[u8], &[u8]); 5] = [
    (b":authority", &[0xb8, 0x3b, 0x53, 0x39, 0xec, 0x32, 0x7d, 0x7f]),
    (b":method", &[0xb9, 0x49, 0x53, 0x39, 0xe4]),
    (b":path", &[0xb9, 0x58, 0xd3, 0x3f]),
    (b":protocol", &[0xb9, 0x5d, 0x87, 0x49, 0xc8, 0x7a, 0x3f]),
    (b":scheme", &[0xb8, 0x82, 0x4e, 0x5a, 0x4b]),
];

/// `:status`, in the same two codings.
const STATUS: (&[u8], &[u8]) = (b":status", &[0xb8, 0x84, 0x8d, 0x36, 0xa3]);

/// A string of QPACK: true if it is Huffman-coded, and its bytes.
type EncodedText<'s> = (bool, &'s [u8]);

/// The name of a field line, as far as the check needs it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FieldLineName {
    /// A pseudo-header field of [`PSEUDO`].
    Pseudo(usize),
    /// `:status`.
    Status,
    /// Any other field. h3 refuses unknown pseudo-header fields itself.
    Other,
}

/// Checks the pseudo-header fields of a request's header section.
///
/// # Errors
/// If the request is malformed.
pub(super) fn check_section(section: &[u8]) -> Result<(), BadSection> {
    // RFC 9204 §4.5.1: Required Insert Count and Delta Base.
    let (_, rest) = read_integer(section, 8)?;
    let (_, mut rest) = read_integer(rest, 7)?;
    let mut seen = [false; PSEUDO.len()];
    let mut regular = false;
    while let Some(first) = rest.first().copied() {
        let (name, after) = read_field_line(first, rest)?;
        rest = after;
        match name {
            FieldLineName::Pseudo(_) if regular => return Err(BadSection::Late),
            FieldLineName::Pseudo(index) if seen[index] => return Err(BadSection::Repeated),
            FieldLineName::Pseudo(index) => seen[index] = true,
            // RFC 9114 §4.3: "pseudo-header fields defined for responses MUST NOT appear in
            // requests".
            FieldLineName::Status => return Err(BadSection::Response),
            FieldLineName::Other => regular = true,
        }
    }
    Ok(())
}

/// Reads one field line: its name, and the rest of the section.
fn read_field_line(first: u8, line: &[u8]) -> Result<(FieldLineName, &[u8]), BadSection> {
    match first {
        // RFC 9204 §4.5.2: indexed, 1 T.
        0x80.. => {
            let (index, rest) = read_integer(line, 6)?;
            Ok((name_of_index(first & 0x40 != 0, index), rest))
        }
        // §4.5.4: literal with name reference, 0 1 N T.
        0x40.. => {
            let (index, rest) = read_integer(line, 4)?;
            Ok((name_of_index(first & 0x10 != 0, index), read_string(rest, 7)?.1))
        }
        // §4.5.6: literal with literal name, 0 0 1 N H.
        0x20.. => {
            let (name, rest) = read_string(line, 3)?;
            Ok((name_of_literal(name), read_string(rest, 7)?.1))
        }
        // §4.5.3 and §4.5.5: references to a dynamic table, which h3 refuses.
        0x10.. => Ok((FieldLineName::Other, read_integer(line, 4)?.1)),
        _ => Ok((FieldLineName::Other, read_string(read_integer(line, 3)?.1, 7)?.1)),
    }
}

/// The name at an index of the static table (RFC 9204, appendix A).
fn name_of_index(is_static: bool, index: u64) -> FieldLineName {
    match index {
        0 if is_static => FieldLineName::Pseudo(0),
        15..=21 if is_static => FieldLineName::Pseudo(1),
        1 if is_static => FieldLineName::Pseudo(2),
        22 | 23 if is_static => FieldLineName::Pseudo(4),
        24..=28 | 63..=71 if is_static => FieldLineName::Status,
        _ => FieldLineName::Other,
    }
}

fn name_of_literal((huffman, name): EncodedText<'_>) -> FieldLineName {
    for (index, (plain, coded)) in PSEUDO.iter().enumerate() {
        if name == if huffman { *coded } else { *plain } {
            return FieldLineName::Pseudo(index);
        }
    }
    if name == if huffman { STATUS.1 } else { STATUS.0 } {
        FieldLineName::Status
    } else {
        FieldLineName::Other
    }
}

/// Reads an integer with a prefix of `bits` bits (RFC 7541 §5.1).
fn read_integer(bytes: &[u8], bits: u32) -> Result<(u64, &[u8]), BadSection> {
    let Some((first, mut rest)) = bytes.split_first() else { return Err(BadSection::Truncated) };
    let mask = u8::MAX >> (8 - bits);
    let mut value = u64::from(first & mask);
    if value < u64::from(mask) {
        return Ok((value, rest));
    }
    // Nine continuation bytes are more than any length here needs, and the shift stays below 64.
    for shift in (0..63).step_by(7) {
        let Some((byte, after)) = rest.split_first() else { return Err(BadSection::Truncated) };
        rest = after;
        value = value.saturating_add(u64::from(byte & 0x7f) << shift);
        if byte & 0x80 == 0 {
            return Ok((value, rest));
        }
    }
    Err(BadSection::Truncated)
}

/// Reads a string whose length has a prefix of `bits` bits, below the Huffman bit (RFC 9204
/// §4.1.2). Returns it with the rest of the section.
fn read_string(bytes: &[u8], bits: u32) -> Result<(EncodedText<'_>, &[u8]), BadSection> {
    let Some(first) = bytes.first() else { return Err(BadSection::Truncated) };
    let is_huffman = first & (1 << bits) != 0;
    let (length, after_length) = read_integer(bytes, bits)?;
    let text_length = usize::try_from(length).map_err(|_| BadSection::Truncated)?;
    match after_length.split_at_checked(text_length) {
        Some((text, rest)) => Ok(((is_huffman, text), rest)),
        None => Err(BadSection::Truncated),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFIX: [u8; 2] = [0, 0];

    fn checked(lines: &[&[u8]]) -> Result<(), BadSection> {
        check_section(&[&PREFIX[..], &lines.concat()].concat())
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

    /// A literal name counts as the same field as a reference.
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
            assert_eq!(check_section(section), Err(BadSection::Truncated));
        }
    }
}
