//! The gateway over real sockets.

mod access_record;
mod admin_answers;
mod dashboard;
mod decisions;
mod expectations;
mod faults;
mod field_names;
mod fleet;
mod forwarding;
mod h2c;
mod http1;
mod http3;
mod in_band_tls;
mod interim_responses;
mod metrics;
mod otlp;
mod protocols;
mod support;
mod traces;
mod tunnels;
mod upstream_http1;
mod upstreams;
