//! The gateway's telemetry: counters, metrics, access records and limits on log lines.

pub(crate) mod access;
pub(crate) mod counts;
pub(crate) mod decision_feed;
pub(crate) mod disconnect;
pub(crate) mod durations;
pub(crate) mod exchange_counts;
pub(crate) mod exchange_report;
pub(crate) mod families;
pub(crate) mod handshake;
pub(crate) mod histogram;
pub(crate) mod http_series;
pub(crate) mod label_totals;
pub(crate) mod live_decision;
pub(crate) mod log_limit;
pub(crate) mod logged_request;
pub(crate) mod metrics;
pub(crate) mod open_guard;
pub(crate) mod plan;
pub(crate) mod process;
pub(crate) mod reason_series;
pub(crate) mod request_labels;
pub(crate) mod sampler;
pub(crate) mod status_label;
pub(crate) mod trace_context;
pub(crate) mod traces;
pub(crate) mod upstream_attempt;
