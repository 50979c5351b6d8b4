//! The first record of a TLS connection, examined before the TLS library sees it.
//!
//! The library supports TLS 1.2 and newer. Clients that only speak older versions are recognized
//! here, so that they can be counted by version and get the alert `protocol_version` (RFC 8446
//! §6.2) instead of failing as malformed:
//!
//! 1. An SSLv2 hello, whose format alone is too old (RFC 6176 §3), even if it offers a newer
//!    version.
//! 2. A `ClientHello` whose `legacy_version` is below TLS 1.2 and whose `supported_versions`, if
//!    any, are too.

use std::borrow::Cow;

/// The newest version that a client offers which is too old.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OldHello {
    /// SSL 2.0, or a newer version in SSL 2.0's format.
    Ssl2,
    /// SSL 3.0.
    Ssl3,
    /// TLS 1.0.
    Tls1_0,
    /// TLS 1.1.
    Tls1_1,
}

impl OldHello {
    /// The label in metrics and logs, such as `only-tls-1.0`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ssl2 => "only-ssl-2.0",
            Self::Ssl3 => "only-ssl-3.0",
            Self::Tls1_0 => "only-tls-1.0",
            Self::Tls1_1 => "only-tls-1.1",
        }
    }
}

/// The verdict on the first bytes of a TLS connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HelloVerdict {
    /// Too few bytes for a verdict.
    Incomplete,
    /// A `ClientHello` for the TLS library.
    Acceptable,
    /// One that offers no version that the TLS library supports.
    TooOld(OldHello),
    /// No `ClientHello`.
    NotTls,
}

/// A fatal `protocol_version` alert in a record that even SSL 3.0 reads (RFC 8446 §6: alerts before
/// a version is agreed on; §5.1: `legacy_record_version`).
pub const PROTOCOL_VERSION_ALERT: [u8; 7] = [21, 3, 1, 0, 2, 2, 70];

/// A `ClientHello` up to its `legacy_version`: handshake header, version.
const NEEDED: usize = 4 + 2;

/// The header of a record.
const RECORD_HEADER: usize = 5;

/// Examines all bytes that have arrived so far. Six bytes of the handshake are always enough for a
/// verdict.
pub fn examine_hello(received: &[u8]) -> HelloVerdict {
    match received {
        // 0x16 is the record type of a handshake, 3 the major version of SSL 3.0 and of every TLS.
        [] | [0x16] => HelloVerdict::Incomplete,
        [0x16, 3, ..] => match handshake_bytes(received) {
            Some(handshake) => examine_handshake(&handshake),
            None => HelloVerdict::NotTls,
        },
        // The SSLv2 record: a length with the highest bit set, then client-hello (1) and a version.
        // A plain HTTP request never gets here, because its first byte is a letter.
        [first, ..] if first & 0x80 != 0 && received.len() < 5 => HelloVerdict::Incomplete,
        [first, _, 1, 0 | 3, _, ..] if first & 0x80 != 0 => HelloVerdict::TooOld(OldHello::Ssl2),
        _ => HelloVerdict::NotTls,
    }
}

/// The handshake in the records that have arrived. RFC 8446 §5.1: a message "MAY be coalesced into
/// a single TLSPlaintext record or fragmented across several records", even of one byte each.
/// `None` if a record is of another type, or empty.
fn handshake_bytes(received: &[u8]) -> Option<Cow<'_, [u8]>> {
    let (first, mut rest) = split_record(received)?;
    // Nearly every hello is one record, which is not copied.
    let mut handshake = Cow::Borrowed(first);
    while !rest.is_empty() {
        let (payload, after) = split_record(rest)?;
        rest = after;
        handshake.to_mut().extend_from_slice(payload);
    }
    Some(handshake)
}

/// The part of the first record's payload that has arrived, and the bytes after the record.
fn split_record(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    match bytes {
        // RFC 8446 §5.1: "Implementations MUST NOT send zero-length fragments of Handshake types".
        [0x16, 3, _, 0, 0, ..] => None,
        [0x16, 3, _, high, low, rest @ ..] => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            Some(rest.split_at(length.min(rest.len())))
        }
        [0x16, 3, ..] | [0x16] if bytes.len() < RECORD_HEADER => Some((&[], &[])),
        _ => None,
    }
}

/// RFC 8446 §4: a client's first handshake message is a client_hello (1).
fn examine_handshake(handshake: &[u8]) -> HelloVerdict {
    match handshake {
        [kind, ..] if *kind != 1 => HelloVerdict::NotTls,
        _ if handshake.len() < NEEDED => HelloVerdict::Incomplete,
        [_, _, _, _, 3, 0, ..] => unless_newer(handshake, OldHello::Ssl3),
        [_, _, _, _, 3, 1, ..] => unless_newer(handshake, OldHello::Tls1_0),
        [_, _, _, _, 3, 2, ..] => unless_newer(handshake, OldHello::Tls1_1),
        [_, _, _, _, 3, ..] => HelloVerdict::Acceptable,
        _ => HelloVerdict::NotTls,
    }
}

/// RFC 8446 §4.2.1: where `supported_versions` is present, `legacy_version` does not count.
///
/// An old `ClientHello` is small and arrives in one piece. If one has not arrived completely, its
/// `legacy_version` is believed.
fn unless_newer(handshake: &[u8], old: OldHello) -> HelloVerdict {
    match supported_versions(handshake) {
        Some(versions) if versions.chunks_exact(2).any(|version| matches!(version, [3, 3 | 4])) => {
            HelloVerdict::Acceptable
        }
        _ => HelloVerdict::TooOld(old),
    }
}

/// The list in a `ClientHello`'s `supported_versions` (43); `None` if it has none or is cut short.
fn supported_versions(handshake: &[u8]) -> Option<&[u8]> {
    // The fixed part is the handshake header, legacy_version and random (RFC 8446 §4.1.2).
    let mut rest = HelloCursor(handshake.get(4 + 2 + 32..)?);
    rest.read_vector(1)?; // legacy_session_id
    rest.read_vector(2)?; // cipher_suites
    rest.read_vector(1)?; // legacy_compression_methods
    let mut extensions = HelloCursor(rest.read_vector(2)?);
    loop {
        let kind = extensions.read_bytes(2)?;
        let body = extensions.read_vector(2)?;
        if kind == [0, 43] {
            return HelloCursor(body).read_vector(1);
        }
    }
}

/// The part of a hello that has not been read.
struct HelloCursor<'b>(&'b [u8]);

impl<'b> HelloCursor<'b> {
    fn read_bytes(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// Reads a vector, whose length is in the `width` bytes before it (RFC 8446 §3.4).
    fn read_vector(&mut self, width: usize) -> Option<&'b [u8]> {
        let mut length = 0;
        for &byte in self.read_bytes(width)? {
            length = length << 8 | usize::from(byte);
        }
        self.read_bytes(length)
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    fn hello(version: [u8; 2], extensions: &[u8]) -> Vec<u8> {
        let mut body = version.to_vec();
        body.extend([7; 32]);
        body.push(0); // no session id
        body.extend([0, 2, 0x00, 0x2f]); // one cipher suite
        body.extend([1, 0]); // no compression
        if !extensions.is_empty() {
            body.extend((extensions.len() as u16).to_be_bytes());
            body.extend(extensions);
        }
        let mut record = vec![0x16, 3, 1];
        record.extend((body.len() as u16 + 4).to_be_bytes());
        record.extend([1, 0]);
        record.extend((body.len() as u16).to_be_bytes());
        record.extend(body);
        record
    }

    #[test]
    fn old_hellos_are_told_apart() {
        assert_eq!(examine_hello(&hello([3, 0], &[])), HelloVerdict::TooOld(OldHello::Ssl3));
        assert_eq!(examine_hello(&hello([3, 1], &[])), HelloVerdict::TooOld(OldHello::Tls1_0));
        assert_eq!(examine_hello(&hello([3, 2], &[])), HelloVerdict::TooOld(OldHello::Tls1_1));
        assert_eq!(examine_hello(&hello([3, 3], &[])), HelloVerdict::Acceptable);
        assert_eq!(examine_hello(&[0x80, 46, 1, 0, 2, 0, 0]), HelloVerdict::TooOld(OldHello::Ssl2));
        assert_eq!(examine_hello(&[0x80, 46, 1, 3, 1, 0, 0]), HelloVerdict::TooOld(OldHello::Ssl2));
    }

    #[test]
    fn supported_versions_beat_the_legacy_version() {
        let newer = [0, 11, 0, 2, 1, 0, 0, 43, 0, 5, 4, 3, 4, 3, 3];
        assert_eq!(examine_hello(&hello([3, 1], &newer)), HelloVerdict::Acceptable);
        let older = [0, 43, 0, 5, 4, 3, 2, 3, 1];
        assert_eq!(examine_hello(&hello([3, 1], &older)), HelloVerdict::TooOld(OldHello::Tls1_0));
    }

    #[test]
    fn a_verdict_needs_few_bytes_and_no_bytes_panic() {
        let whole = hello([3, 2], &[0, 43, 0, 5, 4, 3, 4, 3, 3]);
        let needed = RECORD_HEADER + NEEDED;
        for length in 0..needed {
            assert_eq!(examine_hello(&whole[..length]), HelloVerdict::Incomplete, "{length}");
        }
        for length in needed..whole.len() {
            assert_eq!(
                examine_hello(&whole[..length]),
                HelloVerdict::TooOld(OldHello::Tls1_1),
                "{length}"
            );
        }
        assert_eq!(examine_hello(&whole), HelloVerdict::Acceptable);
    }

    /// RFC 8446 §5.1.
    #[test]
    fn a_hello_may_come_in_records_of_one_byte() {
        for (version, want) in
            [([3, 3], HelloVerdict::Acceptable), ([3, 1], HelloVerdict::TooOld(OldHello::Tls1_0))]
        {
            let handshake = hello(version, &[])[RECORD_HEADER..].to_vec();
            let records: Vec<u8> =
                handshake.iter().flat_map(|byte| [0x16, 3, 1, 0, 1, *byte]).collect();
            assert_eq!(examine_hello(&records), want);
            for length in 0..NEEDED * 6 {
                assert_eq!(examine_hello(&records[..length]), HelloVerdict::Incomplete, "{length}");
            }
        }
        assert_eq!(examine_hello(&[0x16, 3, 1, 0, 0]), HelloVerdict::NotTls, "an empty record");
        assert_eq!(
            examine_hello(&[0x16, 3, 1, 0, 1, 1, 0x17]),
            HelloVerdict::NotTls,
            "a record of another type"
        );
    }

    #[test]
    fn other_bytes_are_no_tls() {
        assert_eq!(examine_hello(b"GET / HTTP/1.1\r\n"), HelloVerdict::NotTls);
        assert_eq!(examine_hello(&[0x16, 3, 1, 0, 4, 2, 0, 0, 0, 3, 3]), HelloVerdict::NotTls);
    }
}
