//! What a request must meet.

use std::collections::BTreeMap;

use super::client::ClientReader;
use super::path::PathTemplate;
use crate::decision::RequirementKind;
use crate::field::{Protocol, is_token};
use crate::version::{ClientVersion, Version, VersionScheme};
use crate::{HttpVersion, TlsVersion};

/// One thing that a request must meet.
#[derive(Clone, Debug)]
pub enum Requirement {
    /// TLS of at least this version.
    Tls(TlsVersion),
    /// HTTP of at least this version.
    Http(HttpVersion),
    /// A WebSocket handshake.
    WebSocket(WebSocketRequirement),
    /// No WebSocket here: an upgrade to it is refused.
    NoWebSocket,
    /// An API version.
    Api(ApiRequirement),
    /// A client that is new enough.
    Client(ClientRequirement),
    /// Any other protocol, which the upstream itself switches to.
    Protocol(Protocol),
}

/// A WebSocket handshake (RFC 6455 §4.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSocketRequirement {
    /// `Sec-WebSocket-Version`; 13 is the only one in use.
    pub version: u8,
    /// One of these must be offered; any or none where the list is empty.
    pub subprotocols: Vec<Box<str>>,
}

/// An API version.
#[derive(Clone, Debug)]
pub struct ApiRequirement {
    /// How versions are written and compared.
    pub scheme: VersionScheme,
    /// The oldest that is served.
    pub minimum: Version,
    /// What callers are told is served; above the greatest of them is too new.
    pub supported: Vec<Version>,
    /// The version of a request that sends none.
    pub assume: Option<Version>,
    /// Where the version is read; all are read.
    pub read: Vec<ApiReader>,
}

/// A place where an API version stands.
#[derive(Clone, Debug)]
pub enum ApiReader {
    /// `header:NAME`: the value of a field (its name in lower case here).
    Header(FieldName),
    /// `query:NAME`: a parameter of the query.
    Query(Box<str>),
    /// `path:TEMPLATE`: a part of the path.
    Path(PathTemplate),
    /// `media-type:NAME`: a parameter of the media type.
    MediaTypeParameter(Box<str>),
    /// `media-type:TYPE/…{version}…`: a part of the media type.
    MediaTypeTemplate {
        /// What stands before the version.
        prefix: Box<str>,
        /// What stands behind it.
        suffix: Box<str>,
    },
}

/// The name of a field, kept as it was written and in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldName {
    written: Box<str>,
    lower: Box<str>,
}

/// A client that is new enough.
#[derive(Clone, Debug)]
pub struct ClientRequirement {
    /// Where name and version are read; the first that yields counts.
    pub read: Vec<ClientReader>,
    /// The oldest version of each client, by name.
    pub minimum: BTreeMap<Box<str>, ClientVersion>,
    /// Versions, or single builds of one, that are refused even above the minimum.
    pub blocked: Vec<(Box<str>, ClientVersion)>,
}

impl Requirement {
    /// Its kind.
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

    /// The fields that it reads, in lower case.
    pub(super) fn fields(&self) -> Vec<&str> {
        match self {
            Self::Tls(_) | Self::Http(_) => Vec::new(),
            Self::WebSocket(_) => {
                vec!["upgrade", "connection", "sec-websocket-version", "sec-websocket-protocol"]
            }
            Self::NoWebSocket | Self::Protocol(_) => vec!["upgrade", "connection"],
            Self::Api(api) => api.read.iter().flat_map(ApiReader::fields).collect(),
            Self::Client(client) => client.read.iter().map(ClientReader::field).collect(),
        }
    }
}

impl Default for WebSocketRequirement {
    fn default() -> Self {
        Self { version: 13, subprotocols: Vec::new() }
    }
}

impl ApiReader {
    /// The fields that it reads, in lower case.
    pub fn fields(&self) -> Vec<&str> {
        match self {
            Self::Header(name) => vec![name.lower()],
            Self::Query(_) | Self::Path(_) => Vec::new(),
            Self::MediaTypeParameter(_) | Self::MediaTypeTemplate { .. } => {
                vec!["content-type", "accept"]
            }
        }
    }
}

/// As the policy file writes it.
impl std::fmt::Display for ApiReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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

impl FieldName {
    /// From a name; `None` if it is not a token (RFC 9110 §5.1).
    pub fn parse(name: &str) -> Option<Self> {
        is_token(name)
            .then(|| Self { written: name.into(), lower: name.to_ascii_lowercase().into() })
    }

    /// As it was written.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// In lower case, as [`Fields`](crate::Fields) wants it.
    pub fn lower(&self) -> &str {
        &self.lower
    }
}
