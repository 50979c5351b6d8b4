//! The gateway's telemetry: counters, metrics, access records and limits on log lines.

pub(crate) mod access;
pub(crate) mod counts;
pub(crate) mod disconnect;
pub(crate) mod log_limit;
pub(crate) mod metrics;
