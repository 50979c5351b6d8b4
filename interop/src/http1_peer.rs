//! Real servers and proxies that show how they read HTTP/1.

use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use crate::path_server::find_port;
use crate::program::until;
use crate::script::{build_go, fill_in};
use crate::{Program, Scratch, find, free_port, start_script};

/// A server that answers like [`EchoOrigin`](crate::EchoOrigin), or a proxy in front of another
/// server, as long as this value.
#[derive(Debug)]
pub struct Http1Peer {
    address: SocketAddr,
    _program: Program,
    _folder: Scratch,
}

impl Http1Peer {
    /// Starts a server on Node's `http`.
    pub fn node() -> Self {
        let (address, program) = find_port(start_script("http1/echo.cjs", &[]), "node");
        Self { address, _program: program, _folder: Scratch::new() }
    }

    /// Builds and starts a server on Go's `net/http`.
    pub fn go() -> Self {
        let folder = Scratch::new();
        let (address, program) =
            find_port(Program::start(build_go("http1/echo.go", &folder)), "go");
        Self { address, _program: program, _folder: folder }
    }

    /// Starts nginx in front of `upstream`.
    pub fn nginx(upstream: SocketAddr, reuses: bool) -> Self {
        Self::proxy("http1/nginx.conf", upstream, reuses, |folder| {
            let mut command = Command::new(find("nginx").unwrap_or_default());
            command.arg("-p").arg(folder.path()).args(["-e", "stderr", "-c"]);
            command
        })
    }

    /// Starts HAProxy in front of `upstream`.
    pub fn haproxy(upstream: SocketAddr, reuses: bool) -> Self {
        Self::proxy("http1/haproxy.cfg", upstream, reuses, |_| {
            let mut command = Command::new(find("haproxy").unwrap_or_default());
            command.args(["-db", "-f"]);
            command
        })
    }

    fn proxy(
        template: &str,
        upstream: SocketAddr,
        reuses: bool,
        command: impl FnOnce(&Scratch) -> Command,
    ) -> Self {
        let (address, folder) = (free_port(), Scratch::new());
        let places = [
            ("@address@", address.to_string()),
            ("@upstream@", upstream.to_string()),
            ("@nginx-reuse@", if reuses { "keepalive 8;" } else { "" }.to_owned()),
            ("@haproxy-reuse@", if reuses { "always" } else { "never" }.to_owned()),
        ];
        let configuration = fill_in(template, &folder, &places);
        let mut command = command(&folder);
        command.arg(configuration);
        let program = Program::start(command);
        until(template, || TcpStream::connect(address).ok());
        Self { address, _program: program, _folder: folder }
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
