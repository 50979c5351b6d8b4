//! The protection of the connection, from all that a recording says about it.

use upshift_core::TlsVersion;
use upshift_record::{Lane, Protection, RecordedExchange};

/// The protection of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// Cleartext.
    Cleartext,
    /// TLS, of this version if it is known.
    Tls(Option<TlsVersion>),
    /// The recording does not say.
    Unknown,
}

impl Transport {
    pub(crate) fn of(recorded: &RecordedExchange) -> Self {
        if let Some(protection) = &recorded.protection {
            return match protection {
                Protection::Cleartext => Self::Cleartext,
                Protection::Tls { version, .. } => {
                    Self::Tls(version.as_deref().and_then(TlsVersion::parse))
                }
            };
        }
        match recorded.lane {
            Some(Lane::H2cUpgrade | Lane::H2cPrior | Lane::TlsInBand) => Self::Cleartext,
            Some(Lane::Tls12) => Self::Tls(Some(TlsVersion::V1_2)),
            // QUIC has no other version of TLS (RFC 9001 §4.2).
            Some(Lane::Tls13 | Lane::Http3) => Self::Tls(Some(TlsVersion::V1_3)),
            Some(Lane::Http2) => Self::Tls(None),
            _ => Self::of_url(recorded.url.as_deref().unwrap_or_default()),
        }
    }

    fn of_url(url: &str) -> Self {
        let (scheme, _) = url.split_once("://").unwrap_or_default();
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "ws" => Self::Cleartext,
            "https" | "wss" => Self::Tls(None),
            _ => Self::Unknown,
        }
    }

    pub(crate) fn is_tls(self) -> bool {
        matches!(self, Self::Tls(_))
    }
}
