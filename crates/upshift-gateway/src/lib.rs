//! The gateway: a reverse proxy that admits requests that meet a policy, and refuses the others with
//! an answer that names what to use instead.
//!
//! [`Gateway::bind`] takes [`Settings`] and opens the listeners, [`Gateway::run`] serves until it is
//! told to stop, and a [`Handle`] reloads it meanwhile. Here a rule asks for version 2 of an API:
//!
//! ```
//! use std::io::{Read, Write};
//! use std::net::{SocketAddr, TcpListener, TcpStream};
//!
//! use upshift_gateway::{Gateway, Settings};
//!
//! fn status_of(gateway: SocketAddr, version: &str) -> std::io::Result<String> {
//!     let mut stream = TcpStream::connect(gateway)?;
//!     let fields = format!("Host: localhost\r\nX-Api-Version: {version}\r\nConnection: close");
//!     write!(stream, "GET /api/orders HTTP/1.1\r\n{fields}\r\n\r\n")?;
//!     let mut response = String::new();
//!     stream.read_to_string(&mut response)?;
//!     Ok(response.lines().next().unwrap_or_default().to_owned())
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // An upstream that answers every request with 204.
//! let upstream = TcpListener::bind("127.0.0.1:0")?;
//! let upstream_address = upstream.local_addr()?;
//! std::thread::spawn(move || {
//!     for mut stream in upstream.incoming().flatten() {
//!         let _ = stream.read(&mut [0; 4096]);
//!         let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
//!     }
//! });
//!
//! let text = format!(
//!     r#"
//!     [gateway]
//!     http = "127.0.0.1:0"
//!     upstream = "http://{upstream_address}"
//!     store = false
//!
//!     [[rule]]
//!     id = "orders-v2"
//!     paths = ["/api/**"]
//!     require = {{ api = {{ minimum = "2", read = ["header:X-Api-Version"] }} }}
//!     "#
//! );
//! let loaded = upshift_config::load(&text, "upshift.toml").expect("a valid policy file");
//! let gateway = Gateway::bind(Settings { file: loaded.file, ..Settings::default() })?;
//! let address = gateway.addresses().http.expect("a cleartext listener");
//! let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
//! let runtime = tokio::runtime::Runtime::new()?;
//! runtime.spawn(gateway.run(async { stopped.await.unwrap_or_default() }));
//!
//! assert_eq!(status_of(address, "2.1")?, "HTTP/1.1 204 No Content");
//! assert_eq!(status_of(address, "1.4")?, "HTTP/1.1 426 Upgrade Required");
//! drop(stop);
//! # Ok(()) }
//! ```
//!
//! * One thread per core, each with its own runtime, connections and upstream connections. A
//!   request reads one shared pointer, and writes shared state only if its endpoint limits
//!   `connections`.
//! * A connection is a loop over the protocols that it speaks; a switch after a `101` is a step of
//!   it.
//! * Every protocol ends in one function (`exchange::serve`), which knows nothing of codecs.
//!
//! `ARCHITECTURE.md` has the modules in their order, and a table of where to look.

#![cfg_attr(
    not(feature = "otlp"),
    expect(dead_code, reason = "what only an export reads is kept in the same way without it")
)]

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
mod http1_client;
mod local_executor;
mod local_reply;
mod metric_registry;
#[cfg(feature = "otlp")]
mod otlp;
mod progress;
mod quic;
mod random;
mod received_request;
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
pub use reload::changes::{ChangeKind, ReloadChange};
pub use reload::{Handle, NeedsRestart, PreparedReload, ReloadError, ReloadOutcome};
pub use settings::{PrometheusServer, Settings, SettingsOrigin};
pub use sockets::{Addresses, SocketSources};
pub use tls::TlsError;
pub use tls::pem::PemError;
pub use upshift_config::{
    AccessLog, Address, Endpoint, FileSettings, GatewaySettings, HealthCheck, Hsts, Limits,
    LineFormat, OtlpExport, OtlpSettings, PathMode, Proxy, ProxyReads, RecordDestination,
    RecordFormat, RecordedRequests, TelemetrySettings, TlsFiles, UndeclaredProxy, Upstream,
    UpstreamHttp,
};
