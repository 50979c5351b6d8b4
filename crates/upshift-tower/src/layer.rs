//! The layer and its builder methods.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Extensions, Uri};
use tower_layer::Layer;
use upshift_core::Policy;
use upshift_core::proxy::Proxy;

use crate::settings::LayerSettings;
use crate::{Peer, Upgrade};

/// Wraps services in [`Upgrade`].
#[derive(Clone)]
pub struct UpgradeLayer {
    settings: LayerSettings,
}

impl UpgradeLayer {
    /// Enforces this policy.
    pub fn new(policy: impl Into<Arc<Policy>>) -> Self {
        let fixed = policy.into();
        Self::with_policy_source(move || Arc::clone(&fixed))
    }

    /// Enforces the policy that `source` returns for each request, so that it can be reloaded.
    pub fn with_policy_source(source: impl Fn() -> Arc<Policy> + Send + Sync + 'static) -> Self {
        Self { settings: LayerSettings::new(Arc::new(source)) }
    }

    /// Sets the facts about every connection, for requests that carry no [`Peer`] of their own.
    ///
    /// Behind a proxy these are the facts about the proxy's connection, not the client's: declare
    /// the proxy with [`proxies`](Self::proxies), or call [`proxied(true)`](Self::proxied).
    /// Otherwise a rule that requires TLS, with `TlsState::Cleartext` here, refuses every client of
    /// that proxy.
    #[must_use]
    pub fn connection(mut self, peer: Peer) -> Self {
        self.settings.connection = peer;
        self
    }

    /// Sets the function that finds the address of the connection's other end, for requests whose
    /// [`Peer`] has none. With axum's `into_make_service_with_connect_info::<SocketAddr>()`:
    /// `|extensions| extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip())`.
    #[must_use]
    pub fn peer(mut self, read: fn(&Extensions) -> Option<IpAddr>) -> Self {
        self.settings.readers.peer = read;
        self
    }

    /// Declares the proxies that are trusted, by their addresses, and the fields in which each of
    /// them reports what it saw. In a policy file they are `file.gateway.proxies`. A proxy is
    /// recognized by the address of the [`peer`](Self::peer).
    ///
    /// The report of a declared proxy decides: its `X-Forwarded-Proto: https` meets a rule that
    /// requires TLS. Facts that it does not report are unknown, and rules that need them admit.
    #[must_use]
    pub fn proxies(mut self, proxies: impl Into<Arc<[Proxy]>>) -> Self {
        self.settings.proxies = proxies.into();
        self
    }

    /// Sets whether an undeclared proxy stands in front.
    ///
    /// A refusal that goes to a proxy over HTTP/1.1 carries neither `Upgrade` nor
    /// `Connection: upgrade`, which are for the next hop alone, and has the strict status instead
    /// of 426: 400, 403 or 410. nginx before 1.31.3, for example, forwards the field into HTTP/2,
    /// where it ends the stream.
    ///
    /// By default, a request with `X-Forwarded-Proto`, `X-Forwarded-For`, `Forwarded` or `Via`
    /// counts as a proxy's for the form of its refusal only. If `X-Forwarded-Proto` comes from a
    /// private address, the client's TLS, version of HTTP and address are unknown. With `true`
    /// every connection is a proxy's, and these facts are unknown unless a declared proxy reports
    /// them. With `false` such fields mean nothing, which is right for a service that clients reach
    /// directly, and behind a hop that generates `Upgrade` itself, as Upshift's gateway does.
    #[must_use]
    pub fn proxied(mut self, proxied: bool) -> Self {
        self.settings.proxied = Some(proxied);
        self
    }

    /// Sets the function that finds the URI as the client sent it, for layers inside a router that
    /// removes a prefix. In axum's `Router::nest`:
    /// `|extensions| extensions.get::<OriginalUri>().map(|uri| &uri.0)`. Without it the layer
    /// matches the rest of the path, and rules for `/api/**` do not apply inside
    /// `nest("/api", …)`.
    #[must_use]
    pub fn original_uri(mut self, read: fn(&Extensions) -> Option<&Uri>) -> Self {
        self.settings.readers.original_uri = read;
        self
    }

    /// Sets the base of the links in answers, such as `https://api.example.com`.
    #[must_use]
    pub fn public(mut self, url: &str) -> Self {
        // Paths are appended, which begin with a slash.
        self.settings.public = Some(url.trim_end_matches('/').into());
        self
    }

    /// Sets the `Alt-Svc` that announces HTTP/3, for rules that require it.
    #[must_use]
    pub fn alt_svc(mut self, value: &str) -> Self {
        self.settings.alt_svc = Some(value.into());
        self
    }

    /// Sets the function that finds `:protocol` of an extended CONNECT (RFC 8441 §4). With hyper:
    /// `|extensions| extensions.get::<hyper::ext::Protocol>().map(|protocol| protocol.as_str())`.
    /// Without it a WebSocket over HTTP/2 is not recognized as one.
    #[must_use]
    pub fn protocol(mut self, read: fn(&Extensions) -> Option<&str>) -> Self {
        self.settings.readers.protocol = read;
        self
    }

    /// Sets how many bytes of a refused request's body are read and discarded after the answer;
    /// 8 MiB by default.
    #[must_use]
    pub fn drain(mut self, bytes: u64) -> Self {
        self.settings.drain_limit = bytes;
        self
    }

    /// Sets the time that this may take; ten seconds by default.
    #[must_use]
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.settings.drain_timeout = timeout;
        self
    }
}

impl<S> Layer<S> for UpgradeLayer {
    type Service = Upgrade<S>;

    fn layer(&self, inner: S) -> Upgrade<S> {
        Upgrade { inner, settings: self.settings.clone() }
    }
}

impl fmt::Debug for UpgradeLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UpgradeLayer").field(&self.settings).finish()
    }
}
