//! The report of a fleet, made from what a Prometheus has scraped of its gateways.
//!
//! 1. The last value of each counter in each hour, counted back from now, is read, and the growth
//!    summed over gateways. Where a gateway was restarted in an hour, all its samples of that hour
//!    are read, so that nothing that was scraped is lost. `increase()` would extrapolate.
//! 2. A counter begins at 0 with its process. What a process counted before it was first scraped is
//!    counted if the process started in the period.
//! 3. Distinct callers, versions and clients are in no metric: clients would make series. The
//!    report says that they are not known.

mod counters;
mod increments;
mod report;
mod response;
mod step;

pub use counters::{FleetCounters, RawHour};
pub use report::{FleetInput, build_fleet_report};
pub use response::{PrometheusError, Samples, read_answer};
pub use step::STEP;

/// The expressions that are evaluated at each step.
pub mod expressions {
    /// Requests of the gateways as a whole.
    pub const TRANSPORT: &str = "sum by (job, instance, http, tls, standing) \
        (last_over_time(upshift_transport_requests_total[3600s]))";
    /// Requests of each rule.
    pub const RULES: &str = "sum by (job, instance, rule, verdict, standing) \
        (last_over_time(upshift_rule_standing_requests_total[3600s]))";
    /// The starts of the processes.
    pub const STARTS: &str = "max by (job, instance) \
        (last_over_time(process_start_time_seconds[3600s]) \
        and on (job, instance) last_over_time(upshift_build_info[3600s]))";
    /// The restarts of the processes in the hour before each step.
    pub const RESTARTS: &str = "max by (job, instance) \
        (changes(process_start_time_seconds[3600s]) \
        and on (job, instance) last_over_time(upshift_build_info[3600s])) > 0";
    /// The phases of the rules, now.
    pub const PHASES: &str = "count by (rule, phase) (upshift_rule_phase == 1)";
}
