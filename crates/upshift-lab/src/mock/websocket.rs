//! A WebSocket that sends each message back (RFC 6455 §5).

use tokio::io::AsyncWriteExt;

use super::connection_context::ConnectionContext;
use super::next::Next;
use super::peer_stream::PeerStream;

/// The longest payload of a frame that is sent back.
const MAX_PAYLOAD: u64 = 1024 * 1024;

/// RFC 6455 §5.2.
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

/// A frame of a client.
#[derive(Debug, PartialEq, Eq)]
struct Frame {
    /// The FIN bit, the reserved bits and the opcode.
    first: u8,
    payload: Vec<u8>,
}

/// A frame that cannot be read.
#[derive(Debug, PartialEq, Eq)]
enum FrameFault {
    /// RFC 6455 §5.1: "a client MUST mask all frames".
    NotMasked,
    /// It is longer than is sent back.
    TooLong,
}

/// Sends frames back until the client closes.
pub(crate) async fn echo_messages(context: &ConnectionContext, mut stream: PeerStream) -> Next {
    loop {
        match read_frame(stream.unread()) {
            Ok(Some((frame, length))) => {
                stream.consume(length);
                let is_close = frame.first & 0xf == CLOSE;
                if let Some(reply) = reply_to(frame) {
                    let sent = stream.write_all(&reply).await.is_ok();
                    if !sent || stream.flush().await.is_err() {
                        return Next::Over;
                    }
                }
                if is_close {
                    return Next::Close(stream);
                }
            }
            Ok(None) => {
                if context.read_more(&mut stream).await.is_none() {
                    return Next::Close(stream);
                }
            }
            Err(fault) => {
                context.recorder.malformed(match fault {
                    FrameFault::NotMasked => "a WebSocket frame of the client is not masked",
                    FrameFault::TooLong => "a WebSocket frame has more than 1 MiB",
                });
                return Next::Close(stream);
            }
        }
    }
}

/// Reads the frame at the start of `octets`, and its length. `None` if it is not complete.
fn read_frame(octets: &[u8]) -> Result<Option<(Frame, usize)>, FrameFault> {
    let [first, second, rest @ ..] = octets else { return Ok(None) };
    if second & 0x80 == 0 {
        return Err(FrameFault::NotMasked);
    }
    let (length, rest) = match (second & 0x7f, rest) {
        (126, [a, b, rest @ ..]) => (u64::from(u16::from_be_bytes([*a, *b])), rest),
        (127, rest) => match rest.split_first_chunk() {
            Some((length, rest)) => (u64::from_be_bytes(*length), rest),
            None => return Ok(None),
        },
        (126, _) => return Ok(None),
        (length, rest) => (u64::from(length), rest),
    };
    if length > MAX_PAYLOAD {
        return Err(FrameFault::TooLong);
    }
    let length = length as usize;
    let Some((mask, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
    let Some(masked) = rest.get(..length) else { return Ok(None) };
    let mut payload = masked.to_vec();
    for (place, octet) in payload.iter_mut().enumerate() {
        *octet ^= mask[place % 4];
    }
    let used = octets.len() - rest.len() + length;
    Ok(Some((Frame { first: *first, payload }, used)))
}

/// The frame that answers a frame: the same, unmasked; for a ping a pong, for a pong none.
fn reply_to(frame: Frame) -> Option<Vec<u8>> {
    let first = match frame.first & 0xf {
        PING => frame.first & 0xf0 | PONG,
        PONG => return None,
        _ => frame.first,
    };
    let mut reply = vec![first];
    match frame.payload.len() {
        length @ 0..=125 => reply.push(length as u8),
        length @ 126..=0xffff => {
            reply.push(126);
            reply.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            reply.push(127);
            reply.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    reply.extend_from_slice(&frame.payload);
    Some(reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_sent_back_unmasked() {
        // RFC 6455 §5.7: a single-frame masked text message "Hello".
        let masked = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58, 0xff];
        for cut in 0..11 {
            assert_eq!(read_frame(&masked[..cut]), Ok(None), "{cut}");
        }
        let frame = Frame { first: 0x81, payload: b"Hello".to_vec() };
        assert_eq!(reply_to(frame), Some(b"\x81\x05Hello".to_vec()));
        assert_eq!(
            read_frame(&masked),
            Ok(Some((Frame { first: 0x81, payload: b"Hello".to_vec() }, 11)))
        );
    }

    #[test]
    fn a_frame_that_is_not_masked_is_a_fault() {
        assert_eq!(read_frame(&[0x81, 0x01, b'a']), Err(FrameFault::NotMasked));
        let long = [0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0];
        assert_eq!(read_frame(&long), Err(FrameFault::TooLong));
    }
}
