//! The report of a fleet, made from what a Prometheus has scraped of its gateways.
//!
//! 1. The last value of each counter in each hour of UTC is read, and the growth summed over
//!    gateways. Where a gateway was restarted in an hour, all its samples of that hour
//!    are read, so that nothing that was scraped is lost. `increase()` would extrapolate.
//! 2. A counter begins at 0 with its process. What a process counted before it was first scraped is
//!    counted if the process started in the period.
//! 3. Nothing is sent from here: [`FleetReading`] names the queries, one after another.
//! 4. Distinct callers, versions and clients are in no metric: clients would make series. The
//!    report says that they are not known.

mod counters;
mod increments;
mod reading;
mod report;
mod response;
mod step;

pub use reading::FleetReading;
pub use response::PrometheusError;

/// The expressions that are evaluated at each step.
mod expressions {
    /// Requests of the gateways as a whole.
    pub(super) const TRANSPORT: &str = "sum by (job, instance, http, tls, standing) \
        (last_over_time(upshift_transport_requests_total[3600s]))";
    /// Requests of each rule.
    pub(super) const RULES: &str = "sum by (job, instance, rule, verdict, standing) \
        (last_over_time(upshift_rule_standing_requests_total[3600s]))";
    /// The starts of the processes.
    pub(super) const STARTS: &str = "max by (job, instance) \
        (last_over_time(process_start_time_seconds[3600s]) \
        and on (job, instance) last_over_time(upshift_build_info[3600s]))";
    /// The restarts of the processes in the hour before each step.
    pub(super) const RESTARTS: &str = "max by (job, instance) \
        (changes(process_start_time_seconds[3600s]) \
        and on (job, instance) last_over_time(upshift_build_info[3600s])) > 0";
    /// The phases of the rules, now.
    pub(super) const PHASES: &str = "count by (rule, phase) (upshift_rule_phase == 1)";
}
