//! A case sent to a program, and the responses that came back.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use interop::{PATIENCE, Reply};

/// The behaviour of the client at the end of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It shuts down its sending side.
    ShutsDown,
    /// It waits until the server closes.
    Waits,
}

/// Sends bytes on a connection of their own, and reads to its end.
pub(super) fn converse(to: SocketAddr, bytes: &[u8], ending: Ending) -> Vec<u8> {
    let connected = TcpStream::connect_timeout(&to, PATIENCE);
    let mut stream = connected.unwrap_or_else(|error| panic!("{to}: {error}"));
    stream.set_read_timeout(Some(PATIENCE)).unwrap_or_else(|error| panic!("{to}: {error}"));
    // A server that has refused the first bytes and closed resets the connection, but its answer
    // can still be read.
    let _ = stream.write_all(bytes);
    if ending == Ending::ShutsDown {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut received = Vec::new();
    match stream.read_to_end(&mut received) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => {
            panic!("{to} did not close after {}: {error}", bytes.escape_ascii())
        }
        _ => received,
    }
}

/// A final response.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) reply: Reply,
    /// It has ended as its framing says.
    pub(super) is_whole: bool,
}

/// Splits the bytes of a connection that has ended into its final responses.
pub(super) fn split_responses(mut bytes: &[u8]) -> Vec<Response> {
    let mut responses = Vec::new();
    while !bytes.is_empty() {
        let (response, rest) = split_response(bytes);
        responses.push(response);
        bytes = rest;
    }
    responses
}

fn split_response(bytes: &[u8]) -> (Response, &[u8]) {
    let mut reply = Reply::read(bytes);
    if reply.status == 0 {
        // A response of HTTP/0.9 has no head.
        reply.body = bytes.to_vec();
        return (Response { reply, is_whole: true }, &[]);
    }
    let coded = &bytes[bytes.len() - reply.body.len()..];
    let length: Option<usize> = reply.field("content-length").parse().ok();
    let (content, rest) = if matches!(reply.status, 204 | 304) {
        (Some(Vec::new()), coded)
    } else if reply.field("transfer-encoding").eq_ignore_ascii_case("chunked") {
        split_chunks(coded).map_or((None, &[][..]), |(content, rest)| (Some(content), rest))
    } else if let Some(length) = length {
        let parts = coded.split_at_checked(length);
        parts.map_or((None, &[][..]), |(content, rest)| (Some(content.to_vec()), rest))
    } else {
        (Some(coded.to_vec()), &[][..])
    };
    let is_whole = content.is_some();
    reply.body = content.unwrap_or_default();
    (Response { reply, is_whole }, rest)
}

/// The content of a chunked body, and the bytes behind it; `None` if it does not end.
fn split_chunks(mut coded: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut content = Vec::new();
    loop {
        let (line, rest) = split_line(coded)?;
        let size = usize::from_str_radix(std::str::from_utf8(line).ok()?, 16).ok()?;
        coded = rest;
        if size == 0 {
            break;
        }
        let (chunk, rest) = coded.split_at_checked(size)?;
        content.extend_from_slice(chunk);
        coded = rest.strip_prefix(b"\r\n")?;
    }
    loop {
        let (line, rest) = split_line(coded)?;
        coded = rest;
        if line.is_empty() {
            return Some((content, coded));
        }
    }
}

fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.windows(2).position(|window| window == b"\r\n")?;
    Some((&bytes[..end], &bytes[end + 2..]))
}

#[test]
fn responses_are_split_by_their_framing() {
    let bytes = b"HTTP/1.1 100 Continue\r\n\r\n\
        HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc\
        HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\nX: 1\r\n\r\n\
        HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nf";
    let mut read = Vec::new();
    for response in split_responses(bytes) {
        read.push((response.reply.text(), response.is_whole));
    }
    let wanted = [("abc", true), ("de", true), ("", false)];
    assert_eq!(read, wanted.map(|(text, is_whole)| (text.to_owned(), is_whole)));
}
