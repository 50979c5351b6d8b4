//! The settings of a whole policy file.

use upshift_core::Policy;

use crate::adoption::AdoptionSettings;
use crate::gateway::GatewaySettings;
use crate::limits::Limits;
use crate::telemetry::TelemetrySettings;
use crate::upstream::Upstream;

/// The settings that a valid policy file holds.
#[derive(Clone, Debug, Default)]
pub struct FileSettings {
    /// Listeners, trusted proxies and what holds for the whole gateway.
    pub gateway: GatewaySettings,
    /// Bounds on the memory and the time that peers can make the gateway spend.
    pub limits: Limits,
    /// Recording of adoption, and its retention.
    pub adoption: AdoptionSettings,
    /// Traces, and the export of metrics and traces.
    pub telemetry: TelemetrySettings,
    /// The destinations of requests, in the order in which they are tried.
    pub upstreams: Vec<Upstream>,
    /// The rules and exemptions.
    pub policy: Policy,
    /// The URL that is notified by POST when a breaker trips.
    pub webhook: Option<String>,
}
