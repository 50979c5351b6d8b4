//! The version of a message.

use crate::fault::{FaultClass, Malformed};

/// A version of HTTP/1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// HTTP/1.0: no chunks, no interim responses, and no persistence unless both sides ask for it.
    Http10,
    /// HTTP/1.1 and higher minor versions.
    #[default]
    Http11,
}

impl Version {
    /// The version on the wire: `HTTP/1.1`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        }
    }

    /// Parses `"HTTP/" DIGIT "." DIGIT` (RFC 9112 §2.3: case-sensitive).
    pub(crate) fn parse(text: &[u8], at: usize) -> Result<Self, Malformed> {
        match text {
            b"HTTP/1.1" => Ok(Self::Http11),
            b"HTTP/1.0" => Ok(Self::Http10),
            [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
                if major.is_ascii_digit() && minor.is_ascii_digit() =>
            {
                // RFC 9110 §2.5: a message with a higher minor version can be processed as one of
                // the highest minor version that the recipient knows.
                if *major == b'1' {
                    return Ok(Self::Http11);
                }
                Err(Malformed::new(FaultClass::VersionUnsupported, at))
            }
            _ => Err(Malformed::new(FaultClass::Version, at)),
        }
    }
}
