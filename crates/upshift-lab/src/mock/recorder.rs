//! The recorder: keeps the record of a peer and reports its events.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use upshift_record::{Lane, Protection, RecordedBody, RecordedExchange};

use super::event::{Layer, MockEvent};
use super::record::{AnsweredRequest, ConnectionRecord, MockRecord, TlsRecord, Transport};
use super::scenario::Then;
use crate::wire_log::{WireEntry, WireEvent, WireLog};

/// A function that gets each event.
pub(crate) type EventSink = Arc<dyn Fn(&MockEvent) + Send + Sync>;

/// The recorder of a peer. Clones share the record.
#[derive(Clone)]
pub(crate) struct Recorder {
    started: Instant,
    sink: Option<EventSink>,
    keeps_ended: bool,
    connections: Arc<Mutex<Connections>>,
}

#[derive(Default)]
struct Connections {
    accepted: u64,
    records: Vec<ConnectionRecord>,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("started", &self.started).finish_non_exhaustive()
    }
}

impl Recorder {
    /// An empty record that begins now. Without `keeps_ended`, the record of a connection is
    /// dropped when the connection is over.
    pub(crate) fn begin(sink: Option<EventSink>, keeps_ended: bool) -> Self {
        Self { started: Instant::now(), sink, keeps_ended, connections: Arc::default() }
    }

    /// Adds an accepted connection.
    pub(crate) fn open(&self, client: SocketAddr, transport: Transport) -> ConnectionRecorder {
        let mut connections = self.lock();
        connections.accepted += 1;
        let number = connections.accepted;
        let accepted = self.started.elapsed();
        let at_us = microseconds(accepted);
        self.report(&MockEvent::Connection { connection: number, at_us, transport, client });
        let wire = self.log_octets(number, Layer::Wire);
        connections.records.push(ConnectionRecord {
            number,
            client,
            transport,
            accepted,
            ended: None,
            wire: wire.clone(),
            tls: None,
            handshake_error: None,
            requests: Vec::new(),
            malformed: Vec::new(),
        });
        ConnectionRecorder { recorder: self.clone(), number, wire }
    }

    /// The record so far.
    pub(crate) fn record(&self) -> MockRecord {
        MockRecord { connections: self.lock().records.clone() }
    }

    pub(crate) fn report(&self, event: &MockEvent) {
        if let Some(sink) = &self.sink {
            sink(event);
        }
    }

    fn log_octets(&self, connection: u64, layer: Layer) -> WireLog {
        let log = WireLog::begin_at(self.started);
        let Some(sink) = self.sink.clone() else { return log };
        log.observed_by(move |entry: &WireEntry| {
            if let WireEvent::Octets(direction, octets) = &entry.event {
                sink(&MockEvent::Bytes {
                    connection,
                    at_us: microseconds(entry.at),
                    layer,
                    direction: *direction,
                    octets: RecordedBody { octets: octets.clone(), cut_from: None },
                });
            }
        })
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        // A panic elsewhere leaves at most an incomplete record.
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The recorder of one connection. The connection counts as over when it is finished.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionRecorder {
    recorder: Recorder,
    number: u64,
    wire: WireLog,
}

/// The place of a request in the record of its connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestPlace(usize);

impl ConnectionRecorder {
    /// The number of the connection, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The log of the octets on the TCP connection.
    pub(crate) fn wire(&self) -> WireLog {
        self.wire.clone()
    }

    /// Records a completed TLS handshake, and returns the log for the octets inside.
    pub(crate) fn begin_tls(&self, protection: &Protection) -> WireLog {
        let inside = self.recorder.log_octets(self.number, Layer::InsideTls);
        let tls = TlsRecord { protection: protection.clone(), inside: inside.clone() };
        self.update(|record| record.tls = Some(tls));
        if let Protection::Tls { version, alpn } = protection {
            self.recorder.report(&MockEvent::Tls {
                connection: self.number,
                at_us: microseconds(self.elapsed()),
                version: version.clone(),
                alpn: alpn.clone(),
            });
        }
        inside
    }

    /// Adds a request.
    pub(crate) fn add_request(
        &self,
        scenario: &str,
        lane: Lane,
        exchange: RecordedExchange,
    ) -> RequestPlace {
        let received = self.elapsed();
        let message = exchange.request.clone();
        let request = AnsweredRequest {
            scenario: scenario.to_owned(),
            step: None,
            received,
            answered: None,
            exchange,
        };
        let mut count = 0;
        self.update(|record| {
            record.requests.push(request);
            count = record.requests.len();
        });
        if let Some(message) = message {
            self.recorder.report(&MockEvent::Request {
                connection: self.number,
                at_us: microseconds(received),
                request: count,
                lane,
                scenario: scenario.to_owned(),
                message,
            });
        }
        RequestPlace(count.saturating_sub(1))
    }

    /// Records what was sent in answer to a request: the exchange with its responses so far.
    pub(crate) fn answered(
        &self,
        place: RequestPlace,
        scenario: &str,
        (step, then): (Option<usize>, Then),
        exchange: &RecordedExchange,
    ) {
        let answered = self.elapsed();
        self.update(|record| {
            if let Some(request) = record.requests.get_mut(place.0) {
                request.step = step;
                request.answered = Some(answered);
                request.exchange = exchange.clone();
            }
        });
        let (method, target) = match &exchange.request {
            Some(request) => (request.method.clone(), request.target.clone()),
            None => Default::default(),
        };
        self.recorder.report(&MockEvent::Answer {
            connection: self.number,
            at_us: microseconds(answered),
            request: place.0 + 1,
            // Each exchange of a peer has its lane.
            lane: exchange.lane.unwrap_or(Lane::Http11),
            scenario: scenario.to_owned(),
            method,
            target,
            step,
            then: then.as_str(),
            interim: exchange.interim.clone(),
            response: exchange.response.clone(),
        });
    }

    /// Records more of an exchange that was answered, without an event.
    pub(crate) fn update_exchange(&self, place: RequestPlace, exchange: &RecordedExchange) {
        self.update(|record| {
            if let Some(request) = record.requests.get_mut(place.0) {
                request.exchange = exchange.clone();
            }
        });
    }

    /// Records octets that are no request.
    pub(crate) fn malformed(&self, error: &str) {
        self.update(|record| record.malformed.push(error.to_owned()));
        self.report_malformed(error);
    }

    /// Records that a TLS handshake failed, for example because the client rejects the certificate.
    pub(crate) fn handshake_failed(&self, error: &str) {
        self.update(|record| record.handshake_error = Some(error.to_owned()));
        self.report_malformed(error);
    }

    fn report_malformed(&self, error: &str) {
        self.recorder.report(&MockEvent::Malformed {
            connection: self.number,
            at_us: microseconds(self.elapsed()),
            error: error.to_owned(),
        });
    }

    /// Records that the connection is over.
    pub(crate) fn finish(&self) {
        let ended = self.elapsed();
        self.update(|record| record.ended = Some(ended));
        if !self.recorder.keeps_ended {
            self.recorder.lock().records.retain(|record| record.number != self.number);
        }
        let event = MockEvent::End { connection: self.number, at_us: microseconds(ended) };
        self.recorder.report(&event);
    }

    fn elapsed(&self) -> Duration {
        self.recorder.started.elapsed()
    }

    fn update(&self, change: impl FnOnce(&mut ConnectionRecord)) {
        let mut connections = self.recorder.lock();
        let mut records = connections.records.iter_mut();
        if let Some(record) = records.find(|record| record.number == self.number) {
            change(record);
        }
    }
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
