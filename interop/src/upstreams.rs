//! Real upstreams of every protocol in one Node process, which also echo WebSocket messages.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::Value;

use crate::{Certificate, Program, Reply, exchange, start_script};

/// As long as this value.
#[derive(Debug)]
pub struct Upstreams {
    ports: Value,
    certificate: Certificate,
    _program: Program,
}

impl Upstreams {
    /// Starts them.
    ///
    /// # Panics
    /// If they do not start.
    pub fn start() -> Self {
        let certificate = Certificate::new();
        let files =
            [certificate.file(), certificate.key()].map(|file| file.to_string_lossy().into_owned());
        let mut program = start_script("upstreams.cjs", &[&files[0], &files[1]]);
        let ports = program.wait_for("ports", |lines| {
            lines.iter().find_map(|line| serde_json::from_str(line).ok())
        });
        Self { ports, certificate, _program: program }
    }

    /// Where one listens: `h1`, `h2c`, `https-h1` or `https-h2`.
    ///
    /// # Panics
    /// If there is none of that name.
    pub fn address(&self, name: &str) -> SocketAddr {
        let port = self.ports[name].as_u64().and_then(|port| u16::try_from(port).ok());
        ([127, 0, 0, 1], port.unwrap_or_else(|| panic!("no upstream {name} in {}", self.ports)))
            .into()
    }

    /// The upstream for HTTP/1.1 over cleartext.
    pub fn clear(&self) -> SocketAddr {
        self.address("h1")
    }

    /// What those that speak TLS show.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The targets of all requests that have reached any of them, each with its `Via`.
    pub fn seen(&self) -> BTreeMap<String, String> {
        let reply: Reply =
            exchange(self.clear(), b"GET /seen HTTP/1.1\r\nHost: localhost\r\n\r\n", false).0;
        serde_json::from_slice(&reply.body).unwrap_or_default()
    }
}
