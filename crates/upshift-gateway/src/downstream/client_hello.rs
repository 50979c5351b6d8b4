//! The first record of a TLS connection, looked at before the TLS library sees it.
//!
//! The library supports TLS 1.2 and newer. What only speaks older versions is recognised here, so
//! that it can be counted by version and told why (RFC 8446 §6.2: `protocol_version`), instead of
//! failing as malformed:
//!
//! 1. An SSLv2 hello, of which the format alone is too old (RFC 6176 §3), whatever version it
//!    offers.
//! 2. A `ClientHello` whose `legacy_version` is below TLS 1.2 and whose `supported_versions`, if
//!    any, are too.
//!
//! Looking is pure: bytes in, verdict out. [`read`] does it for a connection.

use std::borrow::Cow;
use std::io;

use bytes::{Buf, BytesMut};
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::StartHandshake;

use crate::telemetry::counts::Ending;

/// What a client that is too old offered at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum OldHello {
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
    /// What it is counted as.
    pub(crate) fn cause(self) -> &'static str {
        match self {
            Self::Ssl2 => "only-ssl-2.0",
            Self::Ssl3 => "only-ssl-3.0",
            Self::Tls1_0 => "only-tls-1.0",
            Self::Tls1_1 => "only-tls-1.1",
        }
    }
}

/// Why no handshake was begun. The client is at fault.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoHello {
    /// The connection broke, closed, or said something malformed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// What it speaks is too old.
    #[error("the client speaks nothing newer than is counted as {}", .0.cause())]
    TooOld(OldHello),
}

impl NoHello {
    /// What it is counted as.
    pub(crate) fn ending(&self) -> Ending {
        match self {
            Self::Io(_) => Ending::TlsHandshake,
            Self::TooOld(old) => Ending::OldHello(*old),
        }
    }
}

/// What the first bytes of a TLS connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hello {
    /// Too few to tell.
    Incomplete,
    /// A `ClientHello` that the TLS library may have.
    Fine,
    /// One that offers nothing that is spoken here.
    TooOld(OldHello),
    /// No `ClientHello`.
    NotTls,
}

/// A fatal `protocol_version` alert in a record that even SSL 3.0 reads (RFC 8446 §6: alerts before
/// a version is agreed on; §5.1: `legacy_record_version`).
const PROTOCOL_VERSION_ALERT: [u8; 7] = [21, 3, 1, 0, 2, 2, 70];

/// A `ClientHello` up to its `legacy_version`: handshake header, version.
const NEEDED: usize = 4 + 2;

/// The header of a record.
const RECORD_HEADER: usize = 5;

/// Reads a ClientHello, and turns away whoever speaks nothing new enough.
///
/// # Errors
/// If none comes, or one that is too old; the client has then been sent an alert.
pub(crate) async fn read<S>(mut stream: S) -> Result<StartHandshake<S>, NoHello>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut received = BytesMut::with_capacity(2 * 1024);
    loop {
        receive(&mut stream, &mut received).await?;
        match examine(&received) {
            Hello::Incomplete => {}
            Hello::Fine => break,
            Hello::TooOld(old) => {
                turn_away(&mut stream, &PROTOCOL_VERSION_ALERT).await?;
                return Err(NoHello::TooOld(old));
            }
            Hello::NotTls => return Err(io::Error::from(io::ErrorKind::InvalidData).into()),
        }
    }
    let mut acceptor = Acceptor::default();
    loop {
        while received.has_remaining() {
            acceptor.read_tls(&mut (&mut received).reader())?;
        }
        match acceptor.accept() {
            Ok(Some(accepted)) => return Ok(StartHandshake::from_parts(accepted, stream)),
            Ok(None) => receive(&mut stream, &mut received).await?,
            Err((error, mut alert)) => {
                let mut bytes = Vec::new();
                alert.write_all(&mut bytes)?;
                turn_away(&mut stream, &bytes).await?;
                return Err(io::Error::new(io::ErrorKind::InvalidData, error).into());
            }
        }
    }
}

async fn receive<S: AsyncRead + Unpin>(stream: &mut S, received: &mut BytesMut) -> io::Result<()> {
    match stream.read_buf(received).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// Sends an alert, and reads on until the client closes, lest the alert be lost in a reset. Bounded
/// by who calls.
async fn turn_away<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    alert: &[u8],
) -> io::Result<()> {
    stream.write_all(alert).await?;
    stream.shutdown().await?;
    let mut rest = [0; 1024];
    for _ in 0..16 {
        if matches!(stream.read(&mut rest).await, Ok(0) | Err(_)) {
            break;
        }
    }
    Ok(())
}

/// Looks at all that has arrived so far; [`NEEDED`] bytes of the handshake always suffice for a
/// verdict.
fn examine(received: &[u8]) -> Hello {
    match received {
        [] | [0x16] => Hello::Incomplete,
        [0x16, 3, ..] => match handshake_bytes(received) {
            Some(handshake) => examine_handshake(&handshake),
            None => Hello::NotTls,
        },
        // The SSLv2 record: a length with the highest bit set, then client-hello (1) and a version.
        [first, ..] if first & 0x80 != 0 && received.len() < 5 => Hello::Incomplete,
        [first, _, 1, 0 | 3, _, ..] if first & 0x80 != 0 => Hello::TooOld(OldHello::Ssl2),
        _ => Hello::NotTls,
    }
}

/// The handshake in the records that have arrived. RFC 8446 §5.1: a message "MAY be coalesced into
/// a single TLSPlaintext record or fragmented across several records", of one byte each, if the
/// client likes. `None` if a record is of another type, or empty.
fn handshake_bytes(received: &[u8]) -> Option<Cow<'_, [u8]>> {
    let (payload, mut rest) = record(received)?;
    let mut handshake = Cow::Borrowed(payload);
    while !rest.is_empty() {
        let (payload, after) = record(rest)?;
        rest = after;
        handshake.to_mut().extend_from_slice(payload);
    }
    Some(handshake)
}

/// The payload of the first record, as far as it has arrived, and what follows the record.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    match bytes {
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
fn examine_handshake(handshake: &[u8]) -> Hello {
    match handshake {
        [kind, ..] if *kind != 1 => Hello::NotTls,
        _ if handshake.len() < NEEDED => Hello::Incomplete,
        [_, _, _, _, 3, 0, ..] => unless_newer(handshake, OldHello::Ssl3),
        [_, _, _, _, 3, 1, ..] => unless_newer(handshake, OldHello::Tls1_0),
        [_, _, _, _, 3, 2, ..] => unless_newer(handshake, OldHello::Tls1_1),
        [_, _, _, _, 3, ..] => Hello::Fine,
        _ => Hello::NotTls,
    }
}

/// RFC 8446 §4.2.1: where `supported_versions` is present, `legacy_version` does not count.
///
/// An old `ClientHello` is small and comes whole; of one that has not, `legacy_version` is
/// believed.
fn unless_newer(handshake: &[u8], old: OldHello) -> Hello {
    match supported_versions(handshake) {
        Some(versions) if versions.chunks_exact(2).any(|version| matches!(version, [3, 3 | 4])) => {
            Hello::Fine
        }
        _ => Hello::TooOld(old),
    }
}

/// The list in a `ClientHello`'s `supported_versions` (43); `None` if it has none or is cut short.
fn supported_versions(handshake: &[u8]) -> Option<&[u8]> {
    let mut rest = Cursor(handshake.get(4 + 2 + 32..)?);
    rest.vector(1)?; // legacy_session_id
    rest.vector(2)?; // cipher_suites
    rest.vector(1)?; // legacy_compression_methods
    let mut extensions = Cursor(rest.vector(2)?);
    loop {
        let kind = extensions.take(2)?;
        let body = extensions.vector(2)?;
        if kind == [0, 43] {
            return Cursor(body).vector(1);
        }
    }
}

struct Cursor<'b>(&'b [u8]);

impl<'b> Cursor<'b> {
    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// A vector behind a length of `width` bytes (RFC 8446 §3.4).
    fn vector(&mut self, width: usize) -> Option<&'b [u8]> {
        let length =
            self.take(width)?.iter().fold(0, |length, &byte| length << 8 | usize::from(byte));
        self.take(length)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

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
        assert_eq!(examine(&hello([3, 0], &[])), Hello::TooOld(OldHello::Ssl3));
        assert_eq!(examine(&hello([3, 1], &[])), Hello::TooOld(OldHello::Tls1_0));
        assert_eq!(examine(&hello([3, 2], &[])), Hello::TooOld(OldHello::Tls1_1));
        assert_eq!(examine(&hello([3, 3], &[])), Hello::Fine);
        assert_eq!(examine(&[0x80, 46, 1, 0, 2, 0, 0]), Hello::TooOld(OldHello::Ssl2));
        assert_eq!(examine(&[0x80, 46, 1, 3, 1, 0, 0]), Hello::TooOld(OldHello::Ssl2));
    }

    #[test]
    fn supported_versions_beat_the_legacy_version() {
        let newer = [0, 11, 0, 2, 1, 0, 0, 43, 0, 5, 4, 3, 4, 3, 3];
        assert_eq!(examine(&hello([3, 1], &newer)), Hello::Fine);
        let older = [0, 43, 0, 5, 4, 3, 2, 3, 1];
        assert_eq!(examine(&hello([3, 1], &older)), Hello::TooOld(OldHello::Tls1_0));
    }

    #[test]
    fn a_verdict_needs_few_bytes_and_no_bytes_panic() {
        let whole = hello([3, 2], &[0, 43, 0, 5, 4, 3, 4, 3, 3]);
        let needed = RECORD_HEADER + NEEDED;
        for length in 0..needed {
            assert_eq!(examine(&whole[..length]), Hello::Incomplete, "{length}");
        }
        for length in needed..whole.len() {
            assert_eq!(examine(&whole[..length]), Hello::TooOld(OldHello::Tls1_1), "{length}");
        }
        assert_eq!(examine(&whole), Hello::Fine);
    }

    /// RFC 8446 §5.1.
    #[test]
    fn a_hello_may_come_in_records_of_one_byte() {
        for (version, want) in [([3, 3], Hello::Fine), ([3, 1], Hello::TooOld(OldHello::Tls1_0))] {
            let handshake = hello(version, &[])[RECORD_HEADER..].to_vec();
            let records: Vec<u8> =
                handshake.iter().flat_map(|byte| [0x16, 3, 1, 0, 1, *byte]).collect();
            assert_eq!(examine(&records), want);
            for length in 0..NEEDED * 6 {
                assert_eq!(examine(&records[..length]), Hello::Incomplete, "{length}");
            }
        }
        assert_eq!(examine(&[0x16, 3, 1, 0, 0]), Hello::NotTls, "an empty record");
        assert_eq!(
            examine(&[0x16, 3, 1, 0, 1, 1, 0x17]),
            Hello::NotTls,
            "a record of another type"
        );
    }

    #[tokio::test]
    async fn who_is_too_old_is_told_so() {
        let (near, mut far) = tokio::io::duplex(1024);
        let reading =
            tokio::spawn(async move { read(near).await.map(drop).map_err(|error| error.ending()) });
        far.write_all(&hello([3, 1], &[])).await.unwrap();
        let mut alert = [0; 7];
        far.read_exact(&mut alert).await.unwrap();
        assert_eq!(alert, [21, 3, 1, 0, 2, 2, 70]);
        drop(far);
        assert_eq!(reading.await.unwrap(), Err(Ending::OldHello(OldHello::Tls1_0)));
    }

    #[test]
    fn other_bytes_are_no_tls() {
        assert_eq!(examine(b"GET / HTTP/1.1\r\n"), Hello::NotTls);
        assert_eq!(examine(&[0x16, 3, 1, 0, 4, 2, 0, 0, 0, 3, 3]), Hello::NotTls);
    }
}
