//! One core's part of a generation: its pools of upstream connections.

use std::rc::Rc;
use std::sync::Arc;

use upshift_core::Facts;
use upshift_core::policy::Matcher;

use crate::descriptors::DescriptorBudget;
use crate::fields::cgi_aliases::GuardedFields;
use crate::generation::Generation;
use crate::settings::takes_all;
use crate::upstream::{Cluster, UpstreamConnector};

/// A generation, with what one core makes of it. A request holds on to it, so that a reload never
/// takes effect in the middle of one.
pub(crate) struct LocalGeneration {
    /// The generation that all cores share.
    pub(crate) shared: Arc<Generation>,
    /// The fields whose other spellings are not forwarded. Each core has its own: an `Arc` would
    /// make every request write to a counter that all cores share.
    pub(crate) guarded: Rc<GuardedFields>,
    /// The upstreams, in the order of the file. `None` matches every request.
    clusters: Vec<(Option<Matcher>, Cluster)>,
}

impl LocalGeneration {
    /// Makes one core's part of `shared`.
    pub(crate) fn new(shared: Arc<Generation>, descriptors: &Arc<DescriptorBudget>) -> Self {
        let settings = &shared.settings;
        let connect_timeout = settings.file.limits.upstream_connect;
        let mut clusters = Vec::new();
        for (index, upstream) in settings.file.upstreams.iter().enumerate() {
            let tls = Arc::clone(&shared.upstream_tls[index]);
            let connector = Rc::new(UpstreamConnector::with_descriptors(
                tls,
                connect_timeout,
                Arc::clone(descriptors),
            ));
            let cluster = Cluster::new(upstream, &shared.upstream_health[index], &connector);
            let matcher = if takes_all(upstream) { None } else { Some(upstream.matcher.clone()) };
            clusters.push((matcher, cluster));
        }
        let guarded = Rc::new(GuardedFields::new(&shared.policy, &settings.file.gateway.proxies));
        Self { shared, guarded, clusters }
    }

    /// The upstream of a request: the first that matches.
    pub(crate) fn cluster(&self, facts: &Facts<'_>) -> Option<&Cluster> {
        for (matcher, cluster) in &self.clusters {
            match matcher {
                Some(matcher) if !matcher.fits(facts) => {}
                _ => return Some(cluster),
            }
        }
        None
    }

    /// Closes upstream connections that have been idle for too long, and adds the requests of this
    /// core to the totals of all.
    pub(crate) fn do_housekeeping(&self) {
        for (_, cluster) in &self.clusters {
            cluster.do_housekeeping(&self.shared.settings.file.limits);
        }
    }
}
