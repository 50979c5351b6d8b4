//! The opening handshake of a WebSocket (RFC 6455 §4.1), and a polite close.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use upshift_http::websocket_accept;
use upshift_record::ExchangeEnd;

use super::http1_exchange::{AfterResponse, Http1Exchange};
use super::http1_request::Http1Request;
use super::inquiry::{Failure, Inquiry};
use super::prober::{ByteStream, Prober};
use super::switching::{require_switch, text_of};
use super::target::Target;

/// The time that a server has to answer our close.
const CLOSE_PATIENCE: Duration = Duration::from_millis(300);

/// The opcode of a close frame, with FIN (RFC 6455 §5.2).
const CLOSE: u8 = 0x88;

impl Prober {
    /// A handshake of this version of the protocol.
    pub(super) async fn ask_websocket(
        &self,
        to: &Target,
        version: &str,
        inquiry: &mut Inquiry,
    ) -> Result<(), Failure> {
        let mut stream = self.connect_http1(to, inquiry).await?;
        let key = STANDARD.encode(random_octets::<16>()?);
        let mut request = Http1Request::new(&self.settings, to, "1.1")
            .offer("websocket", "Upgrade")
            .field("Sec-WebSocket-Version", version)
            .field("Sec-WebSocket-Key", key.as_str());
        // RFC 6455 §4.1: "The method of the request MUST be GET".
        request.method = "GET".to_owned();
        let record = &mut inquiry.exchange;
        let mut exchange = Http1Exchange::send(&mut stream, &request, record).await?;
        if exchange.read_responses(&mut stream, record).await? == AfterResponse::Answered {
            return Ok(());
        }
        require_switch(&["websocket"], inquiry)?;
        require_accept(&key, inquiry)?;
        inquiry.exchange.end = Some(ExchangeEnd::Complete);
        inquiry.switched_to = Some("websocket".to_owned());
        if !close_politely(&mut stream, &exchange.received).await? {
            inquiry.remark("the server does not answer a close frame");
        }
        Ok(())
    }
}

/// RFC 6455 §4.1, 4: a client fails the connection if `Sec-WebSocket-Accept` is not the one that
/// belongs to its key.
fn require_accept(key: &str, inquiry: &Inquiry) -> Result<(), Failure> {
    let switch = inquiry.exchange.interim.last();
    match switch.and_then(|switch| text_of(switch, "sec-websocket-accept")) {
        Some(accept) if accept == websocket_accept(key.as_bytes()) => Ok(()),
        Some(_) => Err(Failure::malformed("Sec-WebSocket-Accept does not belong to the key")),
        None => Err(Failure::malformed("the 101 has no Sec-WebSocket-Accept")),
    }
}

/// Sends a close frame with status 1000, and waits for the server's own (RFC 6455 §7.1.2). Returns
/// false if none comes.
async fn close_politely(stream: &mut impl ByteStream, ahead: &[u8]) -> Result<bool, Failure> {
    // RFC 6455 §5.3: a client masks its payload.
    let mask: [u8; 4] = random_octets()?;
    let [high, low] = 1000_u16.to_be_bytes();
    let mut frame = vec![CLOSE, 0x80 | 2];
    frame.extend_from_slice(&mask);
    frame.extend_from_slice(&[high ^ mask[0], low ^ mask[1]]);
    stream.write_all(&frame).await?;
    stream.flush().await?;
    let closing = tokio::time::timeout(CLOSE_PATIENCE, read_close(stream, ahead.to_vec())).await;
    Ok(closing.unwrap_or(false))
}

/// Reads frames up to a close frame. Returns false if the connection ends without one.
async fn read_close(stream: &mut impl ByteStream, mut received: Vec<u8>) -> bool {
    let mut buffer = [0; 4096];
    loop {
        while let Some(length) = frame_length(&received) {
            if received[0] == CLOSE {
                return true;
            }
            if received.len() < length {
                break;
            }
            received.drain(..length);
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return false,
            Ok(length) => received.extend_from_slice(&buffer[..length]),
        }
    }
}

/// The length of the first frame, as soon as its head has arrived. Servers do not mask.
fn frame_length(received: &[u8]) -> Option<usize> {
    match *received {
        [_, length, ..] if length < 126 => Some(2 + usize::from(length)),
        [_, 126, high, low, ..] => Some(4 + usize::from(u16::from_be_bytes([high, low]))),
        // No server sends 64 KiB to a client that has said nothing.
        [_, _, ..] if received.len() > 10 => Some(usize::MAX),
        _ => None,
    }
}

fn random_octets<const N: usize>() -> Result<[u8; N], Failure> {
    let mut octets = [0; N];
    let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
    random
        .fill(&mut octets)
        .map_err(|_| Failure::unreachable("the system has no random numbers"))?;
    Ok(octets)
}
