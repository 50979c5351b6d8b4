//! Reads the `ClientHello` of a TLS connection before rustls sees it.
//!
//! A client that offers no version that rustls supports is counted by the version that it offers,
//! and gets the alert `protocol_version` (RFC 8446 §6.2). rustls alone would reject its bytes as
//! malformed. [`examine_hello`] gives the verdict.

use std::io;

use bytes::{Buf, BytesMut};
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::StartHandshake;
use upshift_http::client_hello::{HelloVerdict, OldHello, PROTOCOL_VERSION_ALERT, examine_hello};

use crate::telemetry::disconnect::DisconnectReason;
use crate::telemetry::handshake::HandshakeFailure;

/// A connection without a handshake. The client is at fault.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoHello {
    /// The connection failed or closed, or sent something malformed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The versions that it offers are too old.
    #[error("the client supports only old versions of TLS ({})", .0.as_str())]
    TooOld(OldHello),
}

impl NoHello {
    /// The cause for which the handshake counts as failed.
    pub(crate) fn handshake_failure(&self) -> HandshakeFailure {
        match self {
            Self::Io(error) => HandshakeFailure::of_io_error(error),
            Self::TooOld(_) => HandshakeFailure::OldVersion,
        }
    }

    /// The reason of disconnection that it counts as.
    pub(crate) fn disconnect_reason(&self) -> DisconnectReason {
        match self {
            Self::Io(_) => DisconnectReason::TlsHandshake,
            Self::TooOld(old) => DisconnectReason::OldHello(*old),
        }
    }
}

/// Reads a ClientHello, and refuses clients that are too old.
///
/// # Errors
/// If there is no ClientHello, or one that is too old. In that case an alert was sent.
pub(crate) async fn read_client_hello<S>(mut stream: S) -> Result<StartHandshake<S>, NoHello>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut received = BytesMut::with_capacity(2 * 1024);
    loop {
        receive_more(&mut stream, &mut received).await?;
        match examine_hello(&received) {
            HelloVerdict::Incomplete => {}
            HelloVerdict::Acceptable => break,
            HelloVerdict::TooOld(old) => {
                send_alert(&mut stream, &PROTOCOL_VERSION_ALERT).await?;
                return Err(NoHello::TooOld(old));
            }
            HelloVerdict::NotTls => return Err(io::Error::from(io::ErrorKind::InvalidData).into()),
        }
    }
    // The verdict needs only the first bytes; rustls waits for the whole ClientHello.
    let mut acceptor = Acceptor::default();
    loop {
        while received.has_remaining() {
            acceptor.read_tls(&mut (&mut received).reader())?;
        }
        match acceptor.accept() {
            Ok(Some(accepted)) => return Ok(StartHandshake::from_parts(accepted, stream)),
            Ok(None) => receive_more(&mut stream, &mut received).await?,
            Err((error, mut alert)) => {
                let mut bytes = Vec::new();
                alert.write_all(&mut bytes)?;
                send_alert(&mut stream, &bytes).await?;
                return Err(io::Error::new(io::ErrorKind::InvalidData, error).into());
            }
        }
    }
}

async fn receive_more<S: AsyncRead + Unpin>(
    stream: &mut S,
    received: &mut BytesMut,
) -> io::Result<()> {
    match stream.read_buf(received).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// Sends an alert, and reads until the client closes: otherwise a reset could destroy the alert.
/// The caller limits the time.
async fn send_alert<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    alert: &[u8],
) -> io::Result<()> {
    stream.write_all(alert).await?;
    stream.shutdown().await?;
    let mut rest = [0; 1024];
    // Bounded, so that a client cannot keep the connection by sending on.
    for _ in 0..16 {
        if matches!(stream.read(&mut rest).await, Ok(0) | Err(_)) {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    /// A ClientHello of TLS 1.0, without extensions.
    fn old_hello() -> Vec<u8> {
        let mut handshake = vec![1, 0, 0, 41, 3, 1];
        handshake.extend([7; 32]);
        handshake.extend([0, 0, 2, 0x00, 0x2f, 1, 0]);
        [&[0x16, 3, 1, 0, 45][..], &handshake].concat()
    }

    #[tokio::test]
    async fn who_is_too_old_is_told_so() {
        let (near, mut far) = tokio::io::duplex(1024);
        let reading = tokio::spawn(async move {
            read_client_hello(near).await.map(drop).map_err(|error| error.disconnect_reason())
        });
        far.write_all(&old_hello()).await.unwrap();
        let mut alert = [0; 7];
        far.read_exact(&mut alert).await.unwrap();
        assert_eq!(alert, [21, 3, 1, 0, 2, 2, 70]);
        drop(far);
        assert_eq!(reading.await.unwrap(), Err(DisconnectReason::OldHello(OldHello::Tls1_0)));
    }
}
