//! Connections of the probe: addresses, TCP, and TLS where the URL has it.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::ProtocolVersion;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;
use upshift_record::Protection;

use super::inquiry::{Failure, Inquiry};
use super::settings::ProbeSettings;
use super::target::Target;
use super::tls_setup::{SeenCertificate, TlsOffer, TlsSetup};
use crate::wire_log::RecordedStream;

/// The most questions that are asked at the same time. Small servers let five connections wait
/// (`listen(5)` in Python's `http.server`), and one that is dropped would be a wrong answer.
const AT_ONCE: usize = 4;

/// The state that all questions of a probe share.
#[derive(Debug)]
pub(super) struct Prober {
    /// The settings.
    pub(super) settings: ProbeSettings,
    /// TLS.
    pub(super) tls: TlsSetup,
    /// The turns of the questions that are asked at the same time.
    pub(super) turns: Semaphore,
    /// The addresses of each host that was looked up. Kept, so that an address that was found to be
    /// public is the one that is connected to.
    known_addresses: Mutex<HashMap<String, Vec<IpAddr>>>,
    connections: AtomicU64,
}

/// A connection for HTTP, with TLS or without, whose octets are recorded.
pub(super) trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for S {}

/// A connection behind a pointer.
pub(super) type AnyStream = Box<dyn ByteStream>;

impl Prober {
    /// The state before the first question.
    pub(super) fn new(settings: ProbeSettings) -> Self {
        Self {
            tls: TlsSetup::new(&settings.roots),
            settings,
            turns: Semaphore::new(AT_ONCE),
            known_addresses: Mutex::default(),
            connections: AtomicU64::new(0),
        }
    }

    /// The number of connections that were opened or tried.
    pub(super) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Counts a connection.
    pub(super) fn count_connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// The addresses of a host and port.
    pub(super) async fn addresses(&self, to: &Target) -> Result<Vec<SocketAddr>, Failure> {
        let addresses = match self.settings.resolve.get(&(to.host.clone(), to.port)) {
            Some(address) => vec![*address],
            None => self.look_up(&to.host).await,
        };
        if addresses.is_empty() {
            return Err(Failure::unreachable(format!("{} has no address", to.host)));
        }
        Ok(addresses.into_iter().map(|address| SocketAddr::new(address, to.port)).collect())
    }

    async fn look_up(&self, host: &str) -> Vec<IpAddr> {
        if let Some(known) = self.lock_addresses().get(host) {
            return known.clone();
        }
        let mut addresses = Vec::new();
        // A host without an address is reported by the questions that need it.
        if let Ok(found) = tokio::net::lookup_host((host, 0)).await {
            addresses.extend(found.map(|address| address.ip()));
        }
        self.lock_addresses().insert(host.to_owned(), addresses.clone());
        addresses
    }

    fn lock_addresses(&self) -> MutexGuard<'_, HashMap<String, Vec<IpAddr>>> {
        self.known_addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a TCP connection to the first address that accepts one.
    pub(super) async fn connect_tcp(
        &self,
        to: &Target,
        inquiry: &mut Inquiry,
    ) -> Result<TcpStream, Failure> {
        let mut failure = Failure::unreachable("no address was tried");
        for address in self.addresses(to).await? {
            inquiry.address = Some(address);
            self.count_connection();
            let connecting = TcpStream::connect(address);
            match tokio::time::timeout(self.settings.connect_timeout, connecting).await {
                Ok(Ok(stream)) => {
                    // Some questions send octets one by one.
                    stream.set_nodelay(true)?;
                    inquiry.mark("connected");
                    return Ok(stream);
                }
                Ok(Err(error)) => failure = connect_failure(&error),
                Err(_) => failure = Failure::unreachable("the connection was not accepted in time"),
            }
        }
        Err(failure)
    }

    /// Opens a recorded connection in cleartext.
    pub(super) async fn connect_cleartext(
        &self,
        to: &Target,
        inquiry: &mut Inquiry,
    ) -> Result<RecordedStream<TcpStream>, Failure> {
        let stream = self.connect_tcp(to, inquiry).await?;
        inquiry.exchange.protection = Some(Protection::Cleartext);
        Ok(RecordedStream::new(stream, inquiry.log.clone()))
    }

    /// Opens a recorded connection over TLS.
    pub(super) async fn connect_tls(
        &self,
        to: &Target,
        offer: TlsOffer,
        alpn: &[&str],
        inquiry: &mut Inquiry,
    ) -> Result<AnyStream, Failure> {
        let stream = self.connect_tcp(to, inquiry).await?;
        self.start_tls(stream, to, offer, alpn, inquiry).await
    }

    /// Performs a TLS handshake on a connection, and records what goes through it.
    pub(super) async fn start_tls<S: ByteStream + 'static>(
        &self,
        stream: S,
        to: &Target,
        offer: TlsOffer,
        alpn: &[&str],
        inquiry: &mut Inquiry,
    ) -> Result<AnyStream, Failure> {
        let seen = SeenCertificate::default();
        let config = self
            .tls
            .client_config(offer, alpn, &seen)
            .map_err(|error| Failure::unreachable(error.to_string()))?;
        let name = ServerName::try_from(to.host.clone())
            .map_err(|_| Failure::unreachable(format!("`{}` is no name for TLS", to.host)))?;
        let connected = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        inquiry.certificate = seen.facts();
        let tls = match connected {
            Ok(tls) => tls,
            Err(error) => {
                inquiry.refused_handshake = is_refusal(&error);
                return Err(handshake_failure(&error));
            }
        };
        let connection = tls.get_ref().1;
        let alpn = connection.alpn_protocol().map(|name| String::from_utf8_lossy(name).into());
        let version = version_text(connection.protocol_version());
        inquiry.mark(handshake_text(version.as_deref(), alpn.as_deref()));
        inquiry.exchange.protection = Some(Protection::Tls { version, alpn });
        Ok(Box::new(RecordedStream::new(tls, inquiry.log.clone())))
    }

    /// Opens a connection for HTTP/1: with TLS if the target is an `https` URL.
    pub(super) async fn connect_http1(
        &self,
        to: &Target,
        inquiry: &mut Inquiry,
    ) -> Result<AnyStream, Failure> {
        if to.is_tls {
            return self.connect_tls(to, TlsOffer::Any, &["http/1.1"], inquiry).await;
        }
        Ok(Box::new(self.connect_cleartext(to, inquiry).await?))
    }
}

fn connect_failure(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Failure::unreachable("connection refused"),
        _ => Failure::unreachable(error.to_string()),
    }
}

/// A handshake that failed. A port without TLS answers the ClientHello with something else.
fn handshake_failure(error: &io::Error) -> Failure {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidMessage(_)) => Failure::unreachable("the port speaks no TLS"),
        Some(rustls::Error::AlertReceived(alert)) => {
            Failure::unreachable(format!("TLS handshake: the server sent the alert {alert:?}"))
        }
        Some(other) => Failure::unreachable(format!("TLS handshake: {other}")),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            Failure::unreachable("TLS handshake: the server closed the connection")
        }
        None => Failure::unreachable(format!("TLS handshake: {error}")),
    }
}

/// Returns true if the server refused a handshake, by an alert or by closing: it speaks TLS, as far
/// as it says.
fn is_refusal(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::AlertReceived(_)) => true,
        Some(_) => false,
        None => matches!(
            error.kind(),
            io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe
        ),
    }
}

/// A handshake in a few words: `TLS 1.3, h2`.
fn handshake_text(version: Option<&str>, alpn: Option<&str>) -> String {
    let mut text = "TLS".to_owned();
    if let Some(version) = version {
        text.push_str(&format!(" {version}"));
    }
    if let Some(alpn) = alpn {
        text.push_str(&format!(", {alpn}"));
    }
    text
}

fn version_text(version: Option<ProtocolVersion>) -> Option<String> {
    match version? {
        ProtocolVersion::TLSv1_2 => Some("1.2".to_owned()),
        ProtocolVersion::TLSv1_3 => Some("1.3".to_owned()),
        _ => None,
    }
}
