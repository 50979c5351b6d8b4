//! The protocols that a request travels over.

use std::fmt;

use crate::{HttpVersion, TlsState};

/// A combination of HTTP version and connection protection that a request can travel over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transport {
    /// The version of HTTP.
    pub http: HttpVersion,
    /// The protection of the connection.
    pub tls: TlsState,
}

impl Transport {
    /// HTTP/1.1 without TLS.
    pub const HTTP1_CLEARTEXT: Self = Self { http: HttpVersion::V1_1, tls: TlsState::Cleartext };

    /// Returns true if intermediaries can read and change the messages.
    pub fn is_cleartext(self) -> bool {
        self.tls == TlsState::Cleartext
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP/{}", self.http.as_str())?;
        match self.tls {
            TlsState::Cleartext => f.write_str(" over cleartext"),
            TlsState::Version(version) => write!(f, " over TLS {}", version.as_str()),
            TlsState::SomeVersion => f.write_str(" over TLS"),
        }
    }
}
