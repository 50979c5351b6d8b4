//! The first bytes of an HTTP/2 connection and the fixed head of its frames (RFC 9113), for code
//! that stands between a socket and an HTTP/2 library.

/// The client's connection preface, without the SETTINGS frame that follows it (RFC 9113 §3.4).
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Frame type DATA (RFC 9113 §6.1).
pub const DATA: u8 = 0;
/// Frame type HEADERS (RFC 9113 §6.2).
pub const HEADERS: u8 = 1;
/// Frame type RST_STREAM (RFC 9113 §6.4).
pub const RST_STREAM: u8 = 3;
/// Frame type SETTINGS (RFC 9113 §6.5).
pub const SETTINGS: u8 = 4;
/// Frame type CONTINUATION (RFC 9113 §6.10).
pub const CONTINUATION: u8 = 9;

/// Flag of SETTINGS: it acknowledges the peer's settings.
pub const ACK: u8 = 0x1;
/// Flag of DATA and HEADERS: the last frame of the stream.
pub const END_STREAM: u8 = 0x1;
/// Flag of HEADERS and CONTINUATION: the last frame of the field section.
pub const END_HEADERS: u8 = 0x4;

/// The setting `SETTINGS_HEADER_TABLE_SIZE` (RFC 9113 §6.5.2).
pub const HEADER_TABLE_SIZE: u16 = 1;

/// The fixed head of a frame (RFC 9113 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHead {
    /// The length of the payload in bytes, below 2²⁴.
    pub length: u32,
    /// The frame type.
    pub kind: u8,
    /// The flags, whose meaning depends on the type.
    pub flags: u8,
    /// The stream that the frame belongs to, without the reserved bit.
    pub stream: u32,
}

impl FrameHead {
    /// The number of bytes of a frame head.
    pub const LENGTH: usize = 9;

    /// Reads the head of the frame that begins at the start of `bytes`; `None` if it is not
    /// complete.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3] = *bytes.first_chunk()?;
        Some(Self {
            length: u32::from_be_bytes([0, l0, l1, l2]),
            kind,
            flags,
            // RFC 9113 §4.1: the reserved bit "MUST be ignored when receiving".
            stream: u32::from_be_bytes([s0 & 0x7f, s1, s2, s3]),
        })
    }

    /// The head as it goes on the wire.
    pub fn to_bytes(self) -> [u8; Self::LENGTH] {
        let [_, l0, l1, l2] = self.length.to_be_bytes();
        let [s0, s1, s2, s3] = self.stream.to_be_bytes();
        [l0, l1, l2, self.kind, self.flags, s0, s1, s2, s3]
    }

    /// The length of the payload as an index.
    pub fn payload_length(self) -> usize {
        self.length as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_written_as_it_is_read() {
        let bytes = [0, 1, 2, HEADERS, END_HEADERS, 0, 0, 1, 3];
        let head = FrameHead { length: 258, kind: HEADERS, flags: END_HEADERS, stream: 259 };
        assert_eq!(FrameHead::parse(&bytes), Some(head));
        assert_eq!(head.to_bytes(), bytes);
        assert_eq!(FrameHead::parse(&bytes[..8]), None);
    }

    #[test]
    fn the_reserved_bit_is_ignored() {
        let head = FrameHead::parse(&[0, 0, 0, SETTINGS, 0, 0x80, 0, 0, 0]);
        assert_eq!(head.map(|head| head.stream), Some(0));
    }
}
