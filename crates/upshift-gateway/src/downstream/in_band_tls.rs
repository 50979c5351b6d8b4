//! TLS inside HTTP/1.1, on the cleartext port (RFC 2817), for the peers that know no other way: IPP
//! printing.
//!
//! It is off unless asked for, because a man in the middle can splice it into a connection that was
//! meant for implicit TLS (Opossum, CVE-2025-49812). Where it is on:
//!
//! 1. Only an OPTIONS without content that offers `TLS` is switched (RFC 2817 §3.2). Offers on
//!    other methods, which some clients make unasked, are ignored.
//! 2. After the `101` comes a ClientHello, or the connection ends; what was sent before the `101`
//!    ends it too. So nothing that was read in cleartext is read again as if it had come through TLS.
//! 3. A ClientHello that offers `h2` or `http/1.1` by ALPN is one for implicit TLS, and refused.
//! 4. The OPTIONS is answered inside TLS (§3.3), and the connection stays open.
//! 5. While a rule refuses everything below TLS 1.3, nothing older is spoken in band: a 426 inside
//!    TLS that asks for TLS makes CUPS loop for ever.
//! 6. There are no session tickets: CUPS takes one for the end of the connection, and would loop.

use std::io;
use std::sync::Arc;

use rustls::{AlertDescription, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_rustls::server::TlsStream;

use crate::downstream::client_hello::{self, NoHello};
use crate::telemetry::disconnect::DisconnectReason;
use crate::telemetry::handshake::HandshakeFailure;

/// The application protocols of implicit TLS that must not be found here.
const IMPLICIT: [&[u8]; 4] = [b"h2", b"http/1.1", b"http/1.0", b"h3"];

/// A switch to TLS that failed after the `101`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    /// The bytes after the `101` are no ClientHello, or one that is too old.
    #[error("no ClientHello followed: {0}")]
    NoHello(#[from] NoHello),
    /// The handshake failed.
    #[error("the handshake failed: {0}")]
    Io(#[from] io::Error),
    /// The ClientHello was meant for implicit TLS.
    #[error("the ClientHello offers an application protocol of implicit TLS (CVE-2025-49812)")]
    Spliced,
}

impl HandshakeError {
    /// The cause for which the handshake counts as failed.
    pub(crate) fn handshake_failure(&self) -> HandshakeFailure {
        match self {
            Self::NoHello(error) => error.handshake_failure(),
            Self::Io(error) => HandshakeFailure::of_io_error(error),
            Self::Spliced => HandshakeFailure::Spliced,
        }
    }

    /// The reason for which the disconnect is counted.
    pub(crate) fn disconnect_reason(&self) -> DisconnectReason {
        match self {
            Self::NoHello(error) => error.disconnect_reason(),
            Self::Io(_) => DisconnectReason::TlsHandshake,
            Self::Spliced => DisconnectReason::Spliced,
        }
    }
}

/// Handshakes as the server, once the `101` has gone out.
///
/// # Errors
/// If the client does not handshake, or its ClientHello was meant for another port.
pub(crate) async fn handshake<S>(
    stream: S,
    config: Arc<ServerConfig>,
) -> Result<TlsStream<S>, HandshakeError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let start = client_hello::read_client_hello(stream).await?;
    let spliced = start
        .client_hello()
        .alpn()
        .is_some_and(|mut offered| offered.any(|protocol| IMPLICIT.contains(&protocol)));
    if !spliced {
        return Ok(start.into_stream(config).await?);
    }
    // RFC 7301 §3.2: a fatal no_application_protocol alert.
    let alert = [21, 3, 3, 0, 2, 2, u8::from(AlertDescription::NoApplicationProtocol)];
    let mut stream = start.io;
    stream.write_all(&alert).await?;
    stream.shutdown().await?;
    Err(HandshakeError::Spliced)
}
