//! The local replies to malformed requests.

use upshift_http1::FaultClass;

use crate::local_reply::LocalReply;

/// The local reply to a message with a fault of this class. `received` is what arrived of it.
pub(super) fn reply_to(class: FaultClass, received: &[u8]) -> LocalReply {
    match class {
        FaultClass::Method
        | FaultClass::MethodTooLong
        | FaultClass::RequestLineSpace
        | FaultClass::EmptyLines => not_http("The first line is not an HTTP request."),
        FaultClass::TargetByte => bad_target(received),
        FaultClass::Target => bad_target_form(received),
        FaultClass::TargetTooLong => LocalReply::TargetTooLong,
        FaultClass::Version => bad_version(received),
        FaultClass::VersionUnsupported => LocalReply::Version(version_of(received)),
        FaultClass::HeadTooLarge | FaultClass::TooManyFields => LocalReply::HeadTooLarge,
        FaultClass::TrailersTooLarge | FaultClass::TooManyTrailers => LocalReply::HeadTooLarge,
        FaultClass::Host => LocalReply::Host("The Host field is not a valid host."),
        FaultClass::CodingUnsupported => bad_coding(received),
        FaultClass::ContentLength => LocalReply::Framing("Content-Length is not a number."),
        FaultClass::ContentLengths => LocalReply::Framing("The Content-Length fields disagree."),
        FaultClass::LengthAndCoding => {
            LocalReply::Framing("The request has both Content-Length and Transfer-Encoding.")
        }
        FaultClass::CodingHttp10 => LocalReply::Framing("HTTP/1.0 has no Transfer-Encoding."),
        FaultClass::CodingList | FaultClass::ChunkedNotLast => {
            LocalReply::Framing("Transfer-Encoding must end with chunked, once.")
        }
        FaultClass::ConnectionOption => {
            LocalReply::Framing("Connection names Host or a field of the framing.")
        }
        FaultClass::ContentNotAllowed => LocalReply::Framing("The method does not allow content."),
        _ => not_http("A field line is malformed."),
    }
}

fn not_http(why: &'static str) -> LocalReply {
    LocalReply::NotHttp(why)
}

/// RFC 9112 §3.2.1: no form of the target has a fragment. Some servers cut it off; others treat it
/// as part of the path.
fn bad_target(received: &[u8]) -> LocalReply {
    match request_line(received).split(|&byte| byte == b' ').nth(1) {
        Some(target) if target.contains(&b'#') => {
            LocalReply::Target("The target has a fragment (\"#\").")
        }
        _ => not_http("The request's target has a character that must be percent-encoded."),
    }
}

fn bad_target_form(received: &[u8]) -> LocalReply {
    let mut parts = request_line(received).split(|&byte| byte == b' ');
    match (parts.next(), parts.next()) {
        // RFC 9110 §9.3.6: CONNECT is for forward proxies, so its target makes no difference.
        (Some(b"CONNECT"), _) => LocalReply::Connect,
        (_, Some(b"*")) => LocalReply::Target("The target * is for OPTIONS alone."),
        _ => LocalReply::Target("The target is neither a path nor a whole URL."),
    }
}

/// RFC 9112 §6.1: an unsupported coding is a 501. An unregistered name (§7) is not a coding, so the
/// end of the content is ambiguous.
fn bad_coding(received: &[u8]) -> LocalReply {
    const REGISTERED: [&[u8]; 5] = [b"compress", b"deflate", b"gzip", b"x-compress", b"x-gzip"];
    const NAME: &[u8] = b"transfer-encoding:";
    for line in received.split(|&byte| byte == b'\n') {
        let Some((name, value)) = line.split_at_checked(NAME.len()) else { continue };
        if !name.eq_ignore_ascii_case(NAME) {
            continue;
        }
        for coding in value.split(|&byte| byte == b',') {
            let coding = coding.trim_ascii().to_ascii_lowercase();
            if coding != b"chunked" && !REGISTERED.contains(&&coding[..]) {
                return LocalReply::Framing("Transfer-Encoding must end with chunked, once.");
            }
        }
    }
    LocalReply::Coding
}

/// A line without a version is an HTTP/0.9 request, whose only method was GET.
fn bad_version(received: &[u8]) -> LocalReply {
    let line = request_line(received);
    match line.strip_prefix(b"GET /") {
        Some(rest) if !rest.contains(&b' ') => LocalReply::Version("HTTP/0.9".to_owned()),
        _ if !line.contains(&b' ') => not_http("The first line is not an HTTP request."),
        _ => not_http("The first line does not end in an HTTP version."),
    }
}

/// The HTTP version as the client sent it.
fn version_of(received: &[u8]) -> String {
    let version = request_line(received).rsplit(|&byte| byte == b' ').next();
    String::from_utf8_lossy(version.unwrap_or_default()).into_owned()
}

/// The first line that is not empty, without its end.
fn request_line(received: &[u8]) -> &[u8] {
    let mut lines = received.split(|&byte| byte == b'\n');
    let line = lines.find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_named_as_it_was_sent() {
        let reply = reply_to(FaultClass::VersionUnsupported, b"\r\nGET / HTTP/3.7\r\nHost: a\r\n");
        assert_eq!(reply, LocalReply::Version("HTTP/3.7".to_owned()));
        let reply = reply_to(FaultClass::Version, b"GET /a\r\n");
        assert_eq!(reply, LocalReply::Version("HTTP/0.9".to_owned()));
        for other in [&b"GET / HTCPCP/1.0\r\n"[..], b"hello world\r\n", b"hello\r\n"] {
            assert_eq!(reply_to(FaultClass::Version, other).status().as_u16(), 400, "{other:?}");
        }
    }

    /// RFC 9112 §3.2.1.
    #[test]
    fn a_fragment_is_named() {
        let reply = reply_to(FaultClass::TargetByte, b"GET /a#b HTTP/1.1\r\n");
        assert!(matches!(reply, LocalReply::Target(_)), "{reply:?}");
        let reply = reply_to(FaultClass::TargetByte, b"GET /\xff HTTP/1.1\r\n");
        assert!(matches!(reply, LocalReply::NotHttp(_)), "{reply:?}");
    }

    /// RFC 9112 §6.1, §7.
    #[test]
    fn a_coding_that_is_not_registered_is_no_coding() {
        for (codings, status) in
            [("gzip, chunked", 501), ("identity, chunked", 400), ("identity\r\nX: 1", 400)]
        {
            let head = format!("POST / HTTP/1.1\r\nTransfer-encoding: {codings}\r\n\r\n");
            let reply = reply_to(FaultClass::CodingUnsupported, head.as_bytes());
            assert_eq!(reply.status().as_u16(), status, "{codings}");
        }
    }

    /// Catches a reply whose status differs from the one that the codec names for the fault.
    #[test]
    fn the_reply_has_the_status_that_the_codec_names() {
        for class in FaultClass::ALL {
            let fault = upshift_http1::Fault {
                party: upshift_http1::Party::Client,
                class: *class,
                offset: 0,
            };
            let status = reply_to(*class, b"GET / HTTP/4.0\r\n").status().as_u16();
            // A peer whose method is too long probably does not speak HTTP: 400, not 501.
            if let Some(named) = fault.status()
                && *class != FaultClass::MethodTooLong
            {
                assert_eq!(status, named, "{class:?}");
            }
        }
    }
}
