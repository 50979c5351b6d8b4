//! The layer and its settings.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Extensions, Uri};
use tower_layer::Layer;
use upshift_core::Policy;
use upshift_core::proxy::Proxy;

use crate::{Peer, Upgrade};

type Source = dyn Fn() -> Arc<Policy> + Send + Sync;

/// Wraps services in [`Upgrade`].
#[derive(Clone)]
pub struct UpgradeLayer {
    pub(crate) source: Arc<Source>,
    pub(crate) connection: Peer,
    pub(crate) proxies: Arc<[Proxy]>,
    pub(crate) proxied: Option<bool>,
    pub(crate) public: Option<Arc<str>>,
    pub(crate) alt_svc: Option<Arc<str>>,
    pub(crate) drain: u64,
    pub(crate) drain_timeout: Duration,
    pub(crate) read: Readers,
}

/// What is read out of a request's extensions, where a server or a router has put it.
#[derive(Clone, Copy)]
pub(crate) struct Readers {
    pub(crate) protocol: fn(&Extensions) -> Option<&str>,
    pub(crate) peer: fn(&Extensions) -> Option<IpAddr>,
    pub(crate) original_uri: fn(&Extensions) -> Option<&Uri>,
}

impl UpgradeLayer {
    /// Enforces this policy.
    pub fn new(policy: impl Into<Arc<Policy>>) -> Self {
        let policy = policy.into();
        Self::with(move || Arc::clone(&policy))
    }

    /// Enforces the policy that `source` gives when a request comes, so that it can be reloaded.
    pub fn with(source: impl Fn() -> Arc<Policy> + Send + Sync + 'static) -> Self {
        Self {
            source: Arc::new(source),
            connection: Peer::default(),
            proxies: Arc::new([]),
            proxied: None,
            public: None,
            alt_svc: None,
            drain: 8 << 20,
            drain_timeout: Duration::from_secs(10),
            read: Readers { protocol: |_| None, peer: |_| None, original_uri: |_| None },
        }
    }

    /// What is known of every connection, where the requests have no [`Peer`] of their own.
    ///
    /// Where a proxy stands in front, this is the proxy's connection, not the client's: declare it
    /// with [`proxies`](Self::proxies), or say [`proxied(true)`](Self::proxied). Otherwise a rule
    /// that requires TLS, with `TlsState::Cleartext` here, refuses every client of that proxy.
    #[must_use]
    pub fn connection(mut self, peer: Peer) -> Self {
        self.connection = peer;
        self
    }

    /// Where the address of the connection's other end is, for requests without a [`Peer`] that has
    /// one. With axum's `into_make_service_with_connect_info::<SocketAddr>()`:
    /// `|extensions| extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip())`.
    #[must_use]
    pub fn peer(mut self, read: fn(&Extensions) -> Option<IpAddr>) -> Self {
        self.read.peer = read;
        self
    }

    /// The proxies that are believed, by their addresses, and the fields in which each tells what
    /// it saw: those of a policy file are `file.gateway.proxies`. They are recognized by the
    /// address of the [`peer`](Self::peer).
    ///
    /// What a declared proxy tells decides: its `X-Forwarded-Proto: https` meets a rule that
    /// requires TLS. What it does not tell is unknown, and rules that need it admit.
    #[must_use]
    pub fn proxies(mut self, proxies: impl Into<Arc<[Proxy]>>) -> Self {
        self.proxies = proxies.into();
        self
    }

    /// Whether a proxy stands in front that is not declared.
    ///
    /// A refusal that goes to a proxy over HTTP/1.1 carries neither `Upgrade` nor
    /// `Connection: upgrade`, which are for the next hop alone, and has the strict status in place
    /// of 426: 400, 403 or 410. nginx before 1.31.3, for one, forwards the field into HTTP/2, where
    /// it ends the stream.
    ///
    /// Unless this is set, a request with `X-Forwarded-Proto`, `X-Forwarded-For`, `Forwarded` or
    /// `Via` counts as a proxy's as far as its refusal goes; what it hides is unknown if
    /// `X-Forwarded-Proto` comes from a private address. With `true` every connection is that of a
    /// proxy, and the client's TLS, version of HTTP and address are unknown unless a declared proxy
    /// tells them. With `false` such fields say nothing, which is right for a service that clients
    /// reach directly and behind a hop that re-originates `Upgrade`, as Upshift's gateway does.
    #[must_use]
    pub fn proxied(mut self, proxied: bool) -> Self {
        self.proxied = Some(proxied);
        self
    }

    /// Where the URI is as the client sent it, for layers inside a router that takes a prefix away.
    /// In axum's `Router::nest`: `|extensions| extensions.get::<OriginalUri>().map(|uri| &uri.0)`.
    /// Without it the layer holds the rest of the path against the rules, and those for `/api/**`
    /// do not apply inside `nest("/api", …)`.
    #[must_use]
    pub fn original_uri(mut self, read: fn(&Extensions) -> Option<&Uri>) -> Self {
        self.read.original_uri = read;
        self
    }

    /// What links in answers are built from, as `https://api.example.com`.
    #[must_use]
    pub fn public(mut self, url: &str) -> Self {
        self.public = Some(url.trim_end_matches('/').into());
        self
    }

    /// The `Alt-Svc` that says where HTTP/3 is, for rules that require it.
    #[must_use]
    pub fn alt_svc(mut self, value: &str) -> Self {
        self.alt_svc = Some(value.into());
        self
    }

    /// Where `:protocol` of an extended CONNECT (RFC 8441 §4) is: with hyper,
    /// `|extensions| extensions.get::<hyper::ext::Protocol>().map(|protocol| protocol.as_str())`.
    /// Without it a WebSocket over HTTP/2 is not recognised as one.
    #[must_use]
    pub fn protocol(mut self, read: fn(&Extensions) -> Option<&str>) -> Self {
        self.read.protocol = read;
        self
    }

    /// How many bytes of a refused request's body are read and thrown away behind the answer; 8 MiB
    /// unless set.
    #[must_use]
    pub fn drain(mut self, bytes: u64) -> Self {
        self.drain = bytes;
        self
    }

    /// How long that may take; ten seconds unless set.
    #[must_use]
    pub fn drain_timeout(mut self, patience: Duration) -> Self {
        self.drain_timeout = patience;
        self
    }
}

impl<S> Layer<S> for UpgradeLayer {
    type Service = Upgrade<S>;

    fn layer(&self, inner: S) -> Upgrade<S> {
        Upgrade { inner, settings: self.clone() }
    }
}

impl fmt::Debug for UpgradeLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("UpgradeLayer");
        shown
            .field("connection", &self.connection)
            .field("proxies", &self.proxies)
            .field("proxied", &self.proxied);
        shown.finish_non_exhaustive()
    }
}
