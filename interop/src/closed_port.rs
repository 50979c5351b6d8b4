//! A port at which nothing listens.

use std::net::SocketAddr;

use socket2::{Domain, Socket, Type};

/// A port at which nothing listens, and that no other program gets while this value lives.
#[derive(Debug)]
pub struct ClosedPort {
    address: SocketAddr,
    _socket: Socket,
}

impl ClosedPort {
    /// Reserves one.
    ///
    /// # Panics
    /// If there is none.
    pub fn reserve() -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        bind_socket(any).unwrap_or_else(|error| panic!("no free port: {error}"))
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Binds a socket that does not listen.
fn bind_socket(any: SocketAddr) -> std::io::Result<ClosedPort> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&any.into())?;
    let address = socket.local_addr()?.as_socket().unwrap_or(any);
    Ok(ClosedPort { address, _socket: socket })
}
