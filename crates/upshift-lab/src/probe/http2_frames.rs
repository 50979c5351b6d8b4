//! Frames of HTTP/2, written and read by hand.
//!
//! A library rejects a response with `Upgrade` or `Connection` (RFC 9113 §8.2.2) and passes nothing
//! of it on. A probe has to show which fields came.

use loona_hpack::Decoder;
use upshift_http::http2::{END_HEADERS, FrameHead, SETTINGS};

/// Frame type GOAWAY (RFC 9113 §6.8).
pub(super) const GOAWAY: u8 = 7;
/// Frame type WINDOW_UPDATE (RFC 9113 §6.9).
pub(super) const WINDOW_UPDATE: u8 = 8;
/// Frame type PING (RFC 9113 §6.7).
pub(super) const PING: u8 = 6;
/// Flag of DATA and HEADERS: the payload is padded (RFC 9113 §6.1).
const PADDED: u8 = 0x8;
/// Flag of HEADERS: the payload has a priority (RFC 9113 §6.2).
const PRIORITY: u8 = 0x20;

/// The most octets of a decoded header section. A few octets of HPACK can stand for many.
const SECTION_LIMIT: usize = 256 * 1024;

/// Our settings, as the payload of a SETTINGS frame: ENABLE_PUSH = 0, INITIAL_WINDOW_SIZE = 16 MiB,
/// which is more content than is read, so that no window has to be opened later.
pub(super) const SETTINGS_PAYLOAD: [u8; 12] = [0, 2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0];

/// A frame.
#[derive(Debug)]
pub(super) struct Frame {
    /// The head.
    pub(super) head: FrameHead,
    /// The payload.
    pub(super) payload: Vec<u8>,
}

impl Frame {
    /// Takes the first frame off `received`; `None` if it is not complete.
    pub(super) fn take_from(received: &mut Vec<u8>) -> Option<Self> {
        let head = FrameHead::parse(received)?;
        let end = FrameHead::LENGTH + head.payload_length();
        if received.len() < end {
            return None;
        }
        let payload = received[FrameHead::LENGTH..end].to_vec();
        received.drain(..end);
        Some(Self { head, payload })
    }

    /// Returns true if the flag is set.
    pub(super) fn has_flag(&self, flag: u8) -> bool {
        self.head.flags & flag != 0
    }

    /// The payload without padding and priority; `None` if it is too short for what its flags say.
    pub(super) fn content(&self) -> Option<&[u8]> {
        let mut content = self.payload.as_slice();
        let mut padding = 0;
        if self.has_flag(PADDED) {
            let (length, rest) = content.split_first()?;
            padding = usize::from(*length);
            content = rest;
        }
        if self.head.kind == upshift_http::http2::HEADERS && self.has_flag(PRIORITY) {
            content = content.get(5..)?;
        }
        content.get(..content.len().checked_sub(padding)?)
    }

    /// The 32-bit number at `offset` of the payload: an error code, or a stream.
    pub(super) fn number_at(&self, offset: usize) -> u32 {
        let Some(four) = self.payload.get(offset..).and_then(|rest| rest.first_chunk()) else {
            return 0;
        };
        u32::from_be_bytes(*four)
    }
}

/// Appends a frame.
pub(super) fn push_frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let head = FrameHead { length: payload.len() as u32, kind, flags, stream };
    out.extend_from_slice(&head.to_bytes());
    out.extend_from_slice(payload);
}

/// The client's preface: its fixed octets, our settings, and a window of 16 MiB for the connection.
pub(super) fn client_preface() -> Vec<u8> {
    let mut out = upshift_http::http2::PREFACE.to_vec();
    push_frame(&mut out, SETTINGS, 0, 0, &SETTINGS_PAYLOAD);
    push_frame(&mut out, WINDOW_UPDATE, 0, 0, &(1_u32 << 24).to_be_bytes());
    out
}

/// A header block of these fields: literals that use neither a table nor the Huffman code (RFC 7541
/// §6.2.2).
pub(super) fn encode_fields(fields: &[(String, String)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        // RFC 9113 §8.2.1: names are in lower case.
        push_string(&mut block, name.to_ascii_lowercase().as_bytes());
        push_string(&mut block, value.as_bytes());
    }
    block
}

/// RFC 7541 §5.2 and §5.1: the length as an integer with a prefix of 7 bits, then the octets.
fn push_string(block: &mut Vec<u8>, octets: &[u8]) {
    const PREFIX: usize = 0x7f;
    if octets.len() < PREFIX {
        block.push(octets.len() as u8);
    } else {
        block.push(PREFIX as u8);
        let mut rest = octets.len() - PREFIX;
        while rest >= 0x80 {
            block.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        block.push(rest as u8);
    }
    block.extend_from_slice(octets);
}

/// Appends HEADERS, and CONTINUATION if the block is larger than the smallest frame limit (RFC 9113
/// §4.2).
pub(super) fn push_headers(out: &mut Vec<u8>, stream: u32, block: &[u8], ends_stream: bool) {
    const FRAME_LIMIT: usize = 16_384;
    let mut pieces = block.chunks(FRAME_LIMIT).peekable();
    let mut kind = upshift_http::http2::HEADERS;
    let mut flags = if ends_stream { upshift_http::http2::END_STREAM } else { 0 };
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            flags |= END_HEADERS;
        }
        push_frame(out, kind, flags, stream, piece);
        kind = upshift_http::http2::CONTINUATION;
        flags = 0;
    }
}

/// A field section: names and values, pseudo-fields included.
pub(super) type Section = Vec<(Vec<u8>, Vec<u8>)>;

/// Decodes a header block; `None` if it is malformed.
pub(super) fn decode_block(decoder: &mut Decoder<'_>, block: &[u8]) -> Option<Section> {
    let mut section = Section::new();
    let mut length = 0;
    let decoded = decoder.decode_with_cb(block, |name, value| {
        length += name.len() + value.len();
        if length <= SECTION_LIMIT {
            section.push((name.into_owned(), value.into_owned()));
        }
    });
    decoded.ok().map(|()| section)
}

/// The name of an error code (RFC 9113 §7).
pub(super) fn error_name(code: u32) -> String {
    let name = match code {
        0 => "NO_ERROR",
        1 => "PROTOCOL_ERROR",
        2 => "INTERNAL_ERROR",
        3 => "FLOW_CONTROL_ERROR",
        4 => "SETTINGS_TIMEOUT",
        5 => "STREAM_CLOSED",
        6 => "FRAME_SIZE_ERROR",
        7 => "REFUSED_STREAM",
        8 => "CANCEL",
        9 => "COMPRESSION_ERROR",
        10 => "CONNECT_ERROR",
        11 => "ENHANCE_YOUR_CALM",
        12 => "INADEQUATE_SECURITY",
        13 => "HTTP_1_1_REQUIRED",
        other => return format!("error {other:#x}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn encoded_fields_are_decoded() {
        let long = "x".repeat(40_000);
        let fields = [(":status".to_owned(), "200".to_owned()), ("X-Long".to_owned(), long)];
        let block = encode_fields(&fields);
        let section = decode_block(&mut Decoder::new(), &block).unwrap();
        assert_eq!(section[0], (b":status".to_vec(), b"200".to_vec()));
        assert_eq!((section[1].0.as_slice(), section[1].1.len()), (&b"x-long"[..], 40_000));

        let mut out = Vec::new();
        push_headers(&mut out, 1, &block, true);
        let mut joined = Vec::new();
        while let Some(frame) = Frame::take_from(&mut out) {
            joined.extend_from_slice(frame.content().unwrap());
        }
        assert_eq!(joined, block);
    }

    /// RFC 7541 §C.6.1: a response with Huffman codes.
    #[test]
    fn the_example_of_the_rfc_is_decoded() {
        let block = [
            0x48, 0x82, 0x64, 0x02, 0x58, 0x85, 0xae, 0xc3, 0x77, 0x1a, 0x4b, 0x61, 0x96, 0xd0,
            0x7a, 0xbe, 0x94, 0x10, 0x54, 0xd4, 0x44, 0xa8, 0x20, 0x05, 0x95, 0x04, 0x0b, 0x81,
            0x66, 0xe0, 0x82, 0xa6, 0x2d, 0x1b, 0xff, 0x6e, 0x91, 0x9d, 0x29, 0xad, 0x17, 0x18,
            0x63, 0xc7, 0x8f, 0x0b, 0x97, 0xc8, 0xe9, 0xae, 0x82, 0xae, 0x43, 0xd3,
        ];
        let section = decode_block(&mut Decoder::new(), &block).unwrap();
        assert_eq!(section[0], (b":status".to_vec(), b"302".to_vec()));
        assert_eq!(section[3], (b"location".to_vec(), b"https://www.example.com".to_vec()));
    }

    #[test]
    fn padding_and_priority_are_removed() {
        let mut out = Vec::new();
        let flags = PADDED | PRIORITY;
        let payload = [2, 0, 0, 0, 0, 9, b'a', b'b', 0, 0];
        push_frame(&mut out, upshift_http::http2::HEADERS, flags, 1, &payload);
        assert_eq!(Frame::take_from(&mut out).unwrap().content(), Some(&b"ab"[..]));
        push_frame(&mut out, upshift_http::http2::DATA, PADDED, 1, &[9, 0]);
        assert_eq!(Frame::take_from(&mut out).unwrap().content(), None);
    }

    proptest! {
        #[test]
        fn no_octets_make_the_decoder_panic(
            blocks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 1..4)
        ) {
            let mut decoder = Decoder::new();
            for block in blocks {
                decode_block(&mut decoder, &block);
            }
        }
    }
}
