//! `GET /api/gateway`: the upstream endpoints and the certificate.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use upshift_core::Timestamp;
use upshift_record::gateway::{CertificateStatus, GatewayStatus};

use crate::shared::Shared;
use crate::tls::metrics::CertificateMetrics;
use crate::upstream::endpoint_statuses;

/// Serves `/api/gateway`.
pub(super) async fn report_gateway(State(shared): State<Arc<Shared>>) -> Json<GatewayStatus> {
    Json(gateway_status(&shared, Timestamp::now()))
}

/// The state of the process at `now`.
pub(super) fn gateway_status(shared: &Shared, now: Timestamp) -> GatewayStatus {
    let generation = shared.generation.load();
    let certificate = CertificateMetrics::read(&generation.settings, &generation.files);
    GatewayStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        now: now.to_string(),
        certificate: certificate.expiry().map(|(name, end)| CertificateStatus {
            certificate: name.to_owned(),
            expires: Timestamp::from_second(end).unwrap_or_default().to_string(),
        }),
        endpoints: endpoint_statuses(&generation.upstream_health),
    }
}
