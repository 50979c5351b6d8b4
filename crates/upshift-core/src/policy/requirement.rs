//! What a request must meet.

use std::collections::BTreeMap;
use std::fmt;

use super::client::ClientReader;
use super::path::PathTemplate;
use crate::facts::{HttpVersion, TlsVersion};
use crate::field::{FieldName, Protocol};
use crate::verdict::RequirementKind;
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
