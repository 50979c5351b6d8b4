//! The first bytes of a connection: which HTTP it speaks, or the answer that it gets when it speaks
//! none.
//!
//! 1. The HTTP/2 preface (RFC 9113 §3.4) is HTTP/2 by prior knowledge.
//! 2. Else the header section is looked at whole, so that what is wrong with it is answered by us,
//!    as problem details. Later ones of the same connection come here, too ([`crate::downstream::http1_gate`]).
//! 3. A major version that is not ours is 505, a higher minor version of HTTP/1 is served as 1.1.
//!
//! Pure: bytes in, verdict out.

use upshift_core::field::list_elements;
use upshift_http::http2::PREFACE;

use crate::framing::length_of_lines;
use crate::local_reply::Fault;

/// As many field lines as the codec reads.
const MAX_FIELDS: usize = 100;
/// As long a target as the codec reads.
const MAX_TARGET: usize = u16::MAX as usize - 1;

/// What the first bytes are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Preamble {
    /// Too few to tell.
    Incomplete,
    /// The preface of HTTP/2.
    Http2,
    /// A header section of HTTP/1 that the codec may have.
    Http1(RequestHead),
    /// A TLS record, on a port that speaks in clear.
    Tls,
    /// Nothing that can be served.
    Faulty(Fault),
}

/// A header section that has arrived whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestHead {
    /// Its length in bytes, with the empty lines before it.
    pub(crate) length: usize,
    /// Where the content behind it ends.
    pub(crate) content: ContentEnd,
}

/// Where the content of a request ends (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentEnd {
    /// After so many bytes.
    Length(u64),
    /// After the last chunk.
    LastChunk,
}

/// Looks at all that has arrived so far. May rewrite the minor version in the first line.
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
    if start >= limit {
        return Preamble::Faulty(Fault::HeadTooLarge);
    }
    let Some(length) = received[start..].iter().position(|&byte| byte == b'\n') else {
        return unfinished_line(&received[start..], limit);
    };
    match check_request_line(&mut received[start..start + length]) {
        Some(fault) => Preamble::Faulty(fault),
        None => examine_head(&received[start..], start, limit),
    }
}

/// A first line that has not ended: complete nonsense is told early.
fn unfinished_line(line: &[u8], limit: usize) -> Preamble {
    if line.len() >= limit {
        return Preamble::Faulty(Fault::TargetTooLong);
    }
    let method = line.split(|&byte| byte == b' ').next().unwrap_or_default();
    if method.is_empty()
        || method.len() > 64
        || !method.iter().copied().all(upshift_core::field::is_tchar)
    {
        if line.is_empty() {
            return Preamble::Incomplete;
        }
        return Preamble::Faulty(Fault::NotHttp("The first line is no HTTP request."));
    }
    Preamble::Incomplete
}

/// RFC 9112 §3: `method SP request-target SP HTTP-version`.
fn check_request_line(line: &mut [u8]) -> Option<Fault> {
    let line = match line {
        [rest @ .., b'\r'] => rest,
        whole => whole,
    };
    let mut parts = line.splitn(3, |&byte| byte == b' ');
    let (method, target, version) = (parts.next()?, parts.next(), parts.next());
    if method.is_empty() || !method.iter().copied().all(upshift_core::field::is_tchar) {
        return Some(Fault::NotHttp("The first line is no HTTP request."));
    }
    if target.is_some_and(|target| target.len() > MAX_TARGET) {
        return Some(Fault::TargetTooLong);
    }
    // RFC 9112 §3.2.1: no form of the target has a fragment. The codec would cut it off, some
    // servers do, and for others it is a part of the path.
    if target.is_some_and(|target| target.contains(&b'#')) {
        return Some(Fault::Target("The target has a fragment (\"#\")."));
    }
    let Some(version) = version else {
        // A line without a version is a request of HTTP/0.9, which has no field to say why in.
        return Some(match (method, target) {
            (b"GET", Some([b'/', ..])) => Fault::Version("HTTP/0.9".to_owned()),
            _ => Fault::NotHttp("The first line is no HTTP request."),
        });
    };
    match version {
        b"HTTP/1.0" | b"HTTP/1.1" => None,
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor] if minor.is_ascii_digit() => {
            // RFC 9110 §2.5: a higher minor version is processed "as if it was in the highest minor
            // version" we know.
            if let Some(last) = line.last_mut() {
                *last = b'1';
            }
            None
        }
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Some(Fault::Version(String::from_utf8_lossy(version).into_owned()))
        }
        _ => Some(Fault::NotHttp("The first line does not end in an HTTP version.")),
    }
}

/// The fields, once all of them have arrived; `start` empty-line bytes came before them.
fn examine_head(received: &[u8], start: usize, limit: usize) -> Preamble {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(received) {
        Ok(httparse::Status::Complete(length)) if length <= limit => {
            match content_end(request.headers, request.version == Some(0)) {
                Err(fault) => Preamble::Faulty(fault),
                Ok(content) => Preamble::Http1(RequestHead { length: start + length, content }),
            }
        }
        Ok(httparse::Status::Complete(_)) => Preamble::Faulty(Fault::HeadTooLarge),
        Ok(httparse::Status::Partial) if received.len() < limit => Preamble::Incomplete,
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            Preamble::Faulty(Fault::HeadTooLarge)
        }
        Err(httparse::Error::Token) => Preamble::Faulty(Fault::NotHttp(
            "The request's target has a character that must be percent-encoded.",
        )),
        Err(_) => Preamble::Faulty(Fault::NotHttp("A field line is malformed.")),
    }
}

/// RFC 9112 §6.3: a length that two readers may read differently is how requests are smuggled.
fn content_end(fields: &[httparse::Header<'_>], is_http10: bool) -> Result<ContentEnd, Fault> {
    let named = |name: &'static str| {
        fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name))
    };
    let lengths = named("content-length").map(|field| field.value);
    let declared = length_of_lines(lengths).map_err(|bad| Fault::Framing(bad.as_str()))?;
    if named("transfer-encoding").next().is_none() {
        return Ok(ContentEnd::Length(declared.unwrap_or(0)));
    }
    if declared.is_some() {
        return Err(Fault::Framing("There are both Content-Length and Transfer-Encoding."));
    }
    // RFC 9112 §6.1: a Transfer-Encoding in HTTP/1.0 is to be treated "as if the framing is
    // faulty".
    if is_http10 {
        return Err(Fault::Framing("HTTP/1.0 has no Transfer-Encoding."));
    }
    let codings: Vec<&[u8]> =
        list_elements(named("transfer-encoding").map(|field| field.value)).collect();
    let is_chunked = |coding: &&[u8]| coding.eq_ignore_ascii_case(b"chunked");
    match codings.as_slice() {
        [only] if is_chunked(only) => Ok(ContentEnd::LastChunk),
        // A coding that is not understood is 501 (§6.1), where chunked comes last and once.
        [others @ .., last] if is_chunked(last) && others.iter().all(|coding| is_known(coding)) => {
            Err(Fault::Coding)
        }
        // §6.3: "If a Transfer-Encoding header field is present in a request and the chunked
        // transfer coding is not the final encoding, the message body length cannot be determined
        // reliably; the server MUST respond with the 400".
        _ => Err(Fault::Framing("Transfer-Encoding does not end in one chunked.")),
    }
}

/// The registered transfer codings, but for `chunked` (RFC 9112 §7.2).
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

    fn fault(bytes: &str) -> u16 {
        match opening(bytes) {
            Preamble::Faulty(fault) => fault.status().as_u16(),
            other => panic!("{bytes:?} gave {other:?}"),
        }
    }

    /// RFC 9113 §3.4.
    #[test]
    fn the_preface_is_http2_once_it_is_whole() {
        let preface = String::from_utf8_lossy(PREFACE);
        assert_eq!(opening(&preface), Preamble::Http2);
        assert_eq!(opening(&preface[..10]), Preamble::Incomplete);
        assert_eq!(fault("PRI * HTTP/2.0\r\n\r\nXX"), 505);
    }

    fn http1(length: usize, content: u64) -> Preamble {
        Preamble::Http1(RequestHead { length, content: ContentEnd::Length(content) })
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
        assert_eq!(fault("GET / HTTP/3.7\r\n"), 505);
        assert_eq!(fault("GET /\r\n"), 505);
        assert_eq!(fault("GET / HTCPCP/1.0\r\n"), 400);
        assert_eq!(fault("\u{1}\u{2}\u{3}"), 400);
        assert_eq!(fault("hello world\r\n"), 400);
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
        assert_eq!(fault(&format!("GET /{}", "a".repeat(2000))), 414);
        assert_eq!(fault(&format!("GET / HTTP/1.1\r\nA: {}", "a".repeat(2000))), 431);
        assert_eq!(fault(&format!("GET / HTTP/1.1\r\n{}\r\n", "a:b\r\n".repeat(101))), 431);
    }

    /// RFC 9112 §6.3.
    #[test]
    fn a_length_in_doubt_is_refused() {
        assert_eq!(
            fault("POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"),
            400
        );
        assert_eq!(fault("POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n"), 400);
        assert_eq!(fault("POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n"), 400);
        assert_eq!(
            opening("POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n"),
            http1(57, 3)
        );
        assert_eq!(fault("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
        let coded =
            |codings: &str| format!("POST / HTTP/1.1\r\nTransfer-Encoding: {codings}\r\n\r\n");
        let chunked = Preamble::Http1(RequestHead { length: 47, content: ContentEnd::LastChunk });
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
            assert_eq!(fault(&coded(codings)), 400, "{codings:?}");
        }
        assert_eq!(fault(&coded("gzip, chunked")), 501);
    }

    /// RFC 9112 §3.2.1.
    #[test]
    fn a_target_has_no_fragment() {
        assert_eq!(fault("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
    }
}
