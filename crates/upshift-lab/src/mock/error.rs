//! The error of a peer that does not start.

use std::io;
use std::net::SocketAddr;

use super::scenario::ScenarioError;

/// A peer that was not started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MockError {
    /// No peer of the catalogue has this name. The caller is at fault.
    #[error("no peer is called `{name}`{}", proposal(*.nearest))]
    UnknownPeer {
        /// The name.
        name: String,
        /// The nearest name of the catalogue, if one is near.
        nearest: Option<&'static str>,
    },
    /// The text of a scenario is wrong. Its author is at fault.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// There is no scenario at all. The caller is at fault.
    #[error("a mock needs a scenario")]
    NoScenario,
    /// A scenario decides about whole connections and cannot share the ports. The caller is at
    /// fault.
    #[error(
        "`{0}` decides about whole connections (`greeting`, `[tls]`), so it cannot be served \
         beside another scenario: start a second mock for it"
    )]
    NeedsOwnPort(String),
    /// An address cannot be bound.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The failure.
        source: io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error("the certificate cannot be used: {0}")]
    Certificate(String),
    /// The thread of the peer cannot be started.
    #[error("cannot start the thread of the mock: {0}")]
    Thread(#[source] io::Error),
}

fn proposal(nearest: Option<&str>) -> String {
    match nearest {
        Some(name) => format!("; did you mean `{name}`?"),
        None => "; `upshift mock --list` lists all".to_owned(),
    }
}
