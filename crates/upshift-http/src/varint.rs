//! Variable-length integers of QUIC (RFC 9000 §16), read as their bytes arrive.

/// An integer of which a part may have arrived.
#[derive(Clone, Copy, Debug, Default)]
pub struct Varint {
    value: u64,
    /// The number of bytes that are still to come; `None` before the first one.
    left: Option<u32>,
}

impl Varint {
    /// Adds a byte. Returns the integer if this byte completes it.
    pub fn push(&mut self, byte: u8) -> Option<u64> {
        let left = match self.left {
            // The two most significant bits give the length: 1, 2, 4 or 8 bytes.
            None => {
                self.value = u64::from(byte & 0x3f);
                (1 << (byte >> 6)) - 1
            }
            Some(left) => {
                self.value = self.value << 8 | u64::from(byte);
                left - 1
            }
        };
        self.left = Some(left);
        (left == 0).then_some(self.value)
    }

    /// Returns true if no byte has arrived.
    pub fn is_empty(&self) -> bool {
        self.left.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Option<u64> {
        let mut integer = Varint::default();
        let mut last = None;
        for &byte in bytes {
            last = integer.push(byte);
        }
        last
    }

    /// RFC 9000 §A.1.
    #[test]
    fn the_examples_of_the_rfc_are_read() {
        let eight = [0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c];
        assert_eq!(read(&eight), Some(151_288_809_941_952_652));
        assert_eq!(read(&[0x9d, 0x7f, 0x3e, 0x7d]), Some(494_878_333));
        assert_eq!(read(&[0x7b, 0xbd]), Some(15_293));
        assert_eq!(read(&[0x25]), Some(37));
        assert_eq!(read(&eight[..7]), None);
    }
}
