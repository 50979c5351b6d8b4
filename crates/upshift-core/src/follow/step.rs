//! The moves of a client, and where each one leads.

use std::fmt;

use crate::{HttpVersion, TlsState, TlsVersion};

/// A way for a request to travel: the version of HTTP and the protection of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    /// The version of HTTP.
    pub http: HttpVersion,
    /// The protection.
    pub tls: TlsState,
}

impl Lane {
    /// HTTP/1.1 without TLS.
    pub const HTTP1_CLEARTEXT: Self = Self { http: HttpVersion::V1_1, tls: TlsState::Cleartext };

    /// Tells whether intermediaries can read and change the messages.
    pub fn is_cleartext(self) -> bool {
        self.tls == TlsState::Cleartext
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP/{}", self.http.as_str())?;
        match self.tls {
            TlsState::Cleartext => f.write_str(" in clear"),
            TlsState::Version(version) => write!(f, " over TLS {}", version.as_str()),
            TlsState::SomeVersion => f.write_str(" over TLS"),
        }
    }
}

/// A thing whose version the caller may raise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The version of an API.
    Api,
    /// The version of the program that asks.
    Client,
    /// A token that the caller has named in its policy; the server did not say what it stands for.
    Token,
}

/// One move of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask again over a new TLS connection to `port` of the same host.
    Tls {
        /// The port.
        port: u16,
        /// The oldest version of TLS that will do, if the server said so.
        minimum: Option<TlsVersion>,
    },
    /// Ask again over a TLS connection of at least this version.
    NewerTls {
        /// The oldest version that will do.
        minimum: TlsVersion,
    },
    /// Switch the connection to TLS by `OPTIONS *` (RFC 2817 §3.2), then ask again on it.
    TlsInBand {
        /// The offer for the `Upgrade` field.
        minimum: Option<TlsVersion>,
    },
    /// Ask again in HTTP/1.1.
    Http11,
    /// Ask again in HTTP/2, chosen by ALPN.
    Http2,
    /// Ask again in HTTP/2 in clear, by prior knowledge.
    Http2PriorKnowledge,
    /// Switch the connection to HTTP/2 by `Upgrade: h2c` (RFC 7540 §3.2).
    H2c,
    /// Ask again in HTTP/3 at this UDP port of the same host.
    Http3 {
        /// The port of the alternative service.
        port: u16,
    },
    /// Ask again as a WebSocket handshake.
    WebSocket {
        /// The version, `Sec-WebSocket-Version`.
        version: u8,
    },
    /// Ask again with a higher version, which the caller's hook sets.
    Version {
        /// Of what.
        subject: Subject,
        /// Its name: the protocol token, else the server's rule.
        name: String,
        /// The lowest version that will do, if the server said so.
        minimum: Option<String>,
    },
    /// Ask again as plain HTTP, without the WebSocket handshake.
    FallBack,
}

impl Step {
    /// The kind of this move.
    pub fn kind(&self) -> StepKind {
        match self {
            Self::Tls { .. } => StepKind::Tls,
            Self::NewerTls { .. } => StepKind::NewerTls,
            Self::TlsInBand { .. } => StepKind::TlsInBand,
            Self::Http11 => StepKind::Http11,
            Self::Http2 => StepKind::Http2,
            Self::Http2PriorKnowledge => StepKind::Http2PriorKnowledge,
            Self::H2c => StepKind::H2c,
            Self::Http3 { .. } => StepKind::Http3,
            Self::WebSocket { .. } => StepKind::WebSocket,
            Self::Version { .. } => StepKind::Version,
            Self::FallBack => StepKind::FallBack,
        }
    }

    /// The lane to which this move leads from `lane`.
    pub fn lane_after(&self, lane: Lane) -> Lane {
        let at_least =
            |minimum: Option<TlsVersion>| minimum.map_or(TlsState::SomeVersion, TlsState::Version);
        match self {
            Self::Tls { minimum, .. } | Self::TlsInBand { minimum } => {
                Lane { tls: at_least(*minimum), ..lane }
            }
            Self::NewerTls { minimum } => Lane { tls: TlsState::Version(*minimum), ..lane },
            Self::Http11 => Lane { http: HttpVersion::V1_1, ..lane },
            Self::Http2 | Self::Http2PriorKnowledge | Self::H2c => {
                Lane { http: HttpVersion::V2, ..lane }
            }
            Self::Http3 { .. } => {
                Lane { http: HttpVersion::V3, tls: TlsState::Version(TlsVersion::V1_3) }
            }
            Self::WebSocket { .. } | Self::Version { .. } | Self::FallBack => lane,
        }
    }

    /// Tells whether `earlier` was an attempt at the same requirement, its numbers aside.
    pub fn repeats(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            (Self::Version { name, .. }, Self::Version { name: before, .. }) => {
                name.eq_ignore_ascii_case(before)
            }
            _ => self.kind() == earlier.kind(),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tls { port, minimum: None } => write!(f, "ask again over TLS at port {port}"),
            Self::Tls { port, minimum: Some(version) } => {
                write!(f, "ask again over TLS {} or newer at port {port}", version.as_str())
            }
            Self::NewerTls { minimum } => {
                write!(f, "ask again over TLS {} or newer", minimum.as_str())
            }
            Self::TlsInBand { .. } => f.write_str("switch this connection to TLS, then ask again"),
            Self::Http11 => f.write_str("ask again in HTTP/1.1"),
            Self::Http2 => f.write_str("ask again in HTTP/2, chosen by ALPN"),
            Self::Http2PriorKnowledge => f.write_str("ask again in HTTP/2, by prior knowledge"),
            Self::H2c => f.write_str("switch this connection to HTTP/2 (h2c), then ask again"),
            Self::Http3 { port } => write!(f, "ask again in HTTP/3 at UDP port {port}"),
            Self::WebSocket { version } => {
                write!(f, "ask again as a WebSocket handshake, version {version}")
            }
            Self::Version { name, minimum: Some(minimum), .. } => {
                write!(f, "ask again with {name} {minimum} or newer")
            }
            Self::Version { name, minimum: None, .. } => {
                write!(f, "ask again with another version of {name}")
            }
            Self::FallBack => f.write_str("ask again as plain HTTP"),
        }
    }
}

/// The kinds of moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum StepKind {
    /// A new TLS connection.
    Tls,
    /// TLS of a newer version.
    NewerTls,
    /// TLS inside the connection.
    TlsInBand,
    /// HTTP/1.1 in place of 1.0.
    Http11,
    /// HTTP/2 by ALPN.
    Http2,
    /// HTTP/2 in clear by prior knowledge.
    Http2PriorKnowledge,
    /// HTTP/2 by `Upgrade: h2c`.
    H2c,
    /// HTTP/3.
    Http3,
    /// A WebSocket handshake.
    WebSocket,
    /// A higher version of an API or a client.
    Version,
    /// Plain HTTP in place of a WebSocket.
    FallBack,
}

impl StepKind {
    /// In words that stand after "cannot use" and "may not use".
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "TLS",
            Self::NewerTls => "a newer version of TLS",
            Self::TlsInBand => "TLS inside the connection",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
            Self::Http2PriorKnowledge => "HTTP/2 in clear",
            Self::H2c => "the h2c switch",
            Self::Http3 => "HTTP/3",
            Self::WebSocket => "a WebSocket",
            Self::Version => "a higher version",
            Self::FallBack => "plain HTTP",
        }
    }
}

/// A set of [`StepKind`]s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct StepKinds(u16);

impl StepKinds {
    /// None.
    pub const NONE: Self = Self(0);
    /// All.
    pub const ALL: Self = Self((1 << (StepKind::FallBack as u16 + 1)) - 1);
    /// All but the two that are dangerous or obsolete: TLS inside the connection and the h2c
    /// switch.
    pub const SAFE: Self = Self::ALL.without(StepKind::TlsInBand).without(StepKind::H2c);

    /// These.
    pub const fn from_kinds(kinds: &[StepKind]) -> Self {
        let (mut set, mut index) = (Self::NONE, 0);
        while index < kinds.len() {
            set = set.with(kinds[index]);
            index += 1;
        }
        set
    }

    /// And this one.
    #[must_use]
    pub const fn with(self, kind: StepKind) -> Self {
        Self(self.0 | 1 << kind as u16)
    }

    /// Without this one.
    #[must_use]
    pub const fn without(self, kind: StepKind) -> Self {
        Self(self.0 & !(1 << kind as u16))
    }

    /// Tells whether it is among them.
    pub const fn contains(self, kind: StepKind) -> bool {
        self.0 & 1 << kind as u16 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_safe_ways_leave_out_what_is_spliced_or_obsolete() {
        assert!(
            StepKinds::SAFE.contains(StepKind::Tls) && StepKinds::SAFE.contains(StepKind::FallBack)
        );
        assert!(
            !StepKinds::SAFE.contains(StepKind::TlsInBand)
                && !StepKinds::SAFE.contains(StepKind::H2c)
        );
        assert_eq!(StepKinds::SAFE.with(StepKind::H2c).with(StepKind::TlsInBand), StepKinds::ALL);
    }
}
