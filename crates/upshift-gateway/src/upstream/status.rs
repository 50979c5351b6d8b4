//! The state of endpoints, as the admin listener shows it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use upshift_record::gateway::EndpointStatus;

use super::endpoint_health::{EndpointFailure, EndpointHealth};
use super::health::UpstreamHealth;

/// The state of all endpoints of `upstreams`, in the order of the file.
pub(crate) fn endpoint_statuses(upstreams: &[Arc<UpstreamHealth>]) -> Vec<EndpointStatus> {
    let mut statuses = Vec::new();
    for upstream in upstreams {
        for (endpoint, backup) in upstream.endpoints.iter().zip(&upstream.backups) {
            statuses.push(endpoint_status(endpoint, *backup));
        }
    }
    statuses
}

fn endpoint_status(endpoint: &EndpointHealth, backup: bool) -> EndpointStatus {
    let totals = &endpoint.totals;
    let failures = EndpointFailure::ALL.map(|failure| totals.failure_count(failure));
    EndpointStatus {
        endpoint: endpoint.name.clone(),
        state: state_name(endpoint).to_owned(),
        backup,
        connections: endpoint.open_connections(),
        requests: totals.requests.load(Relaxed),
        failures: failures.iter().sum(),
        ejections: totals.ejections.load(Relaxed),
    }
}

fn state_name(endpoint: &EndpointHealth) -> &'static str {
    if endpoint.fails_checks() {
        "fails-checks"
    } else if endpoint.is_ejected() {
        "ejected"
    } else if endpoint.is_returning() {
        "returning"
    } else {
        "available"
    }
}
