//! The ready-made client.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderName, USER_AGENT};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, request, uri::Scheme};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use tower_layer::Layer as _;
use tower_service::Service as _;
use upshift_core::TlsVersion;
use upshift_core::follow::{Capabilities, FollowPolicy, StepKind, StepKinds};

use crate::body::TransportBody;
use crate::head_limited_stream::HEAD_TIMEOUT;
use crate::socket::{Socket, SocketStream};
use crate::tls::ServerTrust;
use crate::transport::HyperTransport;
use crate::{
    Error, Follow, FollowBody, FollowLayer, Memory, Notice, SendBody, WantedVersion, websocket,
};

/// A client that follows a 426. Clones share connections and memory.
///
/// It is also a [`tower_service::Service`] by way of [`Client::into_service`].
#[derive(Clone)]
pub struct Client {
    follow: Follow<HyperTransport>,
    user_agent: HeaderValue,
}

impl Client {
    /// A client with the root certificates of the system, the default policy and a memory that
    /// lasts as long as the process.
    ///
    /// # Errors
    /// If the system has no root certificates.
    pub fn new() -> Result<Self, Error> {
        Self::builder().build()
    }

    /// A builder for a client with other settings.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Fetches a URL.
    ///
    /// # Errors
    /// [`Error::Refused`] for a 426 that is not followed; see [`Error`].
    pub async fn get(&self, url: &str) -> Result<Response<FollowBody<TransportBody>>, Error> {
        self.send(Request::get(url).body(SendBody::empty()).map_err(Error::usage)?).await
    }

    /// Sends a request, whose URL must be absolute. A [`Route`](crate::Route) among its extensions
    /// is the route of the first attempt.
    ///
    /// # Errors
    /// [`Error::Refused`] for a 426 that is not followed; see [`Error`].
    pub async fn send(
        &self,
        mut request: Request<SendBody>,
    ) -> Result<Response<FollowBody<TransportBody>>, Error> {
        if !matches!(request.uri().scheme_str(), Some("http" | "https")) {
            let text = format!("{} is not an http or https URL", request.uri());
            return Err(Error::usage(text));
        }
        request.headers_mut().entry(USER_AGENT).or_insert_with(|| self.user_agent.clone());
        self.follow.clone().call(request).await
    }

    /// Opens a WebSocket at a `ws`, `wss`, `http` or `https` URL, or falls back to plain HTTP if
    /// the server declines it with a 426.
    ///
    /// # Errors
    /// As [`send`](Self::send). Any response other than a 101 is [`Socket::Declined`].
    pub async fn websocket(&self, request: Request<()>) -> Result<Socket, Error> {
        let (mut parts, ()) = request.into_parts();
        (parts.method, parts.uri) = (Method::GET, with_http_scheme(parts.uri)?);
        websocket::add_handshake(&mut parts.headers);
        let mut response = self.send(Request::from_parts(parts, SendBody::empty())).await?;
        // `Follow` has checked a 101 already, and has followed a 426 to plain HTTP if it could.
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(Socket::Declined(Box::new(response)));
        }
        match hyper::upgrade::on(&mut response).await {
            Ok(upgraded) => {
                let stream = SocketStream::new(upgraded);
                Ok(Socket::Open { stream, response: response.map(drop) })
            }
            Err(error) => {
                // `Follow` gives every response a trace.
                let trace = response.extensions().get().cloned().unwrap_or_default();
                Err(Error::Transport { source: error.into(), trace })
            }
        }
    }

    /// Converts the client into the tower service that it uses.
    pub fn into_service(self) -> Follow<HyperTransport> {
        self.follow
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.follow.fmt(f)
    }
}

/// Replaces `ws` by `http` and `wss` by `https`, which use the same ports (RFC 6455 §3).
fn with_http_scheme(uri: Uri) -> Result<Uri, Error> {
    let mut parts = uri.into_parts();
    parts.scheme = match parts.scheme.as_ref().map(Scheme::as_str) {
        Some("ws") => Some(Scheme::HTTP),
        Some("wss") => Some(Scheme::HTTPS),
        _ => parts.scheme,
    };
    Uri::from_parts(parts).map_err(Error::usage)
}

/// Builds a [`Client`].
#[derive(Clone, Default)]
pub struct Builder {
    layer: FollowLayer,
    roots: Vec<CertificateDer<'static>>,
    insecure: bool,
    user_agent: Option<HeaderValue>,
    head_timeout: Option<Duration>,
}

impl Builder {
    /// Sets what the client may do; [`FollowPolicy::default`] by default.
    #[must_use]
    pub fn policy(mut self, may: FollowPolicy) -> Self {
        self.layer = self.layer.policy(may);
        self
    }

    /// Sets the memory for the requirements of origins.
    #[must_use]
    pub fn memory(mut self, memory: Memory) -> Self {
        self.layer = self.layer.memory(memory);
        self
    }

    /// Sets the hook that raises versions for the names that the policy lists in
    /// [`FollowPolicy::versions`].
    #[must_use]
    pub fn raise(
        mut self,
        raise: impl Fn(&WantedVersion<'_>, &mut request::Parts) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.layer = self.layer.raise(raise);
        self
    }

    /// Sets the hook that is called once for each origin and rule that announces its end, and once
    /// more after that end.
    #[must_use]
    pub fn on_deprecation(mut self, hook: impl Fn(&Notice) + Send + Sync + 'static) -> Self {
        self.layer = self.layer.on_deprecation(hook);
        self
    }

    /// Sets the fields that are credentials; see [`FollowLayer::credentials`].
    #[must_use]
    pub fn credentials(mut self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        self.layer = self.layer.credentials(names);
        self
    }

    /// Sends credentials to another port of the host; see [`FollowLayer::location_trusted`].
    #[must_use]
    pub fn location_trusted(mut self) -> Self {
        self.layer = self.layer.location_trusted();
        self
    }

    /// Sets the time that the head of a response may take from its first byte; 30 seconds by
    /// default. The time until that first byte is not limited: set a timeout around the call for
    /// that.
    #[must_use]
    pub fn head_timeout(mut self, timeout: Duration) -> Self {
        self.head_timeout = Some(timeout);
        self
    }

    /// Sets the `User-Agent` of requests that have none.
    #[must_use]
    pub fn user_agent(mut self, value: HeaderValue) -> Self {
        self.user_agent = Some(value);
        self
    }

    /// Trusts these root certificates in PEM, instead of the system's.
    ///
    /// # Errors
    /// If `pem` has no certificate, or a malformed one.
    pub fn roots(mut self, pem: &[u8]) -> Result<Self, Error> {
        self.roots.clear();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            self.roots.push(certificate.map_err(Error::usage)?);
        }
        if self.roots.is_empty() {
            return Err(Error::usage("the PEM text contains no certificate"));
        }
        Ok(self)
    }

    /// Accepts any certificate, so that any attacker on the path can read and change the traffic.
    /// For experiments only.
    #[must_use]
    pub fn dangerous_any_certificate(mut self) -> Self {
        self.insecure = true;
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    /// If a root certificate is not valid.
    pub fn build(self) -> Result<Client, Error> {
        let trust = if self.insecure {
            ServerTrust::AnyCertificate
        } else {
            ServerTrust::Roots(Arc::new(root_store(self.roots)?))
        };
        // It raises no version itself: `FollowLayer` adds that for the caller's hook.
        let can = Capabilities {
            steps: StepKinds::ALL.without(StepKind::Version),
            tls: TlsVersion::V1_3,
        };
        let transport = HyperTransport::new(trust, self.head_timeout.unwrap_or(HEAD_TIMEOUT));
        let default = HeaderValue::from_static(concat!("upshift/", env!("CARGO_PKG_VERSION")));
        Ok(Client {
            follow: self.layer.capabilities(can).layer(transport),
            user_agent: self.user_agent.unwrap_or(default),
        })
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
        // A broken file among the system's does no harm. Without any certificate plain HTTP still
        // works, and a handshake reports what is missing.
        store.add_parsable_certificates(native.certs);
    } else {
        for certificate in given {
            store.add(certificate).map_err(Error::usage)?;
        }
    }
    Ok(store)
}
