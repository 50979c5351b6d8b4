//! Requirements: their kinds, and what is true of each kind.
//!
//! No `match` over requirements or their kinds has a wildcard, here or elsewhere.

use std::collections::BTreeMap;
use std::fmt;

use super::client::ClientReader;
use super::path::PathTemplate;
use crate::facts::{HttpVersion, TlsVersion};
use crate::field::{FieldName, Protocol};
use crate::version::{ClientVersion, Version, VersionScheme};

/// One thing that a request must meet.
#[derive(Clone, Debug)]
pub enum Requirement {
    /// TLS of at least this version.
    Tls(TlsVersion),
    /// HTTP of at least this version.
    Http(HttpVersion),
    /// A WebSocket handshake.
    WebSocket(WebSocketRequirement),
    /// No WebSocket: an upgrade to it is refused.
    NoWebSocket,
    /// An API version.
    Api(ApiRequirement),
    /// A client that is new enough.
    Client(ClientRequirement),
    /// Any other protocol, to which the upstream itself switches.
    Protocol(Protocol),
}

/// The subject of a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequirementKind {
    /// TLS and its version.
    Tls,
    /// The version of HTTP.
    Http,
    /// WebSocket: required or ruled out.
    WebSocket,
    /// The version of an API.
    Api,
    /// The version of a client.
    Client,
    /// Any other protocol.
    Protocol,
}

/// The listener that a gateway must have, so that clients can meet a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequiredListener {
    /// Any listener: HTTP/2 works on all of them, in cleartext by prior knowledge.
    Any,
    /// One that speaks TLS.
    Tls,
    /// One that speaks HTTP/3.
    Http3,
}

/// A WebSocket handshake (RFC 6455 §4.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSocketRequirement {
    /// `Sec-WebSocket-Version`; 13 is the only one in use.
    pub version: u8,
    /// The subprotocols of which one must be offered; if the list is empty, none need be.
    pub subprotocols: Vec<Box<str>>,
}

/// An API version.
#[derive(Clone, Debug)]
pub struct ApiRequirement {
    /// The scheme by which versions are written and compared.
    pub scheme: VersionScheme,
    /// The oldest version that is served.
    pub minimum: Version,
    /// The versions that responses list as served; a version above the greatest is too new.
    pub supported: Vec<Version>,
    /// The version of a request that sends none.
    pub assume: Option<Version>,
    /// The places where the version is read; all are read.
    pub read: Vec<ApiReader>,
}

/// A place in the request that carries an API version.
#[derive(Clone, Debug)]
pub enum ApiReader {
    /// `header:NAME`: the value of a field.
    Header(FieldName),
    /// `query:NAME`: a parameter of the query.
    Query(Box<str>),
    /// `path:TEMPLATE`: a part of the path.
    Path(PathTemplate),
    /// `media-type:NAME`: a parameter of the media type.
    MediaTypeParameter(Box<str>),
    /// `media-type:TYPE/…{version}…`: a part of the media type.
    MediaTypeTemplate {
        /// The text before the version.
        prefix: Box<str>,
        /// The text after the version.
        suffix: Box<str>,
    },
}

/// A client that is new enough.
#[derive(Clone, Debug)]
pub struct ClientRequirement {
    /// The places where name and version are read; the first that yields a client counts.
    pub read: Vec<ClientReader>,
    /// The oldest version of each client, by name.
    pub minimum: BTreeMap<Box<str>, ClientVersion>,
    /// Versions, or single builds of one, that are refused even above the minimum.
    pub blocked: Vec<(Box<str>, ClientVersion)>,
}

impl Requirement {
    /// The kind of the requirement.
    pub fn kind(&self) -> RequirementKind {
        match self {
            Self::Tls(_) => RequirementKind::Tls,
            Self::Http(_) => RequirementKind::Http,
            Self::WebSocket(_) | Self::NoWebSocket => RequirementKind::WebSocket,
            Self::Api(_) => RequirementKind::Api,
            Self::Client(_) => RequirementKind::Client,
            Self::Protocol(_) => RequirementKind::Protocol,
        }
    }

    /// The listener that a gateway must have, so that clients can meet the requirement.
    pub fn required_listener(&self) -> RequiredListener {
        match self {
            Self::Tls(_) => RequiredListener::Tls,
            Self::Http(HttpVersion::V3) => RequiredListener::Http3,
            Self::Http(_)
            | Self::WebSocket(_)
            | Self::NoWebSocket
            | Self::Api(_)
            | Self::Client(_)
            | Self::Protocol(_) => RequiredListener::Any,
        }
    }

    /// The fields that it reads, in lower case.
    pub(super) fn fields(&self) -> Vec<&str> {
        match self {
            Self::Tls(_) | Self::Http(_) => Vec::new(),
            Self::WebSocket(_) => {
                vec!["upgrade", "connection", "sec-websocket-version", "sec-websocket-protocol"]
            }
            Self::NoWebSocket | Self::Protocol(_) => vec!["upgrade", "connection"],
            Self::Api(api) => api.fields(),
            Self::Client(client) => client.read.iter().map(ClientReader::field).collect(),
        }
    }

    /// The texts of its readers, as the policy file writes them.
    pub(super) fn reader_texts(&self) -> Box<[Box<str>]> {
        let mut texts: Vec<Box<str>> = Vec::new();
        match self {
            Self::Api(api) => {
                for reader in &api.read {
                    texts.push(reader.to_string().into());
                }
            }
            Self::Client(client) => {
                for reader in &client.read {
                    texts.push(reader.to_string().into());
                }
            }
            Self::Tls(_)
            | Self::Http(_)
            | Self::WebSocket(_)
            | Self::NoWebSocket
            | Self::Protocol(_) => {}
        }
        texts.into()
    }

    /// Returns true if it reads a version, and does not say where.
    pub(super) fn lacks_reader(&self) -> bool {
        match self {
            Self::Api(api) => api.read.is_empty(),
            Self::Client(client) => client.read.is_empty(),
            Self::Tls(_)
            | Self::Http(_)
            | Self::WebSocket(_)
            | Self::NoWebSocket
            | Self::Protocol(_) => false,
        }
    }

    /// Returns true if it is about versions of clients, and names no client.
    pub(super) fn lacks_client(&self) -> bool {
        match self {
            Self::Client(client) => client.minimum.is_empty() && client.blocked.is_empty(),
            Self::Tls(_)
            | Self::Http(_)
            | Self::WebSocket(_)
            | Self::NoWebSocket
            | Self::Api(_)
            | Self::Protocol(_) => false,
        }
    }
}

impl RequirementKind {
    /// Every kind, in the order of error messages.
    pub const ALL: [Self; 6] =
        [Self::Tls, Self::Http, Self::WebSocket, Self::Api, Self::Client, Self::Protocol];

    /// The name in the policy file, JSON and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Http => "http",
            Self::WebSocket => "websocket",
            Self::Api => "api",
            Self::Client => "client",
            Self::Protocol => "protocol",
        }
    }

    /// Returns true if the requirement is about the connection and not about what the client says
    /// of itself.
    pub fn is_transport(self) -> bool {
        match self {
            Self::Tls | Self::Http | Self::WebSocket | Self::Protocol => true,
            Self::Api | Self::Client => false,
        }
    }

    /// Returns true if the fact that it is about is unknown behind a proxy that does not report it.
    pub fn is_hidden_by_proxies(self) -> bool {
        match self {
            Self::Tls | Self::Http => true,
            Self::WebSocket | Self::Api | Self::Client | Self::Protocol => false,
        }
    }
}

impl Default for WebSocketRequirement {
    fn default() -> Self {
        Self { version: 13, subprotocols: Vec::new() }
    }
}

impl ApiRequirement {
    /// The fields that its readers read, in lower case.
    pub(super) fn fields(&self) -> Vec<&str> {
        let mut fields = Vec::new();
        for reader in &self.read {
            match reader {
                ApiReader::Header(name) => fields.push(name.lower()),
                ApiReader::Query(_) | ApiReader::Path(_) => {}
                ApiReader::MediaTypeParameter(_) | ApiReader::MediaTypeTemplate { .. } => {
                    fields.extend(["content-type", "accept"]);
                }
            }
        }
        fields
    }
}

impl ClientRequirement {
    /// Returns true if the requirement names the client, compared without case.
    pub(crate) fn knows(&self, client: &str) -> bool {
        self.minimum_of(client).is_some()
            || self.blocked.iter().any(|(name, _)| name.eq_ignore_ascii_case(client))
    }

    /// The client's name as the policy writes it, and its oldest version.
    pub(crate) fn minimum_of(&self, client: &str) -> Option<(&str, &ClientVersion)> {
        // A search: the order of the map depends on case, and names compare without it.
        let (name, minimum) =
            self.minimum.iter().find(|(name, _)| name.eq_ignore_ascii_case(client))?;
        Some((name, minimum))
    }
}

impl fmt::Display for RequirementKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The reader as the policy file writes it.
impl fmt::Display for ApiReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "header:{}", name.written()),
            Self::Query(name) => write!(f, "query:{name}"),
            Self::Path(template) => write!(f, "path:{}", template.text()),
            Self::MediaTypeParameter(name) => write!(f, "media-type:{name}"),
            Self::MediaTypeTemplate { prefix, suffix } => {
                write!(f, "media-type:{prefix}{{version}}{suffix}")
            }
        }
    }
}
