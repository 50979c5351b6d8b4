//! A request in the form that the core decides on.

use std::net::IpAddr;

use http::header::{HOST, HeaderValue};
use http::{HeaderMap, Method, Request, Uri, Version};
use upshift_core::client_info::ClientInfo;
use upshift_core::{Facts, HttpVersion, TlsState};
use upshift_http::{HeaderFields, http_version};

/// The facts about a connection that its acceptor knows: an extension of the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// The protection of the connection; `None` if it is not known, and then rules that need it
    /// admit.
    pub tls: Option<TlsState>,
    /// The address at its other end.
    pub address: Option<IpAddr>,
}

/// All parts of a request that a decision depends on.
#[derive(Clone, Copy)]
pub(crate) struct RequestView<'r> {
    pub(crate) method: &'r Method,
    /// The URI as the client sent it, with the prefix that a router has removed.
    pub(crate) uri: &'r Uri,
    pub(crate) version: Version,
    pub(crate) headers: HeaderFields<'r>,
    pub(crate) peer: Peer,
    /// `:protocol` of an extended CONNECT.
    pub(crate) protocol: Option<&'r str>,
    pub(crate) has_content: bool,
}

impl<'r> RequestView<'r> {
    /// The version of HTTP on this connection.
    pub(crate) fn hop_version(&self) -> HttpVersion {
        http_version(self.version)
    }

    /// The facts, with what the declared proxies report about the client.
    pub(crate) fn facts_about<'f>(&'f self, client: &ClientInfo<'_>) -> Facts<'f>
    where
        'r: 'f,
    {
        // RFC 9112 §3.2.2: the host of an absolute-form target counts, and `Host` is ignored. Over
        // HTTP/2 the host is `:authority`, which is in the URI too.
        let host = match self.uri.host() {
            Some(host) => host,
            None => Facts::host_of(host_field(self.headers.0)),
        };
        Facts {
            method: self.method.as_str(),
            host,
            path: self.uri.path(),
            query: self.uri.query(),
            hop: client.hop,
            http: client.http,
            tls: client.tls,
            client_ip: client.client_ip,
            fields: &self.headers,
            has_content: self.has_content,
            protocol: self.protocol,
        }
    }

    /// A copy that outlives the request.
    pub(crate) fn to_copy(self) -> RequestCopy {
        // Without the extensions, which the copied facts have been read from already.
        let mut head = Request::new(());
        *head.method_mut() = self.method.clone();
        *head.uri_mut() = self.uri.clone();
        *head.version_mut() = self.version;
        *head.headers_mut() = self.headers.0.clone();
        let protocol = self.protocol.map(str::to_owned);
        RequestCopy { head, peer: self.peer, protocol, has_content: self.has_content }
    }
}

/// The value of `Host`; empty if there is none.
fn host_field(headers: &HeaderMap) -> &str {
    match headers.get(HOST).map(HeaderValue::to_str) {
        Some(Ok(host)) => host,
        _ => "",
    }
}

/// A copy of the parts that a decision depends on.
pub(crate) struct RequestCopy {
    head: Request<()>,
    peer: Peer,
    protocol: Option<String>,
    has_content: bool,
}

impl RequestCopy {
    pub(crate) fn as_view(&self) -> RequestView<'_> {
        RequestView {
            method: self.head.method(),
            uri: self.head.uri(),
            version: self.head.version(),
            headers: HeaderFields(self.head.headers()),
            peer: self.peer,
            protocol: self.protocol.as_deref(),
            has_content: self.has_content,
        }
    }
}
