//! Events: what a peer reports while it runs, one JSON object each.

use std::net::SocketAddr;

use serde::Serialize;
use upshift_record::{Lane, RecordedBody, RecordedRequest, RecordedResponse, WireText};

use super::record::Transport;
use crate::wire_log::Direction;

/// The value of `schema` in [`MockEvent::Listening`]. The format of all events has this version.
pub const EVENT_SCHEMA: &str = "upshift.mock/1";

/// Something that happened. `at_us` is the time since the start of the peer in microseconds, and
/// `connection` the number of the connection, from 1.
///
/// In JSON, `event` names the variant. Events and members may be added within a version of the
/// format.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum MockEvent {
    /// The peer listens. It is the first event.
    Listening {
        /// The format of the events: [`EVENT_SCHEMA`].
        schema: &'static str,
        /// The URL of the cleartext port.
        http: String,
        /// The URL of the port for TLS.
        https: String,
        /// The URL of HTTP/3, on UDP; left out if no scenario answers there.
        #[serde(skip_serializing_if = "Option::is_none")]
        h3: Option<String>,
        /// The certificate in PEM (RFC 7468), for clients that verify it.
        certificate: String,
        /// The scenarios, in the order in which they are compared with a request.
        scenarios: Vec<ServedScenario>,
    },
    /// A connection was accepted.
    Connection {
        /// The number of the connection.
        connection: u64,
        /// The time.
        at_us: u64,
        /// The transport.
        transport: Transport,
        /// The address of the client.
        client: SocketAddr,
    },
    /// A TLS handshake was completed, at the start of a connection or in band.
    Tls {
        /// The number of the connection.
        connection: u64,
        /// The time.
        at_us: u64,
        /// The version, as `1.3`.
        version: Option<String>,
        /// The protocol chosen by ALPN; null if none was.
        alpn: Option<String>,
    },
    /// Octets were read or written.
    Bytes {
        /// The number of the connection.
        connection: u64,
        /// The time.
        at_us: u64,
        /// The layer at which they were seen.
        layer: Layer,
        /// The direction.
        direction: Direction,
        /// The octets: `text` where they are UTF-8, else `base64`.
        #[serde(flatten)]
        octets: RecordedBody,
    },
    /// A request is complete, or is answered before it is.
    Request {
        /// The number of the connection.
        connection: u64,
        /// The time.
        at_us: u64,
        /// The number of the request on its connection, from 1.
        request: usize,
        /// The lane.
        lane: Lane,
        /// The name of the scenario that answers.
        scenario: String,
        /// The request.
        message: RecordedRequest,
    },
    /// The answer to a request was sent, as far as the scenario has it sent.
    Answer {
        /// The number of the connection.
        connection: u64,
        /// The time.
        at_us: u64,
        /// The number of the request on its connection.
        request: usize,
        /// The lane.
        lane: Lane,
        /// The name of the scenario.
        scenario: String,
        /// The method of the request.
        method: WireText,
        /// The target of the request.
        target: WireText,
        /// The number of the step, from 1; null if no step fits.
        step: Option<usize>,
        /// The continuation, as `then` of a step: `keep`, `close`, `h2c`.
        then: &'static str,
        /// The interim responses so far.
        interim: Vec<RecordedResponse>,
        /// The final response; null if there is none, or none yet.
        response: Option<RecordedResponse>,
    },
    /// Something came that is no request.
    Malformed {
        /// The number of the connection.
        connection: u64,
        /// The time.
        at_us: u64,
        /// The fault in words.
        error: String,
    },
    /// A connection is over.
    End {
        /// The number of the connection.
        connection: u64,
        /// The time.
        at_us: u64,
    },
}

/// A scenario that is served, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServedScenario {
    /// Its name.
    pub name: String,
    /// The host that it answers for; left out for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The start of the paths that it answers for; left out for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// The layer at which octets are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// On the TCP connection.
    Wire,
    /// Inside TLS.
    InsideTls,
}
