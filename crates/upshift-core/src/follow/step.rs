//! The steps of a client that follows a 426, and the transport that each one leads to.

use std::fmt;

use super::step_kind::StepKind;
use super::transport::Transport;
use crate::{HttpVersion, TlsState, TlsVersion};

/// The subject whose version a caller can raise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The version of an API.
    Api,
    /// The version of the program that sends the request.
    Client,
    /// A token that the caller named in its policy. The server did not say what it means.
    Token,
}

/// One step of a client that follows a 426.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Repeats the request over a new TLS connection to `port` of the same host.
    Tls {
        /// The port.
        port: u16,
        /// The lowest version of TLS that the server accepts, if it said so.
        minimum: Option<TlsVersion>,
    },
    /// Repeats the request over a TLS connection of at least this version.
    NewerTls {
        /// The lowest version that the server accepts.
        minimum: TlsVersion,
    },
    /// Switches the connection to TLS by `OPTIONS *` (RFC 2817 §3.2), then repeats the request
    /// on it.
    TlsInBand {
        /// The version to offer in the `Upgrade` field, if the server named one.
        minimum: Option<TlsVersion>,
    },
    /// Repeats the request over HTTP/1.1.
    Http11,
    /// Repeats the request over HTTP/2, chosen by ALPN.
    Http2,
    /// Repeats the request over cleartext HTTP/2, by prior knowledge.
    Http2PriorKnowledge,
    /// Switches the connection to HTTP/2 by `Upgrade: h2c` (RFC 7540 §3.2).
    H2c,
    /// Repeats the request over HTTP/3, at this UDP port of the same host.
    Http3 {
        /// The port of the alternative service.
        port: u16,
    },
    /// Repeats the request as a WebSocket handshake.
    WebSocket {
        /// The version for `Sec-WebSocket-Version`.
        version: u8,
    },
    /// Repeats the request with a higher version, which the caller's hook sets.
    Version {
        /// The subject of the version.
        subject: Subject,
        /// The name of the subject: the protocol token, else the server's rule.
        name: String,
        /// The lowest version that the server accepts, if it said so.
        minimum: Option<String>,
    },
    /// Repeats the request as plain HTTP, without the WebSocket handshake.
    FallBack,
}

impl Step {
    /// The kind of the step.
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

    /// The transport of the next request if this one went over `transport`.
    pub fn transport_after(&self, transport: Transport) -> Transport {
        match self {
            Self::Tls { minimum, .. } | Self::TlsInBand { minimum } => {
                Transport { tls: negotiated_tls(*minimum), ..transport }
            }
            Self::NewerTls { minimum } => {
                Transport { tls: TlsState::Version(*minimum), ..transport }
            }
            Self::Http11 => Transport { http: HttpVersion::V1_1, ..transport },
            Self::Http2 | Self::Http2PriorKnowledge | Self::H2c => {
                Transport { http: HttpVersion::V2, ..transport }
            }
            // RFC 9001 §4.2: QUIC has no TLS older than 1.3.
            Self::Http3 { .. } => {
                Transport { http: HttpVersion::V3, tls: TlsState::Version(TlsVersion::V1_3) }
            }
            Self::WebSocket { .. } | Self::Version { .. } | Self::FallBack => transport,
        }
    }

    /// Returns true if `earlier` tried to meet the same requirement. Ports and minimum versions do
    /// not count.
    pub fn repeats(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            (Self::Version { name, .. }, Self::Version { name: before, .. }) => {
                name.eq_ignore_ascii_case(before)
            }
            // Otherwise a server could lead a client on with another port or minimum each time.
            _ => self.kind() == earlier.kind(),
        }
    }
}

/// The protection of a connection on which the server accepts TLS from `minimum` up. The version is
/// a lower bound: the handshake may choose a later one.
fn negotiated_tls(minimum: Option<TlsVersion>) -> TlsState {
    match minimum {
        Some(version) => TlsState::Version(version),
        None => TlsState::SomeVersion,
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tls { port, minimum: None } => {
                write!(f, "repeat the request over TLS at port {port}")
            }
            Self::Tls { port, minimum: Some(version) } => {
                write!(
                    f,
                    "repeat the request over TLS {} or later at port {port}",
                    version.as_str()
                )
            }
            Self::NewerTls { minimum } => {
                write!(f, "repeat the request over TLS {} or later", minimum.as_str())
            }
            Self::TlsInBand { .. } => {
                f.write_str("switch this connection to TLS, then repeat the request")
            }
            Self::Http11 => f.write_str("repeat the request over HTTP/1.1"),
            Self::Http2 => f.write_str("repeat the request over HTTP/2, chosen by ALPN"),
            Self::Http2PriorKnowledge => {
                f.write_str("repeat the request over HTTP/2, by prior knowledge")
            }
            Self::H2c => {
                f.write_str("switch this connection to HTTP/2 (h2c), then repeat the request")
            }
            Self::Http3 { port } => write!(f, "repeat the request over HTTP/3 at UDP port {port}"),
            Self::WebSocket { version } => {
                write!(f, "repeat the request as a WebSocket handshake, version {version}")
            }
            Self::Version { name, minimum: Some(minimum), .. } => {
                write!(f, "repeat the request with {name} {minimum} or later")
            }
            Self::Version { name, minimum: None, .. } => {
                write!(f, "repeat the request with another version of {name}")
            }
            Self::FallBack => f.write_str("repeat the request as plain HTTP"),
        }
    }
}
