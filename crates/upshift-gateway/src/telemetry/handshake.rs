//! The causes for which TLS handshakes of clients fail, as metrics name them.

use std::io;

use quinn::ConnectionError;
use rustls::AlertDescription;

/// The cause for which a TLS handshake with a client failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HandshakeFailure {
    /// The client closed or reset the connection.
    Closed,
    /// It took too long.
    Timeout,
    /// The client supports no version of TLS that the gateway accepts.
    OldVersion,
    /// Client and gateway have no cipher suite, group, signature scheme or protocol in common.
    Incompatible,
    /// The client does not trust the certificate.
    CertificateRejected,
    /// The client gave up for another reason, with an alert.
    ClientAlert,
    /// The client's bytes are not TLS, or break its rules.
    Malformed,
    /// The ClientHello was meant for implicit TLS (CVE-2025-49812).
    Spliced,
    /// Anything else.
    Other,
}

impl HandshakeFailure {
    /// All causes.
    pub(crate) const ALL: [Self; 9] = [
        Self::Closed,
        Self::Timeout,
        Self::OldVersion,
        Self::Incompatible,
        Self::CertificateRejected,
        Self::ClientAlert,
        Self::Malformed,
        Self::Spliced,
        Self::Other,
    ];

    /// The value of the metric label `cause`.
    pub(crate) fn cause(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Timeout => "timeout",
            Self::OldVersion => "old-version",
            Self::Incompatible => "incompatible",
            Self::CertificateRejected => "certificate-rejected",
            Self::ClientAlert => "client-alert",
            Self::Malformed => "malformed",
            Self::Spliced => "spliced",
            Self::Other => "other",
        }
    }

    /// The cause of a handshake over TCP that failed with `error`.
    pub(crate) fn of_io_error(error: &io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match (inner, error.kind()) {
            (Some(error), _) => Self::of_tls_error(error),
            (None, io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) => Self::Closed,
            (None, io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted) => Self::Closed,
            (None, io::ErrorKind::InvalidData) => Self::Malformed,
            _ => Self::Other,
        }
    }

    /// The cause of a handshake over QUIC that failed with `error`.
    pub(crate) fn of_quic_error(error: &ConnectionError) -> Self {
        match error {
            ConnectionError::TimedOut => Self::Timeout,
            ConnectionError::Reset | ConnectionError::ApplicationClosed(_) => Self::Closed,
            ConnectionError::VersionMismatch => Self::Incompatible,
            // RFC 9001 §4.8: the low byte of a CRYPTO_ERROR is a TLS alert.
            ConnectionError::ConnectionClosed(close) => match u64::from(close.error_code) {
                code @ 0x100..=0x1ff => Self::of_alert(AlertDescription::from(code as u8)),
                _ => Self::Closed,
            },
            ConnectionError::TransportError(error) => match u64::from(error.code) {
                0x100..=0x1ff => Self::Incompatible,
                _ => Self::Malformed,
            },
            _ => Self::Other,
        }
    }

    fn of_tls_error(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::AlertReceived(alert) => Self::of_alert(*alert),
            rustls::Error::PeerIncompatible(_) | rustls::Error::NoApplicationProtocol => {
                Self::Incompatible
            }
            rustls::Error::InvalidMessage(_)
            | rustls::Error::PeerMisbehaved(_)
            | rustls::Error::InappropriateMessage { .. }
            | rustls::Error::InappropriateHandshakeMessage { .. }
            | rustls::Error::DecryptError
            | rustls::Error::PeerSentOversizedRecord => Self::Malformed,
            _ => Self::Other,
        }
    }

    fn of_alert(alert: AlertDescription) -> Self {
        match alert {
            AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA => Self::CertificateRejected,
            AlertDescription::CloseNotify | AlertDescription::UserCanceled => Self::Closed,
            _ => Self::ClientAlert,
        }
    }
}
