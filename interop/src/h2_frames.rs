//! HTTP/2 frame by frame (RFC 9113).
//!
//! Fields are literals without indexing, so that a test controls every byte.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::PATIENCE;

/// RFC 9113 §6.1.
pub const DATA: u8 = 0;
/// RFC 9113 §6.2.
pub const HEADERS: u8 = 1;
/// RFC 9113 §6.4.
pub const RST_STREAM: u8 = 3;
/// RFC 9113 §6.5.
pub const SETTINGS: u8 = 4;
/// RFC 9113 §6.6.
pub const PUSH_PROMISE: u8 = 5;
/// RFC 9113 §6.7.
pub const PING: u8 = 6;
/// RFC 9113 §6.8.
pub const GOAWAY: u8 = 7;
/// RFC 9113 §6.9.
pub const WINDOW_UPDATE: u8 = 8;
/// RFC 9113 §6.10.
pub const CONTINUATION: u8 = 9;

/// The flag of the last DATA or HEADERS frame of a stream.
pub const END_STREAM: u8 = 1;
/// The flag of an acknowledgement.
pub const ACK: u8 = 1;
/// The flag of the last frame of a field section.
pub const END_HEADERS: u8 = 4;
/// The flags of a request in one frame.
pub const WHOLE: u8 = END_STREAM | END_HEADERS;

/// RFC 9113 §7: the code for a malformed message, and for what has no code of its own.
pub const PROTOCOL_ERROR: u32 = 1;
/// RFC 9113 §7: the code of an end without error.
pub const NO_ERROR: u32 = 0;

/// RFC 9113 §6.5.2: `SETTINGS_INITIAL_WINDOW_SIZE`.
pub const INITIAL_WINDOW_SIZE: u16 = 4;

/// A frame as it came.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its type.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream; 0 for the connection's.
    pub stream: u32,
    /// Its payload.
    pub payload: Vec<u8>,
}

impl Frame {
    /// The error code, if the frame ends a stream or the connection.
    pub fn error(&self) -> Option<u32> {
        match self.kind {
            RST_STREAM => Some(number(&self.payload, 0)),
            GOAWAY => Some(number(&self.payload, 4)),
            _ => None,
        }
    }

    /// The status of a response whose encoder takes it from the static table (RFC 7541, appendix
    /// A).
    pub fn status(&self) -> Option<u16> {
        const INDEXED: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
        let first = self.payload.first().filter(|_| self.kind == HEADERS)?;
        INDEXED.get(usize::from(first.checked_sub(0x88)?)).copied()
    }
}

/// The outcome of the request on stream 1.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct H2Reply {
    /// The final status, if one came that [`Frame::status`] can read.
    pub status: Option<u16>,
    /// The code with which the stream or the connection was ended, if it was with an error.
    pub error: Option<u32>,
    /// The content.
    pub content: Vec<u8>,
}

impl H2Reply {
    /// Returns true if the message was refused as malformed (RFC 9113 §8.1.1).
    pub fn is_malformed(&self) -> bool {
        self.status == Some(400) || self.error == Some(PROTOCOL_ERROR)
    }
}

/// Sends `frames` on a new connection, and reads until stream 1 or the connection ends.
///
/// # Errors
/// If neither comes in time.
pub fn ask_http2(to: SocketAddr, frames: &[u8]) -> io::Result<H2Reply> {
    let mut stream = open_http2(to, frames)?;
    let mut reply = H2Reply::default();
    while let Some(frame) = next_frame(&mut stream)? {
        let of_the_stream = frame.stream == 1;
        reply.status = reply.status.or(frame.status().filter(|_| of_the_stream));
        if let Some(code) = frame.error() {
            reply.error = Some(code).filter(|code| *code != NO_ERROR);
            break;
        }
        if of_the_stream && frame.kind == DATA {
            reply.content.extend_from_slice(&frame.payload);
        }
        if of_the_stream && matches!(frame.kind, DATA | HEADERS) && frame.flags & END_STREAM != 0 {
            break;
        }
    }
    Ok(reply)
}

/// The pseudo-fields of a request in cleartext, to the host `h`.
pub fn pseudo_fields<'f>(method: &'f str, path: &'f str) -> [(&'f str, &'f str); 4] {
    [(":method", method), (":scheme", "http"), (":path", path), (":authority", "h")]
}

/// The bytes of one frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    let head = [length[1], length[2], length[3], kind, flags];
    [&head[..], &stream.to_be_bytes(), payload].concat()
}

/// A SETTINGS frame with one setting.
pub fn setting(id: u16, value: u32) -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[&id.to_be_bytes()[..], &value.to_be_bytes()].concat())
}

/// A WINDOW_UPDATE frame.
pub fn window_update(stream: u32, by: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &by.to_be_bytes())
}

/// RFC 7541 §6.2.2: literal fields without indexing, new names, no Huffman code.
pub fn field_block(list: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in list {
        block.push(0);
        push_text(&mut block, name);
        push_text(&mut block, value);
    }
    block
}

fn push_text(block: &mut Vec<u8>, text: &str) {
    // RFC 7541 §5.1: from 127 on, a length goes on in octets of seven bits.
    let mut rest = text.len();
    if rest < 127 {
        block.push(rest.to_le_bytes()[0]);
    } else {
        block.push(127);
        rest -= 127;
        while rest >= 128 {
            block.push(rest.to_le_bytes()[0] | 0x80);
            rest /= 128;
        }
        block.push(rest.to_le_bytes()[0]);
    }
    block.extend_from_slice(text.as_bytes());
}

/// The preface of a client with its SETTINGS, which are empty.
pub fn preface() -> Vec<u8> {
    [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(SETTINGS, 0, 0, b"")].concat()
}

/// Opens a connection, and sends the preface and `bytes` on it.
///
/// # Errors
/// If nothing listens there.
pub fn open_http2(to: SocketAddr, bytes: &[u8]) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // A flood is cut off while it is written.
    let _ = stream.write_all(&[&preface(), bytes].concat());
    Ok(stream)
}

/// The next frame; none when the connection has ended.
///
/// # Errors
/// If none comes in time.
pub fn next_frame(stream: &mut TcpStream) -> io::Result<Option<Frame>> {
    let mut head = [0; 9];
    if let Err(error) = stream.read_exact(&mut head) {
        let ended = [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
        return if ended.contains(&error.kind()) { Ok(None) } else { Err(error) };
    }
    let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload)?;
    let stream = number(&head, 5) & 0x7fff_ffff;
    Ok(Some(Frame { kind: head[3], flags: head[4], stream, payload }))
}

/// The 32-bit number at `at`; the greatest where there is none.
pub fn number(payload: &[u8], at: usize) -> u32 {
    match payload.get(at..at + 4) {
        Some(octets) => octets.iter().fold(0, |number, octet| number << 8 | u32::from(*octet)),
        None => u32::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7541 §C.1.2 has 1337 in a prefix of five bits; in one of seven it is 127 + 1210.
    #[test]
    fn a_long_text_has_its_length_in_several_octets() {
        let block = field_block(&[("a", &"b".repeat(1337))]);
        assert_eq!(block[..6], [0, 1, b'a', 127, 0xba, 9]);
        assert_eq!(block.len(), 6 + 1337);
    }
}
