//! Mock peers: servers that answer by lane, correctly or with a fault, and record each octet.
//!
//! A peer plays a [`Scenario`]: one of the [`catalogue`], or one of your own. It survives malformed
//! requests, and it sends malformed answers if its scenario does.
//!
//! ```
//! use std::io::{Read, Write};
//! use upshift_lab::mock::{MockOptions, catalogue};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let scenario = catalogue::find_scenario("bare-426")?;
//! let peer = MockOptions::new().scenario(scenario).start_blocking()?;
//!
//! // The client under test.
//! let mut client = std::net::TcpStream::connect(peer.http_address())?;
//! client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
//! let mut answer = String::new();
//! client.read_to_string(&mut answer)?;
//!
//! let record = peer.stop_blocking();
//! assert_eq!(record.requests().len(), 1);
//! assert!(answer.starts_with("HTTP/1.1 426 "));
//! # Ok(())
//! # }
//! ```
//!
//! In a test with tokio, `MockPeer::start("bare-426").await` and `peer.stop().await` do the same.

mod binding;
pub mod catalogue;
mod connection;
mod connection_context;
mod error;
mod event;
mod framed;
mod http1;
mod http2;
mod http3;
mod listeners;
mod next;
mod offer;
mod options;
mod peer;
mod peer_stream;
mod pending_request;
mod record;
mod recorder;
mod routes;
mod scenario;
mod server;
mod tls;
mod websocket;

pub use error::MockError;
pub use event::{EVENT_SCHEMA, Layer, MockEvent, ServedScenario};
pub use options::MockOptions;
pub use peer::MockPeer;
pub use record::{AnsweredRequest, ConnectionRecord, MockRecord, TlsRecord, Transport};
pub use routes::RouteKey;
pub use scenario::{ClientKind, FirstPort, Scenario, ScenarioError, Wanted};
