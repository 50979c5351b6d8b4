//! The settings of the layer, as its services read them.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Extensions, Uri};
use upshift_core::Policy;
use upshift_core::proxy::Proxy;

use crate::Peer;

/// Gives the policy that is in force when a request arrives.
pub(crate) type PolicySource = dyn Fn() -> Arc<Policy> + Send + Sync;

#[derive(Clone)]
pub(crate) struct LayerSettings {
    pub(crate) policy_source: Arc<PolicySource>,
    /// The facts about connections whose requests carry no [`Peer`].
    pub(crate) connection: Peer,
    pub(crate) proxies: Arc<[Proxy]>,
    /// True if an undeclared proxy is in front; `None` to recognize one by its fields.
    pub(crate) proxied: Option<bool>,
    pub(crate) public: Option<Arc<str>>,
    pub(crate) alt_svc: Option<Arc<str>>,
    pub(crate) drain_limit: u64,
    pub(crate) drain_timeout: Duration,
    pub(crate) readers: ExtensionReaders,
}

/// Functions that read facts out of a request's extensions, where a server or a router has put
/// them.
#[derive(Clone, Copy)]
pub(crate) struct ExtensionReaders {
    pub(crate) protocol: fn(&Extensions) -> Option<&str>,
    pub(crate) peer: fn(&Extensions) -> Option<IpAddr>,
    pub(crate) original_uri: fn(&Extensions) -> Option<&Uri>,
}

impl LayerSettings {
    pub(crate) fn new(policy_source: Arc<PolicySource>) -> Self {
        Self {
            policy_source,
            connection: Peer::default(),
            proxies: Arc::new([]),
            proxied: None,
            public: None,
            alt_svc: None,
            drain_limit: 8 << 20,
            drain_timeout: Duration::from_secs(10),
            readers: ExtensionReaders {
                protocol: |_| None,
                peer: |_| None,
                original_uri: |_| None,
            },
        }
    }
}

impl fmt::Debug for LayerSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LayerSettings")
            .field("connection", &self.connection)
            .field("proxies", &self.proxies)
            .field("proxied", &self.proxied)
            .finish_non_exhaustive()
    }
}
