//! Upshift from outside: the built binary between real servers and real clients, on loopback.
//!
//! A test reads as a story: `Nginx::start`, `Gateway::start` with a policy in front of it, then a
//! client. Everything that is started listens on a port of its own and is stopped when its value is
//! dropped. A test whose peer is not installed is skipped by [`peers!`], by name, into
//! `target/peers/skipped.log`; where the peer was promised (`UPSHIFT_MISSING` is set and does not
//! name it) its absence is a failure.

mod between;
mod calendar;
mod certificate;
mod closed_port;
mod echo_origin;
mod gateway;
mod graded_client;
pub mod h2_frames;
mod h2_session;
mod h2_upstream;
mod h3_frames;
mod http1_peer;
mod nginx;
mod origin;
mod path_server;
mod peer;
mod probed_server;
mod program;
mod raw;
mod recording;
mod replica;
mod reply;
mod response_player;
mod resting;
mod scratch;
mod script;
mod spellings;
mod stalling;
pub mod strict;
mod tally;
mod upstreams;

pub use between::Between;
pub use calendar::{date, rfc3339, since_1970};
pub use certificate::Certificate;
pub use closed_port::ClosedPort;
pub use echo_origin::EchoOrigin;
pub use gateway::{Gateway, binary, explain, explain_with, upshift};
pub use graded_client::{GRADED_CLIENTS, GradedClient};
pub use h2_session::H2Session;
pub use h2_upstream::{H2Upstream, Manner};
pub use h3_frames::{H3Reply, ask_http3};
pub use http1_peer::Http1Peer;
pub use nginx::Nginx;
pub use nginx::free_port;
pub use origin::{Arrived, Origin};
pub use path_server::PathServer;
pub use peer::{envoy, find, missing, node, node_server, python, python_server, rotel, skip};
pub use probed_server::{PROBED_SERVERS, ProbedServer, read_report, server_version};
pub use program::{Output, Program, pause, run};
pub use raw::{Connection, exchange, exchange_within, is_over, read_reply, send};
pub use recording::{Answer, Recorder, listen, plain};
pub use replica::{Behaviour, BlackHole, Replica, SLOWLY};
pub use reply::Reply;
pub use response_player::ResponsePlayer;
pub use resting::{Resting, rest_connections};
pub use scratch::Scratch;
pub use script::{go_program, python_tool, python_tool_command, script, start_script};
pub use spellings::{Spelling, spell};
pub use stalling::{Stalling, wait};
pub use tally::{Count, tally};
pub use upstreams::Upstreams;

/// The time limit for programs to start, to stop and to answer.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

/// Leaves the test, by name, where a program that it needs is not installed:
/// `peers!("nginx", "curl")`.
#[macro_export]
macro_rules! peers {
    ($($name:literal),+) => {
        $(if let Some(why) = $crate::missing($name) {
            $crate::skip(::std::thread::current().name().unwrap_or("a test"), &why);
            return;
        })+
    };
}
