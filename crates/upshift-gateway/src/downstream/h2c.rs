//! The obsolete switch to HTTP/2 by `Upgrade: h2c` (RFC 7540 §3.2), for clients that still offer
//! it: Java, curl, nghttp.
//!
//! hyper, the codec for HTTP/2, does not support the switch, so it is made before it:
//!
//! 1. The offer counts only if it is complete: `Connection` names both `Upgrade` and
//!    `HTTP2-Settings`, and there is exactly one valid `HTTP2-Settings`. Any other offer is
//!    ignored, and the request is served as HTTP/1.1 (§3.2, §3.2.1: MUST NOT upgrade).
//! 2. The request's content is read first, up to a limit (§3.2: "MUST be sent in its entirety
//!    before the client can send HTTP/2 frames"). Reading it also sends a `100 (Continue)` before
//!    the `101` (RFC 9110 §7.8).
//! 3. After the `101`, the client sends its preface and SETTINGS. Nothing may arrive before.
//! 4. The codec gets the preface, one SETTINGS frame that holds the settings of `HTTP2-Settings`
//!    and then the client's, and a HEADERS frame that opens stream 1, already half-closed. It is
//!    one SETTINGS frame so that there is one acknowledgement, for the client's own frame (§3.2.1
//!    forbids one for `HTTP2-Settings`).
//! 5. `HEADER_TABLE_SIZE` of `HTTP2-Settings` is left out: clients do not apply it, but
//!    decode with a table of 4096 bytes until their own SETTINGS frame was sent.
//! 6. The first request from the codec is replaced by the HTTP/1.1 request, content included. So no
//!    field of it passes through header compression, and none of its bytes count towards a
//!    flow-control window.

use std::io;

use bytes::{BufMut, Bytes, BytesMut};
use http::Method;
use tokio::io::{AsyncRead, AsyncReadExt};
use upshift_http::http2::{ACK, END_HEADERS, END_STREAM, FrameHead, HEADERS, PREFACE, SETTINGS};

use crate::exchange::h2c_offer::H2cSettings;

/// RFC 9113 §4.2: the longest payload before a SETTINGS frame allows more.
const MAX_PAYLOAD: usize = 16_384;

/// A client that switched to HTTP/2 and did not start it. The client is at fault.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpeningError {
    /// The connection failed or closed too early.
    #[error("the connection broke before HTTP/2 began: {0}")]
    Io(#[from] io::Error),
    /// The first bytes are not the preface of HTTP/2.
    #[error("the client did not send HTTP/2's preface")]
    Preface,
    /// The first frame is not a valid SETTINGS frame (RFC 9113 §3.4).
    #[error("the client's first frame is not a valid SETTINGS frame")]
    Settings,
}

/// Reads the client's preface and SETTINGS. Returns the bytes for the codec to read before the rest
/// of `stream`: both of these, and a HEADERS frame that opens stream 1 with `method`.
pub(crate) async fn read_opening<S>(
    stream: &mut S,
    offered: &H2cSettings,
    method: &Method,
) -> Result<Bytes, OpeningError>
where
    S: AsyncRead + Unpin,
{
    let mut preface = [0; PREFACE.len()];
    stream.read_exact(&mut preface).await?;
    if preface != *PREFACE {
        return Err(OpeningError::Preface);
    }
    let settings = offered.followed_by(&read_settings(stream).await?);
    let mut opening = BytesMut::with_capacity(PREFACE.len() + settings.len() + 64);
    opening.extend_from_slice(PREFACE);
    put_frame(&mut opening, SETTINGS, 0, 0, &settings);
    put_frame(&mut opening, HEADERS, END_STREAM | END_HEADERS, 1, &stream_opening_fields(method));
    Ok(opening.freeze())
}

async fn read_settings<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Vec<u8>, OpeningError> {
    let mut bytes = [0; FrameHead::LENGTH];
    stream.read_exact(&mut bytes).await?;
    let Some(head) = FrameHead::parse(&bytes) else { return Err(OpeningError::Settings) };
    let length = head.payload_length();
    // RFC 9113 §6.5: it is on stream 0, and its length is a multiple of six. It is no
    // acknowledgement, because we have sent no SETTINGS yet.
    if head.kind != SETTINGS
        || head.flags & ACK != 0
        || head.stream != 0
        || !length.is_multiple_of(6)
        || length > MAX_PAYLOAD / 2
    {
        return Err(OpeningError::Settings);
    }
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).await?;
    Ok(payload)
}

/// A field section that opens a stream: the method and the other pseudo-header fields that are
/// required (RFC 9113 §8.3.1). The request itself is kept elsewhere.
///
/// RFC 7541: `82`, `86`, `84` are GET, http and `/` of the static table; any other method is a
/// literal that is not indexed, with the name of entry 2.
fn stream_opening_fields(method: &Method) -> Vec<u8> {
    // A method may be as long as the header section. One that does not fit a length of one byte is
    // replaced by POST, because the codec needs some method.
    match method.as_str().as_bytes() {
        b"GET" => vec![0x82, 0x86, 0x84],
        name if name.len() < 127 => {
            let mut fields = vec![0x02, name.len() as u8];
            fields.extend(name);
            fields.extend([0x86, 0x84]);
            fields
        }
        _ => vec![0x83, 0x86, 0x84],
    }
}

fn put_frame(to: &mut BytesMut, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let head = FrameHead { length: payload.len() as u32, kind, flags, stream };
    to.put_slice(&head.to_bytes());
    to.put_slice(payload);
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    async fn opened(sent: &[u8], method: &Method) -> Result<Bytes, OpeningError> {
        let mut stream = sent;
        read_opening(&mut stream, &H2cSettings::default(), method).await
    }

    fn client(settings: &[u8]) -> Vec<u8> {
        let mut sent = BytesMut::from(&PREFACE[..]);
        put_frame(&mut sent, SETTINGS, 0, 0, settings);
        sent.to_vec()
    }

    #[tokio::test]
    async fn the_codec_gets_one_settings_frame_and_stream_1() {
        let opening = opened(&client(&[0, 4, 0, 0, 0, 1]), &Method::GET).await.unwrap();
        let mut expected = client(&[0, 4, 0, 0, 0, 1]);
        expected.extend([0, 0, 3, 1, 5, 0, 0, 0, 1, 0x82, 0x86, 0x84]);
        assert_eq!(opening, expected);
    }

    /// The codec is the judge: it must take what we hand it.
    #[tokio::test]
    async fn the_codec_yields_a_request_by_the_same_method() {
        for method in [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::OPTIONS,
            Method::from_bytes(b"PROPFIND").unwrap(),
        ] {
            let opening = opened(&client(&[]), &method).await.unwrap();
            let (near, mut far) = tokio::io::duplex(1 << 16);
            tokio::io::AsyncWriteExt::write_all(&mut far, &opening).await.unwrap();
            let mut codec = h2::server::handshake(near).await.unwrap();
            let (request, _) = codec.accept().await.unwrap().unwrap();
            assert_eq!(request.method(), method);
            assert!(request.body().is_end_stream());
        }
    }

    #[tokio::test]
    async fn anything_else_is_refused() {
        let cases: [(&str, Vec<u8>); 4] = [
            ("http/1.1", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
            ("cut short", PREFACE[..20].to_vec()),
            ("another frame", [&PREFACE[..], &[0, 0, 8, 6, 0, 0, 0, 0, 0], &[0; 8]].concat()),
            ("an acknowledgement", [&PREFACE[..], &[0, 0, 0, 4, 1, 0, 0, 0, 0]].concat()),
        ];
        for (case, sent) in cases {
            assert!(opened(&sent, &Method::GET).await.is_err(), "{case}");
        }
    }
}
