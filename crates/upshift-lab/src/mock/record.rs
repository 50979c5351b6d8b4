//! The record of all that a peer has seen.

use std::net::SocketAddr;
use std::time::Duration;

use upshift_record::{Protection, RecordedExchange};

use crate::wire_log::WireLog;

/// The record of a mock peer, from its start to its end. Times count from the start.
#[derive(Clone, Debug, Default)]
pub struct MockRecord {
    /// The connections, in the order in which they were accepted.
    pub connections: Vec<ConnectionRecord>,
}

/// The record of one connection.
#[derive(Clone, Debug)]
pub struct ConnectionRecord {
    /// The number of the connection, from 1.
    pub number: u64,
    /// The address of the client.
    pub client: SocketAddr,
    /// The transport that the connection began with.
    pub transport: Transport,
    /// The time at which it was accepted.
    pub accepted: Duration,
    /// The time at which it was over; `None` if it was open when the peer stopped.
    pub ended: Option<Duration>,
    /// The octets on the TCP connection, which are encrypted where there is TLS. Empty for QUIC.
    pub wire: WireLog,
    /// The octets inside TLS, with the properties of the handshake. Those of QUIC are not recorded.
    pub tls: Option<TlsRecord>,
    /// The failure of a TLS handshake; `None` if none was begun, or it was completed.
    pub handshake_error: Option<String>,
    /// The requests and what was answered, in the order of arrival.
    pub requests: Vec<AnsweredRequest>,
    /// The octets that are no request, in words.
    pub malformed: Vec<String>,
}

/// The record of what went through TLS.
#[derive(Clone, Debug)]
pub struct TlsRecord {
    /// The version and the protocol that was negotiated.
    pub protection: Protection,
    /// The octets inside.
    pub inside: WireLog,
}

/// A request and the answer to it.
#[derive(Clone, Debug)]
pub struct AnsweredRequest {
    /// The name of the scenario that answered.
    pub scenario: String,
    /// The number of the step that answered, from 1; `None` if no step fits. After a switch it is
    /// the step that answered in the new protocol.
    pub step: Option<usize>,
    /// The time at which the request was complete.
    pub received: Duration,
    /// The time at which the answer had been sent; `None` if that did not happen.
    pub answered: Option<Duration>,
    /// The request and all responses.
    pub exchange: RecordedExchange,
}

/// The transport of a connection, at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// Cleartext over TCP.
    Tcp,
    /// The port for TLS over TCP.
    Tls,
    /// QUIC.
    Quic,
}

impl MockRecord {
    /// All requests with their answers: by connection, then in the order of arrival.
    pub fn requests(&self) -> Vec<&AnsweredRequest> {
        let mut requests = Vec::new();
        for connection in &self.connections {
            requests.extend(&connection.requests);
        }
        requests
    }

    /// All exchanges: by connection, then in the order of arrival.
    pub fn exchanges(&self) -> Vec<&RecordedExchange> {
        self.requests().into_iter().map(|request| &request.exchange).collect()
    }
}
