//! A request as the core reads it.

use std::net::IpAddr;

use http::{Method, Request, Uri, Version, header};
use upshift_core::client_info::ClientInfo;
use upshift_core::{Facts, HttpVersion, TlsState};
use upshift_http::{HeaderFields, http_version};

/// What the acceptor of the connection knows of it: an extension of the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// How it is protected; `None` if that is not known, and then rules that need it admit.
    pub tls: Option<TlsState>,
    /// The address at its other end.
    pub address: Option<IpAddr>,
}

/// All of a request that a decision looks at.
#[derive(Clone, Copy)]
pub(crate) struct View<'r> {
    pub(crate) method: &'r Method,
    /// As the client sent it, without what a router has taken away.
    pub(crate) uri: &'r Uri,
    pub(crate) version: Version,
    pub(crate) lines: HeaderFields<'r>,
    pub(crate) peer: Peer,
    /// `:protocol` of an extended CONNECT.
    pub(crate) protocol: Option<&'r str>,
    pub(crate) has_content: bool,
}

impl<'r> View<'r> {
    /// The version of this hop.
    pub(crate) fn hop(&self) -> HttpVersion {
        http_version(self.version)
    }

    /// The facts, with what the proxies in front tell of the client.
    pub(crate) fn facts<'f>(&'f self, client_info: &ClientInfo<'_>) -> Facts<'f>
    where
        'r: 'f,
    {
        let named = || {
            self.lines.0.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default()
        };
        Facts {
            method: self.method.as_str(),
            host: self.uri.host().unwrap_or_else(|| Facts::host_of(named())),
            path: self.uri.path(),
            query: self.uri.query(),
            hop: client_info.hop,
            http: client_info.http,
            tls: client_info.tls,
            client_ip: client_info.client_ip,
            fields: &self.lines,
            has_content: self.has_content,
            protocol: self.protocol,
        }
    }

    /// A copy that outlives the request.
    pub(crate) fn kept(&self) -> Kept {
        let mut head = Request::new(());
        *head.method_mut() = self.method.clone();
        *head.uri_mut() = self.uri.clone();
        *head.version_mut() = self.version;
        *head.headers_mut() = self.lines.0.clone();
        let protocol = self.protocol.map(str::to_owned);
        Kept { head, peer: self.peer, protocol, has_content: self.has_content }
    }
}

/// A copy of what a decision looks at.
pub(crate) struct Kept {
    head: Request<()>,
    peer: Peer,
    protocol: Option<String>,
    has_content: bool,
}

impl Kept {
    pub(crate) fn view(&self) -> View<'_> {
        View {
            method: self.head.method(),
            uri: self.head.uri(),
            version: self.head.version(),
            lines: HeaderFields(self.head.headers()),
            peer: self.peer,
            protocol: self.protocol.as_deref(),
            has_content: self.has_content,
        }
    }
}
