//! Detects the protocol from the first bytes of a connection.
//!
//! The HTTP/2 preface (RFC 9113 §3.4) means HTTP/2 with prior knowledge. A TLS record on a cleartext
//! port closes the connection without a response. Everything else goes to the HTTP/1 codec, which
//! also responds to bytes that are not HTTP.
//!
//! This module is pure: bytes in, verdict out.

use upshift_http::http2::PREFACE;

/// The first two bytes of a TLS record with a handshake (RFC 8446 §5.1).
const TLS_HANDSHAKE: [u8; 2] = [0x16, 0x03];

/// The protocol of the first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Preamble {
    /// Too few to tell.
    Incomplete,
    /// The preface of HTTP/2.
    Http2,
    /// HTTP/1, or something else that is to be answered as if it were.
    Http1,
    /// A TLS record, on a cleartext port.
    Tls,
}

/// Examines the bytes that have arrived so far.
pub(crate) fn examine_preamble(received: &[u8]) -> Preamble {
    if received.starts_with(PREFACE) {
        return Preamble::Http2;
    }
    if received.starts_with(&TLS_HANDSHAKE) {
        return Preamble::Tls;
    }
    // A method may begin as the preface does (`PRIORITIZE`), so the next bytes decide.
    if PREFACE.starts_with(received) || TLS_HANDSHAKE.starts_with(received) {
        return Preamble::Incomplete;
    }
    Preamble::Http1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9113 §3.4.
    #[test]
    fn the_preface_is_http2_once_it_is_whole() {
        assert_eq!(examine_preamble(PREFACE), Preamble::Http2);
        for length in 0..PREFACE.len() {
            assert_eq!(examine_preamble(&PREFACE[..length]), Preamble::Incomplete, "{length}");
        }
        assert_eq!(examine_preamble(b"PRI * HTTP/2.0\r\n\r\nXX"), Preamble::Http1);
    }

    #[test]
    fn a_tls_record_is_told_from_a_request() {
        assert_eq!(examine_preamble(b"\x16\x03\x01"), Preamble::Tls);
        assert_eq!(examine_preamble(b"\x16"), Preamble::Incomplete);
        for other in [&b"\x16\x02"[..], b"G", b"\r", b"\0", b"PRIORITIZE", b"EHLO a"] {
            assert_eq!(examine_preamble(other), Preamble::Http1, "{other:?}");
        }
    }
}
