//! The questions of a probe: the lanes, and further ones.

use upshift_record::Lane;

/// One question to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Question {
    /// A lane.
    Lane(Lane),
    /// A further question.
    Extra(Extra),
}

/// A further question, which is not a way to get an answer but to learn about the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Extra {
    /// A request line without a version (HTTP/0.9).
    Http09,
    /// A request line that says HTTP/3.7.
    StrangeVersion,
    /// An `Upgrade` that offers one unknown protocol.
    UnknownToken,
    /// An `Upgrade` that offers a list of unknown protocols.
    UnknownTokens,
    /// A WebSocket handshake of version 99.
    WebSocket99,
    /// A ClientHello of an old version.
    OldTls(OldTls),
}

/// A version of SSL or TLS that no current library offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum OldTls {
    /// SSL 3.0 (RFC 6101).
    Ssl3,
    /// TLS 1.0 (RFC 2246).
    Tls10,
    /// TLS 1.1 (RFC 4346).
    Tls11,
}

/// The endpoint that a question is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// The URL itself, with TLS if it is an `https` URL.
    AsUrl,
    /// Cleartext only.
    Cleartext,
    /// TLS only, or QUIC.
    Tls,
}

impl Extra {
    /// All further questions, in the order of reports.
    pub(super) const ALL: [Self; 8] = [
        Self::Http09,
        Self::StrangeVersion,
        Self::UnknownToken,
        Self::UnknownTokens,
        Self::WebSocket99,
        Self::OldTls(OldTls::Ssl3),
        Self::OldTls(OldTls::Tls10),
        Self::OldTls(OldTls::Tls11),
    ];

    /// The name in reports.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Http09 => "http/0.9",
            Self::StrangeVersion => "http/3.7",
            Self::UnknownToken => "token",
            Self::UnknownTokens => "tokens",
            Self::WebSocket99 => "ws-99",
            Self::OldTls(OldTls::Ssl3) => "ssl3",
            Self::OldTls(OldTls::Tls10) => "tls1.0",
            Self::OldTls(OldTls::Tls11) => "tls1.1",
        }
    }
}

impl Channel {
    /// The endpoint that a lane is for.
    pub fn of_lane(lane: Lane) -> Self {
        Question::Lane(lane).channel()
    }
}

impl Question {
    /// The name in reports.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Lane(lane) => lane.as_str(),
            Self::Extra(extra) => extra.as_str(),
        }
    }

    /// The endpoint that the question is for.
    pub(super) fn channel(self) -> Channel {
        match self {
            Self::Lane(Lane::Http10 | Lane::Http11 | Lane::WebSocket) => Channel::AsUrl,
            Self::Lane(Lane::H2cUpgrade | Lane::H2cPrior | Lane::TlsInBand) => Channel::Cleartext,
            Self::Lane(Lane::Http2 | Lane::Http3 | Lane::Tls12 | Lane::Tls13) => Channel::Tls,
            Self::Extra(Extra::OldTls(_)) => Channel::Tls,
            Self::Extra(_) => Channel::AsUrl,
        }
    }
}
