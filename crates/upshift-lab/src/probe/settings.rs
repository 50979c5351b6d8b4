//! The settings of a probe.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use upshift_record::Lane;

use super::target::Target;

/// The most octets of a body that are read, unless the settings say otherwise.
pub(super) const BODY_LIMIT: usize = 64 * 1024;

/// The settings of a probe.
#[derive(Clone, Debug)]
pub struct ProbeSettings {
    /// The URL.
    pub target: Target,
    /// The method; GET unless the user named another.
    pub method: String,
    /// Further fields of every request: name and value.
    pub fields: Vec<(String, String)>,
    /// The content of every request; empty: none.
    pub content: Vec<u8>,
    /// The most octets of a response's content that are read; less than the windows of HTTP/2.
    pub content_limit: usize,
    /// The lanes to ask.
    pub lanes: Vec<Lane>,
    /// True if the further questions are asked, too: old versions and unknown tokens.
    pub asks_extras: bool,
    /// True if promises are dialled.
    pub dials: bool,
    /// True if promises are dialled on other hosts as well.
    pub follows_hosts: bool,
    /// The port of the TLS lanes of an `http` URL, and of its HTTP/3 lane.
    pub tls_port: Option<u16>,
    /// The port of the cleartext lanes of an `https` URL.
    pub cleartext_port: Option<u16>,
    /// The time that a question may take, the connection included.
    pub timeout: Duration,
    /// The time that a connection to one address may take.
    pub connect_timeout: Duration,
    /// Addresses in place of those of a host and port.
    pub resolve: BTreeMap<(String, u16), IpAddr>,
    /// The roots that the certificate is compared with.
    pub roots: Arc<RootCertStore>,
}

impl ProbeSettings {
    /// Settings with every lane and every further question, and without roots.
    pub fn new(target: Target) -> Self {
        Self {
            target,
            method: "GET".to_owned(),
            fields: Vec::new(),
            content: Vec::new(),
            content_limit: BODY_LIMIT,
            lanes: Lane::ALL.to_vec(),
            asks_extras: true,
            dials: true,
            follows_hosts: false,
            tls_port: None,
            cleartext_port: None,
            timeout: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(1),
            resolve: BTreeMap::new(),
            roots: Arc::new(RootCertStore::empty()),
        }
    }
}
