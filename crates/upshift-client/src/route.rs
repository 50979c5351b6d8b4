//! How a request is to travel, and how it did.

use http::Uri;
use upshift_core::follow::{Lane, Step};
use upshift_core::{TlsState, TlsVersion};
use upshift_http::http_version;

/// How a request is to travel: an extension of the request that [`Follow`](crate::Follow) sets and
/// a transport reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Route {
    /// The HTTP version and how it is come by.
    pub http: Http,
    /// The oldest TLS that will do.
    pub tls: Option<TlsVersion>,
}

/// The HTTP version and how it is come by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Http {
    /// What ALPN gives, HTTP/1.1 in clear.
    #[default]
    Any,
    /// HTTP/1.1 only; HTTP/1.0 if the request says so.
    Http1,
    /// HTTP/2: by ALPN over TLS, by prior knowledge in clear.
    Http2,
    /// HTTP/3 at this UDP port, else at that of the URL.
    Http3(Option<u16>),
    /// HTTP/2 by `Upgrade: h2c`.
    H2c,
    /// HTTP/1.1 inside TLS that is begun by `Upgrade: TLS/1.2` (RFC 2817).
    TlsInBand,
}

impl Route {
    /// This route after a step.
    #[must_use]
    pub fn after(self, step: &Step) -> Self {
        let clear_only = matches!(self.http, Http::H2c);
        match step {
            Step::Tls { minimum, .. } => {
                Self { http: if clear_only { Http::Any } else { self.http }, tls: *minimum }
            }
            Step::NewerTls { minimum } => Self { tls: Some(*minimum), ..self },
            Step::TlsInBand { minimum } => Self { http: Http::TlsInBand, tls: *minimum },
            Step::Http2 | Step::Http2PriorKnowledge => Self { http: Http::Http2, ..self },
            Step::H2c => Self { http: Http::H2c, ..self },
            Step::Http3 { port } => Self { http: Http::Http3(Some(*port)), ..self },
            Step::WebSocket { .. } => Self { http: Http::Http1, ..self },
            Step::Http11 | Step::Version { .. } | Step::FallBack => self,
        }
    }
}

/// What a transport tells of the connection: an extension of the response. Without it, `https`
/// counts as TLS of some version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// How the connection was protected.
    pub tls: TlsState,
}

/// The URL that an answer came from: an extension of the response, set by what follows redirects
/// below [`Follow`](crate::Follow). Without it the answer counts as one of the URL that was asked.
///
/// What an answer says holds for its own origin. A 426 from another origin than the one asked is
/// not followed, since it would decide where that origin's requests go; nor is one from another URL
/// if the request is not idempotent, since the redirect was an answer to it already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnsweredBy(pub Uri);

/// The lane on which a response came.
pub(crate) fn lane_of<B>(response: &http::Response<B>, secure: bool) -> Lane {
    let tls = match response.extensions().get::<ConnectionInfo>() {
        Some(info) => info.tls,
        None if secure => TlsState::SomeVersion,
        None => TlsState::Cleartext,
    };
    Lane { http: http_version(response.version()), tls }
}
