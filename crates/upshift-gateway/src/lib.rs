//! The gateway: a reverse proxy that admits what meets a policy and refuses the rest with a true
//! and helpful answer.
//!
//! ```text
//! accept → TLS handshake → preamble → codec (HTTP/1, 2, 3) → facts → decide → answer | forward → count
//! ```
//!
//! * [`Gateway::bind`] takes [`Settings`], [`Gateway::run`] serves, [`Handle`] reloads.
//! * One thread per core, each with its own runtime, connections and upstream connections. A
//!   request reads one shared pointer and writes nothing shared.
//! * Every protocol ends in one function (`exchange::serve`), which knows nothing of codecs.

mod admin;
mod body;
mod client_connections;
mod core_local;
mod descriptors;
mod downstream;
mod error;
mod examine;
mod exchange;
mod fields;
mod forward;
mod framing;
mod gateway;
mod generation;
mod health_checks;
mod local_executor;
mod local_reply;
mod progress;
mod quic;
mod random;
mod reload;
mod response_body;
mod rollout;
mod settings;
mod shared;
mod sockets;
mod telemetry;
mod tls;
mod tunnel;
mod upstream;
mod worker;

pub use descriptors::{TooFewDescriptors, raise_descriptor_limit};
pub use error::{RunError, StartError};
pub use exchange::explain::{ExplainQuery, ExplainTarget};
pub use gateway::{Gateway, store_is_in_use};
pub use reload::difference::{Difference, How};
pub use reload::{Handle, NeedsRestart, Prepared, ReloadError, Reloaded};
pub use settings::Settings;
pub use sockets::{Addresses, SocketSources};
pub use tls::TlsError;
pub use tls::pem::PemError;
pub use upshift_config::{
    AccessLog, Address, Endpoint, FileSettings, GatewaySettings, HealthCheck, Hsts, Limits,
    PathMode, Proxy, ProxyReads, TlsFiles, UndeclaredProxy, Upstream, UpstreamHttp,
};
