//! The gateway: a reverse proxy that admits what meets a policy and refuses the rest with a true
//! and helpful answer.
//!
//! ```text
//! accept → TLS handshake → sniff → codec (HTTP/1, 2) → facts → decide → answer | forward → count
//! ```
//!
//! * [`Gateway::bind`] takes [`Settings`], [`Gateway::run`] serves, [`Handle`] reloads.
//! * One thread per core, each with its own runtime, connections and upstream connections. A
//!   request reads one shared pointer and writes nothing shared.
//! * Every protocol ends in one function (`serve::serve`), which knows nothing of codecs.

mod access;
mod activity;
mod admin;
mod admin_listener;
mod body;
mod chunks;
mod client_hello;
mod connection;
mod control;
mod counts;
mod descriptors;
mod difference;
mod fault;
mod forward;
mod framing;
mod gateway;
mod h2c;
mod http1_gate;
mod http3;
mod in_band_tls;
mod local;
mod log_limit;
mod metrics;
mod pem;
mod question;
mod refuse;
mod reload;
mod request_id;
mod respond;
mod serve;
mod settings;
mod sniff;
mod sockets;
mod startup;
mod stream;
mod stream_watch;
mod target;
mod tls;
mod transition;
mod tunnel;
mod upstream;
mod upstream_426;
mod worker;

pub use descriptors::{TooFewDescriptors, raise_descriptor_limit};
pub use difference::{Difference, How};
pub use gateway::{Addresses, Gateway, Handle, RunError, StartError, store_is_in_use};
pub use pem::PemError;
pub use question::{Asked, Question};
pub use reload::{Count, NeedsRestart, Prepared, ReloadError, Reloaded};
pub use settings::Settings;
pub use sockets::SocketSources;
pub use tls::TlsError;
pub use upshift_config::{
    AccessLog, Address, Endpoint, HealthCheck, Limits, Proxy, ProxyReads, TlsFiles, Upstream,
    UpstreamHttp,
};
pub use upshift_core::arrival::{Arrival, Seen};
