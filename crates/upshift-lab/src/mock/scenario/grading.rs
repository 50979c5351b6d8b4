//! The keys of a scenario that are about the clients graded with it.

use serde::Deserialize;

/// The reaction of a good client to a peer: `want` of a scenario.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wanted {
    /// Follows the 426 if it can, else tells its user.
    Follow,
    /// Tells its user: nothing can be followed, or nothing should be.
    #[default]
    Surface,
    /// Treats an illegal response as an error, and tells its user.
    Reject,
    /// Takes the response, which is no refusal.
    Take,
}

/// The kind of client that a peer is for: `client` of a scenario.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientKind {
    /// One that asks for a resource.
    #[default]
    Http,
    /// One that opens a WebSocket.
    Websocket,
}

/// The port that a client is sent to: `begin` of a scenario.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FirstPort {
    /// The one for cleartext.
    #[default]
    Http,
    /// The one for TLS.
    Https,
}
