//! The ready-made client.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderName, USER_AGENT};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, request, uri::Scheme};
use hyper::upgrade::Upgraded;
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use tower_layer::Layer as _;
use tower_service::Service as _;
use upshift_core::TlsVersion;
use upshift_core::follow::{Capabilities, FollowPolicy, StepKind, StepKinds};

use crate::connect::Trust;
use crate::transport::{Incoming, Transport};
use crate::watched::HEAD_PATIENCE;
use crate::{
    Body, Error, Follow, FollowBody, FollowLayer, Memory, Notice, RaiseVersion, Wanted, websocket,
};

/// A client that follows a 426. Clones share connections and memory.
///
/// It is also a [`tower_service::Service`] by way of [`Client::into_service`].
#[derive(Clone)]
pub struct Client {
    follow: Follow<Transport>,
    user_agent: HeaderValue,
}

/// What became of a WebSocket handshake.
#[derive(Debug)]
pub enum Socket {
    /// It is open. The bytes are WebSocket frames (RFC 6455 §5), which any WebSocket library reads.
    Open {
        /// The connection.
        stream: Upgraded,
        /// The 101, for its subprotocol and extensions.
        response: Response<()>,
    },
    /// The server takes none here and was asked as plain HTTP: this is its answer.
    Declined(Box<Response<FollowBody<Incoming>>>),
}

impl Client {
    /// With the roots of the system, the default policy and a memory that lasts as long as the
    /// process.
    ///
    /// # Errors
    /// If the system has no root certificates.
    pub fn new() -> Result<Self, Error> {
        Self::builder().build()
    }

    /// To choose otherwise.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Fetches a URL.
    ///
    /// # Errors
    /// [`Error::Refused`] for a 426 that is not followed; see [`Error`].
    pub async fn get(&self, url: &str) -> Result<Response<FollowBody<Incoming>>, Error> {
        self.send(Request::get(url).body(Body::empty()).map_err(Error::usage)?).await
    }

    /// Sends a request, whose URL is absolute. Its [`Route`](crate::Route), if it has one as an
    /// extension, is where following begins.
    ///
    /// # Errors
    /// [`Error::Refused`] for a 426 that is not followed; see [`Error`].
    pub async fn send(
        &self,
        mut request: Request<Body>,
    ) -> Result<Response<FollowBody<Incoming>>, Error> {
        if !matches!(request.uri().scheme_str(), Some("http" | "https")) {
            return Err(Error::usage(format!("{} is no http or https URL", request.uri())));
        }
        request.headers_mut().entry(USER_AGENT).or_insert_with(|| self.user_agent.clone());
        self.follow.clone().call(request).await
    }

    /// Opens a WebSocket at an `ws`, `wss`, `http` or `https` URL, or falls back to plain HTTP
    /// where the server declines it by a 426.
    ///
    /// # Errors
    /// As [`send`](Self::send); an answer that is neither a 101 nor the fallback comes as
    /// [`Socket::Declined`].
    pub async fn websocket(&self, request: Request<()>) -> Result<Socket, Error> {
        let (mut parts, ()) = request.into_parts();
        (parts.method, parts.uri) = (Method::GET, http_scheme(parts.uri)?);
        websocket::offer(&mut parts.headers);
        let mut response = self.send(Request::from_parts(parts, Body::empty())).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(Socket::Declined(Box::new(response)));
        }
        let upgraded = hyper::upgrade::on(&mut response).await;
        let trace = response.extensions().get().cloned().unwrap_or_default();
        let stream = upgraded.map_err(|error| Error::Transport { source: error.into(), trace })?;
        Ok(Socket::Open { stream, response: response.map(drop) })
    }

    /// The tower service inside.
    pub fn into_service(self) -> Follow<Transport> {
        self.follow
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.follow.fmt(f)
    }
}

/// `ws` is `http`, `wss` is `https` (RFC 6455 §3).
fn http_scheme(uri: Uri) -> Result<Uri, Error> {
    let mut parts = uri.into_parts();
    parts.scheme = match parts.scheme.as_ref().map(Scheme::as_str) {
        Some("ws") => Some(Scheme::HTTP),
        Some("wss") => Some(Scheme::HTTPS),
        _ => parts.scheme,
    };
    Uri::from_parts(parts).map_err(Error::usage)
}

/// Makes a [`Client`].
#[derive(Clone, Default)]
pub struct Builder {
    layer: FollowLayer,
    roots: Vec<CertificateDer<'static>>,
    insecure: bool,
    user_agent: Option<HeaderValue>,
    head_patience: Option<Duration>,
}

impl Builder {
    /// What the client may do; [`FollowPolicy::default`] unless set.
    #[must_use]
    pub fn policy(mut self, may: FollowPolicy) -> Self {
        self.layer = self.layer.policy(may);
        self
    }

    /// Where it remembers what origins required.
    #[must_use]
    pub fn memory(mut self, memory: Memory) -> Self {
        self.layer = self.layer.memory(memory);
        self
    }

    /// Raises versions for the names that [`FollowPolicy::versions`] lists.
    #[must_use]
    pub fn raise(
        mut self,
        raise: impl Fn(&Wanted<'_>, &mut request::Parts) -> bool + Send + Sync + 'static,
    ) -> Self {
        let raise: Box<dyn RaiseVersion> = Box::new(raise);
        self.layer = self.layer.raise(move |wanted: &Wanted<'_>, parts: &mut request::Parts| {
            raise.raise(wanted, parts)
        });
        self
    }

    /// Is called once for each origin and rule that announces its end.
    #[must_use]
    pub fn on_deprecation(mut self, hook: impl Fn(&Notice) + Send + Sync + 'static) -> Self {
        self.layer = self.layer.on_deprecation(hook);
        self
    }

    /// The fields that are credentials; see [`FollowLayer::credentials`].
    #[must_use]
    pub fn credentials(mut self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        self.layer = self.layer.credentials(names);
        self
    }

    /// Lets credentials go to another port of the host; see [`FollowLayer::location_trusted`].
    #[must_use]
    pub fn location_trusted(mut self) -> Self {
        self.layer = self.layer.location_trusted();
        self
    }

    /// How long the head of a response may take from its first byte; 30 seconds unless set. How
    /// long the server waits with that first byte is not bounded: a caller who minds sets a timeout
    /// around the call.
    #[must_use]
    pub fn head_patience(mut self, patience: Duration) -> Self {
        self.head_patience = Some(patience);
        self
    }

    /// `User-Agent` for requests that have none.
    #[must_use]
    pub fn user_agent(mut self, value: HeaderValue) -> Self {
        self.user_agent = Some(value);
        self
    }

    /// Trusts these certificates in PEM, in place of the system's.
    ///
    /// # Errors
    /// If there is no certificate in it.
    pub fn roots(mut self, pem: &[u8]) -> Result<Self, Error> {
        let roots: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        self.roots = roots.map_err(Error::usage)?;
        if self.roots.is_empty() {
            return Err(Error::usage("there is no certificate in it"));
        }
        Ok(self)
    }

    /// Believes any certificate, so that anybody on the way can read and change what is sent. For
    /// experiments.
    #[must_use]
    pub fn dangerous_any_certificate(mut self) -> Self {
        self.insecure = true;
        self
    }

    /// The client.
    ///
    /// # Errors
    /// If there are no roots to trust.
    pub fn build(self) -> Result<Client, Error> {
        let trust = if self.insecure {
            Trust::Nobody
        } else {
            Trust::Roots(Arc::new(root_store(self.roots)?))
        };
        let can = Capabilities {
            steps: StepKinds::ALL.without(StepKind::Version),
            tls: TlsVersion::V1_3,
        };
        let follow = self
            .layer
            .able(can)
            .layer(Transport::new(trust, self.head_patience.unwrap_or(HEAD_PATIENCE)));
        let ours = HeaderValue::from_static(concat!("upshift/", env!("CARGO_PKG_VERSION")));
        Ok(Client { follow, user_agent: self.user_agent.unwrap_or(ours) })
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("layer", &self.layer).finish_non_exhaustive()
    }
}

fn root_store(given: Vec<CertificateDer<'static>>) -> Result<RootCertStore, Error> {
    let mut store = RootCertStore::empty();
    if given.is_empty() {
        let native = rustls_native_certs::load_native_certs();
        // One broken file among the system's does no harm; none at all is an environment without
        // TLS, in which plain HTTP still works, and a handshake says what is missing.
        store.add_parsable_certificates(native.certs);
    } else {
        for certificate in given {
            store.add(certificate).map_err(Error::usage)?;
        }
    }
    Ok(store)
}
