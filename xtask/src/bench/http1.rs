//! A small client for HTTP/1.1: single requests, WebSocket handshakes, and the reading of responses
//! with a `Content-Length`.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The version that all servers refuse.
pub(crate) const OLD_VERSION: &str = "1.0";

/// A version that none of them refuses.
pub(crate) const NEW_VERSION: &str = "2.0";

/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The bytes of a request for a path, with a version in `X-Api-Version`.
pub(crate) fn request_bytes(address: SocketAddr, path: &str, version: &str) -> Vec<u8> {
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: bench\r\n\
         X-Api-Version: {version}\r\n\r\n"
    );
    head.into_bytes()
}

/// The bytes of a WebSocket handshake for `/chat`, with the key of RFC 6455 §1.3.
pub(crate) fn handshake_bytes(address: SocketAddr) -> Vec<u8> {
    let head = format!(
        "GET /chat HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    head.into_bytes()
}

/// The answer of the upstream to [`handshake_bytes`].
pub(crate) const SWITCH: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// Sends one request on a connection of its own, and returns the status of the response.
///
/// # Errors
/// If there is no response.
pub(crate) fn ask_once(address: SocketAddr, path: &str) -> io::Result<u16> {
    let (_, status) = open_with(address, &request_bytes(address, path, NEW_VERSION))?;
    Ok(status)
}

/// Opens a connection, sends a request, and reads the response. Returns the connection, which
/// stays open, and the status.
///
/// # Errors
/// If there is no response.
pub(crate) fn open_with(address: SocketAddr, request: &[u8]) -> io::Result<(TcpStream, u16)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    stream.write_all(request)?;
    let mut reader = ResponseReader::default();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(status) = reader.add_bytes(&buffer[..count])? {
            return Ok((stream, status));
        }
    }
}

/// The responses of a connection.
#[derive(Debug, Default)]
pub(crate) struct ResponseReader {
    bytes: Vec<u8>,
}

impl ResponseReader {
    /// Adds bytes from the connection. Returns the status when the response is complete.
    ///
    /// # Errors
    /// If this is not a response with a `Content-Length`, or bytes follow it.
    pub(crate) fn add_bytes(&mut self, bytes: &[u8]) -> io::Result<Option<u16>> {
        self.bytes.extend_from_slice(bytes);
        let Some(end) = find_head_end(&self.bytes) else { return Ok(None) };
        let head = String::from_utf8_lossy(&self.bytes[..end]).into_owned();
        let Some((status, length)) = parse_head(&head) else {
            return Err(io::Error::other(format!("not a response of a known length: {head}")));
        };
        if self.bytes.len() < end + length {
            return Ok(None);
        }
        if self.bytes.len() > end + length {
            return Err(io::Error::other("there are bytes behind the response"));
        }
        self.bytes.clear();
        Ok(Some(status))
    }
}

/// The place behind the empty line.
fn find_head_end(bytes: &[u8]) -> Option<usize> {
    let place = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some(place + 4)
}

/// The status and the length of the content.
fn parse_head(head: &str) -> Option<(u16, usize)> {
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    // RFC 9112 §6.3: a 101 has no content.
    if status == 101 {
        return Some((status, 0));
    }
    for line in head.lines() {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            return Some((status, value.trim().parse().ok()?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    #[test]
    fn a_response_is_complete_with_its_last_byte() {
        let mut reader = ResponseReader::default();
        assert_eq!(reader.add_bytes(b"HTTP/1.1 426 \r\ncontent-length: 2\r\n\r").unwrap(), None);
        assert_eq!(reader.add_bytes(b"\na").unwrap(), None);
        assert_eq!(reader.add_bytes(b"b").unwrap(), Some(426));
        assert_eq!(reader.add_bytes(SWITCH).unwrap(), Some(101));
    }

    /// A response without a known end is an error: the next one would be measured as a part of it.
    #[test]
    fn a_response_without_a_known_end_is_an_error() {
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert!(ResponseReader::default().add_bytes(chunked).is_err());
        let two = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1";
        assert!(ResponseReader::default().add_bytes(two).is_err());
    }
}
