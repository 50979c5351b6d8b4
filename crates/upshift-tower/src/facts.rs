//! A request as the core reads it.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue, Request, Version, header};
use upshift_core::{Facts, Fields, HttpVersion, Known, TlsState};

/// What whoever accepted the connection knows of it: an extension of the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// How it is protected; `None` if that is not known, and then rules that need it admit.
    pub tls: Option<TlsState>,
    /// The client's address.
    pub address: Option<IpAddr>,
}

/// `:protocol`, kept with a copy of a request's head.
#[derive(Clone)]
pub(crate) struct Kept(pub(crate) String);

/// The header map of a request.
pub(crate) struct Lines<'h>(pub(crate) &'h HeaderMap);

impl Fields for Lines<'_> {
    fn nth(&self, name: &str, index: usize) -> Option<&[u8]> {
        self.0.get_all(name).iter().nth(index).map(HeaderValue::as_bytes)
    }

    fn values<'f>(&'f self, name: &str) -> Vec<&'f [u8]> {
        self.0.get_all(name).iter().map(HeaderValue::as_bytes).collect()
    }
}

/// The facts of a request over a connection of which `peer` is known.
pub(crate) fn facts<'r, B>(
    request: &'r Request<B>,
    lines: &'r Lines<'r>,
    peer: Peer,
    protocol: Option<&'r str>,
    has_content: bool,
) -> Facts<'r> {
    let uri = request.uri();
    let named = || lines.0.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let http = http_version(request.version());
    Facts {
        method: request.method().as_str(),
        host: uri.host().unwrap_or_else(|| Facts::host_of(named())),
        path: uri.path(),
        query: uri.query(),
        hop: http,
        http: Known::Is(http),
        tls: peer.tls.map_or(Known::Unknown, Known::Is),
        peer: peer.address,
        fields: lines,
        has_content,
        protocol,
    }
}

fn http_version(version: Version) -> HttpVersion {
    match version {
        Version::HTTP_09 => HttpVersion::V0_9,
        Version::HTTP_10 => HttpVersion::V1_0,
        Version::HTTP_2 => HttpVersion::V2,
        Version::HTTP_3 => HttpVersion::V3,
        _ => HttpVersion::V1_1,
    }
}
