//! Configuration of QUIC (RFC 9000) for HTTP/3, and the field that advertises it.

use std::sync::Arc;

use http::HeaderValue;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{TransportConfig, VarInt};
use rustls::ServerConfig;
use upshift_config::Limits;
use upshift_http::http3_alt_svc;

use crate::tls::TlsError;

/// The number of concurrent requests per connection, the same as over HTTP/2.
const STREAMS: u32 = 200;

/// The number of unidirectional streams that a client may have open. It needs three (RFC 9114 §6.2).
const UNIDIRECTIONAL_STREAMS: u32 = 8;

/// The receive windows of a stream and of a connection, in bytes.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 8 * 1024 * 1024;

/// The unacknowledged bytes of a connection that are kept for retransmission.
const SEND_WINDOW: u64 = 2 * 1024 * 1024;

/// The QUIC configuration with the certificate and ciphers of `tls`.
///
/// # Errors
/// If the certificate or ciphers do not support TLS 1.3.
pub(crate) fn quic_config(
    tls: &ServerConfig,
    limits: &Limits,
) -> Result<Arc<quinn::ServerConfig>, TlsError> {
    let mut h3_tls = tls.clone();
    h3_tls.alpn_protocols = vec![b"h3".to_vec()];
    // RFC 8470: 0-RTT data can be replayed.
    h3_tls.max_early_data_size = 0;
    let crypto =
        QuicServerConfig::try_from(h3_tls).map_err(|error| TlsError::Certificate(error.into()))?;
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    let mut transport = TransportConfig::default();
    transport.max_idle_timeout(quinn::IdleTimeout::try_from(limits.idle).ok());
    transport.max_concurrent_bidi_streams(VarInt::from_u32(STREAMS));
    transport.max_concurrent_uni_streams(VarInt::from_u32(UNIDIRECTIONAL_STREAMS));
    transport.stream_receive_window(VarInt::from_u32(STREAM_WINDOW));
    transport.receive_window(VarInt::from_u32(CONNECTION_WINDOW));
    transport.send_window(SEND_WINDOW);
    config.transport_config(Arc::new(transport));
    Ok(Arc::new(config))
}

/// `Alt-Svc` for a listener on `port` (RFC 7838 §3).
pub(crate) fn alt_svc_value(port: u16) -> Option<HeaderValue> {
    HeaderValue::from_str(&http3_alt_svc(port)).ok()
}
