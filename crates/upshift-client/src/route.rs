//! The route of a request: the version of HTTP and the TLS that it needs, and those that it got.

use http::Uri;
use upshift_core::follow::{Step, Transport};
use upshift_core::{TlsState, TlsVersion};
use upshift_http::http_version;

/// The route that a request has to take: an extension of the request that [`Follow`](crate::Follow)
/// sets and a transport reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Route {
    /// The version of HTTP and the way to it.
    pub http: Http,
    /// The oldest version of TLS that is enough.
    pub tls: Option<TlsVersion>,
}

/// A version of HTTP and the way to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Http {
    /// The version that ALPN selects; HTTP/1.1 over cleartext.
    #[default]
    Any,
    /// HTTP/1.1 only; HTTP/1.0 if the request has that version.
    Http1,
    /// HTTP/2: by ALPN over TLS, by prior knowledge over cleartext.
    Http2,
    /// HTTP/3 at this UDP port, else at the port of the URL.
    Http3(Option<u16>),
    /// HTTP/2 by `Upgrade: h2c`.
    H2c,
    /// HTTP/1.1 inside TLS that is started by `Upgrade: TLS/1.2` (RFC 2817).
    TlsInBand,
}

impl Route {
    /// This route after a step.
    pub(crate) fn after_step(self, step: &Step) -> Self {
        match step {
            // RFC 7540 §3.1: `h2c` identifies HTTP/2 over cleartext TCP.
            Step::Tls { minimum, .. } if self.http == Http::H2c => {
                Self { http: Http::Any, tls: *minimum }
            }
            Step::Tls { minimum, .. } => Self { tls: *minimum, ..self },
            Step::NewerTls { minimum } => Self { tls: Some(*minimum), ..self },
            Step::TlsInBand { minimum } => Self { http: Http::TlsInBand, tls: *minimum },
            Step::Http2 | Step::Http2PriorKnowledge => Self { http: Http::Http2, ..self },
            Step::H2c => Self { http: Http::H2c, ..self },
            Step::Http3 { port } => Self { http: Http::Http3(Some(*port)), ..self },
            Step::WebSocket { .. } => Self { http: Http::Http1, ..self },
            // For HTTP/1.1 in place of 1.0, the version of the request is enough.
            Step::Http11 | Step::Version { .. } | Step::FallBack => self,
        }
    }
}

/// The protection of the connection that a response came over: an extension of the response, set by
/// a transport. Without it, `https` counts as TLS of some version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionSecurity {
    /// The state of TLS.
    pub tls: TlsState,
}

/// The URL that a response came from: an extension of the response, set by a client that follows
/// redirects below [`Follow`](crate::Follow). Without it the response counts as one of the URL that
/// was requested.
///
/// A response speaks for its own origin only. A 426 from another origin than the requested one is
/// not followed, since it would decide where the requests to that origin go. Nor is one from
/// another URL if the request is not idempotent, since the redirect was a response to it already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnsweredBy(pub Uri);

/// The transport on which a response came.
pub(crate) fn transport_of<B>(response: &http::Response<B>, secure: bool) -> Transport {
    let tls = match response.extensions().get::<ConnectionSecurity>() {
        Some(info) => info.tls,
        None if secure => TlsState::SomeVersion,
        None => TlsState::Cleartext,
    };
    Transport { http: http_version(response.version()), tls }
}
