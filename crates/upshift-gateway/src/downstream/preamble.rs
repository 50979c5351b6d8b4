//! Detects the protocol from the first bytes of a connection, and checks HTTP/1 header sections.
//!
//! 1. The HTTP/2 preface (RFC 9113 §3.4) means HTTP/2 with prior knowledge.
//! 2. Otherwise the complete header section is checked, so that the gateway answers a malformed one
//!    itself, with problem details. The later header sections of a connection are checked here, too
//!    ([`crate::downstream::http1_gate`]).
//! 3. An unsupported major version is a 505; a higher minor version of HTTP/1 is served as 1.1.
//!
//! This module is pure: bytes in, verdict out.

use upshift_core::field::list_elements;
use upshift_http::http2::PREFACE;

use crate::framing::length_of_lines;
use crate::local_reply::LocalReply;

/// The number of field lines that hyper accepts.
const MAX_FIELDS: usize = 100;
/// The length of a target that hyper accepts.
const MAX_TARGET: usize = u16::MAX as usize - 1;

/// The protocol of the first bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Preamble {
    /// Too few to tell.
    Incomplete,
    /// The preface of HTTP/2.
    Http2,
    /// A valid HTTP/1 header section.
    Http1(ExaminedHead),
    /// A TLS record, on a cleartext port.
    Tls,
    /// A request that is answered with an error.
    Faulty(LocalReply),
}

/// A complete header section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExaminedHead {
    /// Its length in bytes, with the empty lines before it.
    pub(crate) length: usize,
    /// The end of the content that follows.
    pub(crate) content: ContentEnd,
}

/// The end of a request's content (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentEnd {
    /// After this number of bytes.
    Length(u64),
    /// After the last chunk.
    LastChunk,
}

/// Examines the bytes that have arrived so far. It may rewrite the minor version in the first line.
pub(crate) fn examine_preamble(received: &mut [u8], limit: usize) -> Preamble {
    if received.is_empty() || (received.len() < PREFACE.len() && PREFACE.starts_with(received)) {
        return Preamble::Incomplete;
    }
    if received.starts_with(PREFACE) {
        return Preamble::Http2;
    }
    if received.starts_with(&[0x16, 0x03]) {
        return Preamble::Tls;
    }
    // RFC 9112 §2.2: "a server that is expecting to receive and parse a request-line SHOULD ignore
    // at least one empty line (CRLF) received prior to the request-line."
    let start =
        received.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(received.len());
    // Empty lines count towards the limit, or a client could send them for ever.
    if start >= limit {
        return Preamble::Faulty(LocalReply::HeadTooLarge);
    }
    let Some(length) = received[start..].iter().position(|&byte| byte == b'\n') else {
        return unfinished_line(&received[start..], limit);
    };
    match check_request_line(&mut received[start..start + length]) {
        Some(reply) => Preamble::Faulty(reply),
        None => examine_head(&received[start..], start, limit),
    }
}

/// Examines a first line that has not ended. Input that is clearly not HTTP is refused early.
fn unfinished_line(line: &[u8], limit: usize) -> Preamble {
    if line.len() >= limit {
        return Preamble::Faulty(LocalReply::TargetTooLong);
    }
    let method = line.split(|&byte| byte == b' ').next().unwrap_or_default();
    // The registered methods are far shorter than 64 bytes.
    if line.is_empty() || (is_method(method) && method.len() <= 64) {
        return Preamble::Incomplete;
    }
    Preamble::Faulty(LocalReply::NotHttp("The first line is not an HTTP request."))
}

/// RFC 9110 §9.1: a method is a token.
fn is_method(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().copied().all(upshift_core::field::is_tchar)
}

/// Checks `method SP request-target SP HTTP-version` (RFC 9112 §3).
fn check_request_line(line: &mut [u8]) -> Option<LocalReply> {
    let text = match line {
        [text @ .., b'\r'] => text,
        text => text,
    };
    let mut parts = text.splitn(3, |&byte| byte == b' ');
    let (method, target, version) = (parts.next()?, parts.next(), parts.next());
    if !is_method(method) {
        return Some(LocalReply::NotHttp("The first line is not an HTTP request."));
    }
    if let Some(target) = target
        && let Some(reply) = check_target(target)
    {
        return Some(reply);
    }
    let Some(version) = version else {
        // A line without a version is a request of HTTP/0.9.
        return Some(match (method, target) {
            (b"GET", Some([b'/', ..])) => LocalReply::Version("HTTP/0.9".to_owned()),
            _ => LocalReply::NotHttp("The first line is not an HTTP request."),
        });
    };
    match version {
        b"HTTP/1.0" | b"HTTP/1.1" => None,
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor] if minor.is_ascii_digit() => {
            // RFC 9110 §2.5: a higher minor version is processed "as if it was in the highest minor
            // version" that we support.
            if let Some(last) = text.last_mut() {
                *last = b'1';
            }
            None
        }
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Some(LocalReply::Version(String::from_utf8_lossy(version).into_owned()))
        }
        _ => Some(LocalReply::NotHttp("The first line does not end in an HTTP version.")),
    }
}

fn check_target(target: &[u8]) -> Option<LocalReply> {
    if target.len() > MAX_TARGET {
        return Some(LocalReply::TargetTooLong);
    }
    // RFC 9112 §3.2.1: no form of the target has a fragment. hyper and some servers would cut it
    // off; other servers take it for a part of the path.
    if target.contains(&b'#') {
        return Some(LocalReply::Target("The target has a fragment (\"#\")."));
    }
    None
}

/// Examines the header section, once it is complete. `start` bytes of empty lines came before it.
fn examine_head(received: &[u8], start: usize, limit: usize) -> Preamble {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(received) {
        Ok(httparse::Status::Complete(length)) if length <= limit => {
            match content_end(request.headers, request.version == Some(0)) {
                Err(reply) => Preamble::Faulty(reply),
                Ok(content) => Preamble::Http1(ExaminedHead { length: start + length, content }),
            }
        }
        Ok(httparse::Status::Complete(_)) => Preamble::Faulty(LocalReply::HeadTooLarge),
        Ok(httparse::Status::Partial) if received.len() < limit => Preamble::Incomplete,
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            Preamble::Faulty(LocalReply::HeadTooLarge)
        }
        Err(httparse::Error::Token) => Preamble::Faulty(LocalReply::NotHttp(
            "The request's target has a character that must be percent-encoded.",
        )),
        Err(_) => Preamble::Faulty(LocalReply::NotHttp("A field line is malformed.")),
    }
}

/// Determines the end of the content.
///
/// RFC 9112 §6.3: a length that two parsers may read differently allows request smuggling.
fn content_end(fields: &[httparse::Header<'_>], is_http10: bool) -> Result<ContentEnd, LocalReply> {
    let lengths = values_of(fields, "content-length");
    let declared = length_of_lines(lengths).map_err(|bad| LocalReply::Framing(bad.as_str()))?;
    if values_of(fields, "transfer-encoding").next().is_none() {
        return Ok(ContentEnd::Length(declared.unwrap_or(0)));
    }
    if declared.is_some() {
        return Err(LocalReply::Framing(
            "The request has both Content-Length and Transfer-Encoding.",
        ));
    }
    // RFC 9112 §6.1: a Transfer-Encoding in HTTP/1.0 is to be treated "as if the framing is
    // faulty".
    if is_http10 {
        return Err(LocalReply::Framing("HTTP/1.0 has no Transfer-Encoding."));
    }
    let codings: Vec<&[u8]> = list_elements(values_of(fields, "transfer-encoding")).collect();
    match codings.as_slice() {
        [only] if is_chunked(only) => Ok(ContentEnd::LastChunk),
        // §6.1: an unsupported coding is a 501, if chunked comes last and once.
        [others @ .., last] if is_chunked(last) && others.iter().all(|coding| is_known(coding)) => {
            Err(LocalReply::Coding)
        }
        // §6.3: "If a Transfer-Encoding header field is present in a request and the chunked
        // transfer coding is not the final encoding, the message body length cannot be determined
        // reliably; the server MUST respond with the 400".
        _ => Err(LocalReply::Framing("Transfer-Encoding must end with chunked, once.")),
    }
}

/// The values of the field `name`.
fn values_of<'f>(
    fields: &'f [httparse::Header<'f>],
    name: &'static str,
) -> impl Iterator<Item = &'f [u8]> {
    let named = fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name));
    named.map(|field| field.value)
}

fn is_chunked(coding: &[u8]) -> bool {
    coding.eq_ignore_ascii_case(b"chunked")
}

/// Returns true for the registered transfer codings other than `chunked` (RFC 9112 §7.2).
fn is_known(coding: &[u8]) -> bool {
    let known: [&[u8]; 5] = [b"compress", b"deflate", b"gzip", b"x-compress", b"x-gzip"];
    known.iter().any(|name| coding.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opening(bytes: &str) -> Preamble {
        examine_preamble(&mut bytes.as_bytes().to_vec(), 1024)
    }

    fn status_of(bytes: &str) -> u16 {
        match opening(bytes) {
            Preamble::Faulty(reply) => reply.status().as_u16(),
            other => panic!("{bytes:?} gave {other:?}"),
        }
    }

    /// RFC 9113 §3.4.
    #[test]
    fn the_preface_is_http2_once_it_is_whole() {
        let preface = String::from_utf8_lossy(PREFACE);
        assert_eq!(opening(&preface), Preamble::Http2);
        assert_eq!(opening(&preface[..10]), Preamble::Incomplete);
        assert_eq!(status_of("PRI * HTTP/2.0\r\n\r\nXX"), 505);
    }

    fn http1(length: usize, content: u64) -> Preamble {
        Preamble::Http1(ExaminedHead { length, content: ContentEnd::Length(content) })
    }

    #[test]
    fn a_request_is_http1_once_its_head_is_whole() {
        assert_eq!(opening("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), http1(27, 0));
        assert_eq!(opening("\r\nGET / HTTP/1.0\r\n\r\nX"), http1(20, 0));
        assert_eq!(opening("GET / HTTP/1.1\r\nHost: a\r\n"), Preamble::Incomplete);
        assert_eq!(opening("GE"), Preamble::Incomplete);
        assert_eq!(opening(""), Preamble::Incomplete);
    }

    /// RFC 9110 §15.6.6.
    #[test]
    fn another_major_version_is_505_and_no_http_is_400() {
        assert_eq!(status_of("GET / HTTP/3.7\r\n"), 505);
        assert_eq!(status_of("GET /\r\n"), 505);
        assert_eq!(status_of("GET / HTCPCP/1.0\r\n"), 400);
        assert_eq!(status_of("\u{1}\u{2}\u{3}"), 400);
        assert_eq!(status_of("hello world\r\n"), 400);
    }

    /// RFC 9110 §2.5.
    #[test]
    fn a_higher_minor_version_is_served_as_1_1() {
        let mut bytes = b"GET / HTTP/1.9\r\nHost: a\r\n\r\n".to_vec();
        assert_eq!(examine_preamble(&mut bytes, 1024), http1(27, 0));
        assert!(bytes.starts_with(b"GET / HTTP/1.1\r\n"));
    }

    #[test]
    fn what_is_too_long_says_what() {
        assert_eq!(status_of(&format!("GET /{}", "a".repeat(2000))), 414);
        assert_eq!(status_of(&format!("GET / HTTP/1.1\r\nA: {}", "a".repeat(2000))), 431);
        assert_eq!(status_of(&format!("GET / HTTP/1.1\r\n{}\r\n", "a:b\r\n".repeat(101))), 431);
    }

    /// RFC 9112 §6.3.
    #[test]
    fn a_length_in_doubt_is_refused() {
        assert_eq!(
            status_of("POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"),
            400
        );
        assert_eq!(
            status_of("POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n"),
            400
        );
        assert_eq!(status_of("POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n"), 400);
        assert_eq!(
            opening("POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n"),
            http1(57, 3)
        );
        assert_eq!(status_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
        let coded =
            |codings: &str| format!("POST / HTTP/1.1\r\nTransfer-Encoding: {codings}\r\n\r\n");
        let chunked = Preamble::Http1(ExaminedHead { length: 47, content: ContentEnd::LastChunk });
        assert_eq!(opening(&coded("Chunked")), chunked);
        for codings in [
            "chunked, chunked",
            "identity",
            "chunked, gzip",
            "identity, chunked",
            "xchunked",
            "\"chunked\"",
            "",
        ] {
            assert_eq!(status_of(&coded(codings)), 400, "{codings:?}");
        }
        assert_eq!(status_of(&coded("gzip, chunked")), 501);
    }

    /// RFC 9112 §3.2.1.
    #[test]
    fn a_target_has_no_fragment() {
        assert_eq!(status_of("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
    }
}
