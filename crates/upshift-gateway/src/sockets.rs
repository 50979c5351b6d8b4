//! The listening sockets: bound here, passed by a supervisor, or shared with the process that this
//! one replaces.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use http::HeaderValue;
use listenfd::ListenFd;
use socket2::{Domain, Socket, Type};
use upshift_config::GatewaySettings;

use crate::error::StartError;
use crate::quic::alt_svc_value;
use crate::settings::Settings;

/// The length of the queue of connections to be accepted.
pub(crate) const BACKLOG: i32 = 4096;

/// The sources of a gateway's sockets. The default binds each address, and fails if another process
/// listens there.
#[derive(Debug, Default)]
pub struct SocketSources {
    tcp: Vec<TcpListener>,
    udp: Vec<UdpSocket>,
    take_over: bool,
}

impl SocketSources {
    /// Uses the sockets that a supervisor opened and passed (`LISTEN_FDS` of systemd's socket
    /// activation): each listener takes the one with its address, and binds its own if there is
    /// none.
    ///
    /// The first call takes the sockets: a second one finds none.
    #[must_use]
    pub fn from_environment() -> Self {
        let mut passed = ListenFd::from_env();
        let (mut tcp, mut udp) = (Vec::new(), Vec::new());
        for index in 0..passed.len() {
            if let Ok(Some(listener)) = passed.take_tcp_listener(index) {
                tcp.push(listener);
            } else if let Ok(Some(socket)) = passed.take_udp_socket(index) {
                udp.push(socket);
            } else {
                tracing::warn!(
                    "the passed socket {index} is neither a TCP listener nor a UDP socket"
                );
            }
        }
        Self { tcp, udp, take_over: false }
    }

    /// Shares the addresses with a running gateway of the same user, until that one stops.
    #[must_use]
    pub fn take_over(self, take_over: bool) -> Self {
        Self { take_over, ..self }
    }

    fn take_or_bind_tcp(&mut self, address: SocketAddr) -> io::Result<TcpListener> {
        let passed = self.tcp.iter().position(|tcp| has_address(tcp.local_addr(), address));
        if let Some(index) = passed {
            let listener = self.tcp.swap_remove(index);
            listener.set_nonblocking(true)?;
            return Ok(listener);
        }
        let socket = bind_tcp(address, self.take_over)?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    }

    fn take_or_bind_http3(&mut self, address: SocketAddr) -> io::Result<Http3Socket> {
        let passed = self.udp.iter().position(|udp| has_address(udp.local_addr(), address));
        if let Some(index) = passed {
            let socket = self.udp.swap_remove(index);
            socket.set_nonblocking(true)?;
            return Ok(Http3Socket::Bound(socket));
        }
        match bind_udp(address) {
            Ok(socket) => Ok(Http3Socket::Bound(socket)),
            // Not shared: connections of the other process would lose the packets that arrive here.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && self.take_over => {
                Ok(Http3Socket::Awaited(address))
            }
            Err(error) => Err(error),
        }
    }

    /// Warns about each passed socket that no listener uses.
    fn warn_of_unused(&self) {
        let tcp = self.tcp.iter().map(TcpListener::local_addr);
        let udp = self.udp.iter().map(UdpSocket::local_addr);
        for local in tcp.chain(udp) {
            let Ok(address) = local else { continue };
            tracing::warn!(
                "a socket for {address} was passed, and no listener of [gateway] has this address"
            );
        }
    }
}

/// The listeners that an answer may point to.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListenerInfo {
    /// The address of the listener for `https`.
    pub(crate) https: Option<SocketAddr>,
    /// The `Alt-Svc` field that advertises HTTP/3.
    pub(crate) alt_svc: Option<HeaderValue>,
}

impl ListenerInfo {
    /// The listeners of `gateway`, where the one for `https` is bound to that address.
    pub(crate) fn new(gateway: &GatewaySettings, https: Option<SocketAddr>) -> Self {
        let alt_svc = match https {
            Some(https) if gateway.http3 => alt_svc_value(https.port()),
            _ => None,
        };
        Self { https, alt_svc }
    }
}

/// The bound addresses of a gateway: the actual ports, where port 0 was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// Cleartext.
    pub http: Option<SocketAddr>,
    /// TLS.
    pub https: Option<SocketAddr>,
    /// Admin.
    pub admin: Option<SocketAddr>,
}

/// The open sockets of a gateway.
pub(crate) struct Sockets {
    pub(crate) http: Option<TcpListener>,
    pub(crate) https: Option<TcpListener>,
    pub(crate) admin: Option<TcpListener>,
    /// On the port of `https`.
    pub(crate) http3: Option<Http3Socket>,
}

/// The UDP socket of HTTP/3.
pub(crate) enum Http3Socket {
    Bound(UdpSocket),
    /// The process that this one replaces still uses it.
    Awaited(SocketAddr),
}

impl Sockets {
    /// The addresses that were bound.
    pub(crate) fn bound_addresses(&self) -> Addresses {
        Addresses {
            http: local_address(&self.http),
            https: local_address(&self.https),
            admin: local_address(&self.admin),
        }
    }

    /// Opens a socket for each listener of `settings`.
    pub(crate) fn open_listeners(
        settings: &Settings,
        mut sources: SocketSources,
    ) -> Result<Self, StartError> {
        let gateway = &settings.file.gateway;
        let http = open_listener(gateway.http, &mut sources)?;
        let https = open_listener(gateway.https, &mut sources)?;
        let admin = open_listener(gateway.admin, &mut sources)?;
        let http3 = match https.as_ref().map(TcpListener::local_addr) {
            Some(Ok(address)) if gateway.http3 => Some(
                sources
                    .take_or_bind_http3(address)
                    .map_err(|source| StartError::Bind { address, source })?,
            ),
            _ => None,
        };
        sources.warn_of_unused();
        Ok(Self { http, https, admin, http3 })
    }
}

fn local_address(listener: &Option<TcpListener>) -> Option<SocketAddr> {
    listener.as_ref()?.local_addr().ok()
}

/// Returns true if a socket is bound to `address`.
fn has_address(local: io::Result<SocketAddr>, address: SocketAddr) -> bool {
    matches!(local, Ok(local) if local == address)
}

fn open_listener(
    address: Option<SocketAddr>,
    sources: &mut SocketSources,
) -> Result<Option<TcpListener>, StartError> {
    let Some(address) = address else { return Ok(None) };
    sources
        .take_or_bind_tcp(address)
        .map(Some)
        .map_err(|source| StartError::Bind { address, source })
}

/// Binds a TCP socket. A port that is in use is an error, unless `share` is set and its owner
/// shares it.
fn bind_tcp(address: SocketAddr, share: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // After a restart, old connections in TIME_WAIT must not block the port.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(share)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    // Set after the bind, this shares the port only with a process that sets it before: see
    // `SocketSources::take_over`.
    socket.set_reuse_port(true)?;
    Ok(socket)
}

/// Binds the socket of HTTP/3, which is not shared with another process.
pub(crate) fn bind_udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
