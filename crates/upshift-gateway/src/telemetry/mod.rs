//! What the gateway reports of itself: counters, metrics and access records.

pub(crate) mod access;
pub(crate) mod counts;
pub(crate) mod disconnect;
pub(crate) mod log_limit;
pub(crate) mod metrics;
