//! Frames written by hand, for answers that a library refuses to send.

use upshift_http::http2::{DATA, END_HEADERS, END_STREAM, FrameHead, HEADERS};

use crate::mock::framed::{FramedAnswer, FramedHead};

/// RFC 9113 §4.2: the longest payload that every client accepts.
const MAX_PAYLOAD: usize = 16_384;

/// The frames of an answer on `stream`.
pub(super) fn response_frames(stream: u32, answer: &FramedAnswer) -> Vec<u8> {
    let mut frames = Vec::new();
    for head in &answer.interim {
        put_frame(&mut frames, HEADERS, END_HEADERS, stream, &field_section(head));
    }
    let ends = if answer.is_whole { END_STREAM } else { 0 };
    // RFC 9113 §8.1: an interim response does not end the stream. One that is sent as the only
    // answer does here, because nothing else would.
    let ends_with_head = if answer.body.is_empty() { ends } else { 0 };
    let section = field_section(&answer.head);
    put_frame(&mut frames, HEADERS, END_HEADERS | ends_with_head, stream, &section);
    let count = answer.body.len().div_ceil(MAX_PAYLOAD);
    for (place, part) in answer.body.chunks(MAX_PAYLOAD).enumerate() {
        let flags = if place + 1 == count { ends } else { 0 };
        put_frame(&mut frames, DATA, flags, stream, part);
    }
    frames
}

/// The field section of a head. All fields are literals without indexing (RFC 7541 §6.2.2), which
/// change no state of the decoder.
fn field_section(head: &FramedHead) -> Vec<u8> {
    let mut section = Vec::new();
    put_field(&mut section, ":status", &head.status.to_string());
    for (name, value) in &head.fields {
        put_field(&mut section, name, value);
    }
    section
}

fn put_field(section: &mut Vec<u8>, name: &str, value: &str) {
    section.push(0);
    put_string(section, name.as_bytes());
    put_string(section, value.as_bytes());
}

/// A string without Huffman coding: its length with a prefix of seven bits, and its octets (RFC
/// 7541 §5.1, §5.2).
fn put_string(section: &mut Vec<u8>, octets: &[u8]) {
    let mut length = octets.len();
    if length < 127 {
        section.push(length as u8);
    } else {
        section.push(127);
        length -= 127;
        // Ends: each turn shifts the number by seven bits.
        while length >= 128 {
            section.push((length % 128) as u8 | 0x80);
            length /= 128;
        }
        section.push(length as u8);
    }
    section.extend_from_slice(octets);
}

/// Adds a frame.
pub(super) fn put_frame(frames: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let head = FrameHead { length: payload.len() as u32, kind, flags, stream };
    frames.extend_from_slice(&head.to_bytes());
    frames.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_has_a_length_of_several_octets() {
        let mut section = Vec::new();
        put_string(&mut section, &[b'a'; 1337]);
        // RFC 7541 C.1.2 has 1337 with a prefix of five bits; with seven it is 127 + 1210.
        assert_eq!(&section[..3], [0x7f, 0xba, 0x09]);
        assert_eq!(section.len(), 3 + 1337);
    }
}
