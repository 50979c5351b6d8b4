//! The surroundings of a measurement: a folder, a certificate, and the upstreams. The load and the
//! upstreams are on CPU 1, the measured server is on CPU 0.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};

use super::http1::SWITCH;
use super::servers::{
    RuleSet, RunningProgram, RunningServer, ServerKind, Surroundings, find_free_port, start_server,
    start_upstream,
};
use crate::run::{command, output, target};

/// The connections of the WebSocket upstream.
type OpenTunnels = Arc<Mutex<Vec<TcpStream>>>;

/// The running upstreams, and the files of the servers.
#[derive(Debug)]
pub(crate) struct TestBed {
    surroundings: Surroundings,
    tunnels: OpenTunnels,
    /// It is stopped with the test bed.
    _upstream: RunningProgram,
}

impl TestBed {
    /// Makes the certificate, and starts the upstreams.
    ///
    /// # Errors
    /// If there is only one CPU, or a program is missing.
    pub(crate) fn set_up(gateway: &Path) -> io::Result<Self> {
        move_to_second_cpu()?;
        raise_file_limit()?;
        // Its own, because another run would remove the files of this one.
        let folder = target().join(format!("bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let [certificate, key, certificate_and_key] = make_certificate(&folder)?;
        let upstream = SocketAddr::from((Ipv4Addr::LOCALHOST, find_free_port()?));
        let program = start_upstream(&folder, upstream)?;
        let tunnels = OpenTunnels::default();
        let surroundings = Surroundings {
            folder,
            certificate,
            key,
            certificate_and_key,
            upstream,
            tunnels: start_tunnel_upstream(Arc::clone(&tunnels))?,
            gateway: gateway.to_owned(),
        };
        Ok(Self { surroundings, tunnels, _upstream: program })
    }

    /// Starts a server in front of the upstreams.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(crate) fn start(&self, kind: ServerKind, rules: RuleSet) -> io::Result<RunningServer> {
        start_server(kind, &self.surroundings, rules, &[])
    }

    /// Starts a server within a program such as valgrind.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(crate) fn start_within(
        &self,
        wrapper: &[String],
        kind: ServerKind,
    ) -> io::Result<RunningServer> {
        start_server(kind, &self.surroundings, RuleSet::Five, wrapper)
    }

    /// Closes the connections of the WebSocket upstream, whose number the limit on files bounds.
    pub(crate) fn close_tunnels(&self) {
        self.tunnels.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.surroundings.folder
    }

    /// The address of the upstream, which answers every request with 1 KiB.
    pub(crate) fn upstream(&self) -> SocketAddr {
        self.surroundings.upstream
    }

    pub(crate) fn gateway(&self) -> &Path {
        &self.surroundings.gateway
    }
}

impl Drop for TestBed {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.surroundings.folder).ok();
    }
}

/// Moves this thread to CPU 1, and with it all programs that it starts without `taskset`.
fn move_to_second_cpu() -> io::Result<()> {
    let mut second = CpuSet::new();
    second.set(1);
    match sched_setaffinity(None, &second) {
        Ok(()) => Ok(()),
        Err(error) => Err(io::Error::other(format!(
            "the load runs on CPU 1 and the server on CPU 0, but this is not possible here: {error}"
        ))),
    }
}

/// Allows this process and the servers as many files as the system does.
fn raise_file_limit() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    Ok(())
}

/// Makes a self-signed certificate: its file, that of its key, and one with both.
fn make_certificate(folder: &Path) -> io::Result<[PathBuf; 3]> {
    let [certificate, key, both] =
        ["certificate.pem", "key.pem", "both.pem"].map(|name| folder.join(name));
    let mut openssl = command(
        "openssl",
        ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
    );
    openssl.args(["-days", "90", "-subj", "/CN=localhost"]);
    openssl.args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]);
    openssl.arg("-keyout").arg(&key).arg("-out").arg(&certificate);
    output(&mut openssl).map_err(io::Error::other)?;
    let texts = [std::fs::read_to_string(&certificate)?, std::fs::read_to_string(&key)?];
    std::fs::write(&both, texts.concat())?;
    Ok([certificate, key, both])
}

/// Starts a thread that answers every connection with the switch to WebSocket and holds it open.
fn start_tunnel_upstream(tunnels: OpenTunnels) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // A handshake that fails is seen by its client.
            let tunnel = stream.and_then(switch_to_tunnel);
            tunnels.lock().unwrap_or_else(PoisonError::into_inner).extend(tunnel);
        }
    });
    Ok(address)
}

fn switch_to_tunnel(mut stream: TcpStream) -> io::Result<TcpStream> {
    let mut head = Vec::new();
    let mut buffer = [0; 2048];
    while !head.ends_with(b"\r\n\r\n") {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.extend_from_slice(&buffer[..count]);
    }
    stream.write_all(SWITCH)?;
    Ok(stream)
}
