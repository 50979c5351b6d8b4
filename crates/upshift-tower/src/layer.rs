//! The layer and its settings.

use std::fmt;
use std::sync::Arc;

use tower_layer::Layer;
use upshift_core::Policy;

use crate::{Peer, Upgrade};

type Source = dyn Fn() -> Arc<Policy> + Send + Sync;

/// Wraps services in [`Upgrade`].
#[derive(Clone)]
pub struct UpgradeLayer {
    pub(crate) source: Arc<Source>,
    pub(crate) connection: Peer,
    pub(crate) public: Option<Arc<str>>,
    pub(crate) alt_svc: Option<Arc<str>>,
    pub(crate) drain: u64,
    pub(crate) protocol: Protocol,
}

/// Reads `:protocol` of an extended CONNECT out of a request's extensions.
pub(crate) type Protocol = fn(&http::Extensions) -> Option<&str>;

impl UpgradeLayer {
    /// Enforces this policy.
    pub fn new(policy: impl Into<Arc<Policy>>) -> Self {
        let policy = policy.into();
        Self::with(move || Arc::clone(&policy))
    }

    /// Enforces the policy that `source` gives when a request comes, so that it can be reloaded.
    pub fn with(source: impl Fn() -> Arc<Policy> + Send + Sync + 'static) -> Self {
        let connection = Peer::default();
        Self { source: Arc::new(source), connection, public: None, alt_svc: None, drain: 8 << 20, protocol: |_| None }
    }

    /// What is known of every connection, where the requests have no [`Peer`] of their own.
    #[must_use]
    pub fn connection(mut self, peer: Peer) -> Self {
        self.connection = peer;
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
    /// `|extensions| extensions.get::<hyper::ext::Protocol>().map(|protocol| protocol.as_str())`. Without it a
    /// WebSocket over HTTP/2 is not recognised as one.
    #[must_use]
    pub fn protocol(mut self, read: fn(&http::Extensions) -> Option<&str>) -> Self {
        self.protocol = read;
        self
    }

    /// How many bytes of a refused request's body are read and thrown away; 8 MiB unless set.
    #[must_use]
    pub fn drain(mut self, bytes: u64) -> Self {
        self.drain = bytes;
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
        f.debug_struct("UpgradeLayer").field("connection", &self.connection).finish_non_exhaustive()
    }
}
