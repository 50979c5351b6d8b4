//! The lanes: the ways to ask a server.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// One way to ask a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
    /// HTTP/1.1 that offers a switch to HTTP/2 (RFC 7540 §3.2).
    H2cUpgrade,
    /// HTTP/2 over cleartext by prior knowledge (RFC 9113 §3.3).
    H2cPrior,
    /// HTTP/2 over TLS, chosen by ALPN (RFC 9113 §3.2).
    Http2,
    /// HTTP/3.
    Http3,
    /// The opening handshake of a WebSocket over HTTP/1.1 (RFC 6455 §4.1).
    WebSocket,
    /// HTTP/1.1 over a connection that offers nothing newer than TLS 1.2.
    Tls12,
    /// HTTP/1.1 over a connection that offers nothing older than TLS 1.3.
    Tls13,
    /// HTTP/1.1 over cleartext that offers a switch to TLS (RFC 2817).
    TlsInBand,
}

/// A name that no lane has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownLane(String);

impl Lane {
    /// All lanes, in the order of reports.
    pub const ALL: [Self; 10] = [
        Self::Http10,
        Self::Http11,
        Self::H2cUpgrade,
        Self::H2cPrior,
        Self::Http2,
        Self::Http3,
        Self::WebSocket,
        Self::Tls12,
        Self::Tls13,
        Self::TlsInBand,
    ];

    /// The name of the lane in reports, files and flags, as `h1.0`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "h1.0",
            Self::Http11 => "h1.1",
            Self::H2cUpgrade => "h2c-upgrade",
            Self::H2cPrior => "h2c-prior",
            Self::Http2 => "h2",
            Self::Http3 => "h3",
            Self::WebSocket => "ws",
            Self::Tls12 => "tls1.2",
            Self::Tls13 => "tls1.3",
            Self::TlsInBand => "tls-inband",
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Lane {
    type Err = UnknownLane;

    fn from_str(name: &str) -> Result<Self, UnknownLane> {
        let lane = Self::ALL.into_iter().find(|lane| lane.as_str() == name);
        lane.ok_or_else(|| UnknownLane(name.to_owned()))
    }
}

impl fmt::Display for UnknownLane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a lane; the lanes are ", self.0)?;
        for (place, lane) in Lane::ALL.into_iter().enumerate() {
            let separator = if place == 0 { "" } else { ", " };
            write!(f, "{separator}{lane}")?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownLane {}

impl Serialize for Lane {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Lane {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use super::*;

    #[test]
    fn a_lane_is_read_by_its_name() {
        for lane in Lane::ALL {
            assert_eq!(lane.as_str().parse(), Ok(lane));
        }
    }

    #[test]
    fn the_error_lists_the_lanes() {
        let error = "http2".parse::<Lane>().unwrap_err().to_string();
        assert!(error.starts_with("`http2` is not a lane; the lanes are h1.0, h1.1,"), "{error}");
    }
}
